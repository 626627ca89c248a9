"""Traps that the owner of a database sets in the tracking tables for a superuser who deploys to it, or only looks."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Coroutine, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest

from stonegate.database.connect import connect, using
from stonegate.database.deployment.one_database import apply_plan, plan_database
from stonegate.database.failures.explain import UNSAFE
from stonegate.database.server.trust import note_trust
from stonegate.database.status import diff_database, read_standing, status_database
from stonegate.database.tracking.guard import require_safe
from stonegate.database.tracking.history import DeploymentEntry, HistoryEntry, read_deployments, read_done, read_history
from stonegate.database.tracking.tables import ensure_tracking
from stonegate.errors import UnsafeRecords
from stonegate.model.report import Status
from stonegate.source.lazy import LazySource
from tests.database.folders import allowing, applied, apply, write
from tests.evolution.original import OWN_COLUMNS, TRACKING
from tests.evolution.scripts import run_script, script_of
from tests.programs import MAJORS
from tests.servers import Database, MakeDatabase, Server, psql

FIRST = {
    "tables/t.sql": "CREATE TABLE t (a int PRIMARY KEY);",
    "functions/f.sql": "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';",
    "functions/g.sql": "CREATE FUNCTION g() RETURNS int LANGUAGE sql AS 'SELECT 1';",
}
SECOND = {
    "tables/t.sql": "CREATE TABLE t (a int PRIMARY KEY, b text);",
    "functions/f.sql": "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 2';",
    "functions/h.sql": "CREATE FUNCTION h() RETURNS int LANGUAGE sql AS 'SELECT 1';",
    "migrations/1.sql": "UPDATE t SET b = 'x';",
}
#: What they run leaves a number of `ran` behind, also where it is rolled back.
EVIL = """
CREATE SEQUENCE ran;
CREATE FUNCTION evil(x int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN
    IF current_user <> '{owner}' THEN PERFORM nextval('public.ran'); END IF; RETURN x; END $$;
CREATE FUNCTION spy() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    PERFORM public.evil(1); RETURN coalesce(new, old); END $$;
"""
P = "public._stonescriptdb_gateway_"
TOUCH = (
    f"INSERT INTO {P}changelog (change_type, object_name) VALUES ('x', 'x'); UPDATE {P}functions SET signature = 'x';"
)
READ = f"SELECT * FROM {P}deployments WHERE id > 0;"
#: Name → how it is set, and what a superuser may do that runs it; those of the second kind need nobody to write.
WRITTEN = {
    "trigger": (f"CREATE TRIGGER spy BEFORE INSERT ON {P}changelog FOR EACH ROW EXECUTE FUNCTION spy();", TOUCH),
    "deferred trigger": (
        f"CREATE CONSTRAINT TRIGGER spy AFTER UPDATE ON {P}functions DEFERRABLE INITIALLY DEFERRED FOR EACH ROW "
        "EXECUTE FUNCTION spy();",
        TOUCH,
    ),
    "trigger of a builtin": (
        f"CREATE TRIGGER spy BEFORE UPDATE ON {P}functions FOR EACH ROW WHEN (evil(1) > 0) "
        "EXECUTE FUNCTION suppress_redundant_updates_trigger();",
        TOUCH,
    ),
    "rule": (f"CREATE RULE spy AS ON INSERT TO {P}changelog DO ALSO SELECT evil(1);", TOUCH),
    "default": (
        f"ALTER TABLE {P}changelog ADD note int; ALTER TABLE {P}changelog ALTER note SET DEFAULT evil(1);",
        TOUCH,
    ),
    "default of the server": (
        f"ALTER TABLE {P}changelog ADD note text; ALTER TABLE {P}changelog ALTER note "
        "SET DEFAULT pg_catalog.lower(pg_catalog.pg_read_file('PG_VERSION'));",
        "",
    ),
    "cascade": (
        f"CREATE TABLE kid (f int REFERENCES {P}functions ON DELETE CASCADE);"
        f"INSERT INTO kid SELECT id FROM {P}functions;"
        "CREATE TRIGGER spy AFTER DELETE ON kid FOR EACH ROW EXECUTE FUNCTION spy();",
        "",
    ),
}
READ_TOO = {
    "child": (
        f"CREATE TABLE kid () INHERITS ({P}functions); INSERT INTO kid SELECT * FROM {P}functions;"
        "CREATE TRIGGER spy BEFORE UPDATE ON kid FOR EACH ROW EXECUTE FUNCTION spy();",
        TOUCH,
    ),
    "view": (
        f"ALTER TABLE {P}deployments RENAME TO former;"
        f"CREATE VIEW {P}deployments AS SELECT * FROM former WHERE evil(1) > 0;",
        READ,
    ),
    "materialized view": (
        f"ALTER TABLE {P}deployments RENAME TO former;CREATE MATERIALIZED VIEW {P}deployments AS SELECT * FROM former;",
        "",
    ),
    "partial index": (f"CREATE INDEX ON {P}deployments (id) WHERE evil(1) > 0;", READ),
    "index": (f"CREATE INDEX ON {P}changelog ((evil(id::int)));", TOUCH),
    "statistics": (f"CREATE STATISTICS spy ON (evil(1) + id), stamp FROM {P}deployments;", READ),
    "check": (f"ALTER TABLE {P}changelog ADD CHECK (evil(1) > 0) NOT VALID;", TOUCH),
    "generated column": (f"ALTER TABLE {P}changelog ADD note int GENERATED ALWAYS AS (evil(1)) STORED;", TOUCH),
    "domain": (
        f"CREATE DOMAIN trap AS text CHECK (evil(1) > 0); ALTER TABLE {P}functions ALTER signature TYPE trap;",
        TOUCH,
    ),
    "enum that becomes JSON": (
        "CREATE TYPE trap AS ENUM ('x'); CREATE FUNCTION as_json(trap) RETURNS json LANGUAGE plpgsql AS $$ BEGIN "
        "PERFORM public.evil(1); RETURN '1'; END $$; CREATE CAST (trap AS json) WITH FUNCTION as_json;"
        f"ALTER TABLE {P}deployments ALTER stamp TYPE trap USING 'x';",
        f"SELECT to_json(stamp) FROM {P}deployments;",
    ),
    "other type": (f"ALTER TABLE {P}functions ALTER signature TYPE int USING 1;", ""),
}
TRAPS = WRITTEN | READ_TOO


def _for(cases: Iterable[tuple[int, str]]) -> pytest.MarkDecorator:
    given = [pytest.param(major, trap, id=f"pg{major}-{trap}") for major, trap in cases]
    return pytest.mark.parametrize(("any_server", "trap"), given, indirect=["any_server"])


#: All doors ask one of two questions, to which each version may have an answer of its own.
EACH = tuple(itertools.product(MAJORS, TRAPS))
THOROUGH = {(major, trap) for major, trap in EACH if major == MAJORS[-1] or trap in ("trigger", "view")}


@pytest.fixture(scope="module")
def deployed(
    any_server: Server, make_template: MakeDatabase, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Database]:
    """A database of a role, which deployed to it and has `evil`; its name is that of the database."""
    database = make_template(any_server)
    owner = database.name
    database.rows(f"CREATE ROLE {owner} LOGIN CREATEDB; ALTER DATABASE {owner} OWNER TO {owner}")
    applied(as_owner(database), write(tmp_path_factory.mktemp("first"), FIRST))
    psql(as_owner(database), EVIL.format(owner=owner))
    yield database
    database.rows(f"ALTER DATABASE {owner} OWNER TO postgres; DROP OWNED BY {owner}")
    psql(any_server.admin_url, f"DROP OWNED BY {owner}")


def as_owner(database: Database, owner: str = "") -> str:
    return database.server.url(database.name, owner or database.name)


@pytest.fixture
def hostile(deployed: Database, make_database: MakeDatabase) -> Iterator[Database]:
    """A copy, which belongs to the same role."""
    database = make_database(deployed.server, deployed)
    database.rows(f"ALTER DATABASE {database.name} OWNER TO {deployed.name}")
    yield database
    database.rows(f"ALTER DATABASE {database.name} OWNER TO postgres")


def ran(database: Database) -> bool:
    return bool(database.rows("SELECT is_called FROM public.ran")[0][0])


def refusal(work: Coroutine[Any, Any, object]) -> UnsafeRecords:
    with pytest.raises(UnsafeRecords) as caught:
        asyncio.run(work)
    return caught.value


async def look_at_deployments(database: Database) -> tuple[DeploymentEntry, ...]:
    async with using(await connect(database.url)) as conn:
        return await read_deployments(conn)


async def look_at_steps(database: Database, deployments: Sequence[DeploymentEntry]) -> object:
    async with using(await connect(database.url)) as conn:
        return await read_done(conn, deployments)


def require_refusal(hostile: Database, source: LazySource, **options: object) -> None:
    """An apply names the table, and says what to do."""
    error = apply(hostile.url, source, **options).error
    assert error is not None and (error.code, error.exit_code) == ("unsafe_records", 6), error
    assert P in (error.cause or "") and error.hint, error


def look(trap: str, *looks: Coroutine[Any, Any, object]) -> None:
    """Those who only read are refused where reading is enough to fall into it."""
    for each in looks:
        if trap in READ_TOO:
            refusal(each)
        else:
            asyncio.run(each)


def require_trap(hostile: Database, trap: str) -> None:
    """It did not run, and would for a superuser who does not look."""
    assert not ran(hostile)
    springing = TRAPS[trap][1]
    if springing:
        with contextlib.suppress(psycopg.Error):
            hostile.rows(springing)
        assert ran(hostile)


@_for(case for case in EACH if case in THOROUGH)
def test_no_door_leads_into_a_trap(deployed: Database, hostile: Database, tmp_path: Path, trap: str) -> None:
    first = write(tmp_path / "1", FIRST)
    second = write(tmp_path / "2", SECOND)
    plan = asyncio.run(plan_database(hostile.url, second))
    script = script_of(hostile, second)
    deployments = asyncio.run(look_at_deployments(hostile))
    psql(as_owner(hostile, deployed.name), TRAPS[trap][0])
    for source in (first, second):
        require_refusal(hostile, source)
        require_refusal(hostile, source, dry_run=True)
    error = asyncio.run(apply_plan(hostile.url, plan)).error
    assert error is not None and error.code in ("unsafe_records", "stale_plan"), error
    assert "SG001" in run_script(hostile, script, "-1", "-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=verbose", fails=True)
    look(
        trap,
        plan_database(hostile.url, second),
        plan_database(hostile.url, first),
        diff_database(hostile.url, second),
        status_database(hostile.url),
        read_standing(hostile.url),
        read_entries(hostile),
        look_at_deployments(hostile),
        look_at_steps(hostile, deployments),
    )
    require_trap(hostile, trap)


@_for(case for case in EACH if case not in THOROUGH)
def test_a_trap_is_noticed_on_every_version(deployed: Database, hostile: Database, tmp_path: Path, trap: str) -> None:
    psql(as_owner(hostile, deployed.name), TRAPS[trap][0])
    require_refusal(hostile, write(tmp_path, SECOND))
    look(trap, look_at_deployments(hostile))
    require_trap(hostile, trap)


# --- what is as it should be -----------------------------------------------------------------------------------------


ADOPTED = (
    "CREATE TABLE t (a int PRIMARY KEY);"
    f"INSERT INTO {P}tables (table_name, checksum, source_file) VALUES ('t', 'x', 'tables/t.sql')"
)
LATE = SECOND | {
    "types/mood.sql": "CREATE TYPE mood AS ENUM ('a');",
    "migrations/2.sql": "-- stonegate: no-transaction\nCREATE INDEX CONCURRENTLY ON t (b);",
}
NEW_VALUE = LATE | {
    "types/mood.sql": "CREATE TYPE mood AS ENUM ('a', 'b');",
    "tables/u.sql": "CREATE TABLE u (m mood DEFAULT 'b');",
}


@pytest.mark.parametrize("by_original", [False, True], ids=["stonegate", "original"])
def test_tables_without_a_trap_are_written_to(hostile: Database, tmp_path: Path, by_original: bool) -> None:
    if by_original:
        owner = hostile.rows("SELECT datdba::regrole::text FROM pg_database WHERE datname = current_database()")[0][0]
        names = ", ".join(f"{P}{name}" for name in (*OWN_COLUMNS, "deployments"))
        hostile.rows(f"DROP TABLE {names}; DROP FUNCTION f, g; DROP TABLE t")
        psql(as_owner(hostile, owner), f"{TRACKING}; {ADOPTED}")
    first = write(tmp_path / "1", FIRST)
    assert applied(hostile.url, first).status is (Status.APPLIED if by_original else Status.UNCHANGED)
    assert applied(hostile.url, first).status is Status.UNCHANGED
    for number, files in enumerate((LATE, NEW_VALUE)):
        source = write(tmp_path / str(number), files)
        assert applied(hostile.url, source).status is Status.APPLIED
        before = asyncio.run(look_at_deployments(hostile))
        assert applied(hostile.url, source).status is Status.UNCHANGED
        assert asyncio.run(look_at_deployments(hostile)) == before
        asyncio.run(diff_database(hostile.url, source))
        assert not asyncio.run(status_database(hostile.url)).moved
    assert len(asyncio.run(read_entries(hostile))) > 5
    third = write(tmp_path / "3", FIRST)
    run_script(hostile, script_of(hostile, third, plan=allowing("drop_column", "drop_table")))


def test_defaults_that_only_tell_the_time_are_no_trap(deployed: Database, hostile: Database, tmp_path: Path) -> None:
    psql(
        as_owner(hostile, deployed.name),
        f"ALTER TABLE {P}migrations ALTER applied_at TYPE timestamp; ALTER TABLE {P}tables ALTER deployed_at "
        f"SET DEFAULT date_trunc('second', now()); ALTER TABLE {P}changelog ADD day date DEFAULT now()::date, "
        "ADD month text DEFAULT to_char(now(), 'YYYY-MM');"
        f"CREATE SCHEMA other; CREATE VIEW other.{P.removeprefix('public.')}changelog AS SELECT evil(1)",
    )
    assert applied(hostile.url, write(tmp_path, SECOND)).status is Status.APPLIED
    assert hostile.rows(f"SELECT count(*) FROM {P}changelog WHERE to_char(day, 'YYYY-MM') <> month") == [(0,)]


def test_who_only_looks_writes_nothing(hostile: Database, tmp_path: Path) -> None:
    source = write(tmp_path, SECOND)
    locked = "SELECT xmax::text FROM pg_namespace WHERE nspname = 'public'"
    before = hostile.rows(locked)
    asyncio.run(plan_database(hostile.url, source))
    asyncio.run(diff_database(hostile.url, source))
    asyncio.run(status_database(hostile.url))
    asyncio.run(read_entries(hostile))
    assert hostile.rows(locked) == before


async def read_entries(database: Database) -> tuple[HistoryEntry, ...]:
    async with using(await connect(database.url)) as conn:
        return await read_history(conn)


def test_a_superusers_own_triggers_are_his_own_affair(database: Database, tmp_path: Path) -> None:
    applied(database.url, write(tmp_path, FIRST))
    database.rows(
        "CREATE FUNCTION spy() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';"
        f"CREATE TRIGGER spy BEFORE INSERT ON {P}changelog FOR EACH ROW EXECUTE FUNCTION spy();"
        "CREATE FUNCTION mine() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';"
        f"ALTER TABLE {P}changelog ADD note int DEFAULT mine()"
    )
    applied(database.url, write(tmp_path, SECOND))


# --- who is looked at ------------------------------------------------------------------------------------------------


def test_who_only_became_the_owner_could_be_made_himself_again(
    deployed: Database, hostile: Database, tmp_path: Path
) -> None:
    psql(as_owner(hostile, deployed.name), WRITTEN["trigger"][0])
    second = write(tmp_path, SECOND)
    error = apply(f"{hostile.url}&options=-c%20role%3D{deployed.name}", second).error
    assert error is not None and error.code == "unsafe_records"
    applied(as_owner(hostile, deployed.name), second)
    assert not ran(hostile)


def test_a_table_of_another_role_stands_among_those_of_a_superuser(
    deployed: Database, hostile: Database, tmp_path: Path
) -> None:
    """Whoever owns the schema may drop what is not his."""
    for name in (*OWN_COLUMNS, "deployments"):
        hostile.rows(f"ALTER TABLE {P}{name} OWNER TO postgres")
    first = write(tmp_path, FIRST)
    assert applied(hostile.url, first).status is Status.UNCHANGED
    hostile.rows(f"GRANT SELECT ON {P}changelog TO {deployed.name}")
    view = f"CREATE VIEW {P}changelog AS SELECT * FROM other._stonescriptdb_gateway_changelog WHERE other.evil(1) > 0"
    psql(as_owner(hostile, deployed.name), f"ALTER SCHEMA public RENAME TO other; CREATE SCHEMA public; {view}")
    hostile.rows("ALTER SEQUENCE other.ran SET SCHEMA public")
    error = apply(hostile.url, write(tmp_path, SECOND)).error
    assert error is not None and error.code == "unsafe_records"
    assert not ran(hostile)


async def test_policies_count_for_whom_they_are_in_force(deployed: Database, hostile: Database) -> None:
    reader = f"{deployed.name}_reader"
    hostile.rows(f"CREATE ROLE {reader} LOGIN")
    try:
        psql(
            as_owner(hostile, deployed.name),
            f"ALTER TABLE {P}changelog ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON {P}changelog USING (evil(1) > 0);"
            f"GRANT SELECT ON {P}changelog TO {reader}",
        )
        async with using(await connect(as_owner(hostile, reader))) as conn:
            with pytest.raises(psycopg.Error) as caught:
                await read_history(conn)
            assert caught.value.sqlstate == UNSAFE
        assert not ran(hostile)
        async with using(await connect(hostile.url)) as conn:
            assert await read_history(conn)
    finally:
        hostile.rows(f"DROP OWNED BY {reader}; DROP ROLE {reader}")


MOVES = (
    f"CREATE TRIGGER spy BEFORE INSERT ON {P}changelog FOR EACH ROW EXECUTE FUNCTION spy()",
    f"ALTER TABLE {P}changelog RENAME TO former",
    f"DROP TABLE {P}changelog",
    "ALTER SCHEMA public RENAME TO former",
    f"CREATE RULE spy AS ON INSERT TO {P}changelog DO ALSO SELECT evil(1)",
)


@pytest.mark.parametrize("move", MOVES)
async def test_nothing_is_changed_between_the_look_and_the_end(
    deployed: Database, hostile: Database, move: str
) -> None:
    async with using(await connect(hostile.url)) as conn, conn.transaction():
        await require_safe(conn)
        with (
            psycopg.connect(as_owner(hostile, deployed.name), options="-c lock_timeout=20") as owner,
            pytest.raises(psycopg.errors.LockNotAvailable),
        ):
            owner.execute(move.encode())
    psql(as_owner(hostile, deployed.name), move)


async def test_whoever_is_faster_with_a_table_is_noticed(deployed: Database, hostile: Database) -> None:
    """The session began where nobody but its own role could have had a hand in it."""
    async with using(await connect(hostile.url)) as conn:
        note_trust(conn, is_trusted=True)
        psql(as_owner(hostile, deployed.name), f"{WRITTEN['trigger'][0]}; DROP TABLE {P}types")
        with pytest.raises(psycopg.Error) as caught:
            await ensure_tracking(conn)
        assert caught.value.sqlstate == UNSAFE
