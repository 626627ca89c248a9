"""What to do about rows that do not fit what is declared, and about partitions that do not fit beside each other."""

from __future__ import annotations

import re

import psycopg

from stonegate.model.names import QualifiedName, quote_ident
from stonegate.model.plan import Action, Statement, Step

_ATTACHED_BY_HASH = re.compile(r"ALTER TABLE (.+) ATTACH PARTITION (.+) FOR VALUES WITH \(modulus")
#: The function of the server that says "partition … would overlap partition …", in whatever language.
_BOUNDS_CHECKED = "check_new_partition_bound"
_PARENT = re.compile(r'(?:PARTITION OF|ALTER TABLE) ((?:"(?:[^"]|"")+"|[\w$.])+)')
_OVERLAPPED = re.compile(r'would overlap partition "(.+)"')


def hint_for_rows(error: psycopg.Error, step: Step | None, statement: Statement | None) -> str | None:
    """What to do about rows and values that do not fit, and partitions that do not."""
    diag = error.diag
    attached = _ATTACHED_BY_HASH.match(statement.sql) if statement is not None else None
    if diag.source_function == _BOUNDS_CHECKED and statement is not None:
        return _giving_way_to(statement.sql, diag.message_primary)
    table = QualifiedName(diag.schema_name or "public", diag.table_name or "").sql if diag.table_name else "the table"
    match error.sqlstate:
        case "23502" if diag.column_name:
            if (planned := _planned_hint(step, "not_null", diag.column_name)) is not None:
                return planned
            column = quote_ident(diag.column_name)
            return f"fill it first, in a migration: UPDATE {table} SET {column} = … WHERE {column} IS NULL;"
        case "23505" if diag.schema_name == "pg_catalog":
            return "another session made an object of that name in the same moment: plan again"
        case "23505":
            return f"remove the duplicates of {table} first, in a migration"
        case "23503" if (diag.message_primary or "").startswith("removing partition"):
            return (
                f"rows of {table} refer to those of the partition: write ALTER TABLE {table} DROP CONSTRAINT …; above "
                "this, in a migration, and the declared key comes back behind it; or remove these rows first"
            )
        case "23503":
            return f"remove or repair the rows of {table} that point nowhere first, in a migration"
        case "23514" if attached is not None and diag.table_name:
            return _spreading_rows_of(attached[1], attached[2], diag.table_name)
        case "23514" if "partition constraint" in (diag.message_primary or ""):
            return _moving_rows_out_of(table)
        case "22023" if (diag.message_primary or "").startswith("RESTART value"):
            return (
                "its next value is out of the new bounds: in a migration, ALTER SEQUENCE … RESTART WITH … (of an "
                "identity column ALTER TABLE … ALTER COLUMN … RESTART WITH …); or widen the bounds"
            )
        case "23514":
            return f"correct the rows of {table} first, in a migration, or the declaration"
        case "22001" | "22003" | "22007" | "22008" | "22P02" if step is not None and step.action is Action.ALTER:
            usual = "`stonegate plan --preflight` names the rows: correct them first, in a migration"
            return _planned_hint(step, "type") or usual
        case _:
            return None


def _planned_hint(step: Step | None, aspect: str, column: str | None = None) -> str | None:
    """What the plan says of a column that loses room: of this one, or of any where PostgreSQL names none."""
    changes = step.changes if step is not None else ()
    hints = (each.hint for each in changes if each.aspect in (aspect, "") and column in (None, each.key.member))
    return next(filter(None, hints), None)


def _moving_rows_out_of(partition: str) -> str:
    return (
        f"move the rows in a migration: ALTER TABLE … DETACH PARTITION {partition}; CREATE TABLE … PARTITION OF …; "
        f"WITH moved AS (DELETE FROM {partition} WHERE … RETURNING *) INSERT INTO … SELECT * FROM moved; "
        f"ALTER TABLE … ATTACH PARTITION {partition} …, as declared"
    )


def _spreading_rows_of(table: str, partition: str, name: str) -> str:
    """Another modulus or remainder: rows go to any of the partitions (manual: CREATE TABLE, WITH (MODULUS …))."""
    former = quote_ident(f"former_{name}")
    return (
        f"spread the rows in a migration: for each partition whose bounds change, ALTER TABLE {table} DETACH PARTITION "
        f"{partition}; ALTER TABLE {partition} RENAME TO {former}; then CREATE TABLE … PARTITION OF {table} FOR VALUES "
        f"WITH (…) for all that are declared; INSERT INTO {table} SELECT * FROM {former}; DROP TABLE {former}, which "
        f"needs -- stonegate: allow drop_table {former}"
    )


def _giving_way_to(sql: str, message: str | None) -> str | None:
    """The folder built without this in the reference database: a partition that somebody made by hand is in the way."""
    parent, other = _PARENT.search(sql), _OVERLAPPED.search(message or "")
    if parent is None:
        return None
    name = quote_ident(other[1]) if other is not None else "…"
    return (
        f"if {name} was made by hand, move its rows in a migration: ALTER TABLE {parent[1]} DETACH PARTITION {name}; "
        f"then CREATE TABLE … PARTITION OF {parent[1]} …, as declared; INSERT INTO {parent[1]} SELECT * FROM {name}; "
        f"DROP TABLE {name}, which needs -- stonegate: allow drop_table {name}; or declare {name}, with bounds beside "
        "which the others have room"
    )
