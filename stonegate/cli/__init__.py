"""The command line, a thin door: a command reads its options, lets the rooms below do the work, and shows a value."""

from __future__ import annotations

from stonegate.cli.app import main

__all__ = ["main"]
