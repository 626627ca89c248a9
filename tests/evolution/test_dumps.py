"""What pg_dump writes is a folder: it takes over the database that it came from, and builds an equal one."""

from __future__ import annotations

import subprocess
from pathlib import Path

from stonegate.database.deployment.options import ApplyOptions
from stonegate.model.plan import PlanOptions
from stonegate.model.report import Status
from tests.convergence import between, catalog_of, deploy, plan_in_full
from tests.servers import Database, MakeDatabase

LIVE = """
CREATE SCHEMA shop;
CREATE TYPE shop.state AS ENUM ('open', 'paid');
CREATE TABLE shop.customers (id serial PRIMARY KEY, email varchar(40) NOT NULL, state shop.state DEFAULT 'open');
CREATE TABLE shop.orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer integer REFERENCES shop.customers,
    kind varchar(5) CHECK (kind IN ('a', 'b'))
);
CREATE TABLE log (day date NOT NULL, note text) PARTITION BY RANGE (day);
CREATE TABLE log_2030 PARTITION OF log FOR VALUES FROM ('2030-01-01') TO ('2031-01-01');
CREATE INDEX log_day ON log (day);
CREATE INDEX log_note ON ONLY log (note);
CREATE INDEX log_2030_by_note ON log_2030 (note);
ALTER INDEX log_note ATTACH PARTITION log_2030_by_note;
CREATE VIEW shop.totals AS SELECT customer, count(*) FROM shop.orders GROUP BY customer;
CREATE FUNCTION shop.stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TRIGGER stamped BEFORE UPDATE ON shop.orders FOR EACH ROW EXECUTE FUNCTION shop.stamp();
GRANT SELECT ON shop.orders TO PUBLIC;
REVOKE DELETE ON shop.customers FROM CURRENT_USER;
ALTER DEFAULT PRIVILEGES IN SCHEMA shop GRANT SELECT ON TABLES TO PUBLIC;
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES REVOKE ALL ON SEQUENCES FROM CURRENT_USER;
CREATE TABLE shop.later (id integer);
"""


def test_a_dump_takes_over_its_database(any_database: Database, make_database: MakeDatabase, tmp_path: Path) -> None:
    any_database.rows(LIVE)
    program = any_database.server.programs / "pg_dump"
    dump = subprocess.run([program, "--schema-only", any_database.url], capture_output=True, check=True)
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "dump.sql").write_bytes(dump.stdout)

    report = deploy(any_database.url, tmp_path, ApplyOptions(plan=PlanOptions(baseline=True)))
    assert report.status is Status.UNCHANGED, report.error
    again = plan_in_full(any_database.url, tmp_path)
    assert not again.has_changes, [step.sql for step in again.steps]
    assert not again.blocked

    fresh = make_database(any_database.server)
    built = deploy(fresh.url, tmp_path)
    assert built.status is Status.APPLIED, built.error
    assert between(catalog_of(fresh.url), catalog_of(any_database.url)) == []
    assert between(catalog_of(any_database.url), catalog_of(fresh.url)) == []


def test_index_of_a_parent_alone_is_told_of(any_database: Database, tmp_path: Path) -> None:
    """PostgreSQL makes shares of it as partitions join; on a new database none is there."""
    (tmp_path / "tables").mkdir()
    file = tmp_path / "tables" / "p.sql"
    file.write_text("CREATE TABLE t (id integer);")
    assert deploy(any_database.url, tmp_path).status is Status.APPLIED
    file.write_text(
        "CREATE TABLE p (n integer) PARTITION BY LIST (n);"
        "CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1);"
        "CREATE INDEX p_n ON ONLY p (n);"
    )
    assert plan_in_full(any_database.url, tmp_path).warnings == (
        "table p1 gets an index for p_n, which is ON ONLY p in the folder",
    )
