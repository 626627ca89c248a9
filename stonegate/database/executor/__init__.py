"""A Plan carried out on one database: prelude, one transaction, verification, and what must follow the commit."""
