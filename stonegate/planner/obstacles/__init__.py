"""What stands in the way of changes: live objects that depend on what must be dropped or retyped (behaviour, §4–§5)."""
