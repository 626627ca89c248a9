"""Rows that would make a plan fail, found before any step runs, with their count and a key."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from stonegate.database.connect import connect
from stonegate.database.introspect.catalog import read_catalog
from stonegate.database.preflight.findings import read_findings
from stonegate.model.plan import Plan
from stonegate.model.preflight import Finding
from stonegate.model.report import Status
from tests.convergence import catalog_of, snapshot
from tests.database.folders import allowing, applied, apply, write
from tests.evolution.support import plan, run
from tests.programs import OLDEST_AND_NEWEST
from tests.servers import Database, MakeDatabase, Server

BEFORE = """CREATE TABLE users (
    id int PRIMARY KEY, team_id int, name text, email text, amount bigint, price numeric(12,2), "Odd One" text);
CREATE TABLE teams (id int PRIMARY KEY);"""
ROWS = """INSERT INTO teams VALUES (1);
INSERT INTO users VALUES
    (1, 1, 'a', 'x@x', 1, 1.00, 'ok'), (2, NULL, NULL, 'x@x', 3000000000, 123456.00, 'much too long'),
    (3, 9, NULL, NULL, -1, 2.50, NULL), (4, 1, 'd', NULL, 4, 3.00, '');"""


@pytest.fixture(params=[15, 18], ids=lambda major: f"pg{major}")
def filled(request: pytest.FixtureRequest, make_database: MakeDatabase, tmp_path: Path) -> Iterator[Database]:
    """Tables with rows, of which some stand against every change below."""
    server: Server = request.getfixturevalue(f"server{request.param}")
    database = make_database(server)
    applied(database.url, write(tmp_path, {"tables/all.sql": BEFORE}))
    run(database.url, *ROWS.split(";\n"))
    yield database


def look(url: str, made: Plan) -> tuple[Finding, ...]:
    async def read() -> tuple[Finding, ...]:
        conn = await connect(url)
        try:
            return await read_findings(conn, made, await read_catalog(conn))
        finally:
            await conn.close()

    return asyncio.run(read())


@pytest.mark.parametrize(
    ("old", "new", "found", "count", "sample"),
    [
        ("name text", "name text NOT NULL", "users.name", 2, "id = 2"),
        ("email text", "email text UNIQUE", "users.users_email_key", 2, "email = x@x"),
        ("team_id int", "team_id int REFERENCES teams", "users.users_team_id_fkey", 1, "id = 3"),
        ("amount bigint", "amount bigint CHECK (amount > 0)", "users.users_amount_check", 1, "id = 3"),
        ("email text", "email text CHECK (email ~ '^[a-z]{2}@')", "users.users_email_check", 2, "id = 1"),
        ("amount bigint", "amount int", "users.amount", 1, "id = 2"),
        ("numeric(12,2)", "numeric(6,2)", "users.price", 1, "id = 2"),
        ('"Odd One" text', '"Odd One" varchar(5)', 'users."Odd One"', 1, "id = 2"),
        ("email text", "email integer", "users.email", 2, "id = 1"),
        ("email text", "email text, slug text NOT NULL", "users.slug", 4, "id = 1"),
        (
            "(id int PRIMARY KEY);",
            "(id int PRIMARY KEY);\nCREATE UNIQUE INDEX one ON users (team_id);",
            "one",
            2,
            "team_id = 1",
        ),
        (
            "(id int PRIMARY KEY);",
            "(id int PRIMARY KEY);\nCREATE UNIQUE INDEX \"odd (one\" ON users (upper(email || ', )') DESC, (id > 9)) "
            "INCLUDE (amount) NULLS NOT DISTINCT WHERE length(email) = 3;",
            '"odd (one"',
            2,
            "= X@X, ), ((id > 9)) = false",
        ),
    ],
)
def test_a_finding(filled: Database, tmp_path: Path, old: str, new: str, found: str, count: int, sample: str) -> None:
    assert old in BEFORE
    source = write(tmp_path, {"tables/all.sql": BEFORE.replace(old, new)})
    made = plan(filled.url, source, plan=allowing(force=True))
    rows, catalog = snapshot(filled.url), catalog_of(filled.url)
    findings = look(filled.url, made)
    assert [(finding.object, finding.count) for finding in findings] == [(found, count)]
    assert sample in findings[0].sample
    assert snapshot(filled.url) == rows and catalog_of(filled.url) == catalog  # read-only
    report = apply(filled.url, source, plan=allowing(force=True))
    assert report.status is Status.FAILED and report.error is not None
    assert (report.error.sqlstate or "")[:2] in ("22", "23")


SHARED = """CREATE DOMAIN code AS text;
CREATE TABLE parts (id int, value code, day date NOT NULL, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
CREATE TABLE rest PARTITION OF parts DEFAULT;
CREATE TABLE spans (a int, b text) PARTITION BY RANGE (a, lower(b));
CREATE TABLE far PARTITION OF spans DEFAULT;
CREATE TABLE marks (mark text) PARTITION BY LIST (mark);
CREATE TABLE others PARTITION OF marks DEFAULT;"""
PARTED = """INSERT INTO parts VALUES (1, 'a1', '2026-01-01'), (2, 'B22', '2026-02-01'), (3, NULL, '2026-03-01');
INSERT INTO spans VALUES (1, 'A'), (2, 'B'), (2, 'C'), (3, 'A'), (NULL, 'A'); INSERT INTO marks VALUES ('x'), (NULL)"""
CODE = "CREATE DOMAIN code AS text"


@pytest.mark.parametrize(
    ("declared", "found", "count", "sample"),
    [
        (f"{CODE} CHECK (VALUE ~ '^[a-z][0-9]{{1}}$');", "parts.value", 1, "id = 2, day = 2026-02-01"),
        (f"{CODE} NOT NULL;", "parts.value", 1, "id = 3"),
        ("CREATE TABLE p PARTITION OF parts FOR VALUES FROM ('2026-01-15') TO ('2026-03-01');", "p", 1, "id = 2"),
        ("CREATE TABLE p PARTITION OF spans FOR VALUES FROM (2, MINVALUE) TO (2, 'c');", "p", 1, ""),
        ("CREATE TABLE p PARTITION OF spans FOR VALUES FROM (1, 'b') TO (2, MAXVALUE);", "p", 2, ""),
        ("CREATE TABLE p PARTITION OF marks FOR VALUES IN ('y', NULL);", "p", 1, ""),
        ("CREATE TABLE p PARTITION OF marks FOR VALUES IN ('x', 'y');", "p", 1, ""),
    ],
)
def test_a_finding_in_a_domain_or_default_partition(
    any_database: Database, tmp_path: Path, declared: str, found: str, count: int, sample: str
) -> None:
    applied(any_database.url, write(tmp_path, {"tables/all.sql": SHARED}))
    run(any_database.url, *PARTED.split(";"))
    after = SHARED.replace(f"{CODE};", declared) if CODE in declared else SHARED + declared
    source = write(tmp_path, {"tables/all.sql": after})
    (finding,) = look(any_database.url, plan(any_database.url, source))
    assert (finding.object, finding.count) == (found, count) and sample in finding.sample
    report = apply(any_database.url, source, plan=allowing(force=True))
    assert report.error is not None and (report.error.sqlstate or "")[:2] == "23"
    run(any_database.url, "DELETE FROM parts", "DELETE FROM spans", "DELETE FROM marks")
    assert look(any_database.url, plan(any_database.url, source)) == ()
    applied(any_database.url, source, plan=allowing(force=True))


STAYS = """CREATE TABLE stays (id int PRIMARY KEY, room int4range, guest text, during daterange, place box);
CREATE TABLE later () INHERITS (stays);
CREATE TABLE nights (guest text, during daterange);
CREATE DOMAIN code AS text;
CREATE DOMAIN short AS code;
CREATE DOMAIN "Shorter" AS short CHECK (length(VALUE) < 9);
CREATE TABLE codes (id int PRIMARY KEY, a short, b "Shorter");"""
STAYED = """INSERT INTO stays VALUES (1, '[1,2)', 'a', '[2026-01-01,2026-02-01)', '(0,0),(1,1)'),
    (2, '[1,2)', 'b', '[2026-01-10,2026-01-12)', '(5,5),(6,6)'), (3, '[2,4)', 'a', '[2026-01-20,2026-01-21)', NULL),
    (4, '[7,8)', 'c', '[2026-02-01,2026-03-01)', '(0.5,0.5),(2,2)'), (5, '[9,9)', NULL, 'empty', NULL),
    (6, '[10,20)', 'd', '[2027-01-01,2027-01-05)', NULL), (7, '[12,13)', 'd', '[2027-02-01,2027-02-05)', NULL);
INSERT INTO later VALUES (8, '[1,2)', 'a', '[2026-01-01,2026-02-01)', '(0,0),(1,1)');
INSERT INTO nights VALUES ('c', '[2026-02-03,2026-02-27)'), ('c', '[2026-02-20,2026-03-02)'), ('b', NULL);
INSERT INTO codes VALUES (1, 'a', 'b'), (2, 'A', 'b'), (3, 'a', 'B'), (4, NULL, 'c')"""
EXCLUDED = "ALTER TABLE stays ADD CONSTRAINT alone EXCLUDE USING gist"


@OLDEST_AND_NEWEST
@pytest.mark.parametrize(
    ("declared", "found", "count", "sample"),
    [
        (f"{EXCLUDED} (room WITH &&, during WITH &&);", "stays.alone", 2, "id = 1"),
        (f"{EXCLUDED} (during WITH &&);", "stays.alone", 2, "id = 1"),
        (f"{EXCLUDED} (during WITH &&) WHERE (id > 1 AND guest <> ' WHERE (') DEFERRABLE;", None, 0, ""),
        (f"{EXCLUDED} (daterange(lower(during), NULL) WITH &&) WHERE (guest = 'a');", "stays.alone", 2, "id = 1"),
        (f"{EXCLUDED} (place WITH &&);", "stays.alone", 2, "id = 1"),
        (f"{EXCLUDED} (place WITH OPERATOR(pg_catalog.&&), room WITH =);", None, 0, ""),
        (f"{EXCLUDED} (room WITH =, during WITH &&);", "stays.alone", 2, "id = 1"),
        (
            "ALTER TABLE stays ADD CONSTRAINT alone EXCLUDE USING btree (guest WITH =);",
            "stays.alone",
            4,
            "id = 1",
        ),
        ("ALTER TABLE stays ADD CONSTRAINT alone CHECK (id < 8) NO INHERIT;", None, 0, ""),
        ("CREATE UNIQUE INDEX alone ON stays (place) WHERE id IN (1, 8);".replace("place", "guest"), None, 0, ""),
    ],
)
def test_a_finding_of_rows_that_exclude_each_other(
    any_database: Database, tmp_path: Path, declared: str, found: str | None, count: int, sample: str
) -> None:
    applied(any_database.url, write(tmp_path, {"tables/all.sql": STAYS}))
    run(any_database.url, *STAYED.split(";"))
    source = write(tmp_path, {"tables/all.sql": STAYS + declared})
    findings = look(any_database.url, plan(any_database.url, source))
    assert [(finding.object, finding.count) for finding in findings] == ([] if found is None else [(found, count)])
    report = apply(any_database.url, source)
    if found is None:
        assert report.error is None
        return
    assert sample in findings[0].sample
    assert report.error is not None and report.error.sqlstate == "23P01"
    run(any_database.url, "DELETE FROM stays")
    assert look(any_database.url, plan(any_database.url, source)) == ()


@pytest.mark.parametrize(
    ("declared", "found"),
    [
        (
            "CREATE DOMAIN code AS text CHECK (VALUE = lower(VALUE));",
            {("codes.a", 1, "id = 2"), ("codes.b", 1, "id = 3")},
        ),
        ("CREATE DOMAIN code AS text NOT NULL;", {("codes.a", 1, "id = 4")}),
    ],
)
def test_a_finding_in_a_domain_over_the_changed_one(
    any_database: Database, tmp_path: Path, declared: str, found: set[tuple[str, int, str]]
) -> None:
    applied(any_database.url, write(tmp_path, {"tables/all.sql": STAYS}))
    run(any_database.url, *STAYED.split(";"))
    source = write(tmp_path, {"tables/all.sql": STAYS.replace(f"{CODE};", declared)})
    findings = look(any_database.url, plan(any_database.url, source))
    assert {(finding.object, finding.count, finding.sample) for finding in findings} == found
    report = apply(any_database.url, source, plan=allowing(force=True))
    assert report.error is not None and (report.error.sqlstate or "")[:2] == "23"
    run(any_database.url, "DELETE FROM codes WHERE id > 1")
    assert look(any_database.url, plan(any_database.url, source)) == ()
    applied(any_database.url, source, plan=allowing(force=True))


PERIODS = """CREATE EXTENSION btree_gist;
CREATE TABLE stays (id int, guest text, during daterange NOT NULL);
CREATE TABLE nights (guest text, "During" daterange);"""


def test_findings_of_keys_without_overlaps(database: Database, tmp_path: Path) -> None:
    applied(database.url, write(tmp_path, {"tables/all.sql": PERIODS}))
    run(
        database.url,
        "INSERT INTO stays VALUES (1, 'c', '[2026-02-01,2026-03-01)'), (2, 'c', '[2026-03-01,2026-03-05)')",
        """INSERT INTO nights VALUES ('c', '[2026-02-03,2026-03-02)'), ('c', '[2026-03-02,2026-04-02)'),
            ('d', '[2026-02-03,2026-02-04)'), ('c', NULL)""",
    )
    keys = """ALTER TABLE stays ADD UNIQUE (guest, during WITHOUT OVERLAPS);
        ALTER TABLE nights ADD FOREIGN KEY (guest, PERIOD "During") REFERENCES stays (guest, PERIOD during);"""
    source = write(tmp_path, {"tables/all.sql": PERIODS + keys})
    (orphans,) = look(database.url, plan(database.url, source))
    assert (orphans.object, orphans.count) == ('nights."nights_guest_During_fkey"', 2)
    run(database.url, "DELETE FROM nights WHERE \"During\" && '[2026-03-06,2026-03-07)' OR guest = 'd'")
    run(
        database.url,
        "INSERT INTO stays VALUES (3, 'c', '[2026-02-27,2026-03-02)'), (4, 'd', '[2026-02-27,2026-03-02)')",
    )
    (overlaps,) = look(database.url, plan(database.url, source))
    assert overlaps.count == 3 and overlaps.sample == "guest = c, during = [2026-02-01,2026-03-01)"
    run(database.url, "DELETE FROM stays WHERE id = 3")
    assert look(database.url, plan(database.url, source)) == ()
    applied(database.url, source)


def test_what_a_cast_rounds_is_no_finding(filled: Database, tmp_path: Path) -> None:
    run(filled.url, "UPDATE users SET price = 1.5, amount = id % 2")
    table = BEFORE.replace("price numeric(12,2)", "price smallint").replace("amount bigint", "amount boolean")
    source = write(tmp_path, {"tables/all.sql": table})
    assert look(filled.url, plan(filled.url, source, plan=allowing(force=True))) == ()
    applied(filled.url, source, plan=allowing(force=True))


def test_what_the_plan_itself_makes_is_not_asked_with(filled: Database, tmp_path: Path) -> None:
    function = "CREATE FUNCTION slug(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT lower($1)';"
    table = BEFORE + "\nCREATE UNIQUE INDEX one ON users (slug(email));"
    source = write(tmp_path, {"tables/all.sql": table, "functions/slug.sql": function})
    assert look(filled.url, plan(filled.url, source)) == ()


@pytest.mark.parametrize(
    "added",
    [
        "fresh int DEFAULT 1 CHECK (fresh > 0 AND amount IS NOT NULL)",
        "fresh int DEFAULT 1, EXCLUDE USING gist (int8range(amount, fresh) WITH &&)",
        "fresh int DEFAULT 1, EXCLUDE USING gist (int8range(amount, amount) WITH &&) WHERE (fresh > 0)",
        "fresh int REFERENCES teams (other)",
    ],
)
def test_what_the_plan_adds_is_not_asked_for(filled: Database, tmp_path: Path, added: str) -> None:
    table = BEFORE.replace('"Odd One" text', f'"Odd One" text, {added}')
    table = table.replace("teams (id int PRIMARY KEY", "teams (id int PRIMARY KEY, other int UNIQUE")
    source = write(tmp_path, {"tables/all.sql": table})
    assert look(filled.url, plan(filled.url, source)) == ()


def test_nothing_to_say(filled: Database, tmp_path: Path) -> None:
    run(filled.url, "DELETE FROM users WHERE id IN (2, 3)")
    table = BEFORE.replace("name text", "name text NOT NULL").replace("amount bigint", "amount int CHECK (amount > 0)")
    table = table.replace("email text", "email text CHECK (email ~ '^[a-z]{1}@x{1,2}$')")
    source = write(tmp_path, {"tables/all.sql": table.replace("email text", "email text UNIQUE")})
    made = plan(filled.url, source, plan=allowing(force=True))
    assert look(filled.url, made) == ()
    applied(filled.url, source, plan=allowing(force=True))


def test_what_rows_are_not_checked_against_is_no_finding(database: Database, tmp_path: Path) -> None:
    applied(database.url, write(tmp_path / "before", {"tables/all.sql": BEFORE}))
    run(database.url, *ROWS.split(";\n"))
    table = BEFORE.replace("team_id int", "team_id int REFERENCES teams NOT ENFORCED")
    table = table.replace("amount bigint", "amount bigint CHECK (amount > 0) NOT ENFORCED")
    source = write(tmp_path / "after", {"tables/all.sql": table})
    assert look(database.url, plan(database.url, source)) == ()
    applied(database.url, source)
