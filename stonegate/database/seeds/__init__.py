"""Declared rows: what a table lacks of them, and what is inserted (behaviour, §4 "Seeders")."""
