"""The common call in no time: one overload, scalar values. What `signatures` would find out, found out once before."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from stonegate.database.call.session import FunctionSignature
from stonegate.database.call.statement import Statement
from stonegate.gateway.call.signatures import Arguments, void_rows, write_call
from stonegate.gateway.call.values import JSON_TYPES, POLYMORPHIC, read_text

#: A JSON string that is its own text: printable ASCII without escapes.
_OWN_TEXT: Final = re.compile(rb'"[ !#-\[\]-~]*"\Z')
_NULL, _STRING, _ARRAY, _OBJECT = b'n"[{'


class PlainCall:
    """Calls of a function that has no overloads, no VARIADIC and no polymorphic parameter.

    Whatever the values are, they are bound as their own texts, so that the statement depends on their number alone.
    """

    def __init__(self, signature: FunctionSignature) -> None:
        self.void_rows = void_rows(signature)
        parameters = signature.parameters
        types = [parameter.oid for parameter in parameters]
        marks = [f"${number}" for number in range(1, len(parameters) + 1)]
        least = len(parameters) - signature.defaults
        self._statements = {
            count: write_call(signature, marks[:count], types[:count]) for count in range(least, len(parameters) + 1)
        }
        self._is_json = [parameter.base in JSON_TYPES for parameter in parameters]
        self._is_scalar = [parameter.category != "A" and parameter.kind != "c" for parameter in parameters]

    @classmethod
    def of(cls, signatures: Sequence[FunctionSignature]) -> PlainCall | None:
        """The plain calls of a function with these overloads; None if it has none."""
        if len(signatures) != 1 or signatures[0].is_variadic:
            return None
        has_any = any(parameter.base in POLYMORPHIC for parameter in signatures[0].parameters)
        return None if has_any else cls(signatures[0])

    def bind(self, arguments: Arguments) -> tuple[Statement, list[bytes | None]] | None:
        """The statement and the texts of its parameters; None for a call that is not so plain, or wrong.

        Raises:
            UsageError: a string is no text that PostgreSQL can have.
        """
        statement = self._statements.get(len(arguments))
        if statement is None or isinstance(arguments, Mapping):
            return None
        values: list[bytes | None] = []
        for number, raw in enumerate(arguments):
            text = bytes(raw)
            first = text[0]
            if first == _STRING:
                values.append(text[1:-1] if _OWN_TEXT.match(text) else _decoded(raw))
            elif first == _NULL:
                values.append(None)
            elif self._is_json[number] or (first not in (_ARRAY, _OBJECT) and self._is_scalar[number]):
                values.append(text)
            else:
                return None
        return statement, values


def _decoded(raw: msgspec.Raw) -> bytes:
    return read_text(raw).encode()
