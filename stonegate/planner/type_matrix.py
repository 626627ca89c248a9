"""The type matrix: which change of a column's type is safe, which narrows, and which PostgreSQL can only be forced to.

A pair is safe only if every value survives the cast and back; tests prove each safe cell on PostgreSQL with boundary
values. `_PAIRS` and `_SAME_TYPE` are the whole table (behaviour, §5); `stonegate types` prints it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from stonegate.model.plan import ChangeClass

SAFE, DATALOSS, INCOMPATIBLE = ChangeClass.SAFE, ChangeClass.DATALOSS, ChangeClass.INCOMPATIBLE


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeVerdict:
    """What becomes of the values when a column of one type gets another.

    Attributes:
        change_class: SAFE, DATALOSS (a narrowing) or INCOMPATIBLE.
        reason: a sentence for people.
        using: PostgreSQL needs a USING expression, since no assignment cast exists.
        via: a type between the two that the USING expression casts through, or None.
        rewrites: the table is written anew; False where PostgreSQL only changes its catalog (manual: ALTER TABLE).
    """

    change_class: ChangeClass
    reason: str
    using: bool = False
    via: str | None = None
    rewrites: bool = True

    def render_using(self, column: str, new: str) -> str | None:
        """The expression after USING for a column (quoted already), or None if PostgreSQL needs none."""
        if not self.using:
            return None
        target = parse_type(new)
        if target.base in _TEXTS and not target.array:
            return f"{column}::text"  # an explicit cast to a limited type would cut silently; the assignment refuses
        return f"{column}::{new}" if self.via is None else f"{column}::{self.via}::{new}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixRow:
    """One line of `stonegate types`: what `old` → `new` means."""

    old: str
    new: str
    verdict: TypeVerdict


@dataclass(frozen=True, slots=True)
class SqlType:
    """A type as format_type prints it, taken apart: "numeric(10,2)[]" has base numeric, modifiers (10, 2), array."""

    base: str
    modifiers: tuple[int, ...] = ()
    fields: str = ""
    array: bool = False


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


# --- one type with other modifiers ----------------------------------------------------------------------------------

Judge = Callable[[SqlType, SqlType], TypeVerdict]


def _safe(reason: str, *, rewrites: bool = True) -> TypeVerdict:
    return TypeVerdict(change_class=SAFE, reason=reason, rewrites=rewrites)


def _narrows(reason: str, *, using: bool = False, rewrites: bool = True) -> TypeVerdict:
    return TypeVerdict(change_class=DATALOSS, reason=reason, using=using, rewrites=rewrites)


def _length(old: SqlType, new: SqlType) -> TypeVerdict:
    if not new.modifiers or (old.modifiers and new.modifiers[0] >= old.modifiers[0]):
        return _safe("no value is longer than the new limit", rewrites=False)
    return _narrows(f"values longer than {new.modifiers[0]} do not fit")


def _padded_length(old: SqlType, new: SqlType) -> TypeVerdict:
    if new.modifiers[0] >= old.modifiers[0]:
        return _safe("values are padded with blanks, which do not count")
    return _narrows(f"values longer than {new.modifiers[0]} do not fit")


def _bit_length(_: SqlType, new: SqlType) -> TypeVerdict:
    return _narrows(f"bit strings of another length than {new.modifiers[0]} are padded or cut", using=True)


def _precision(old: SqlType, new: SqlType) -> TypeVerdict:
    """Fractional digits of seconds; without a modifier there are six."""
    if (new.modifiers or (6,))[0] >= (old.modifiers or (6,))[0]:
        return _safe("no fractional second is cut", rewrites=False)
    return _narrows(f"fractional seconds are rounded to {new.modifiers[0]} digits")


_FIELDS = ("year", "month", "day", "hour", "minute", "second")


def _interval(old: SqlType, new: SqlType) -> TypeVerdict:
    """Fields only say which is the finest that is kept: `day to second` holds months too (manual 8.5.4)."""
    finest_old, finest_new = _finest_field(old), _finest_field(new)
    if finest_new < finest_old:
        return _narrows(f"everything finer than a {_FIELDS[finest_new]} is cut")
    if finest_new == finest_old == _FIELDS.index("second"):
        return _precision(old, new)
    return _safe("it keeps fields that are at least as fine", rewrites=False)


def _finest_field(interval: SqlType) -> int:
    return _FIELDS.index(interval.fields.rpartition(" ")[2] or "second")


def _numeric(old: SqlType, new: SqlType) -> TypeVerdict:
    """numeric(p,s): p - s digits before the decimal point and s after it; without modifiers any number."""
    if not new.modifiers:
        return _safe("numeric without precision holds every number", rewrites=False)
    if not old.modifiers:
        return _narrows("numbers may have more digits than the new precision and scale keep")
    old_scale, new_scale = _scale(old), _scale(new)
    if new_scale < old_scale:
        return _narrows(f"numbers are rounded to scale {new_scale}")
    if new.modifiers[0] - new_scale < old.modifiers[0] - old_scale:
        return _narrows("numbers may have more digits before the decimal point than the new precision keeps")
    return _safe("precision and scale only grow", rewrites=new_scale != old_scale)


def _scale(numeric: SqlType) -> int:
    return numeric.modifiers[1] if len(numeric.modifiers) > 1 else 0


_TIMES = (
    "timestamp without time zone",
    "timestamp with time zone",
    "time without time zone",
    "time with time zone",
)
#: How two types of one name compare.
_SAME_TYPE: dict[str, Judge] = {
    "character varying": _length,
    "character": _padded_length,
    "bit": _bit_length,
    "bit varying": _length,
    "numeric": _numeric,
    "interval": _interval,
    **dict.fromkeys(_TIMES, _precision),
}

# --- two types ------------------------------------------------------------------------------------------------------


def _integer_in_numeric(digits: int) -> Judge:
    def judge(_: SqlType, new: SqlType) -> TypeVerdict:
        if not new.modifiers or (new.modifiers[0] - _scale(new) >= digits and _scale(new) >= 0):
            return _safe("every whole number is a numeric")
        return _narrows(f"numbers of {digits} digits do not fit")

    return judge


def _text_limit(_: SqlType, new: SqlType) -> TypeVerdict:
    if not new.modifiers:
        return _safe("character varying without length is text", rewrites=False)
    return _narrows(f"values longer than {new.modifiers[0]} do not fit")


def _padded_in_varying(old: SqlType, new: SqlType) -> TypeVerdict:
    if not new.modifiers or new.modifiers[0] >= old.modifiers[0]:
        return _safe("padding blanks, which never counted, are dropped")
    return _narrows(f"values longer than {new.modifiers[0]} do not fit")


def _bits_in_varying(old: SqlType, new: SqlType) -> TypeVerdict:
    if not new.modifiers or new.modifiers[0] >= old.modifiers[0]:
        return _safe("bit varying holds every bit string of that length", rewrites=bool(new.modifiers))
    return _narrows(f"bit strings longer than {new.modifiers[0]} do not fit")


_TS, _TSTZ, _TIME, _TIMETZ = _TIMES
_RANGE = "numbers outside its range do not fit"
_DIGITS = "it keeps fewer significant digits"
_ZONE = "the result depends on the session's time zone, and some local times do not exist or exist twice there"

#: How a type of one name becomes one of another. What is not in it is incompatible.
_PAIRS: tuple[tuple[str, str, TypeVerdict | Judge], ...] = (
    # whole numbers
    ("smallint", "integer", _safe("every smallint is an integer")),
    ("smallint", "bigint", _safe("every smallint is a bigint")),
    ("integer", "bigint", _safe("every integer is a bigint")),
    ("bigint", "integer", _narrows(_RANGE)),
    ("bigint", "smallint", _narrows(_RANGE)),
    ("integer", "smallint", _narrows(_RANGE)),
    ("smallint", "numeric", _integer_in_numeric(5)),
    ("integer", "numeric", _integer_in_numeric(10)),
    ("bigint", "numeric", _integer_in_numeric(19)),
    ("oid", "bigint", _safe("every oid is a bigint")),
    ("bigint", "oid", _narrows(_RANGE)),
    # floating point: 24 and 53 bits of mantissa
    ("smallint", "real", _safe("a real holds whole numbers of up to 24 bits exactly")),
    ("smallint", "double precision", _safe("a double holds whole numbers of up to 53 bits exactly")),
    ("integer", "double precision", _safe("a double holds whole numbers of up to 53 bits exactly")),
    ("integer", "real", _narrows(_DIGITS)),
    ("bigint", "real", _narrows(_DIGITS)),
    ("bigint", "double precision", _narrows(_DIGITS)),
    ("real", "double precision", _safe("every real is a double")),
    ("double precision", "real", _narrows(_DIGITS)),
    ("real", "numeric", _narrows("only 6 significant digits survive the cast")),
    ("double precision", "numeric", _narrows("only 15 significant digits survive the cast")),
    ("numeric", "real", _narrows(_DIGITS)),
    ("numeric", "double precision", _narrows(_DIGITS)),
    *(
        (old, new, _narrows(f"fractions are rounded, {_RANGE}"))
        for old in ("real", "double precision", "numeric")
        for new in ("smallint", "integer", "bigint")
    ),
    ("money", "numeric", _narrows("the result depends on lc_monetary")),
    ("numeric", "money", _narrows("numbers are rounded as lc_monetary says")),
    # text
    ("character varying", "text", _safe("text has no limit", rewrites=False)),
    ("text", "character varying", _text_limit),
    ("character", "text", _safe("padding blanks, which never counted, are dropped")),
    ("character", "character varying", _padded_in_varying),
    ("text", "character", _narrows("trailing blanks no longer count, and longer values do not fit")),
    ("character varying", "character", _narrows("trailing blanks no longer count, and longer values do not fit")),
    ("bpchar", "text", _narrows("trailing blanks are dropped")),
    ("bpchar", "character varying", _narrows("trailing blanks are dropped, and longer values do not fit")),
    ("bpchar", "character", _narrows("longer values do not fit")),
    ("character", "bpchar", _safe("blank-padded text without a limit", rewrites=False)),
    ("text", "bpchar", _narrows("trailing blanks no longer count", rewrites=False)),
    ("character varying", "bpchar", _narrows("trailing blanks no longer count", rewrites=False)),
    ("name", "text", _safe("every name is a text")),
    ("text", "name", _narrows("values longer than 63 bytes are cut")),
    # date and time
    ("date", _TS, _narrows("dates after the year 294276 do not fit")),
    ("date", _TSTZ, _narrows(_ZONE)),
    (_TS, "date", _narrows("the time of day is dropped")),
    (_TSTZ, "date", _narrows("the time of day is dropped")),
    (_TS, _TSTZ, _narrows(_ZONE)),
    (_TSTZ, _TS, _narrows(_ZONE)),
    (_TS, _TIME, _narrows("the date is dropped")),
    (_TSTZ, _TIME, _narrows("the date is dropped")),
    (_TSTZ, _TIMETZ, _narrows("the date is dropped")),
    (_TIME, _TIMETZ, _narrows("each value gets the session's time zone")),
    (_TIMETZ, _TIME, _narrows("the time zone is dropped")),
    (_TIME, "interval", _narrows("24:00:00 does not come back")),
    ("interval", _TIME, _narrows("days and months are dropped")),
    # bit strings
    ("bit", "bit varying", _bits_in_varying),
    ("bit varying", "bit", _narrows("bit strings of another length do not fit")),
    # network addresses
    ("cidr", "inet", _safe("every network is an address", rewrites=False)),
    ("inet", "cidr", _narrows("bits to the right of the netmask are cleared")),
    ("macaddr", "macaddr8", _safe("every 6-byte address has an 8-byte form")),
    ("macaddr8", "macaddr", _narrows("only addresses with FF:FE in the middle fit")),
    # documents
    ("json", "jsonb", _narrows("the text is lost: spacing, key order, duplicate keys")),
    ("jsonb", "json", _narrows("json has neither equality nor indexes")),
    ("xml", "text", _narrows("the document is no longer checked", rewrites=False)),
)
_BY_PAIR: dict[tuple[str, str], TypeVerdict | Judge] = {(old, new): rule for old, new, rule in _PAIRS}

#: Explicit casts of PostgreSQL between types that have no rule above (pg_cast); all else goes through text.
_DIRECT_CASTS = frozenset(
    {
        ("boolean", "integer"),
        ("integer", "boolean"),
        *((old, "bit") for old in ("integer", "bigint")),
        *(("bit", new) for new in ("integer", "bigint")),
        *(
            ("jsonb", new)
            for new in ("boolean", "numeric", "smallint", "integer", "bigint", "real", "double precision")
        ),
        *((old, "oid") for old in ("smallint", "integer")),
        ("oid", "integer"),
        *((old, "money") for old in ("integer", "bigint")),
        ("integer", '"char"'),
        ('"char"', "integer"),
    }
)
_THROUGH_INTEGER = frozenset(
    {("boolean", "smallint"), ("boolean", "bigint"), ("boolean", "numeric"), ("smallint", "boolean")}
    | {("bigint", "boolean"), ("numeric", "boolean"), ("smallint", "bit")}
)
_TEXTS = frozenset({"text", "character varying", "character", "bpchar", "name"})
_UNLIMITED_TEXTS = frozenset({"text", "character varying"})


def type_change(
    old: str,
    new: str,
    domains: Mapping[str, str],
    *,
    unchecked: Collection[str] = frozenset(),
    enums: Collection[str] = frozenset(),
) -> TypeVerdict:
    """What becomes of the values when a column of type `old` becomes one of type `new`.

    Args:
        old, new: types in format_type's spelling, modifiers included.
        domains: base type of each domain, by its name in the same spelling.
        unchecked: domains without checks and NOT NULL.
        enums: names of enum types.
    """
    if old == new:
        return _safe("the same type", rewrites=False)
    former, latter = parse_type(old), parse_type(new)
    if former == latter:
        return _safe("the same type", rewrites=False)
    if former.array != latter.array:
        return _incompatible(old, new, via="text")
    if former.array:
        verdict = type_change(_element(old), _element(new), domains, unchecked=unchecked, enums=enums)
        via = None if verdict.via is None else f"{verdict.via}[]"
        return replace(verdict, reason=f"for each element: {verdict.reason}", via=via, rewrites=True)
    if old in domains:
        return _from_domain(old, new, domains, unchecked, enums)
    if new in domains:
        return _to_domain(old, new, domains, unchecked, enums)
    if former.base == latter.base and former.base in _SAME_TYPE:
        return _SAME_TYPE[former.base](former, latter)
    if old in enums and latter.base in _UNLIMITED_TEXTS and not latter.modifiers:
        return _safe("every label is a text")
    rule = _BY_PAIR.get((former.base, latter.base))
    match rule:
        case None:
            return _incompatible(old, new, via=_intermediate(former.base, latter.base))
        case TypeVerdict() if rule.change_class is SAFE and latter.modifiers:
            return _with_modifiers(rule, latter)
        case TypeVerdict():
            return rule
        case _:
            return rule(former, latter)


def _element(array: str) -> str:
    while array.endswith("[]"):
        array = array[:-2]
    return array


def _with_modifiers(rule: TypeVerdict, new: SqlType) -> TypeVerdict:
    """A safe pair whose target has a limit that the rule does not know."""
    del rule
    return _narrows(f"values may not fit into {new.base}({', '.join(map(str, new.modifiers))})")


def _from_domain(
    old: str, new: str, domains: Mapping[str, str], unchecked: Collection[str], enums: Collection[str]
) -> TypeVerdict:
    base = domains[old]
    if base == new:
        return _safe(f"{new} is what the domain {old} is made of", rewrites=False)
    verdict = type_change(base, new, domains, unchecked=unchecked, enums=enums)
    return replace(verdict, reason=f"the domain {old} is a {base}: {verdict.reason}")


def _to_domain(
    old: str, new: str, domains: Mapping[str, str], unchecked: Collection[str], enums: Collection[str]
) -> TypeVerdict:
    base = domains[new]
    verdict = type_change(old, base, domains, unchecked=unchecked, enums=enums)
    if verdict.change_class is not SAFE or new in unchecked:
        return replace(verdict, reason=f"the domain {new} is a {base}: {verdict.reason}")
    return _narrows(f"values that the checks of domain {new} refuse do not fit")


def _intermediate(old: str, new: str) -> str | None:
    if (old, new) in _DIRECT_CASTS or old in _TEXTS or new in _TEXTS:
        return None
    return "integer" if (old, new) in _THROUGH_INTEGER else "text"


def _incompatible(old: str, new: str, *, via: str | None) -> TypeVerdict:
    return TypeVerdict(
        change_class=INCOMPATIBLE,
        reason=f"no rule turns every {old} into a {new}",
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
    _TS: (_TS, "timestamp(3) without time zone"),
    _TSTZ: (_TSTZ, "timestamp(3) with time zone"),
    _TIME: (_TIME, "time(3) without time zone"),
    _TIMETZ: (_TIMETZ, "time(3) with time zone"),
}


def matrix_rows() -> Iterator[MatrixRow]:
    """Every pair of types that has a rule, with examples of the modifiers that matter, in the table's order."""
    pairs = [(base, base) for base in _SAME_TYPE] + [(old, new) for old, new, _ in _PAIRS]
    for old_base, new_base in pairs:
        for old in _SHOWN.get(old_base, (old_base,)):
            for new in _SHOWN.get(new_base, (new_base,)):
                if old != new:
                    yield MatrixRow(old=old, new=new, verdict=type_change(old, new, {}))
