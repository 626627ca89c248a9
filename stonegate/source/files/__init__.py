"""Bytes from a folder or an archive become source files, safely; nothing here knows SQL."""
