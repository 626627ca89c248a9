"""JSON of any depth, read and walked: a statement with thousands of UNION ALL nests deeper than Python may recurse."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

_TOKEN = re.compile(r'[{}\[\]:,]|"(?:[^"\\]++|\\.)*+"|[^\s{}\[\]:,"]++')


def read_deep_json(text: str) -> Any:
    """The value of a JSON document, read without recursion; ten times slower than msgspec."""
    holder: list[Any] = []
    open_values: list[Any] = [holder]
    key: str | None = None
    for token in _TOKEN.finditer(text):
        mark = token[0]
        if mark in ":,":
            continue
        if mark in "}]":
            open_values.pop()
            continue
        value: Any = {} if mark == "{" else [] if mark == "[" else msgspec.json.decode(mark)
        parent = open_values[-1]
        if isinstance(parent, list):
            parent.append(value)
        elif key is None:
            key = value
            continue
        else:
            parent[key] = value
            key = None
        if mark in "{[":
            open_values.append(value)
    return holder[0]


def objects_below(node: object) -> Iterator[dict[str, Any]]:
    """Every JSON object below a value, itself included, without recursion; what an object holds comes after it."""
    stack = [node]
    while stack:
        current = stack.pop()
        if isinstance(current, list):
            stack.extend(current)
        elif isinstance(current, dict):
            yield current
            stack.extend(current.values())
