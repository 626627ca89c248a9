"""What the data of a target says about a plan (behaviour, §10)."""
