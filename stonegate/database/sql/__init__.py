"""Every fixed SQL statement, one per file, and the fragments that several of them share."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources

from psycopg.sql import SQL

_CALL = re.compile(r"\[\[(\w+)(?: ([^\[\]]*))?\]\]")
_COMMENT = re.compile(r"^\s*--.*\n", re.MULTILINE)


@cache
def load(name: str) -> str:
    """The text of `name` (a path below this package without ".sql", such as "tracking/read_state").

    Raises:
        FileNotFoundError: the package has no such file.
    """
    return resources.files(__name__).joinpath(f"{name}.sql").read_text(encoding="utf-8").strip()


def fixed(name: str) -> SQL:
    """The text of `name`, to be executed, or to be formatted first."""
    return SQL(load(name))


@cache
def compose(name: str) -> str:
    """The text of `name` without comments, with its fragments put in.

    `[[fragment one=x; two=y.z]]` stands for the file of that name beside it, where `[[one]]` is x and `[[two]]` is y.z.
    """
    folder = name.rpartition("/")[0]

    def insert(call: re.Match[str]) -> str:
        text = _COMMENT.sub("", load(f"{folder}/{call[1]}") + "\n").rstrip()
        for argument in filter(None, (call[2] or "").split("; ")):
            parameter, _, value = argument.partition("=")
            text = text.replace(f"[[{parameter}]]", value)
        return _CALL.sub(insert, text)

    return _CALL.sub(insert, _COMMENT.sub("", load(name) + "\n").rstrip())
