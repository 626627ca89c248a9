"""Deployments that clients ask for: each in a process of its own, so that no call waits for one."""
