"""Settings that a database or a role has for its applications change neither what is read nor what a folder means."""

from __future__ import annotations

import asyncio
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from stonegate.database.status import status_database
from tests.convergence import between, catalog_of, plan_in_full
from tests.database.folders import applied, write
from tests.evolution.support import rows, run
from tests.programs import OLDEST_AND_NEWEST
from tests.servers import Database, MakeDatabase

#: Constants whose printing or reading depends on a setting, in every place that holds an expression.
FILES = {
    "types/parts.sql": r"""CREATE DOMAIN pause AS interval DEFAULT '-1 day 02:03:04'
    CHECK (VALUE > '-1 mon 2 days'::interval);
CREATE DOMAIN blob AS bytea DEFAULT '\xdead' CHECK (VALUE <> '\x00'::bytea);""",
    "tables/parts.sql": r"""CREATE TABLE part (
    id int PRIMARY KEY, label text DEFAULT 'back\slash' CHECK (label ~ '^\w'), born date DEFAULT '2025-03-04',
    at timestamptz DEFAULT '2025-03-04 05:06:07+02' CHECK (at > '2001-02-03 04:05:06+00'),
    spell interval DEFAULT '1 year -3 days 04:05:06.7' CHECK (spell > '-2 days 3 hours'),
    image blob, size float8 DEFAULT 0.1 CHECK (size <> '0.30000000000000004'::float8), small real DEFAULT '1.1',
    tags text[] DEFAULT '{NULL,a}', waits pause, "order" text GENERATED ALWAYS AS (replace(label, '\', '/')) STORED);
CREATE INDEX part_recent ON part (id) WHERE born > '2020-02-03' AND spell < '1 day' AND label LIKE '\_%';
CREATE STATISTICS part_numbers ON (born > '2020-02-03'), (spell + '1 day') FROM part;
ALTER TABLE part ENABLE ROW LEVEL SECURITY;
CREATE POLICY recent ON part USING (born > '2020-01-02' AND image <> '\x02');
CREATE TABLE event (born date, tz timestamptz) PARTITION BY RANGE (born);
CREATE TABLE event_1 PARTITION OF event FOR VALUES FROM ('2025-01-02') TO ('2025-12-31');
CREATE TABLE spell (of interval) PARTITION BY LIST (of);
CREATE TABLE spell_1 PARTITION OF spell FOR VALUES IN ('1 day -2 hours', '3 mons');
CREATE TABLE image (of bytea) PARTITION BY LIST (of);
CREATE TABLE image_1 PARTITION OF image FOR VALUES IN ('\x0102', '\xff');
CREATE RULE kept AS ON DELETE TO event WHERE OLD.born > '2020-02-03' DO INSTEAD NOTHING;""",
    "views/parts.sql": r"""CREATE VIEW constants AS SELECT id, interval '1 day -2 hours' AS spell,
    date '2025-03-04' AS born, '\x01'::bytea AS image, 0.1::float8 AS size, '\d' AS digit, "order"
    FROM part WHERE born > '2020-02-03';
CREATE MATERIALIZED VIEW spells AS SELECT id, '1 day'::interval AS spell FROM part;""",
    "functions/parts.sql": r"""CREATE FUNCTION say(spell interval DEFAULT '-1 day 2 hours', image bytea DEFAULT '\x01')
    RETURNS text LANGUAGE plpgsql SET datestyle = 'ISO, DMY' AS $$ BEGIN RETURN 'x\y' || spell; END $$;
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE FUNCTION spell() RETURNS interval LANGUAGE sql BEGIN ATOMIC SELECT interval '1 day -02:00'; END;
CREATE AGGREGATE joined(text) (SFUNC = textcat, STYPE = text, INITCOND = 'a\b');""",
    "triggers/parts.sql": r"""CREATE TRIGGER touched BEFORE UPDATE ON part FOR EACH ROW
    WHEN (NEW.born > '2020-02-03' AND NEW.spell > '1 day') EXECUTE FUNCTION touch('a\b');""",
    "seeders/parts.sql": r"""INSERT INTO part (id, label, born, spell, image, tags) VALUES
    (1, 'a\b', '2025-03-04', '1 day', '\x05', '{NULL,x}'), (2, 'c', '2025-12-31', '-1 day 2 hours', '\x06', NULL);""",
}
NEXT = FILES | {
    "tables/parts.sql": FILES["tables/parts.sql"]
    .replace("'1 year -3 days", "'2 years -3 days")
    .replace("born date DEFAULT '2025-03-04'", "born date DEFAULT '2026-05-04'")
    .replace(r"back\slash", r"back\\slash")
    .replace("{NULL,a}", "{NULL,NULL}")
    + "\nCREATE TABLE event_2 PARTITION OF event FOR VALUES FROM ('2026-02-01') TO ('2026-03-12');"
    "\nCREATE TABLE later (spell interval DEFAULT '-1 mon 1 day', label text DEFAULT 'a\\b');",
    "views/parts.sql": FILES["views/parts.sql"].replace("1 day -2 hours", "2 days -2 hours"),
    "functions/parts.sql": FILES["functions/parts.sql"].replace(r"x\y", r"x\\z"),
}
ODD = (
    "datestyle = 'German'",
    "intervalstyle = 'sql_standard'",
    "timezone = 'Asia/Kolkata'",
    "bytea_output = 'escape'",
    "extra_float_digits = -5",
    "quote_all_identifiers = on",
    "standard_conforming_strings = off",
    "backslash_quote = off",
    "array_nulls = off",
    "transform_null_equals = on",
    "xmloption = 'document'",
    "row_security = off",
    "check_function_bodies = off",
    "default_transaction_read_only = on",
    "default_transaction_isolation = 'serializable'",
    "statement_timeout = '1ms'",
    "idle_in_transaction_session_timeout = '1ms'",
    "client_min_messages = 'debug5'",
    "plpgsql.extra_errors = 'all'",
    "jit_above_cost = 0",
)
#: Transactions that last longer than they may, and no statement in between that needs as long on a busy machine.
LIMIT, LONG = "transaction_timeout = '200ms'", "SELECT pg_sleep(0.25);"
SEEDS = "SELECT id, label, born, spell, image, tags FROM part ORDER BY id"


@pytest.fixture(params=["database", "role"])
def odd(request: pytest.FixtureRequest, any_database: Database) -> tuple[str, tuple[str, ...]]:
    """The URL of an empty database, and the statements that give it, or the role of that URL, the settings."""
    url = any_database.url
    settings = (*ODD, LIMIT) if any_database.server.major >= 17 else ODD
    if request.param == "database":
        subject = sql.SQL("DATABASE {}").format(sql.Identifier(any_database.name)).as_string()
        return url, tuple(f"ALTER {subject} SET {setting}" for setting in settings)
    role = f"odd_{any_database.name}"
    run(any_database.server.admin_url, f"CREATE ROLE {role} SUPERUSER LOGIN")
    url = any_database.server.url(any_database.name, role)
    return url, tuple(f"ALTER ROLE {role} SET {setting}" for setting in settings)


@OLDEST_AND_NEWEST
def test_what_is_deployed_is_the_same_under_any_settings(
    odd: tuple[str, tuple[str, ...]], any_database: Database, make_database: MakeDatabase, tmp_path: Path
) -> None:
    url, settings = odd
    run(any_database.server.admin_url, *settings)
    usual = make_database(any_database.server)
    applied(usual.url, write(tmp_path, FILES))
    applied(url, write(tmp_path, FILES | {"migrations/1.sql": f"-- stonegate: run-on-fresh\n{LONG}"}))
    assert differences_of(usual.url, url) == []
    assert rows_of(url) == rows_of(usual.url)
    assert not plan_in_full(url, tmp_path / "postgresql").has_changes
    assert asyncio.run(status_database(url)).drift == ()


@OLDEST_AND_NEWEST
def test_settings_that_came_later_are_no_drift(
    odd: tuple[str, tuple[str, ...]], any_database: Database, make_database: MakeDatabase, tmp_path: Path
) -> None:
    url, settings = odd
    applied(url, write(tmp_path, FILES))
    run(any_database.server.admin_url, *settings)
    assert not plan_in_full(url, tmp_path / "postgresql").has_changes
    assert asyncio.run(status_database(url)).drift == ()
    applied(url, write(tmp_path, NEXT | {"migrations/1.sql": LONG}))
    assert not plan_in_full(url, tmp_path / "postgresql").has_changes
    fresh = make_database(any_database.server)
    applied(fresh.url, write(tmp_path, NEXT))
    assert differences_of(fresh.url, url) == []


def test_settings_of_a_migration_end_with_it(any_database: Database, tmp_path: Path) -> None:
    url = any_database.url
    files = {"tables/t.sql": "CREATE TABLE t (id int, spell interval DEFAULT '-1 day 2 hours');"}
    applied(url, write(tmp_path, files))
    migration = "SET intervalstyle = 'sql_standard';\nSET bytea_output = 'escape';\nINSERT INTO t VALUES (1);"
    changed = {"tables/t.sql": files["tables/t.sql"].replace("hours'", "hours', image bytea DEFAULT '\\x5c'")}
    applied(url, write(tmp_path, changed | {"migrations/1.sql": migration}))
    assert not plan_in_full(url, tmp_path / "postgresql").has_changes


def test_the_encoding_of_a_migration_ends_with_it(any_database: Database, tmp_path: Path) -> None:
    url = any_database.url
    applied(url, write(tmp_path, {"tables/t.sql": "CREATE TABLE t (id int);"}))
    routine = "CREATE FUNCTION größe() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN 'ß €'; END $$;"
    files = {"functions/f.sql": routine, "migrations/1.sql": "SET client_encoding = 'LATIN1';\nSELECT 1;"}
    applied(url, write(tmp_path, {"tables/t.sql": "CREATE TABLE t (id int, größe text);"} | files))
    assert not plan_in_full(url, tmp_path / "postgresql").has_changes
    assert rows(url, "SELECT größe()") == [("ß €",)]
    recorded = rows(url, "SELECT function_name FROM _stonescriptdb_gateway_functions")
    assert recorded == [("größe",)]


def differences_of(fresh: str, url: str) -> list[str]:
    """What differs but for owners."""
    return [found for found in between(catalog_of(fresh), catalog_of(url)) if " owner (" not in found]


def rows_of(url: str) -> list[tuple[object, ...]]:
    """The seeded rows, read under plain settings."""
    plain = "-c statement_timeout=0 -c datestyle=ISO -c intervalstyle=postgres -c bytea_output=hex"
    with psycopg.connect(url, autocommit=True, options=plain) as conn:
        if conn.info.server_version >= 170000:  # unknown to older ones
            conn.execute("SET transaction_timeout = 0")
        return conn.execute(SEEDS).fetchall()
