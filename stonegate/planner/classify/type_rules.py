"""The table behind the type matrix: how a type of one name becomes one of another, and what its modifiers mean.

`PAIRS` and `SAME_TYPE` are the whole of it (behaviour, §5). A pair is safe only if every value survives the cast and
back; tests prove each safe cell on PostgreSQL with boundary values.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from stonegate.model.plan import ChangeClass

SAFE, DATALOSS, INCOMPATIBLE = ChangeClass.SAFE, ChangeClass.DATALOSS, ChangeClass.INCOMPATIBLE
#: Types of text, which everything can be cast to.
TEXTS = frozenset({"text", "character varying", "character", "bpchar", "name"})


class TypeVerdict(Struct, frozen=True, kw_only=True):
    """What becomes of the values when a column of one type gets another.

    Attributes:
        change_class: SAFE, DATALOSS (a narrowing) or INCOMPATIBLE.
        reason: a sentence for people.
        using: PostgreSQL needs a USING expression, since no assignment cast exists.
        via: a type between the two that the USING expression casts through, or None.
        rewrites: the table is written anew; False where PostgreSQL only changes its catalog (manual: ALTER TABLE).
        instead: the expression of `{column}` that a migration has to write after USING, where every cast refuses each
            value that is not NULL; else None.
    """

    change_class: ChangeClass
    reason: str
    using: bool = False
    via: str | None = None
    rewrites: bool = True
    instead: str | None = None

    def render_using(self, column: str, new: str) -> str | None:
        """The expression after USING for a column (quoted already), or None if PostgreSQL needs none."""
        if not self.using:
            return None
        if is_text(new):
            return f"{column}::text"  # an explicit cast to a limited type would cut silently; the assignment refuses
        return f"{column}::{new}" if self.via is None else f"{column}::{self.via}::{new}"


def is_text(type_name: str) -> bool:
    """True for a type of text with or without a limit, but not for an array of it."""
    return type_name.partition("(")[0].strip() in TEXTS and not type_name.endswith("[]")


class SqlType(Struct, frozen=True):
    """A type as format_type prints it, taken apart: "numeric(10,2)[]" has base numeric, modifiers (10, 2), array."""

    base: str
    modifiers: tuple[int, ...] = ()
    fields: str = ""
    array: bool = False


# --- one type with other modifiers ----------------------------------------------------------------------------------

Judge = Callable[[SqlType, SqlType], TypeVerdict]


def safe(reason: str, *, rewrites: bool = True) -> TypeVerdict:
    """Every value survives."""
    return TypeVerdict(change_class=SAFE, reason=reason, rewrites=rewrites)


def narrows(reason: str, *, using: bool = False, rewrites: bool = True) -> TypeVerdict:
    """Some values do not survive."""
    return TypeVerdict(change_class=DATALOSS, reason=reason, using=using, rewrites=rewrites)


def _length(old: SqlType, new: SqlType) -> TypeVerdict:
    if not new.modifiers or (old.modifiers and new.modifiers[0] >= old.modifiers[0]):
        return safe("no value is longer than the new limit", rewrites=False)
    return narrows(f"values longer than {new.modifiers[0]} do not fit")


def _padded_length(old: SqlType, new: SqlType) -> TypeVerdict:
    if new.modifiers[0] >= old.modifiers[0]:
        return safe("values are padded with blanks, which do not count")
    return narrows(f"values longer than {new.modifiers[0]} do not fit")


def _bit_length(_: SqlType, new: SqlType) -> TypeVerdict:
    return narrows(f"bit strings of another length than {new.modifiers[0]} are padded or cut", using=True)


def _precision(old: SqlType, new: SqlType) -> TypeVerdict:
    """Fractional digits of seconds; without a modifier there are six."""
    if (new.modifiers or (6,))[0] >= (old.modifiers or (6,))[0]:
        return safe("no fractional second is cut", rewrites=False)
    return narrows(f"fractional seconds are rounded to {new.modifiers[0]} digits")


_FIELDS = ("year", "month", "day", "hour", "minute", "second")


def _interval(old: SqlType, new: SqlType) -> TypeVerdict:
    """Fields only say which is the finest that is kept: `day to second` holds months too (manual 8.5.4)."""
    finest_old, finest_new = _finest_field(old), _finest_field(new)
    if finest_new < finest_old:
        return narrows(f"everything finer than a {_FIELDS[finest_new]} is cut")
    if finest_new == finest_old == _FIELDS.index("second"):
        return _precision(old, new)
    return safe("it keeps fields that are at least as fine", rewrites=False)


def _finest_field(interval: SqlType) -> int:
    return _FIELDS.index(interval.fields.rpartition(" ")[2] or "second")


def _numeric(old: SqlType, new: SqlType) -> TypeVerdict:
    """numeric(p,s): p - s digits before the decimal point and s after it; without modifiers any number."""
    if not new.modifiers:
        return safe("numeric without precision holds every number", rewrites=False)
    if not old.modifiers:
        return narrows("numbers may have more digits than the new precision and scale keep")
    old_scale, new_scale = scale_of(old), scale_of(new)
    if new_scale < old_scale:
        return narrows(f"numbers are rounded to scale {new_scale}")
    if new.modifiers[0] - new_scale < old.modifiers[0] - old_scale:
        return narrows("numbers may have more digits before the decimal point than the new precision keeps")
    return safe("precision and scale only grow", rewrites=new_scale != old_scale)


def scale_of(numeric: SqlType) -> int:
    """The digits after the decimal point that a numeric with a precision keeps."""
    return numeric.modifiers[1] if len(numeric.modifiers) > 1 else 0


_TIMES = (
    "timestamp without time zone",
    "timestamp with time zone",
    "time without time zone",
    "time with time zone",
)
#: How two types of one name compare.
SAME_TYPE: dict[str, Judge] = {
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
        if not new.modifiers or (new.modifiers[0] - scale_of(new) >= digits and scale_of(new) >= 0):
            return safe("every whole number is a numeric")
        return narrows(f"numbers of {digits} digits do not fit")

    return judge


def _text_limit(_: SqlType, new: SqlType) -> TypeVerdict:
    if not new.modifiers:
        return safe("character varying without length is text", rewrites=False)
    return narrows(f"values longer than {new.modifiers[0]} do not fit")


def _padded_in_varying(old: SqlType, new: SqlType) -> TypeVerdict:
    if not new.modifiers or new.modifiers[0] >= old.modifiers[0]:
        return safe("padding blanks, which never counted, are dropped")
    return narrows(f"values longer than {new.modifiers[0]} do not fit")


def _bits_in_varying(old: SqlType, new: SqlType) -> TypeVerdict:
    if not new.modifiers or new.modifiers[0] >= old.modifiers[0]:
        return safe("bit varying holds every bit string of that length", rewrites=bool(new.modifiers))
    return narrows(f"bit strings longer than {new.modifiers[0]} do not fit")


TS, TSTZ, TIME, TIMETZ = _TIMES
_RANGE = "numbers outside its range do not fit"
_DIGITS = "it keeps fewer significant digits"
_ZONE = "the result depends on the session's time zone, and some local times do not exist or exist twice there"

#: How a type of one name becomes one of another. What is not in it is incompatible.
PAIRS: tuple[tuple[str, str, TypeVerdict | Judge], ...] = (
    # whole numbers
    ("smallint", "integer", safe("every smallint is an integer")),
    ("smallint", "bigint", safe("every smallint is a bigint")),
    ("integer", "bigint", safe("every integer is a bigint")),
    ("bigint", "integer", narrows(_RANGE)),
    ("bigint", "smallint", narrows(_RANGE)),
    ("integer", "smallint", narrows(_RANGE)),
    ("smallint", "numeric", _integer_in_numeric(5)),
    ("integer", "numeric", _integer_in_numeric(10)),
    ("bigint", "numeric", _integer_in_numeric(19)),
    ("oid", "bigint", safe("every oid is a bigint")),
    ("bigint", "oid", narrows(_RANGE)),
    # floating point: 24 and 53 bits of mantissa
    ("smallint", "real", safe("a real holds whole numbers of up to 24 bits exactly")),
    ("smallint", "double precision", safe("a double holds whole numbers of up to 53 bits exactly")),
    ("integer", "double precision", safe("a double holds whole numbers of up to 53 bits exactly")),
    ("integer", "real", narrows(_DIGITS)),
    ("bigint", "real", narrows(_DIGITS)),
    ("bigint", "double precision", narrows(_DIGITS)),
    ("real", "double precision", safe("every real is a double")),
    ("double precision", "real", narrows(_DIGITS)),
    ("real", "numeric", narrows("only 6 significant digits survive the cast")),
    ("double precision", "numeric", narrows("only 15 significant digits survive the cast")),
    ("numeric", "real", narrows(_DIGITS)),
    ("numeric", "double precision", narrows(_DIGITS)),
    *(
        (old, new, narrows(f"fractions are rounded, {_RANGE}"))
        for old in ("real", "double precision", "numeric")
        for new in ("smallint", "integer", "bigint")
    ),
    ("money", "numeric", narrows("the result depends on lc_monetary")),
    ("numeric", "money", narrows("numbers are rounded as lc_monetary says")),
    # text
    ("character varying", "text", safe("text has no limit", rewrites=False)),
    ("text", "character varying", _text_limit),
    ("character", "text", safe("padding blanks, which never counted, are dropped")),
    ("character", "character varying", _padded_in_varying),
    ("text", "character", narrows("trailing blanks no longer count, and longer values do not fit")),
    ("character varying", "character", narrows("trailing blanks no longer count, and longer values do not fit")),
    ("bpchar", "text", narrows("trailing blanks are dropped")),
    ("bpchar", "character varying", narrows("trailing blanks are dropped, and longer values do not fit")),
    ("bpchar", "character", narrows("longer values do not fit")),
    ("character", "bpchar", safe("blank-padded text without a limit", rewrites=False)),
    ("text", "bpchar", narrows("trailing blanks no longer count", rewrites=False)),
    ("character varying", "bpchar", narrows("trailing blanks no longer count", rewrites=False)),
    ("name", "text", safe("every name is a text")),
    ("text", "name", narrows("values longer than 63 bytes are cut")),
    # date and time
    ("date", TS, narrows("dates after the year 294276 do not fit")),
    ("date", TSTZ, narrows(_ZONE)),
    (TS, "date", narrows("the time of day is dropped")),
    (TSTZ, "date", narrows("the time of day is dropped")),
    (TS, TSTZ, narrows(_ZONE)),
    (TSTZ, TS, narrows(_ZONE)),
    (TS, TIME, narrows("the date is dropped")),
    (TSTZ, TIME, narrows("the date is dropped")),
    (TSTZ, TIMETZ, narrows("the date is dropped")),
    (TIME, TIMETZ, narrows("each value gets the session's time zone")),
    (TIMETZ, TIME, narrows("the time zone is dropped")),
    (TIME, "interval", narrows("24:00:00 does not come back")),
    ("interval", TIME, narrows("days and months are dropped")),
    # bit strings
    ("bit", "bit varying", _bits_in_varying),
    ("bit varying", "bit", narrows("bit strings of another length do not fit")),
    # network addresses
    ("cidr", "inet", safe("every network is an address", rewrites=False)),
    ("inet", "cidr", narrows("bits to the right of the netmask are cleared")),
    ("macaddr", "macaddr8", safe("every 6-byte address has an 8-byte form")),
    ("macaddr8", "macaddr", narrows("only addresses with FF:FE in the middle fit")),
    # documents
    ("json", "jsonb", narrows("the text is lost: spacing, key order, duplicate keys")),
    ("jsonb", "json", narrows("json has neither equality nor indexes")),
    ("xml", "text", narrows("the document is no longer checked", rewrites=False)),
)
BY_PAIR: dict[tuple[str, str], TypeVerdict | Judge] = {(old, new): rule for old, new, rule in PAIRS}

#: Explicit casts of PostgreSQL between types that have no rule above (pg_cast); all else goes through text.
DIRECT_CASTS = frozenset(
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
#: PostgreSQL's own range types, each with the type of several such ranges. It has a cast from the former to the latter
#: only, as it makes one for each type that CREATE TYPE … AS RANGE makes (manual 8.17).
RANGES = {f"{each}range": f"{each}multirange" for each in ("int4", "int8", "num", "ts", "tstz", "date")}
#: Types whose texts are never read as an array's, which begins with a brace. Those of the first set do not read such a
#: text either: uuid takes braces, and dates and times are looked for behind one.
READ_NO_BRACES = frozenset(
    {"smallint", "integer", "bigint", "oid", "numeric", "real", "double precision", "money", "boolean"}
    | {"bit", "bit varying", "inet", "cidr", "macaddr", "macaddr8", *RANGES}
)
NO_BRACES = READ_NO_BRACES | {"uuid", "date", "interval", *_TIMES}
THROUGH_INTEGER = frozenset(
    {("boolean", "smallint"), ("boolean", "bigint"), ("boolean", "numeric"), ("smallint", "boolean")}
    | {("bigint", "boolean"), ("numeric", "boolean"), ("smallint", "bit")}
)
UNLIMITED_TEXTS = frozenset({"text", "character varying"})
