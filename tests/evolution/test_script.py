"""The script of `plan --format sql` on a database that has been deployed to."""

from __future__ import annotations

from pathlib import Path

from stonegate.cli.render.plan_sql import render_script
from stonegate.source.lazy import LazySource
from tests.database.folders import allowing, applied, write
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


def test_its_head_says_what_records_it(database: Database, tmp_path: Path) -> None:
    """A plain apply behind a script with migrations ran these a second time."""
    first = {"tables/t.sql": "CREATE TABLE t (a int);", "functions/f.sql": ""}
    second = first | {"migrations/1.sql": "UPDATE t SET a = a * 100;"}
    third = second | {"functions/f.sql": "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';"}
    applied(database.url, write(tmp_path, first))
    psql(database.url, "INSERT INTO t VALUES (1)")
    for files, baseline in ((second, True), (third, False)):
        folder = write(tmp_path, files)
        script = render_script(plan(database.url, folder))
        assert ("afterwards: stonegate apply --baseline" in script) is baseline
        psql(database.url, script)
        applied(database.url, folder, plan=allowing(baseline=baseline))
        assert rows(database.url, "SELECT a FROM t") == [(100,)]
