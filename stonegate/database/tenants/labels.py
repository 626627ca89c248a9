"""The label of a database: whose it is, as compact JSON in its comment, so that the server alone tells the owner."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from psycopg import sql

from stonegate.database.connect import Session

LABEL_VERSION = 1
_KEY = "stonegate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """Platform, schema (None for v1) and tenant (None for a platform's own database) that a database belongs to.

    Attributes:
        unfinished: it is being made; a database that stays so may be removed by whoever holds the lock on its name.
    """

    platform: str
    schema: str | None = None
    tenant: str | None = None
    unfinished: bool = False

    @property
    def text(self) -> str:
        """The comment."""
        facts: dict[str, Any] = {_KEY: LABEL_VERSION, "platform": self.platform}
        facts |= {"schema": self.schema, "tenant": self.tenant}
        if self.unfinished:
            facts["unfinished"] = True
        return json.dumps(facts, ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseFacts:
    """One database as the server lists it.

    Attributes:
        label: None where its comment is none of ours.
    """

    name: str
    owner: str
    label: Label | None
    is_template: bool = False


def parse_label(comment: str | None) -> Label | None:
    """The label in a comment, or None if the comment says something else."""
    if comment is None or not comment.startswith("{"):
        return None
    try:
        facts = json.loads(comment)
    except ValueError:
        return None
    if not isinstance(facts, dict) or _KEY not in facts or not isinstance(facts.get("platform"), str):
        return None
    schema, tenant = facts.get("schema"), facts.get("tenant")
    return Label(
        platform=facts["platform"],
        schema=schema if isinstance(schema, str) else None,
        tenant=tenant if isinstance(tenant, str) else None,
        unfinished=facts.get("unfinished") is True,
    )


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
        "SELECT d.datname FROM pg_catalog.pg_database AS d"
        " WHERE pg_catalog.shobj_description(d.oid, 'pg_database') = %s ORDER BY d.datname",
        (label.text,),
    )
    return tuple(name for (name,) in await cursor.fetchall())


async def record_label(conn: Session, database: str, label: Label) -> None:
    """Write the label; the session's role owns the database or is a superuser."""
    await conn.execute(label_statement(database, label))


def label_statement(database: str, label: Label) -> sql.Composed:
    """The statement that writes a label."""
    return sql.SQL("COMMENT ON DATABASE {} IS {}").format(sql.Identifier(database), sql.Literal(label.text))
