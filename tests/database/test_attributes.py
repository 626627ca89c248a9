"""Every attribute of an object that PostgreSQL keeps, changed by hand, is seen in the catalog and moves the stamp.

Left out on purpose: owners and rights that no folder named; only declared ones are ensured (behaviour, §1).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from stonegate.database.connect import Session, connect
from stonegate.database.introspect import catalog
from stonegate.database.introspect.catalog import read_stamped
from stonegate.database.introspect.fetch import statements
from stonegate.database.introspect.rows import AggregateRows, OtherRows, Rows
from stonegate.planner.diff import differences
from tests.programs import OLDEST_AND_NEWEST
from tests.servers import MakeDatabase, Server

HERE = Path(__file__).parent


def changes(major: int) -> Iterator[str]:
    """The statements that a version knows."""
    for line in (HERE / "attribute_changes.sql").read_text().splitlines()[1:]:
        version, _, statement = line.removeprefix("-- ").partition(": ") if line.startswith("-- ") else ("15", "", line)
        if major >= int(version):
            yield statement


async def prepare_reading(conn: Session, patch: pytest.MonkeyPatch) -> None:
    """Let the session keep the plans of what reads a catalog: planning takes as long as reading."""
    prepared: dict[type, list[str]] = {}
    for kind in (Rows, OtherRows, AggregateRows):
        for number, text in enumerate(statements(kind)):
            await conn.execute(f"PREPARE {kind.__name__}_{number} AS {text}".encode())
            prepared.setdefault(kind, []).append(f"EXECUTE {kind.__name__}_{number}")
    patch.setattr(catalog, "statements", prepared.__getitem__)


@OLDEST_AND_NEWEST
async def test_each_attribute_is_seen(
    any_server: Server, make_database: MakeDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = make_database(any_server)
    database.rows((HERE / "attributes.sql").read_text())
    async with await connect(database.url, autocommit=False) as conn:
        await conn.execute("SET search_path = public")
        await prepare_reading(conn, monkeypatch)
        await conn.commit()
        before = await read_stamped(conn)
        unseen: list[str] = []
        for statement in changes(any_server.major):
            await conn.rollback()
            await conn.execute(statement.encode())
            after = await read_stamped(conn)
            found = differences(before.catalog, after.catalog, declared=before.catalog)
            if not (found.changes or found.unmanaged or found.notes) or after.stamp == before.stamp:
                unseen.append(statement)
        await conn.rollback()
    assert unseen == []
