"""Text becomes parse trees (PostgreSQL's own), and the names, types and objects that these mention are understood."""
