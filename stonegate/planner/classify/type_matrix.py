"""The type matrix: which change of a column's type is safe, which narrows, and which PostgreSQL can only be forced to.

The rules are in type_rules.py; here types are taken apart, arrays compared by element and domains by base, and the
table is listed for `stonegate types`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from stonegate.planner.classify.own_types import OwnTypes
from stonegate.planner.classify.type_rules import (
    BY_PAIR,
    DIRECT_CASTS,
    INCOMPATIBLE,
    NO_BRACES,
    PAIRS,
    READ_NO_BRACES,
    SAFE,
    SAME_TYPE,
    TEXTS,
    THROUGH_INTEGER,
    TIME,
    TIMETZ,
    TS,
    TSTZ,
    UNLIMITED_TEXTS,
    SqlType,
    TypeVerdict,
    narrows,
    safe,
)

NO_TYPES = OwnTypes()


class MatrixRow(Struct, frozen=True, kw_only=True):
    """One line of `stonegate types`: what `old` → `new` means."""

    old: str
    new: str
    verdict: TypeVerdict


_MODIFIERS = re.compile(r"\(\s*(-?\d+(?:\s*,\s*-?\d+)*)\s*\)")
_INTERVAL = re.compile(r"interval( (?:year|month|day|hour|minute|second)(?: to \w+)?)?\Z")
#: Names that people type, by the name that format_type prints (manual, table 8.1).
ALIASES = {
    "int": "integer",
    "int4": "integer",
    "int2": "smallint",
    "int8": "bigint",
    "serial": "integer",
    "bigserial": "bigint",
    "smallserial": "smallint",
    "float": "double precision",
    "float8": "double precision",
    "float4": "real",
    "decimal": "numeric",
    "varchar": "character varying",
    "char": "character",
    "bool": "boolean",
    "varbit": "bit varying",
    "timestamp": "timestamp without time zone",
    "timestamptz": "timestamp with time zone",
    "time": "time without time zone",
    "timetz": "time with time zone",
}


def parse_type(text: str) -> SqlType:
    """The parts of a type in format_type's spelling; common aliases (`int`, `varchar(20)`) are understood too."""
    text = text.strip()
    array = text.endswith("[]")
    while text.endswith("[]"):
        text = text[:-2]
    if text.startswith('"') or '."' in text:
        return SqlType(text, array=array)
    found = _MODIFIERS.search(text)
    modifiers = tuple(int(part) for part in found.group(1).split(",")) if found else ()
    base = " ".join(_MODIFIERS.sub(" ", text, count=1).split())
    base = ALIASES.get(base.lower(), base)
    fields = ""
    if interval := _INTERVAL.match(base):
        fields, base = (interval.group(1) or "").strip(), "interval"
    if base in ("character", "bit") and not modifiers:
        modifiers = (1,)  # what the bare word means (manual 8.3, 8.10)
    return SqlType(base, modifiers, fields, array)


def type_change(old: str, new: str, own: OwnTypes = NO_TYPES) -> TypeVerdict:
    """What becomes of the values when a column of type `old` becomes one of type `new`.

    Args:
        old, new: types in format_type's spelling, modifiers included.
    """
    if old == new:
        return safe("the same type", rewrites=False)
    former, latter = parse_type(old), parse_type(new)
    if former == latter:
        return safe("the same type", rewrites=False)
    if old in own.domains and old not in own.bases(new):
        return _from_domain(old, new, own)
    if new in own.domains:
        return _to_domain(old, new, own)
    if former.array != latter.array:
        element = type_change(_element(old), _element(new), own)
        instead = _between_array_and_element(former, latter) if not element.using else None
        return replace(_incompatible(old, new, via="text"), instead=instead)
    if former.array:
        verdict = type_change(_element(old), _element(new), own)
        via = None if verdict.via is None else f"{verdict.via}[]"
        return replace(verdict, reason=f"for each element: {verdict.reason}", via=via, rewrites=True, instead=None)
    if former.base == latter.base and former.base in SAME_TYPE:
        return SAME_TYPE[former.base](former, latter)
    if old in own.enums and latter.base in UNLIMITED_TEXTS and not latter.modifiers:
        return safe("every label is a text")
    rule = BY_PAIR.get((former.base, latter.base))
    match rule:
        case None if own.ranges.get(old) == new:
            return _incompatible(old, new, via=None)
        case None if own.ranges.get(new) == old:
            return replace(_incompatible(old, new, via="text"), instead="range_merge({column})")
        case None:
            return _incompatible(old, new, via=_intermediate(former.base, latter.base))
        case TypeVerdict() if rule.change_class is SAFE and latter.modifiers:
            return _limited(latter)
        case TypeVerdict():
            return rule
        case _:
            return rule(former, latter)


def _between_array_and_element(former: SqlType, latter: SqlType) -> str | None:
    """What makes one of the other where neither can be read as the other's text."""
    if former.array:
        return "{column}[1]" if former.base in NO_BRACES and latter.base in READ_NO_BRACES else None
    return "ARRAY[{column}]" if former.base in NO_BRACES else None


def _element(array: str) -> str:
    while array.endswith("[]"):
        array = array[:-2]
    return array


def _limited(new: SqlType) -> TypeVerdict:
    """A safe pair whose target has a limit that the rule does not know."""
    return narrows(f"values may not fit into {new.base}({', '.join(map(str, new.modifiers))})")


def _from_domain(old: str, new: str, own: OwnTypes) -> TypeVerdict:
    base = own.domains[old]
    if base == new:
        return safe(f"{new} is what the domain {old} is made of", rewrites=own.is_checked(new))
    verdict = type_change(base, new, own)
    return replace(verdict, reason=f"the domain {old} is a {base}: {verdict.reason}")


def _to_domain(old: str, new: str, own: OwnTypes) -> TypeVerdict:
    base = own.domains[new]
    verdict = type_change(old, base, own)
    if verdict.change_class is not SAFE or new in own.unchecked:
        rewrites = verdict.rewrites or own.is_checked(new)
        return replace(verdict, reason=f"the domain {new} is a {base}: {verdict.reason}", rewrites=rewrites)
    return narrows(f"values that the checks of domain {new} refuse do not fit")


def _intermediate(old: str, new: str) -> str | None:
    if (old, new) in DIRECT_CASTS or old in TEXTS or new in TEXTS:
        return None
    return "integer" if (old, new) in THROUGH_INTEGER else "text"


def _incompatible(old: str, new: str, *, via: str | None) -> TypeVerdict:
    return TypeVerdict(
        change_class=INCOMPATIBLE,
        reason=f"no rule says that every {old} keeps its value as {new}",
        using=True,
        via=via,
    )


# --- the table for people -------------------------------------------------------------------------------------------

_SHOWN = {
    "character varying": ("character varying", "character varying(20)", "character varying(40)"),
    "character": ("character(4)", "character(8)"),
    "numeric": ("numeric", "numeric(8,2)", "numeric(10,2)", "numeric(20,0)", "numeric(22,2)"),
    "bit": ("bit(4)", "bit(8)"),
    "bit varying": ("bit varying", "bit varying(4)", "bit varying(8)"),
    "interval": ("interval", "interval(3)", "interval day to second", "interval year to month"),
    TS: (TS, "timestamp(3) without time zone"),
    TSTZ: (TSTZ, "timestamp(3) with time zone"),
    TIME: (TIME, "time(3) without time zone"),
    TIMETZ: (TIMETZ, "time(3) with time zone"),
}


def matrix_rows() -> Iterator[MatrixRow]:
    """Every pair of types that has a rule, with examples of the modifiers that matter, in the table's order."""
    pairs = [(base, base) for base in SAME_TYPE] + [(old, new) for old, new, _ in PAIRS]
    for old_base, new_base in pairs:
        for old in _SHOWN.get(old_base, (old_base,)):
            for new in _SHOWN.get(new_base, (new_base,)):
                if old != new:
                    yield MatrixRow(old=old, new=new, verdict=type_change(old, new))
