"""Bytes become model values: a folder or archive is read, its SQL parsed, and every statement given a checksum."""
