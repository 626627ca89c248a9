"""Bytes become model values: files are read, their SQL parsed, and every statement given a key and a checksum.

The rooms in the order of the data: `files` → `syntax` → `statements` and `migrations` → `parse`, the whole folder.
"""
