"""Rows of materialised views: refreshed behind the seeders, declared WITH NO DATA, kept where a view is made again."""

from __future__ import annotations

from pathlib import Path

from stonegate.cli.render.plan_sql import render_script
from stonegate.model.plan import Phase, Plan
from tests.convergence import plan_in_full
from tests.database.folders import allowing, applied, write
from tests.evolution.support import assert_settled, changes, plan, rows, run
from tests.servers import Database, psql

#: Views over seeded tables, directly and by way of others; `idle` is over one that no seeder fills.
SEEDED = {
    "tables/t.sql": """CREATE TABLE kinds (code text PRIMARY KEY);
CREATE TABLE items (id int PRIMARY KEY, kind text REFERENCES kinds);
CREATE TABLE parts (id int) PARTITION BY LIST (id);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN (1);""",
    "functions/f.sql": """CREATE FUNCTION codes() RETURNS SETOF text LANGUAGE plpgsql STABLE AS
$$ BEGIN RETURN QUERY SELECT code FROM public.kinds; END $$;""",
    "views/v.sql": """CREATE VIEW plain AS SELECT code FROM kinds;
CREATE MATERIALIZED VIEW above AS SELECT * FROM direct;
CREATE MATERIALIZED VIEW direct AS SELECT code FROM plain;
CREATE UNIQUE INDEX direct_code ON direct (code);
CREATE MATERIALIZED VIEW called AS SELECT * FROM codes() AS c (code);
CREATE MATERIALIZED VIEW whole AS SELECT id FROM parts;
CREATE MATERIALIZED VIEW idle AS SELECT id FROM items;
CREATE MATERIALIZED VIEW waiting AS SELECT code FROM kinds /* big */ WITH NO DATA -- for now
;""",
    "seeders/s.sql": "INSERT INTO kinds VALUES ('a'), ('b');\nINSERT INTO parts_1 VALUES (1);",
}
OTHER = {"tables/other.sql": "CREATE TABLE other (id int PRIMARY KEY);"}
COUNTS = (
    "SELECT (SELECT count(*) FROM direct), (SELECT count(*) FROM above), (SELECT count(*) FROM called),"
    " (SELECT count(*) FROM whole), (SELECT count(*) FROM idle)"
)
UNREAD = "SELECT relname FROM pg_class WHERE relkind = 'm' AND NOT relispopulated"


def refreshed(made: Plan) -> list[str]:
    """The views that the plan refreshes, in order."""
    return [step.key.name for step in made.steps if step.phase is Phase.REFRESHES]


def test_on_a_fresh_database(any_database: Database, tmp_path: Path) -> None:
    url, source = any_database.url, write(tmp_path, SEEDED)
    made = plan(url, source)
    assert refreshed(made) in (["called", "direct", "above", "whole"], ["direct", "above", "called", "whole"])
    applied(url, source)
    assert rows(url, COUNTS) == [(2, 2, 2, 1, 0)] and rows(url, UNREAD) == [("waiting",)]
    assert not plan_in_full(url, tmp_path / "postgresql").has_changes


def test_on_an_existing_database(any_database: Database, tmp_path: Path) -> None:
    url = any_database.url
    applied(url, write(tmp_path, OTHER))
    migration = {"migrations/1.sql": "INSERT INTO other VALUES (1);"}
    source = write(tmp_path, OTHER | SEEDED | migration)
    made = plan(url, source)
    assert sorted(refreshed(made)) == ["above", "called", "direct", "whole"]
    assert refreshed(made).index("direct") < refreshed(made).index("above")
    applied(url, source)
    assert rows(url, COUNTS) == [(2, 2, 2, 1, 0)] and rows(url, UNREAD) == [("waiting",)]
    assert_settled(any_database, tmp_path / "postgresql")


def test_by_a_script(database: Database, tmp_path: Path) -> None:
    script = render_script(plan(database.url, write(tmp_path, SEEDED)))
    psql(database.url, script)
    assert rows(database.url, COUNTS) == [(2, 2, 2, 1, 0)]


def test_views_that_are_there_are_left_to_those_who_refresh_them(database: Database, tmp_path: Path) -> None:
    url = database.url
    empty = SEEDED | {"seeders/s.sql": "INSERT INTO items VALUES (1);"}
    applied(url, write(tmp_path, empty))
    more = empty | {"views/w.sql": "CREATE MATERIALIZED VIEW late AS SELECT id FROM items;"}
    more["seeders/s.sql"] += "INSERT INTO items VALUES (2);"
    source = write(tmp_path, more)
    assert refreshed(plan(url, source)) == []  # rows are only looked up
    applied(url, source, plan=allowing(seed_missing=True))
    assert rows(url, "SELECT count(*) FROM late") == [(2,)] and rows(url, "SELECT count(*) FROM idle") == [(1,)]


def test_what_is_declared_without_rows_may_get_them(any_database: Database, tmp_path: Path) -> None:
    url = any_database.url
    applied(url, write(tmp_path, OTHER))
    view = "CREATE MATERIALIZED VIEW v AS SELECT {} FROM other WITH NO DATA;"
    source = write(tmp_path, OTHER | {"views/v.sql": view.format("id")})
    applied(url, source)
    assert rows(url, UNREAD) == [("v",)]
    run(url, "INSERT INTO other VALUES (1)", "REFRESH MATERIALIZED VIEW v")
    assert not plan_in_full(url, tmp_path / "postgresql").has_changes
    # Made again it can be read as before.
    applied(url, write(tmp_path, OTHER | {"views/v.sql": view.format("id, 2 AS two")}))
    assert rows(url, "SELECT * FROM v") == [(1, 2)]


def test_what_cannot_be_read_any_more_is_refreshed(any_database: Database, tmp_path: Path) -> None:
    url = any_database.url
    views = "CREATE MATERIALIZED VIEW z AS SELECT id FROM other;\nCREATE MATERIALIZED VIEW a AS SELECT id FROM z;"
    source = write(tmp_path, OTHER | {"views/v.sql": views})
    applied(url, source)
    run(url, "REFRESH MATERIALIZED VIEW a WITH NO DATA", "REFRESH MATERIALIZED VIEW z WITH NO DATA")
    made = plan(url, source)
    assert changes(made) == {"alter materialized view a populated", "alter materialized view z populated"}
    applied(url, source)
    assert rows(url, UNREAD) == []


def test_the_script_of_a_view_without_rows(database: Database, tmp_path: Path) -> None:
    applied(database.url, write(tmp_path, OTHER))
    view = {"views/v.sql": "CREATE MATERIALIZED VIEW v AS SELECT 1 AS one WITH NO DATA;"}
    psql(database.url, render_script(plan(database.url, write(tmp_path, OTHER | view))))
    assert rows(database.url, UNREAD) == [("v",)]
