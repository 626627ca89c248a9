"""The JSON form of model values: one encoder and one decoder for all of them, by their type hints."""

from __future__ import annotations

from typing import TypeVar

import msgspec

T = TypeVar("T")


def to_json(value: object) -> bytes:
    """Deterministic JSON of a model value (fields in declaration order)."""
    return msgspec.json.encode(value, order="deterministic")


def from_json(data: bytes | str, kind: type[T]) -> T:
    """The model value of type `kind`.

    Raises:
        ValueError: the document does not have that form (msgspec.ValidationError, naming the path).
    """
    return msgspec.json.decode(data, type=kind)
