"""The script of `plan --format sql` on a database that has been deployed to."""

from __future__ import annotations

from pathlib import Path

from stonegate.cli.render.plan_sql import render_script
from stonegate.source.lazy import LazySource
from tests.database.folders import applied, write
from tests.evolution.support import plan, rows
from tests.servers import Database, psql


def test_a_routine_comes_before_the_view_that_it_reads(database: Database, tmp_path: Path) -> None:
    def release(kind: str) -> LazySource:
        routine = f"CREATE FUNCTION f(t {kind}) RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM v WHERE id = t';"
        column = f"id {'serial' if kind == 'int' else 'bigserial'} PRIMARY KEY"
        table = {"tables/t.sql": f"CREATE TABLE t ({column});", "functions/f.sql": routine}
        return write(tmp_path, table | {"views/v.sql": "CREATE VIEW v AS SELECT id FROM t;"})

    applied(database.url, release("int"))
    psql(database.url, render_script(plan(database.url, release("bigint"))))
    assert rows(database.url, "SELECT f(1::bigint)") == [(0,)]
