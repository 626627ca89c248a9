"""Tracking tables with columns narrower than ours, or of other types: the original's, and what people made of them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from stonegate.database.connect import connect, using
from stonegate.database.tracking.history import DoneStep, read_deployments, read_done
from tests.database.folders import applied, write
from tests.database.test_tracking import ORIGINAL
from tests.evolution.scripts import run_script, script_of
from tests.evolution.support import rows, run
from tests.servers import Database

P = "_stonescriptdb_gateway_"
FILES = {
    "tables/users.pssql": "CREATE TABLE users (id int, name text);",
    "functions/add.pssql": "CREATE FUNCTION add(a INT, b INT) RETURNS INT LANGUAGE sql AS 'SELECT b + a';",
    "migrations/001.pssql": "SELECT 1;",
}
PARAMETERS = ", ".join(f"p_{number} timestamp with time zone" for number in range(14))
LABEL = f"busy({', '.join(['timestamp with time zone'] * 14)})"
BUSY = {"functions/busy.pssql": f"CREATE FUNCTION busy({PARAMETERS}) RETURNS int LANGUAGE sql AS 'SELECT 1';"}


@pytest.fixture
def legacy(any_database: Database, tmp_path: Path) -> Database:
    """What the original left, with its varchar columns."""
    raw = write(tmp_path, FILES).tree().migrations[0].raw_checksum
    run(
        any_database.url,
        ORIGINAL,
        f"UPDATE {P}migrations SET checksum = '{raw}'",
        f"DELETE FROM {P}functions WHERE function_name <> 'add'",
        "CREATE TABLE users (id int, name text)",
        "CREATE FUNCTION add(a int, b int) RETURNS int LANGUAGE sql AS 'SELECT a + b'",
    )
    return any_database


@pytest.mark.parametrize("by_script", [False, True], ids=["apply", "script"])
def test_labels_longer_than_the_original_s_columns(legacy: Database, tmp_path: Path, by_script: bool) -> None:
    """Of 255 characters; what a view of somebody's reads can be widened by nobody, and does not stop the rest."""
    run(legacy.url, f"CREATE VIEW by_hand AS SELECT change_type, type_name FROM {P}changelog, {P}types")
    source = write(tmp_path, FILES | BUSY)
    assert len(LABEL) > 255
    if by_script:
        assert run_script(legacy, script_of(legacy, source), "-1", "-v", "ON_ERROR_STOP=1") == ""
    else:
        applied(legacy.url, source)
    assert rows(legacy.url, f"SELECT object_name FROM {P}changelog WHERE object_name LIKE 'busy%'") == [(LABEL,)]


def test_a_limit_of_a_column_of_somebody_else_stays(legacy: Database, tmp_path: Path) -> None:
    run(legacy.url, f"ALTER TABLE {P}changelog ADD COLUMN note varchar(20)")
    applied(legacy.url, write(tmp_path, FILES | BUSY))
    query = f"""SELECT attname FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = attrelid
                 WHERE starts_with(relname, '{P}') AND relkind = 'r' AND atttypid = 'varchar'::regtype
                 AND atttypmod >= 0"""
    assert rows(legacy.url, query) == [("note",)]


def test_types_that_are_as_good(legacy: Database, tmp_path: Path) -> None:
    for table, column in (("migrations", "applied_at"), ("functions", "deployed_at"), ("changelog", "executed_at")):
        run(legacy.url, f"ALTER TABLE {P}{table} ALTER {column} TYPE timestamp")
    run(
        legacy.url,
        f"ALTER TABLE {P}functions ALTER param_types TYPE varchar[], ALTER signature TYPE varchar",
        f"ALTER TABLE {P}changelog ALTER change_detail TYPE json",
    )
    applied(legacy.url, write(tmp_path, FILES))
    second = FILES | {"functions/more.pssql": "CREATE FUNCTION more() RETURNS int LANGUAGE sql AS 'SELECT 1';"}
    applied(legacy.url, write(tmp_path, second))
    done = asyncio.run(_done(legacy.url))
    assert [[step.object_name for step in steps] for _, steps in sorted(done.items())] == [
        ["add(integer, integer)"],
        ["more()"],
    ]


async def _done(url: str) -> Mapping[int, tuple[DoneStep, ...]]:
    async with using(await connect(url)) as conn:
        return await read_done(conn, await read_deployments(conn))
