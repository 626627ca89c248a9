"""Databases that belong to platforms: made, labelled, and kept apart by roles and privileges (behaviour, §9)."""
