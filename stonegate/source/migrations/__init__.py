"""Migration files: which statements they hold, and what each does to the schema as far as its text tells."""
