"""What the changelog and the row of each deployment say, and how an unchanged database is known by them."""

from __future__ import annotations

from msgspec.structs import replace

from stonegate import __version__
from stonegate.database.connect import Session
from stonegate.database.introspect.stamp import read_stamp
from stonegate.database.tracking.history import read_deployments, read_history
from stonegate.database.tracking.records import record_plan, record_post_commit, record_settled
from stonegate.database.tracking.state import read_state, read_unchanged
from stonegate.database.tracking.tables import ANNOUNCED, DONE, STARTED, ensure_tracking
from stonegate.model.catalog import Access, Catalog, Schema
from stonegate.model.consent import Consent
from stonegate.model.names import ObjectKey, ObjectKind, routine_key
from stonegate.model.plan import Action, ChangeClass, Hazard, Statement
from stonegate.model.report import StepReport
from stonegate.model.tracking import TrackingState
from tests.database.sessions import fetch
from tests.database.tracked import PREFIX, TABLE, deploy, migration, plan, routine, step

# --- changelog -----------------------------------------------------------------------------------------------------


async def test_one_changelog_row_per_executed_step(conn: Session) -> None:
    drop = step(
        Action.DROP,
        ObjectKey(ObjectKind.COLUMN, "public", "users", None, "legacy"),
        statements=(Statement(sql="ALTER TABLE users DROP COLUMN legacy"),),
        change_class=ChangeClass.DATALOSS,
        hazards=(Hazard(code="deletes-data", message="the values of users.legacy"),),
        consents=(Consent.parse("drop_column:users.legacy"),),
        reason="no longer declared",
    )
    replaced = step(Action.REPLACE, routine_key("sales", "f", ("integer",)), old_definition="CREATE … old")
    seeded = step(Action.SEED, ObjectKey(ObjectKind.SEED, "public", "roles"))
    ran = step(Action.RUN, ObjectKey(ObjectKind.MIGRATION, "", "001.pssql"))
    what = plan(migration("001.pssql"), steps=(drop, replaced, seeded, ran))
    skipped = step(Action.SKIP, ObjectKey(ObjectKind.TABLE, "public", "t"))
    await ensure_tracking(conn)
    async with conn.transaction():
        reports = [StepReport(step=each) for each in (drop, replaced, skipped, ran)]
        reports += [StepReport(step=seeded, rows=3), StepReport(step=seeded, state="not rehearsed")]
        await record_plan(conn, what, steps=reports, durations={ran.id: 12.5})
    history = await read_history(conn)
    assert [(entry.change_type, entry.object_name, entry.forced) for entry in reversed(history)] == [
        ("drop_column", "users.legacy", True),
        ("replace_function", "sales.f(integer)", False),
        ("run_migration", "001.pssql", False),
        ("seed_rows", "roles", False),
    ]
    assert history[3].detail == {
        "sql": "ALTER TABLE users DROP COLUMN legacy;",
        "class": "dataloss",
        "reason": "no longer declared",
        "hazards": [{"code": "deletes-data", "message": "the values of users.legacy"}],
        "consents": ["drop_column:users.legacy"],
    }
    assert history[2].detail["old_definition"] == "CREATE … old"
    assert history[0].detail["rows"] == 3
    assert (history[1].duration_ms, history[1].plan_checksum, history[1].executed_by) == (
        12.5,
        what.checksum,
        "postgres",
    )
    assert await fetch(conn, f"SELECT duration_ms, executed_by FROM {PREFIX}migrations") == [(12.5, "postgres")]
    assert [entry.id for entry in await read_history(conn, 1)] == [history[0].id]
    assert [entry.object_name for entry in await read_history(conn, forced_only=True)] == ["users.legacy"]
    assert len(await read_history(conn, object_name="roles")) == 1
    assert [entry.object_name for entry in await read_history(conn, object_name="users")] == ["users.legacy"]
    assert await read_history(conn, object_name="user") == ()


# --- deployments and the stamp -------------------------------------------------------------------------------------


async def test_unchanged_from_the_commit_until_something_moves(conn: Session) -> None:
    async with conn.transaction():
        await conn.execute("CREATE TABLE users (id serial PRIMARY KEY)")
        async with conn.transaction():
            await conn.execute("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'")
        await deploy(conn, plan(TABLE, routine("f")))
        await conn.execute("SET CONSTRAINTS ALL IMMEDIATE")
    assert await read_unchanged(conn, "digest") == ("digest", "print of digest")
    assert await read_unchanged(conn) == ("digest", "print of digest")
    assert await read_unchanged(conn, "another") is None
    await conn.execute("INSERT INTO users DEFAULT VALUES")
    await conn.execute("VACUUM (ANALYZE) users")
    assert await read_unchanged(conn, "digest") == ("digest", "print of digest")
    await conn.execute("ALTER TABLE users ADD COLUMN by_hand int")
    assert await read_unchanged(conn, "digest") is None
    assert (await read_state(conn)).last is not None


async def test_the_latest_deployment_keeps_its_catalog(conn: Session) -> None:
    catalog = Catalog(server=180006, schemas=(Schema(name="ä", access=Access(owner="o")),))
    first = await deploy(conn, plan(digest="one"), catalog=catalog)
    second = await deploy(
        conn,
        plan(digest="two", excepted=("alter column users.email not_null",)),
        catalog=catalog,
        counts={"create": 3},
        missing_seeds=["roles id = 3", "roles id = 3"],
    )
    state = await read_state(conn)
    assert state.last is not None
    assert (state.last.id, state.last.digest, state.last.fingerprint) == (second, "two", "print of two")
    assert state.last.catalog == catalog
    assert state.missing_seeds == {"roles id = 3"}
    assert state.excepted == ("alter column users.email not_null",)
    assert state.fingerprints == ("print of one", "print of two")
    without = await read_state(conn, with_catalog=False)
    assert without.last == replace(state.last, catalog=None)
    assert await fetch(conn, f"SELECT id FROM {PREFIX}deployments WHERE catalog IS NOT NULL") == [(second,)]
    deployments = await read_deployments(conn)
    assert [entry.id for entry in deployments] == [second, first]
    assert (deployments[0].counts, deployments[0].tool_version) == ({"create": 3}, __version__)
    assert (deployments[0].mode, deployments[0].executed_by, deployments[0].duration_ms) == ("change", "postgres", 1.5)


async def test_a_catalog_in_another_form_counts_as_none(conn: Session) -> None:
    await deploy(conn, plan(), catalog=Catalog())
    for data in ("'\\x00'", "decode('789cab5600000200011d', 'hex')", "NULL"):
        await conn.execute(f"UPDATE {PREFIX}deployments SET catalog = {data}, catalog_checksum = NULL".encode())
        last = (await read_state(conn)).last
        assert last is not None
        assert last.catalog is None


async def test_post_commit_statements_are_unfinished_until_done(conn: Session) -> None:
    await conn.execute("CREATE TABLE users (id int)")
    deployment = await deploy(conn, plan(TABLE), post_commit={"index a": ANNOUNCED, "index b": ANNOUNCED})
    assert (await read_state(conn)).unfinished == ("index a", "index b")
    assert await read_unchanged(conn, "digest") is None
    await record_post_commit(conn, deployment, "index a", STARTED)
    assert (await read_state(conn)).unfinished == ("index a", "index b")
    await conn.execute("CREATE INDEX CONCURRENTLY ON users (id)")
    await record_post_commit(conn, deployment, "index a", DONE)
    assert (await read_state(conn)).unfinished == ("index b",)
    assert await read_unchanged(conn, "digest") is None
    await record_post_commit(conn, deployment, "index b", STARTED)
    await record_post_commit(conn, deployment, "index b", DONE)
    assert (await read_state(conn)).unfinished == ()
    assert await read_unchanged(conn, "digest") is None
    await record_settled(conn, deployment, plan(TABLE), await read_stamp(conn))
    assert await read_unchanged(conn, "digest") == ("digest", "print of digest")
    assert (await read_deployments(conn))[0].post_commit == {"index a": "done", "index b": "done"}


async def test_a_rolled_back_apply_leaves_nothing(conn: Session) -> None:
    async with conn.transaction(force_rollback=True):
        await deploy(conn, plan(TABLE), catalog=Catalog())
    assert await read_state(conn) == TrackingState()


async def test_digests_with_quotes_and_percent_signs_are_data(conn: Session) -> None:
    await deploy(conn, plan(digest="a'b%s{}"))
    assert await read_unchanged(conn, "a'b%s{}") == ("a'b%s{}", "print of a'b%s{}")
