"""The order in which a folder deploys: one dependency graph over all that it declares (behaviour, §3)."""
