"""Which function a call means, and the statement for it: overloads, names, defaults, VARIADIC (http-contract, "/call").

Nothing of a request becomes SQL text but the names of parameters that the catalog knows, quoted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from stonegate.database.call.session import FunctionSignature, Parameter
from stonegate.database.call.statement import Statement
from stonegate.errors import FunctionNotFound, UsageError
from stonegate.gateway.call.values import (
    JSON_TYPES,
    NULL,
    POLYMORPHIC,
    STRING,
    bind_polymorphic_null,
    bind_polymorphic_text,
    bind_value,
    element_of,
    family_of,
    first_byte,
)
from stonegate.model.names import quote_ident

Arguments: TypeAlias = Sequence[msgspec.Raw] | Mapping[str, msgspec.Raw]

FUNCTION_NAME: Final = re.compile(r"[a-z_][a-z0-9_]{0,62}\Z")
#: Characters of a name, and names, that a refusal repeats.
MOST_SHOWN: Final = 63
MOST_NAMES: Final = 20
NO_FUNCTION: Final = "it must be a function, no procedure or trigger's, in a schema of the database's search_path"
#: More parameters than a function can have (manual, 35: FUNC_MAX_ARGS is 100), VARIADIC ones included.
MOST_ARGUMENTS: Final = 10_000

_INTEGERS: Final = {"int2": 15, "int4": 31, "int8": 63}
_FLOATS: Final = {"numeric": 7, "float8": 6, "float4": 5, "money": 2}
_ANY: Final = {"anyelement", "any", "anycompatible", "anynonarray", "anycompatiblenonarray"}
_TEXTS: Final = {"text": 9, "varchar": 8, "bpchar": 7, "name": 6, "citext": 8}


class Fit(Struct, frozen=True):
    """A way to call one signature: which argument goes to which parameter, and how well they suit."""

    signature: FunctionSignature
    pairs: tuple[tuple[Parameter, msgspec.Raw, bool], ...]  # the flag: as an element of VARIADIC
    spread: bool = False  # the last argument is the VARIADIC array itself
    named: bool = False
    rank: tuple[int, int, int] = (0, 0, 0)


def choose_signature(name: str, signatures: Sequence[FunctionSignature], arguments: Arguments) -> Fit:
    """The overload that takes these arguments best.

    Raises:
        FunctionNotFound: there is no function of that name.
        UsageError: none takes so many or such arguments, or several do equally well; the details list them.
    """
    if not signatures:
        raise FunctionNotFound(f"there is no function {name}", hint=NO_FUNCTION)
    if len(arguments) > MOST_ARGUMENTS:
        raise UsageError(f"{len(arguments):,} parameters are more than the {MOST_ARGUMENTS:,} allowed")
    candidates = tuple(sorted(signature.described for signature in signatures))
    by_arity = [fit for signature in signatures for fit in _fits(signature, arguments)]
    if not by_arity:
        if isinstance(arguments, Mapping) and arguments:
            shown = ", ".join(each[:MOST_SHOWN] for each in tuple(arguments)[:MOST_NAMES])
            raise UsageError(f"no function {name} takes the parameters named {shown}", details=candidates)
        raise UsageError(
            f"no function {name} takes {len(arguments)} parameter{'s' * (len(arguments) != 1)}", details=candidates
        )
    fits = [fit for fit in by_arity if fit.rank[0] > 0]
    if not fits:
        raise UsageError(f"no function {name} takes values of these JSON types", details=candidates)
    best = max(fit.rank for fit in fits)
    chosen = [fit for fit in fits if fit.rank == best]
    if len(chosen) > 1:
        raise UsageError(
            f"the call of {name} is ambiguous",
            details=tuple(sorted(fit.signature.described for fit in chosen)),
            hint="name the parameters, or send values whose JSON types tell the functions apart",
        )
    return chosen[0]


def bind_call(fit: Fit) -> tuple[Statement, list[bytes | None]]:
    """The statement that calls the chosen function, and the texts of its parameters.

    Raises:
        UsageError: a value has a form that its type cannot have.
    """
    signature = fit.signature
    parts: list[str] = []
    types, values = [], []
    told = {family_of(parameter) for parameter, raw, _ in fit.pairs if first_byte(raw) != NULL}
    typed = {family_of(parameter) for parameter, raw, _ in fit.pairs if first_byte(raw) not in (NULL, STRING)}
    for index, (parameter, raw, is_element) in enumerate(fit.pairs):
        family = family_of(parameter)
        if first_byte(raw) == NULL and family:
            bound = bind_polymorphic_null(parameter, is_element=is_element, is_told=family in told)
        elif first_byte(raw) == STRING and family and family in typed:
            bound = bind_polymorphic_text(raw)
        else:
            bound = bind_value(element_of(parameter) if is_element else parameter, raw)
        types.append(bound.type)
        values.append(bound.value)
        text = bound.expression.replace("{}", f"${index + 1}")
        if fit.named:
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
        # r.* is the row (manual 8.16.5), where r would be a column that happens to have that name.
        query = f"SELECT pg_catalog.row_to_json(r.*)::pg_catalog.text FROM (SELECT * FROM {function}) AS r"
    return Statement(sql=query, types=tuple(types), after=signature.after)


def void_rows(signature: FunctionSignature) -> bytes | None:
    """What a void function answers, for which row_to_json would say "" (http-contract); None for others."""
    return b'[{"%s":null}]' % signature.name.encode() if signature.is_void else None


# --- which function --------------------------------------------------------------------------------------------------


def _fits(signature: FunctionSignature, arguments: Arguments) -> list[Fit]:
    if isinstance(arguments, Mapping):
        fit = _fit_named(signature, arguments)
        return [] if fit is None else [fit]
    parameters = signature.parameters
    required = len(parameters) - signature.defaults
    count = len(arguments)
    found: list[Fit] = []
    if required <= count <= len(parameters):
        pairs = tuple((parameter, raw, False) for parameter, raw in zip(parameters, arguments, strict=False))
        spread = signature.is_variadic and count == len(parameters)
        # An array is read from its input text, or is null, where its type is known.
        if not spread or first_byte(arguments[-1]) in (b"[" if parameters[-1].base == "any" else b'["n'):
            found.append(_ranked(Fit(signature, pairs, spread), left=len(parameters) - count))
    if signature.is_variadic and count >= len(parameters):
        fixed = len(parameters) - 1
        heads = [(parameter, raw, False) for parameter, raw in zip(parameters[:fixed], arguments, strict=False)]
        tails = [(parameters[-1], raw, True) for raw in arguments[fixed:]]
        found.append(_ranked(Fit(signature, (*heads, *tails)), left=0, expanded=True))
    # An array for VARIADIC is the array itself, unless its elements are arrays, which PostgreSQL does not have.
    return [max(found, key=lambda fit: fit.rank)] if found else []


def _fit_named(signature: FunctionSignature, arguments: Mapping[str, msgspec.Raw]) -> Fit | None:
    by_name = {parameter.name: parameter for parameter in signature.parameters if parameter.name}
    if not arguments.keys() <= by_name.keys():
        return None
    required = signature.parameters[: len(signature.parameters) - signature.defaults]
    if any(parameter.name not in arguments for parameter in required):
        return None
    order = [parameter for parameter in signature.parameters if parameter.name in arguments]
    pairs = tuple((parameter, arguments[parameter.name], False) for parameter in order)
    left = len(signature.parameters) - len(order)
    spread = signature.is_variadic and bool(order) and order[-1] is signature.parameters[-1]
    if signature.is_variadic and not spread:
        # Names reach such a function only with its array (manual 38.5.6): without it the others go by their places.
        if tuple(order) != signature.parameters[: len(order)]:
            return None
        return _ranked(Fit(signature, pairs), left=left)
    return _ranked(Fit(signature, pairs, spread, named=True), left=left)


def _ranked(fit: Fit, *, left: int, expanded: bool = False) -> Fit:
    scores = [_score(element_of(each) if is_element else each, raw) for each, raw, is_element in fit.pairs]
    return replace(fit, rank=(sum(scores) + 1 if all(scores) else 0, -expanded, -left))


def _score(parameter: Parameter, raw: msgspec.Raw) -> int:
    """How well a JSON value suits a type: 0 not at all, 1 as its input text, more where the kinds are the same."""
    base, is_array = parameter.base, parameter.category == "A"
    match first_byte(raw):
        case 0x6E:  # null, see `NULL`
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
            return 8 if base == "bytea" else 3 if base in _ANY else 0
        case 0x7B:  # {
            return 9 if parameter.kind == "c" or base == "record" else 6 if base in JSON_TYPES else 3 * (base in _ANY)
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
