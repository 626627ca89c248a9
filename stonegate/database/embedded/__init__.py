"""A PostgreSQL server of our own: the private one of `--embedded`, and those that the tests start."""
