"""From JSON parameters to a statement with bound texts: overloads, names, defaults, VARIADIC (http-contract, "/call").

Nothing of a request becomes SQL text but the names of parameters that the catalog knows, quoted. Numbers keep their
digits: JSON is taken apart only as far as the types ask for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

import msgspec

from stonegate.database.call.session import FunctionSignature, Parameter
from stonegate.database.call.statement import Statement
from stonegate.errors import FunctionNotFound, UsageError
from stonegate.model.names import quote_ident

Arguments: TypeAlias = Sequence[msgspec.Raw] | Mapping[str, msgspec.Raw]

FUNCTION_NAME: Final = re.compile(r"[a-z_][a-z0-9_]{0,62}\Z")
#: Characters of a name, and names, that a refusal repeats.
MOST_SHOWN: Final = 63
MOST_NAMES: Final = 20
#: From this size on a value is taken apart beside the event loop, or by PostgreSQL (bytes).
LARGE_BYTES: Final = 256 * 1024
#: PostgreSQL's arrays have no more (MAXDIM).
MOST_DIMENSIONS: Final = 6
#: More parameters than a function can have (manual, 35: FUNC_MAX_ARGS is 100), VARIADIC ones included.
MOST_ARGUMENTS: Final = 10_000

_INT4, _INT8, _NUMERIC, _BOOL, _TEXT, _JSON, _JSONB = 23, 20, 1700, 16, 25, 114, 3802
_INTEGERS: Final = {"int2": 15, "int4": 31, "int8": 63}
_FLOATS: Final = {"numeric": 7, "float8": 6, "float4": 5, "money": 2}
_TEXTS: Final = {"text": 9, "varchar": 8, "bpchar": 7, "name": 6, "citext": 8}
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


@dataclass(frozen=True, slots=True)
class _Bound:
    """One argument: the expression around its parameter (`{}`), the parameter's type, and its text."""

    expression: str
    type: int
    value: bytes | None


@dataclass(frozen=True, slots=True)
class _Fit:
    """A way to call one signature: which argument goes to which parameter, and how well they suit."""

    signature: FunctionSignature
    pairs: tuple[tuple[Parameter, msgspec.Raw, bool], ...]  # the flag: as an element of VARIADIC
    rank: tuple[int, int, int]
    spread: bool = False  # the last argument is the VARIADIC array itself


def choose_signature(name: str, signatures: Sequence[FunctionSignature], arguments: Arguments) -> _Fit:
    """The overload that takes these arguments best.

    Raises:
        FunctionNotFound: there is no function of that name.
        UsageError: none takes so many or such arguments, or several do equally well; the details list them.
    """
    if not signatures:
        raise FunctionNotFound(
            f"there is no function {name}", hint="it must stand in a schema of the database's search_path"
        )
    if len(arguments) > MOST_ARGUMENTS:
        raise UsageError(f"{len(arguments):,} parameters are more than the {MOST_ARGUMENTS:,} allowed")
    labels = tuple(sorted(signature.label for signature in signatures))
    by_arity = [fit for signature in signatures for fit in _fits(signature, arguments)]
    if not by_arity:
        if isinstance(arguments, Mapping) and arguments:
            shown = ", ".join(each[:MOST_SHOWN] for each in tuple(arguments)[:MOST_NAMES])
            raise UsageError(f"no function {name} takes the parameters named {shown}", details=labels)
        raise UsageError(
            f"no function {name} takes {len(arguments)} parameter{'s' * (len(arguments) != 1)}", details=labels
        )
    fits = [fit for fit in by_arity if fit.rank[0] > 0]
    if not fits:
        raise UsageError(f"no function {name} takes values of these JSON types", details=labels)
    best = max(fit.rank for fit in fits)
    chosen = [fit for fit in fits if fit.rank == best]
    if len(chosen) > 1:
        raise UsageError(
            f"the call of {name} is ambiguous",
            details=tuple(sorted(fit.signature.label for fit in chosen)),
            hint="name the parameters, or send values whose JSON types tell the functions apart",
        )
    return chosen[0]


def bind_call(fit: _Fit) -> tuple[Statement, list[bytes | None]]:
    """The statement that calls the chosen function, and the texts of its parameters.

    Raises:
        UsageError: a value has a form that its type cannot have.
    """
    signature = fit.signature
    parts: list[str] = []
    types, values = [], []
    by_name = isinstance(fit, _Named)
    for index, (parameter, raw, is_element) in enumerate(fit.pairs):
        bound = _bind(_element(parameter) if is_element else parameter, raw)
        types.append(bound.type)
        values.append(bound.value)
        text = bound.expression.replace("{}", f"${index + 1}")
        if by_name:
            text = f"{quote_ident(parameter.name)} => {text}"
        if fit.spread and index == len(fit.pairs) - 1:
            text = f"VARIADIC {text}"
        parts.append(text)
    return write_call(signature, parts, types), values


def write_call(signature: FunctionSignature, parts: Sequence[str], types: Sequence[int]) -> Statement:
    """The statement that calls a function with these expressions over parameters of these types."""
    function = f"{quote_ident(signature.schema)}.{quote_ident(signature.name)}({', '.join(parts)})"
    if signature.is_void:
        query = f"SELECT {function}"
    else:
        query = f"SELECT pg_catalog.row_to_json(r)::pg_catalog.text FROM (SELECT * FROM {function}) AS r"
    return Statement(sql=query, types=tuple(types), after=signature.after)


def void_rows(signature: FunctionSignature) -> bytes | None:
    """What a void function answers, for which row_to_json would say "" (http-contract); None for others."""
    return b'[{"%s":null}]' % signature.name.encode() if signature.is_void else None


# --- which function --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Named(_Fit):
    """A fit of named arguments."""


def _fits(signature: FunctionSignature, arguments: Arguments) -> list[_Fit]:
    if isinstance(arguments, Mapping):
        fit = _fit_named(signature, arguments)
        return [] if fit is None else [fit]
    parameters = signature.parameters
    required = len(parameters) - signature.defaults
    count = len(arguments)
    found: list[_Fit] = []
    if required <= count <= len(parameters):
        pairs = tuple((parameter, raw, False) for parameter, raw in zip(parameters, arguments, strict=False))
        spread = signature.is_variadic and count == len(parameters)
        if not spread or _first(arguments[-1]) in b'["n':
            found.append(_ranked(_Fit(signature, pairs, (0, 0, 0), spread), left=len(parameters) - count))
    if signature.is_variadic and count >= len(parameters):
        fixed = len(parameters) - 1
        heads = [(parameter, raw, False) for parameter, raw in zip(parameters[:fixed], arguments, strict=False)]
        tails = [(parameters[-1], raw, True) for raw in arguments[fixed:]]
        found.append(_ranked(_Fit(signature, (*heads, *tails), (0, 0, 0)), left=0, expanded=True))
    # An array for VARIADIC is the array itself, unless its elements are arrays, which PostgreSQL does not have.
    fitting = [fit for fit in found if fit.rank[0] > 0]
    return [max(fitting, key=lambda fit: fit.rank)] if fitting else found[:1]


def _fit_named(signature: FunctionSignature, arguments: Mapping[str, msgspec.Raw]) -> _Fit | None:
    by_name = {parameter.name: parameter for parameter in signature.parameters if parameter.name}
    if not arguments.keys() <= by_name.keys():
        return None
    required = signature.parameters[: len(signature.parameters) - signature.defaults]
    if any(parameter.name not in arguments for parameter in required):
        return None
    order = [parameter for parameter in signature.parameters if parameter.name in arguments]
    pairs = tuple((parameter, arguments[parameter.name], False) for parameter in order)
    spread = signature.is_variadic and bool(order) and order[-1] is signature.parameters[-1]
    return _ranked(_Named(signature, pairs, (0, 0, 0), spread), left=len(signature.parameters) - len(order))


def _ranked(fit: _Fit, *, left: int, expanded: bool = False) -> _Fit:
    scores = [_score(_element(each) if is_element else each, raw) for each, raw, is_element in fit.pairs]
    worst = min(scores, default=1)
    total = sum(scores) if worst > 0 else 0
    return replace(fit, rank=(total + 1 if worst > 0 else 0, -int(expanded), -left))


def _score(parameter: Parameter, raw: msgspec.Raw) -> int:
    """How well a JSON value suits a type: 0 not at all, 1 as its input text, more where the kinds are the same."""
    base, is_array = parameter.base, parameter.category == "A"
    match _first(raw):
        case 0x6E:  # null
            return 1
        case 0x22:  # string: the input text of any type
            return _TEXTS.get(base, 4 if parameter.kind == "e" else 1 if is_array or parameter.kind == "c" else 3)
        case 0x74 | 0x66:  # true, false
            return 9 if base == "bool" else 3 if base in JSON_TYPES or base in POLYMORPHIC else int(not is_array)
        case 0x5B:  # [
            if base in JSON_TYPES:
                return 6
            if is_array or base in ("anyarray", "anycompatiblearray"):
                return 9
            return 8 if base == "bytea" else 0
        case 0x7B:  # {
            return 9 if parameter.kind == "c" or base == "record" else 6 if base in JSON_TYPES else 0
        case _:
            return _score_number(base, bytes(raw)) if not is_array and parameter.kind != "c" else 0


def _score_number(base: str, text: bytes) -> int:
    if re.fullmatch(rb"-?\d{1,19}", text):
        bits = _INTEGERS.get(base)
        if bits is not None:
            value = int(text)
            fits = -(1 << bits) <= value < (1 << bits)
            # As PostgreSQL reads a literal: integer if it fits, else bigint, else numeric.
            return (9 if base == "int4" else 8) if fits else 1
        return _FLOATS.get(base, 3 if base in JSON_TYPES or base in POLYMORPHIC else 1)
    return _FLOATS.get(base, 0) + 2 if base in _FLOATS else 3 if base in JSON_TYPES or base in POLYMORPHIC else 1


# --- values -----------------------------------------------------------------------------------------------------------


def _element(parameter: Parameter) -> Parameter:
    """The type of one element of an array; elements of arrays of arrays have the same type."""
    if parameter.element is None:
        return replace_type(parameter, parameter.oid, parameter.base, parameter.kind)
    made = replace_type(parameter, parameter.element, parameter.element_base or "", parameter.element_kind or "b")
    return msgspec.structs.replace(made, type=parameter.element_type or made.type)


def replace_type(parameter: Parameter, oid: int, base: str, kind: str) -> Parameter:
    """The parameter with another, scalar type."""
    category = "C" if kind == "c" else "U"
    return msgspec.structs.replace(parameter, oid=oid, base=base, kind=kind, category=category, element=None)


def _bind(parameter: Parameter, raw: msgspec.Raw) -> _Bound:
    first = _first(raw)
    if parameter.base in POLYMORPHIC:
        return _bind_polymorphic(raw)
    if first == 0x6E:
        return _Bound("{}", parameter.oid, None)
    if first == 0x22:
        return _Bound("{}", parameter.oid, read_text(raw).encode())
    if parameter.base in JSON_TYPES:
        return _Bound("{}", parameter.oid, bytes(raw))
    if first == 0x5B and parameter.base == "bytea":
        return _Bound("{}", parameter.oid, _byte_list(raw, parameter))
    if first == 0x5B and parameter.category == "A":
        return _bind_array(parameter, raw)
    if first == 0x7B and parameter.kind == "c":
        # pg_catalog.jsonb_populate_record knows the attributes and their types (manual 9.16).
        return _Bound(f"pg_catalog.jsonb_populate_record(NULL::{parameter.type}, {{}})", _JSONB, bytes(raw))
    if first in b"[{":
        kind = "array" if first == 0x5B else "object"
        raise UsageError(f"the parameter {_called(parameter)} of type {parameter.type} takes no JSON {kind}")
    return _Bound("{}", parameter.oid, bytes(raw))


def _bind_array(parameter: Parameter, raw: msgspec.Raw) -> _Bound:
    text = bytes(raw)
    if parameter.element_kind == "c" and b"{" in text:
        # Composites inside: PostgreSQL takes the objects apart, at any depth, beside NULLs and input texts.
        return _Bound(_from_document("jsonb", parameter), _JSONB, text)
    if len(text) > LARGE_BYTES and parameter.element_base not in _NO_PLAIN_ELEMENTS and not _DOUBTFUL.search(text):
        return _Bound(_from_document("json", parameter), _JSON, text)
    items = msgspec.json.decode(raw, type=list[msgspec.Raw])
    return _Bound("{}", parameter.oid, _array_literal(parameter, items).encode())


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
        first = _first(item)
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
    except (msgspec.ValidationError, ValueError, OverflowError):
        raise UsageError(f"the parameter {_called(parameter)} of type bytea takes a list of numbers 0–255") from None


def _bind_polymorphic(raw: msgspec.Raw) -> _Bound:
    """A value for `anyelement` and its like: the type that PostgreSQL would give to a literal of that form."""
    first = _first(raw)
    if first == 0x6E:
        return _Bound("{}", _TEXT, None)
    if first == 0x22:
        return _Bound("{}", _TEXT, read_text(raw).encode())
    if first in b"tf":
        return _Bound("{}", _BOOL, bytes(raw))
    if first == 0x7B:
        return _Bound("{}", _JSONB, bytes(raw))
    if first == 0x5B:
        return _bind_any_array(raw)
    return _Bound("{}", _number_type(bytes(raw)), bytes(raw))


def _number_type(text: bytes) -> int:
    if not re.fullmatch(rb"-?\d{1,19}", text):
        return _NUMERIC
    value = int(text)
    return _INT4 if -(1 << 31) <= value < 1 << 31 else _INT8 if -(1 << 63) <= value < 1 << 63 else _NUMERIC


def _bind_any_array(raw: msgspec.Raw) -> _Bound:
    items = msgspec.json.decode(raw, type=list[msgspec.Raw])
    arrays = {_INT4: 1007, _INT8: 1016, _NUMERIC: 1231, _BOOL: 1000, _TEXT: 1009, _JSONB: 3807}
    if any(_first(item) == 0x5B for item in items):
        raise UsageError("arrays of arrays need a function whose parameter has a type of its own")
    kinds = {_bind_polymorphic(item).type for item in items if _first(item) != 0x6E} or {_TEXT}
    element = max(kinds, key=list(arrays).index)
    if len(kinds) > 1 and not kinds <= {_INT4, _INT8, _NUMERIC}:
        element = _JSONB
    as_json = element == _JSONB
    parts = [
        "NULL" if _first(item) == 0x6E else _quoted(bytes(item).decode() if as_json else _scalar_text(item))
        for item in items
    ]
    return _Bound("{}", arrays[element], ("{" + ",".join(parts) + "}").encode())


def _scalar_text(raw: msgspec.Raw) -> str:
    return read_text(raw) if _first(raw) == 0x22 else bytes(raw).decode()


_decode_text: Callable[[msgspec.Raw], str] = msgspec.json.Decoder(str).decode


def read_text(raw: msgspec.Raw) -> str:
    """The string; PostgreSQL has no character U+0000, and half of a surrogate pair is none at all."""
    try:
        text = _decode_text(raw)
        text.encode()
    except (msgspec.DecodeError, UnicodeEncodeError):
        raise UsageError("a string of the parameters is no valid Unicode text") from None
    if "\x00" in text:
        raise UsageError("a string of the parameters holds the character U+0000, which PostgreSQL has not")
    return text


def _first(raw: msgspec.Raw) -> int:
    """The first byte of a JSON value tells its kind; msgspec cuts the white space off."""
    return memoryview(raw)[0]


def _called(parameter: Parameter) -> str:
    return parameter.name or "without a name"
