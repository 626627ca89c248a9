"""What the tests of scripts share: psql, what it leaves in the tracking tables, and two releases."""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path
from typing import Any

from stonegate.cli.render.plan_sql import render_script
from stonegate.database.deployment.one_database import plan_database
from stonegate.database.deployment.options import ApplyOptions
from stonegate.model.report import Status
from stonegate.model.tracking import TrackingState
from stonegate.source.lazy import LazySource
from tests.database.folders import applied
from tests.evolution.support import assert_settled, plan, rows
from tests.servers import Database

ONE_TRANSACTION = ("-1", "-v", "ON_ERROR_STOP=1")
RECORDS = (
    "SELECT 'migration', migration_file, checksum, stonegate_checksum, checksum_version, identity, baselined::text, "
    "source_file FROM _stonescriptdb_gateway_migrations UNION ALL "
    "SELECT 'type', type_name, checksum, stonegate_checksum, checksum_version, identity, type_kind, source_file "
    "FROM _stonescriptdb_gateway_types UNION ALL "
    "SELECT 'table', table_name, checksum, stonegate_checksum, checksum_version, identity, '', source_file "
    "FROM _stonescriptdb_gateway_tables UNION ALL "
    "SELECT 'routine', function_name, body_checksum, stonegate_checksum, checksum_version, identity, "
    "signature || param_types::text || return_type, source_file FROM _stonescriptdb_gateway_functions ORDER BY 1, 2, 6"
)
# How many rows a seeder inserted is known to an apply alone.
CHANGES = (
    "SELECT change_type, object_name, replace(change_detail::text, '\"rows\": 1, ', ''), forced "
    "FROM _stonescriptdb_gateway_changelog ORDER BY id"
)
DEPLOYED = "SELECT mode, stamp <> 'script', catalog IS NOT NULL FROM _stonescriptdb_gateway_deployments ORDER BY id"
FIRST = {
    "types/mood.sql": "CREATE TYPE mood AS ENUM ('good', 'bad');",
    "tables/t.sql": "CREATE TABLE t (a int PRIMARY KEY, m mood, legacy text);",
    "views/v.sql": "CREATE VIEW v AS SELECT a FROM t;",
    "functions/f.sql": "CREATE FUNCTION f(x int) RETURNS int LANGUAGE sql AS 'SELECT x';",
    "migrations/1.sql": "UPDATE t SET a = a + 1;",
    "seeders/t.sql": "INSERT INTO t VALUES (1, 'good', 'it''s \\ \"here\"');",
}
SECOND = FIRST | {
    "tables/t.sql": "CREATE TABLE t (a int PRIMARY KEY, m mood, legacy text, b bigint DEFAULT 7);",
    "views/v.sql": "CREATE VIEW v AS SELECT a, b FROM t;",
    "functions/f.sql": "CREATE FUNCTION f(x bigint) RETURNS bigint LANGUAGE sql AS 'SELECT x + 1';",
    "migrations/2.sql": "UPDATE t SET a = a * 100;",
    "seeders/t.sql": "",
}


def run_script(database: Database, script: str, *options: str, fails: bool = False) -> str:
    """What psql says; `options` in place of those that the head of the script names."""
    command = [str(database.server.programs / "psql"), "-X", "-q", *(options or ONE_TRANSACTION), "-f", "-"]
    environment = os.environ | {"PGCLIENTENCODING": "UTF8"}
    done = subprocess.run(
        [*command, database.url], input=script, capture_output=True, text=True, env=environment, timeout=60, check=False
    )
    assert (done.returncode != 0) is fails, done.stderr
    assert done.stdout == ""
    return done.stderr


def script_of(database: Database, source: LazySource, **options: Any) -> str:
    states: list[TrackingState] = []
    planning = plan_database(database.url, source, ApplyOptions(**options), on_state=states.append)
    return render_script(asyncio.run(planning), *states)


def assert_only_verified(database: Database, source: LazySource, tmp_path: Path) -> None:
    """The next apply finds nothing to do, without any flag, and the one after that need not even look."""
    before = rows(database.url, RECORDS)
    changes = rows(database.url, CHANGES)
    report = applied(database.url, source)
    assert report.status is Status.UNCHANGED and report.verified
    assert rows(database.url, RECORDS) == before and rows(database.url, CHANGES) == changes
    assert rows(database.url, DEPLOYED)[-1][1:] == (True, True)
    assert plan(database.url, source).mode.value == "unchanged"
    assert_settled(database, tmp_path / "postgresql")
