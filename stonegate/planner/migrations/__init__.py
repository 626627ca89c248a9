"""Pending migrations: which of them run, what they will have done, and what the rest of the plan leaves to them."""
