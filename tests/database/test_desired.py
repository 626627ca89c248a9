"""Where only bodies of routines differ no reference is built, and what is desired is what it would have told."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from stonegate.database.connect import connect, using
from stonegate.database.deployment.one_database import plan_database
from stonegate.database.progress import Progress, Stage
from stonegate.database.reference.build import build_key, obtain_reference
from stonegate.database.server.facts import read_session
from stonegate.database.tracking.state import read_state
from stonegate.model.catalog import Catalog
from stonegate.model.report import ApplyReport, Status
from stonegate.source.lazy import LazySource
from tests.database.folders import USERS, applied, apply, write
from tests.servers import Database, psql

KINDS = {
    "tables/users.sql": USERS,
    "tables/parted.sql": "CREATE TABLE parted (day int) PARTITION BY RANGE (day);\n"
    "CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (7 * 2);",
    "views/v.sql": "CREATE VIEW v AS SELECT id, total(id) FROM users;",
    "functions/total.sql": "CREATE FUNCTION total(i int DEFAULT 1) RETURNS int LANGUAGE sql AS 'SELECT i + <1>';",
    "functions/quoted.sql": "CREATE FUNCTION \"Quoted\"() RETURNS text LANGUAGE sql AS 'SELECT ''it''''s <1>''';",
    "functions/empty.sql": "CREATE OR REPLACE FUNCTION empty() RETURNS void LANGUAGE sql AS $$<2>$$;",
    "functions/tagged.sql": "CREATE FUNCTION tagged() RETURNS text AS $_$BEGIN RETURN '<3>$$ä'; END$_$"
    " LANGUAGE plpgsql;",
    "functions/work.sql": "CREATE PROCEDURE work(INOUT n int) LANGUAGE plpgsql AS $$\r\nBEGIN\r\n  n := <1>; END $$;\n"
    "COMMENT ON PROCEDURE work(int) IS 'works';",
    "functions/remarks.sql": "CREATE FUNCTION remarks() RETURNS int LANGUAGE sql AS 'SELECT 1 -- <1>';",
    "functions/atomic.sql": "CREATE FUNCTION atomic() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT total(2); END;",
    "functions/grown.sql": "CREATE AGGREGATE grown(int) (SFUNC = int4pl, STYPE = int);",
    "functions/touch.sql": "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN <4>; END$$;",
    "triggers/touch.sql": "CREATE TRIGGER touch BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION touch();",
    "seeders/users.sql": "INSERT INTO users VALUES (1, 'one');",
    "migrations/1.sql": "INSERT INTO users SELECT total(7), 'x' WHERE false;",
}
MARKS = (
    {"<1>": "1", "<2>": "", "<3>": "x", "<4>": "NEW"},
    {"<1>": "2", "<2>": "SELECT 1", "<3>": "$function$ $functionx$ $procedure$", "<4>": "OLD"},
)


def filled(files: Mapping[str, str], marks: Mapping[str, str]) -> dict[str, str]:
    """The files with what stands for the marks in them."""
    made = dict(files)
    for mark, text in marks.items():
        made = {path: sql.replace(mark, text) for path, sql in made.items()}
    return made


def deploy(url: str, source: LazySource) -> tuple[ApplyReport, bool]:
    """The report of an apply, and whether it asked for a reference."""
    stages: list[Stage] = []

    def note(progress: Progress) -> None:
        stages.append(progress.stage)

    report = applied(url, source, on_progress=note)
    return report, Stage.REFERENCE in stages


async def recorded_and_built(url: str, source: LazySource) -> tuple[Catalog | None, Catalog]:
    """What the last deployment recorded as declared, and what a reference of the folder holds."""
    async with using(await connect(url)) as conn:
        facts = await read_session(conn)
        key = await build_key(conn, source.tree(), facts, facts.role)
        return (await read_state(conn)).declared, (await obtain_reference(url, source, key)).catalog


def test_other_bodies_alone_need_no_reference(any_database: Database, tmp_path: Path) -> None:
    url = any_database.url
    applied(url, write(tmp_path, filled(KINDS, MARKS[0])))
    for marks in (MARKS[1], MARKS[0]):
        source = write(tmp_path, filled(KINDS, marks))
        report, has_asked = deploy(url, source)
        assert report.status is Status.APPLIED and not has_asked
        recorded, built = asyncio.run(recorded_and_built(url, source))
        assert recorded == built


FUNCTION = "CREATE FUNCTION f(a int) RETURNS int LANGUAGE plpgsql AS $$BEGIN RETURN 1; END$$;"
OTHER_BODY = FUNCTION.replace("RETURN 1", "RETURN 2")
UNCHECKED = "SET check_function_bodies = off;\n"
BEFORE = {"tables/users.sql": USERS, "functions/f.sql": FUNCTION}
#: A bound is evaluated.
BOUND = "CREATE TABLE p (n int) PARTITION BY LIST (n); CREATE TABLE p_f PARTITION OF p FOR VALUES IN (f(1));\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param({}, {"functions/f.sql": OTHER_BODY.replace("AS", "STABLE AS")}, id="head"),
        pytest.param({}, {"functions/f.sql": OTHER_BODY.replace("a int", "b int")}, id="parameter"),
        pytest.param({}, {"functions/f.sql": FUNCTION, "functions/g.sql": FUNCTION.replace(" f", " g")}, id="new"),
        pytest.param({}, {"functions/g.sql": OTHER_BODY, "functions/f.sql": ""}, id="moved"),
        pytest.param({}, {"functions/f.sql": OTHER_BODY.replace("$$", "E'", 1).replace("$$", "'")}, id="escapes"),
        pytest.param({}, {"functions/f.sql": OTHER_BODY, "views/v.sql": "CREATE VIEW v AS SELECT 1;"}, id="view"),
        pytest.param(
            {"functions/f.sql": UNCHECKED + FUNCTION}, {"functions/f.sql": UNCHECKED + OTHER_BODY}, id="unchecked"
        ),
        pytest.param({"tables/p.sql": BOUND}, {"functions/f.sql": OTHER_BODY.replace("2", "1 + 0")}, id="bound"),
        pytest.param(
            {"migrations/1.sql": "-- stonegate: run-on-fresh\nSELECT f(1);"},
            {"functions/f.sql": OTHER_BODY},
            id="migration",
        ),
        pytest.param(
            {"functions/g.sql": "CREATE FUNCTION g() RETURNS int LANGUAGE sql AS 'SELECT 1'\n' + 1';"},
            {"functions/f.sql": OTHER_BODY},
            id="pieces",
        ),
        pytest.param(
            {"functions/f.sql": "CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; END;"},
            {"functions/f.sql": "CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 2; END;"},
            id="atomic",
        ),
    ],
)
def test_all_else_is_built(
    database: Database, tmp_path: Path, before: Mapping[str, str], after: Mapping[str, str]
) -> None:
    applied(database.url, write(tmp_path, BEFORE | before))
    report, has_asked = deploy(database.url, write(tmp_path, BEFORE | before | after))
    assert report.status is Status.APPLIED and has_asked


INLINED = "CREATE FUNCTION inlined(a int) RETURNS int LANGUAGE sql AS 'SELECT a + <body>';\n"
RAISING = "CREATE FUNCTION raising(a int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN <body>; END';\n"
TYPED = "CREATE FUNCTION typed() RETURNS int LANGUAGE plpgsql AS 'DECLARE one <body>; BEGIN RETURN 1; END';\n"
THROUGH = "CREATE FUNCTION through(a int) RETURNS int LANGUAGE sql RETURN raising(a);\n"
POSITIVE = "CREATE FUNCTION ok(a int) RETURNS bool IMMUTABLE LANGUAGE sql AS 'SELECT a > <body>';\n"
PARTED = "CREATE TABLE p (d int) PARTITION BY RANGE (d); CREATE TABLE p_1 PARTITION OF p FOR VALUES FROM (0) TO "


@pytest.mark.parametrize(
    ("routines", "sound", "broken", "rest"),
    [
        pytest.param(INLINED, "1", "random()::int", "CREATE INDEX i ON users (inlined(id));", id="index"),
        pytest.param(
            INLINED,
            "1",
            "random()::int",
            "CREATE TABLE t (a int, b int GENERATED ALWAYS AS (inlined(a)) STORED);",
            id="generated",
        ),
        pytest.param(
            RAISING,
            "1",
            "1/0",
            "CREATE TABLE t (a int); ALTER TABLE t ADD COLUMN b int DEFAULT raising(1);",
            id="column",
        ),
        pytest.param(RAISING, "1", "1/0", "CREATE MATERIALIZED VIEW m AS SELECT raising(1) AS a;", id="materialised"),
        pytest.param(
            RAISING + THROUGH,
            "1",
            "1/0",
            "CREATE VIEW v AS SELECT through(1) AS a; CREATE MATERIALIZED VIEW m AS SELECT a FROM v;",
            id="materialised-view-of-view",
        ),
        pytest.param(
            POSITIVE, "1", "9", f"CREATE DOMAIN d AS int CHECK (ok(VALUE)); {PARTED} ('5'::d);", id="domain-in-bound"
        ),
        pytest.param(
            RAISING,
            "1",
            "1/0",
            "CREATE VIEW v AS SELECT raising(1) AS a;\n"
            f"CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT a FROM v'; {PARTED} (one());",
            id="view-in-bound",
        ),
        pytest.param(TYPED, "users", "v", "CREATE VIEW v AS SELECT typed() AS a;", id="row-of-a-later-view"),
    ],
)
def test_a_body_with_which_the_folder_cannot_be_built_is_refused(
    database: Database, tmp_path: Path, routines: str, sound: str, broken: str, rest: str
) -> None:
    files = BEFORE | {"tables/all.sql": routines + rest}
    applied(database.url, write(tmp_path, filled(files, {"<body>": sound})))
    report = apply(database.url, write(tmp_path, filled(files, {"<body>": broken})))
    assert report.error is not None and "while the folder was built in a reference database" in report.error.details


@pytest.mark.parametrize(
    "was_there",
    [
        "COMMENT ON SCHEMA public IS 'ours'",
        "GRANT CREATE ON SCHEMA public TO PUBLIC",
        "DO $$BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = public', current_database()); END$$",
        "CREATE SCHEMA app; COMMENT ON SCHEMA app IS 'ours'; CREATE SEQUENCE numbers INCREMENT 5",
    ],
    ids=["comment", "right", "search-path", "declared"],
)
def test_what_was_there_before_the_first_deployment_is_no_part_of_what_is_desired(
    any_database: Database, tmp_path: Path, was_there: str
) -> None:
    url = any_database.url
    files = BEFORE | {"tables/there.sql": "CREATE SCHEMA IF NOT EXISTS app; CREATE SEQUENCE IF NOT EXISTS numbers;"}
    psql(url, was_there)
    applied(url, write(tmp_path, files))
    source = write(tmp_path, files | {"functions/f.sql": OTHER_BODY})
    plan = asyncio.run(plan_database(url, source))
    report, _ = deploy(url, source)
    assert report.plan is not None and report.plan.checksum == plan.checksum


@pytest.mark.parametrize(
    "said",
    [
        "GRANT USAGE ON SCHEMA public TO pg_monitor;",
        "CREATE VIEW v AS SELECT f(1);",
        "CREATE INDEX i ON users (lower(email));",
        "REVOKE ALL ON FUNCTION f(int) FROM PUBLIC; ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;",
    ],
    ids=["schema", "view", "index", "revoked"],
)
def test_what_only_mentions_a_routine_needs_no_reference(database: Database, tmp_path: Path, said: str) -> None:
    files = BEFORE | {"views/said.sql": said}
    applied(database.url, write(tmp_path, files))
    for text in (OTHER_BODY, FUNCTION):
        report, has_asked = deploy(database.url, write(tmp_path, files | {"functions/f.sql": text}))
        assert report.status is Status.APPLIED and not has_asked


def test_a_body_that_leans_on_what_was_made_by_hand_is_built(database: Database, tmp_path: Path) -> None:
    applied(database.url, write(tmp_path, BEFORE))
    psql(database.url, "CREATE TABLE mine (a int)")
    report, has_asked = deploy(database.url, write(tmp_path, BEFORE | {"functions/f.sql": OTHER_BODY}))
    assert report.status is Status.APPLIED and has_asked


@pytest.mark.parametrize(
    ("sound", "broken", "line"),
    [
        ("LANGUAGE sql AS $$\nSELECT count(*)\nFROM users$$;", "nobody$$;", 5),
        (
            "SET application_name = '\nAS $function$' LANGUAGE sql AS $$\nSELECT count(*)\nFROM users$$;",
            "nobody$$;",
            6,
        ),
        ("LANGUAGE plpgsql AS $$\nDECLARE one\n users%ROWTYPE; BEGIN RETURN 0; END$$;", "nobody%ROWTYPE", 4),
    ],
    ids=["sql", "sql-tag", "plpgsql"],
)
def test_what_a_body_says_is_tried_by_the_apply_itself(
    database: Database, tmp_path: Path, sound: str, broken: str, line: int
) -> None:
    sound = f"\nCREATE FUNCTION n()\nRETURNS bigint {sound}"
    applied(database.url, write(tmp_path, BEFORE | {"functions/n.sql": sound}))
    source = write(tmp_path, BEFORE | {"functions/n.sql": sound.replace(broken.replace("nobody", "users"), broken)})
    for _ in range(2):
        report = apply(database.url, source)
        assert report.status is Status.FAILED and report.error is not None
        assert report.error.code == "function_deploy_failed"
        assert report.error.message.startswith(f"functions/n.sql:{line}")
        assert report.error.cause == 'relation "nobody" does not exist'
        assert psql(database.url, "SELECT n()") == [(0,)]
