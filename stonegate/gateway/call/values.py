"""A JSON value as the text of a parameter: by its type, or as PostgreSQL types a literal (http-contract, "/call").

Numbers keep their digits: JSON is taken apart only as far as the types ask for.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

import msgspec
from msgspec import Struct

from stonegate.database.call.session import Parameter
from stonegate.errors import UsageError

#: From this size on a value is taken apart beside the event loop, or by PostgreSQL (bytes).
LARGE_BYTES: Final = 256 * 1024
#: PostgreSQL's arrays have no more (MAXDIM).
MOST_DIMENSIONS: Final = 6

_INT4, _INT8, _NUMERIC, _BOOL, _TEXT, _JSON, _JSONB = 23, 20, 1700, 16, 25, 114, 3802
_TEXT_ARRAY: Final = 1009
_UNKNOWN: Final = 0  # PostgreSQL finds it out
JSON_TYPES: Final = frozenset({"json", "jsonb"})
#: Arrays of these hold arrays and objects as elements.
_NO_PLAIN_ELEMENTS: Final = JSON_TYPES | {"bytea"}
#: What PostgreSQL would take for the text of an element, or refuse in words of its own.
_DOUBTFUL: Final = re.compile(rb"\{|\\u(?:0000|[dD][89a-fA-F])")
POLYMORPHIC: Final = {"anyelement", "anynonarray", "anyarray", "any", "anycompatible", "anycompatiblearray"} | {
    "anycompatiblenonarray",
    "anyenum",
    "anyrange",
    "anymultirange",
    "anycompatiblerange",
}


#: The first byte of a JSON null.
NULL: Final = 0x6E
STRING: Final = 0x22


class Bound(Struct, frozen=True):
    """One argument: the expression around its parameter (`{}`), the parameter's type, and its text."""

    expression: str
    type: int
    value: bytes | None


def element_of(parameter: Parameter) -> Parameter:
    """The type of one element of an array; elements of arrays of arrays have the same type."""
    if parameter.element is None:
        return _replace_type(parameter, parameter.oid, parameter.base, parameter.kind)
    made = _replace_type(parameter, parameter.element, parameter.element_base or "", parameter.element_kind or "b")
    return msgspec.structs.replace(made, type=parameter.element_type or made.type)


def _replace_type(parameter: Parameter, oid: int, base: str, kind: str) -> Parameter:
    """The parameter with another, scalar type."""
    category = "C" if kind == "c" else "U"
    return msgspec.structs.replace(parameter, oid=oid, base=base, kind=kind, category=category, element=None)


def bind_value(parameter: Parameter, raw: msgspec.Raw) -> Bound:
    """The value for a parameter.

    Raises:
        UsageError: it has a form that the parameter's type cannot have.
    """
    first = first_byte(raw)
    if parameter.base in POLYMORPHIC:
        return _bind_polymorphic(raw)
    if first == 0x6E:
        return Bound("{}", parameter.oid, None)
    if first == 0x22:
        return Bound("{}", parameter.oid, read_text(raw).encode())
    if parameter.base in JSON_TYPES:
        return Bound("{}", parameter.oid, bytes(raw))
    if first == 0x5B and parameter.base == "bytea":
        return Bound("{}", parameter.oid, _byte_list(raw, parameter))
    if first == 0x5B and parameter.category == "A":
        return _bind_array(parameter, raw)
    if first == 0x7B and parameter.kind == "c":
        # pg_catalog.jsonb_populate_record knows the attributes and their types (manual 9.16).
        return Bound(f"pg_catalog.jsonb_populate_record(NULL::{parameter.type}, {{}})", _JSONB, bytes(raw))
    if first in b"[{":
        kind = "array" if first == 0x5B else "object"
        raise UsageError(f"the parameter {_called(parameter)} of type {parameter.type} takes no JSON {kind}")
    return Bound("{}", parameter.oid, bytes(raw))


def _bind_array(parameter: Parameter, raw: msgspec.Raw) -> Bound:
    text = bytes(raw)
    if parameter.element_kind == "c" and b"{" in text:
        # Composites inside: PostgreSQL takes the objects apart, at any depth, beside NULLs and input texts.
        return Bound(_from_document("jsonb", parameter), _JSONB, text)
    if len(text) > LARGE_BYTES and parameter.element_base not in _NO_PLAIN_ELEMENTS and not _DOUBTFUL.search(text):
        return Bound(_from_document("json", parameter), _JSON, text)
    items = msgspec.json.decode(raw, type=list[msgspec.Raw])
    return Bound("{}", parameter.oid, _array_literal(parameter, items).encode())


def _from_document(kind: str, parameter: Parameter) -> str:
    """An expression with which PostgreSQL makes the value from a document (manual 9.16)."""
    document = f"pg_catalog.{kind}_build_object('v', {{}})"
    return f"(SELECT r.v FROM pg_catalog.{kind}_to_record({document}) AS r (v {parameter.type}))"


def _array_literal(parameter: Parameter, items: list[msgspec.Raw], depth: int = 1) -> str:
    """The array as PostgreSQL reads it (manual 8.15.6)."""
    if depth > MOST_DIMENSIONS:
        raise UsageError(f"the parameter {_called(parameter)} has more than {MOST_DIMENSIONS} dimensions")
    parts = []
    for item in items:
        first = first_byte(item)
        if first == 0x6E:
            parts.append("NULL")
        elif first == 0x5B and parameter.element_base not in JSON_TYPES and parameter.element_base != "bytea":
            parts.append(_array_literal(parameter, msgspec.json.decode(item, type=list[msgspec.Raw]), depth + 1))
        elif first == 0x5B and parameter.element_base == "bytea":
            parts.append(_quoted("\\x" + _byte_list(item, parameter)[2:].decode()))
        elif first == 0x22:
            parts.append(_quoted(read_text(item)))
        elif first == 0x7B and parameter.element_base not in JSON_TYPES:
            raise UsageError(f"the parameter {_called(parameter)} of type {parameter.type} takes no JSON objects")
        else:
            parts.append(_quoted(bytes(item).decode()))
    return "{" + (parameter.delimiter or ",").join(parts) + "}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _byte_list(raw: msgspec.Raw, parameter: Parameter) -> bytes:
    try:
        numbers = msgspec.json.decode(raw, type=list[int])
        return b"\\x" + bytes(numbers).hex().encode()
    except ValueError:
        raise UsageError(f"the parameter {_called(parameter)} of type bytea takes a list of numbers 0–255") from None


def _bind_polymorphic(raw: msgspec.Raw) -> Bound:
    """A value for `anyelement` and its like: the type that PostgreSQL would give to a literal of that form."""
    first = first_byte(raw)
    if first == 0x6E:
        return Bound("{}", _TEXT, None)
    if first == 0x22:
        return Bound("{}", _TEXT, read_text(raw).encode())
    if first in b"tf":
        return Bound("{}", _BOOL, bytes(raw))
    if first == 0x7B:
        return Bound("{}", _JSONB, bytes(raw))
    if first == 0x5B:
        return _bind_any_array(raw)
    return Bound("{}", _number_type(bytes(raw)), bytes(raw))


def family_of(parameter: Parameter) -> str:
    """The polymorphic types that have to agree in one call, by one of them (manual 36.2.5); "" for all others."""
    if parameter.base not in POLYMORPHIC or parameter.base == "any":
        return ""
    return "anycompatible" if parameter.base.startswith("anycompatible") else "anyelement"


def bind_polymorphic_null(parameter: Parameter, *, is_element: bool, is_told: bool) -> Bound:
    """A null for a type of a family: of the type that the others say, or as text where none says any.

    Args:
        is_element: of a VARIADIC array.
        is_told: another argument of the family has a value.
    """
    if is_told:
        return Bound("NULL", _TEXT, None)
    is_array = parameter.base in ("anyarray", "anycompatiblearray") and not is_element
    return Bound("{}", _TEXT_ARRAY if is_array else _TEXT, None)


def bind_polymorphic_text(raw: msgspec.Raw) -> Bound:
    """A string for a type of a family of which another argument tells the type: a literal without one, as in SQL."""
    return Bound("{}", _UNKNOWN, read_text(raw).encode())


def _number_type(text: bytes) -> int:
    if not re.fullmatch(rb"-?\d{1,19}", text):
        return _NUMERIC
    value = int(text)
    return _INT4 if -(1 << 31) <= value < 1 << 31 else _INT8 if -(1 << 63) <= value < 1 << 63 else _NUMERIC


def _bind_any_array(raw: msgspec.Raw) -> Bound:
    items = msgspec.json.decode(raw, type=list[msgspec.Raw])
    arrays = {_INT4: 1007, _INT8: 1016, _NUMERIC: 1231, _BOOL: 1000, _TEXT: _TEXT_ARRAY, _JSONB: 3807}
    if any(first_byte(item) == 0x5B for item in items):
        raise UsageError("arrays of arrays need a function whose parameter has a type of its own")
    kinds = {_bind_polymorphic(item).type for item in items if first_byte(item) != 0x6E} or {_TEXT}
    element = max(kinds, key=list(arrays).index)
    if len(kinds) > 1 and not kinds <= {_INT4, _INT8, _NUMERIC}:
        element = _JSONB
    as_json = element == _JSONB
    parts = [
        "NULL" if first_byte(item) == 0x6E else _quoted(bytes(item).decode() if as_json else _scalar_text(item))
        for item in items
    ]
    return Bound("{}", arrays[element], ("{" + ",".join(parts) + "}").encode())


def _scalar_text(raw: msgspec.Raw) -> str:
    return read_text(raw) if first_byte(raw) == 0x22 else bytes(raw).decode()


_decode_text: Callable[[msgspec.Raw], str] = msgspec.json.Decoder(str).decode


def read_text(raw: msgspec.Raw) -> str:
    """The string; PostgreSQL has no character U+0000, and half of a surrogate pair is none at all."""
    try:
        text = _decode_text(raw)
    except ValueError:
        raise UsageError("a string of the parameters is no valid Unicode text") from None
    if "\x00" in text:
        raise UsageError("a string of the parameters holds the character U+0000, which PostgreSQL has not")
    return text


def first_byte(raw: msgspec.Raw) -> int:
    """The first byte of a JSON value tells its kind; msgspec cuts the white space off."""
    return memoryview(raw)[0]


def _called(parameter: Parameter) -> str:
    return parameter.name or "without a name"
