"""Every fixed SQL statement, one per file or, for long ones, one block of common table expressions per file."""

from __future__ import annotations

from functools import cache
from importlib import resources


@cache
def load(name: str) -> str:
    """The text of `name` (a path below this package without ".sql", such as "introspect/catalog").

    Raises:
        FileNotFoundError: the package has no such file.
    """
    return resources.files(__name__).joinpath(f"{name}.sql").read_text(encoding="utf-8").strip()
