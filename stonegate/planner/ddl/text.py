"""Pieces of SQL that several kinds of objects share: storage parameters and sequence options."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from stonegate.model.catalog import SequenceOptions
from stonegate.model.names import quote_ident, quote_literal
from stonegate.planner.diff.sequences import usual_options

FOREIGN_PREFIX = "fdw."
SERVER_PREFIX = "server="
TOAST_PREFIX = "toast."
CATALOG_TABLE = "user_catalog_table"
DEFAULT_TABLESPACE = "pg_default"
DEFAULT_ACCESS_METHOD = 170000  # SET ACCESS METHOD DEFAULT came with PostgreSQL 17

_BARE_VALUE = re.compile(r"-?[0-9]+(\.[0-9]+)?\Z|true\Z|false\Z|on\Z|off\Z|auto\Z")
_CATALOG_TABLE_ON = re.compile(rf"{CATALOG_TABLE}=(t|y|on|1)", re.IGNORECASE)


# --- storage parameters ("fillfactor=70", "toast.autovacuum_enabled=false") -----------------------------------------


def set_options(options: Iterable[str]) -> str:
    """`fillfactor=70, user_catalog_table=true`, for WITH (…) and SET (…)."""
    pairs = (option.partition("=") for option in options)
    return ", ".join(f"{_option_name(name)}={_option_value(value)}" for name, _, value in pairs)


def reset_options(options: Iterable[str]) -> str:
    """`fillfactor, user_catalog_table`, for RESET (…)."""
    return ", ".join(_option_name(option.partition("=")[0]) for option in options)


def option_changes(desired: tuple[str, ...], live: tuple[str, ...]) -> Iterator[str]:
    """`SET (…)` and `RESET (…)` that lead from the live storage parameters to the desired ones."""
    kept = {option.partition("=")[0] for option in desired}
    if changed := tuple(option for option in desired if option not in live):
        yield f"SET ({set_options(changed)})"
    if gone := tuple(option for option in live if option.partition("=")[0] not in kept):
        yield f"RESET ({reset_options(gone)})"


def is_catalog_table(options: Iterable[str]) -> bool:
    """True for a table of which logical decoding reads old rows: PostgreSQL refuses to rewrite it."""
    return any(_CATALOG_TABLE_ON.match(option) for option in options)


def foreign_options(options: Iterable[str]) -> str:
    """`user 'x', "Table" 'y'`: the options of a foreign data wrapper among all, for OPTIONS (…)."""
    pairs = (option.removeprefix(FOREIGN_PREFIX).partition("=") for option in options if is_foreign(option))
    return ", ".join(f"{quote_ident(name)} {quote_literal(value)}" for name, _, value in pairs)


def foreign_option_changes(desired: tuple[str, ...], live: tuple[str, ...]) -> str:
    """`ADD a 'x', SET b 'y', DROP c`; "" if nothing differs."""
    wanted, present = _foreign_pairs(desired), _foreign_pairs(live)
    parts = [
        f"{'SET' if name in present else 'ADD'} {quote_ident(name)} {quote_literal(value)}"
        for name, value in wanted.items()
        if present.get(name) != value
    ]
    return ", ".join((*parts, *(f"DROP {quote_ident(name)}" for name in present if name not in wanted)))


def _foreign_pairs(options: Iterable[str]) -> dict[str, str]:
    pairs = (option.removeprefix(FOREIGN_PREFIX).partition("=") for option in options if is_foreign(option))
    return {name: value for name, _, value in pairs}


def is_foreign(option: str) -> bool:
    """True for an option that belongs to a foreign data wrapper."""
    return option.startswith(FOREIGN_PREFIX)


def own_options(options: tuple[str, ...]) -> tuple[str, ...]:
    """The storage parameters alone, without what a foreign table keeps beside them."""
    return tuple(option for option in options if not is_foreign(option) and not option.startswith(SERVER_PREFIX))


def _option_name(name: str) -> str:
    return ".".join(quote_ident(part) for part in name.split(".", 1))


def _option_value(value: str) -> str:
    return value if _BARE_VALUE.match(value) else quote_literal(value)


def access_method(name: str | None, server: int) -> str:
    """What follows SET ACCESS METHOD; None is the server's default."""
    if name is not None:
        return quote_ident(name)
    return "DEFAULT" if server >= DEFAULT_ACCESS_METHOD else "heap"


# --- sequences ------------------------------------------------------------------------------------------------------


def sequence_clauses(options: SequenceOptions, *, live: SequenceOptions | None = None) -> tuple[str, ...]:
    """The options, the type apart, that differ from the live ones; without `live` from what PostgreSQL chooses."""
    if live is None:
        first = options.minimum if options.increment > 0 else options.maximum
        live = replace(usual_options(options.type, options.increment), increment=1, start=first)
    pairs = zip(every_sequence_clause(options), every_sequence_clause(live), strict=True)
    return tuple(wanted for wanted, present in pairs if wanted != present)


def every_sequence_clause(options: SequenceOptions) -> tuple[str, ...]:
    """All options but the type, as CREATE and ALTER SEQUENCE want them."""
    return (
        f"INCREMENT BY {options.increment}",
        f"MINVALUE {options.minimum}",
        f"MAXVALUE {options.maximum}",
        f"START WITH {options.start}",
        f"CACHE {options.cache}",
        "CYCLE" if options.cycle else "NO CYCLE",
    )
