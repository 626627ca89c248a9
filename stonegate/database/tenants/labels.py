"""The labels of databases on a server: read with other facts, looked for, written."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct
from psycopg import sql

from stonegate.database.connect import Session
from stonegate.model.labels import Label, parse_label, with_label


class DatabaseFacts(Struct, frozen=True, kw_only=True):
    """One database as the server lists it.

    Attributes:
        label: None where its comment is none of ours.
    """

    name: str
    owner: str
    label: Label | None
    is_template: bool = False


async def read_facts(maintenance: Session, names: Iterable[str] | None = None) -> dict[str, DatabaseFacts]:
    """The databases of those names (None: all) that the server has; one round trip."""
    query = (
        "SELECT d.datname, pg_catalog.pg_get_userbyid(d.datdba), pg_catalog.shobj_description(d.oid, 'pg_database'),"
        " d.datistemplate FROM pg_catalog.pg_database AS d WHERE %(names)s::text[] IS NULL"
        " OR d.datname::text = ANY (%(names)s::text[])"
    )
    cursor = await maintenance.execute(query.encode(), {"names": None if names is None else list(names)})
    return {
        row[0]: DatabaseFacts(name=row[0], owner=row[1], label=parse_label(row[2]), is_template=row[3])
        for row in await cursor.fetchall()
    }


async def find_labelled(maintenance: Session, label: Label) -> tuple[str, ...]:
    """The names of the databases with exactly that label; one round trip."""
    cursor = await maintenance.execute(
        "SELECT d.datname FROM pg_catalog.pg_database AS d,"
        " pg_catalog.concat(pg_catalog.shobj_description(d.oid, 'pg_database'), E'\\n') AS comment"
        " WHERE pg_catalog.starts_with(comment, %s) ORDER BY d.datname",
        (f"{label.text}\n",),
    )
    return tuple(name for (name,) in await cursor.fetchall())


async def record_label(conn: Session, database: str, label: Label) -> None:
    """Write the label of a database that stonegate made; the session's role owns it or is a superuser."""
    await conn.execute(label_statement(database, label))


async def relabel(conn: Session, database: str, label: Label) -> None:
    """The same for a database that others made: what they wrote in its comment is kept."""
    cursor = await conn.execute(
        "SELECT pg_catalog.shobj_description(d.oid, 'pg_database') FROM pg_catalog.pg_database AS d"
        " WHERE d.datname = %s",
        (database,),
    )
    ((comment,),) = await cursor.fetchall()
    await conn.execute(_comment_statement(database, with_label(comment, label)))


def label_statement(database: str, label: Label) -> sql.Composed:
    """The statement that writes the label of a database that stonegate makes."""
    return _comment_statement(database, label.text)


def _comment_statement(database: str, comment: str) -> sql.Composed:
    return sql.SQL("COMMENT ON DATABASE {} IS {}").format(sql.Identifier(database), sql.Literal(comment))
