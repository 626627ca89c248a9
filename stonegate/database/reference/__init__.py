"""Reference databases: the folder built once, from empty, and its catalog kept for every later diff."""
