"""The end of a transaction: what a COMMIT that fails means; and which late statements are executed again."""

from __future__ import annotations

import asyncio
import re
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from msgspec.structs import replace
from psycopg.pq import TransactionStatus

from stonegate.database.connect import FORM, HAS_TRANSACTION_TIMEOUT, Session, connect, using
from stonegate.database.executor.post_commit import pending_statements, runs_in_block
from stonegate.database.executor.remains import is_reached
from stonegate.database.executor.session import SessionSettings, roll_back
from stonegate.database.executor.transaction import commit
from stonegate.errors import ConnectionFailed
from stonegate.model.names import ObjectKey, ObjectKind
from stonegate.model.plan import Action, Phase, Statement, Step
from stonegate.model.tracking import TrackingState
from stonegate.source.migrations.migration import PUT_BACK
from tests.database.sessions import fetch
from tests.servers import Database

JOB: Any = SimpleNamespace(database="shop")


async def begin(conn: Session, at_commit: str) -> None:
    """A transaction whose COMMIT does this."""
    await conn.execute(
        "BEGIN; CREATE TABLE public.t (a int);"
        f"CREATE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {at_commit}; RETURN NULL; END $$;"
        "CREATE CONSTRAINT TRIGGER g AFTER INSERT ON public.t DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION public.f();"
        "INSERT INTO public.t VALUES (1)".encode()
    )


def is_there(database: Database) -> bool:
    return bool(database.rows("SELECT to_regclass('public.t') IS NOT NULL")[0][0])


@pytest.mark.parametrize("state", ["55P03", "57014", "23505", "P0001"])
async def test_a_commit_that_postgresql_refuses_did_not_happen(database: Database, state: str) -> None:
    """Whether or not it is of those errors that a lost connection could be, too: it was an answer."""
    async with using(await connect(database.url)) as conn:
        await begin(conn, f"RAISE EXCEPTION USING ERRCODE = '{state}'")
        with pytest.raises(psycopg.Error) as caught:
            await commit(conn, JOB)
        assert caught.value.sqlstate == state
        assert conn.info.transaction_status == TransactionStatus.IDLE
    assert not is_there(database)


@pytest.mark.parametrize("ended_by", ["the server", "the network"])
async def test_of_a_commit_without_an_answer_nobody_knows(database: Database, ended_by: str) -> None:
    async with using(await connect(database.url)) as conn:
        if ended_by == "the server":
            await begin(conn, "PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(9)")
        else:
            await begin(conn, "NULL")
            with psycopg.connect(database.url, autocommit=True) as other:
                other.execute("SELECT pg_terminate_backend(%s)", (conn.info.backend_pid,))
        with pytest.raises(ConnectionFailed, match="it is unknown whether it took place") as caught:
            await commit(conn, JOB)
        assert caught.value.database == "shop" and "run the same command again" in (caught.value.hint or "")
        await roll_back(conn)  # which is gone


async def test_a_commit_that_is_interrupted_is_taken_back(database: Database) -> None:
    async with using(await connect(database.url)) as conn:
        await begin(conn, "PERFORM pg_sleep(60)")
        running = asyncio.create_task(commit(conn, JOB))
        await asyncio.sleep(0.05)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert conn.closed or conn.info.transaction_status == TransactionStatus.IDLE
    assert not is_there(database)


async def test_a_commit_that_nobody_waits_for_any_more_is_taken_back_while_it_runs() -> None:
    said: list[str] = []

    async def execute(text: str) -> None:
        said.append(text)
        if text == "COMMIT":
            raise error

    async def cancel(timeout: float) -> None:
        said.append("cancel")

    info = SimpleNamespace(transaction_status=TransactionStatus.ACTIVE)
    conn: Any = SimpleNamespace(closed=False, info=info, execute=execute, cancel_safe=cancel)
    error: BaseException = asyncio.CancelledError()
    with pytest.raises(asyncio.CancelledError):
        await commit(conn, JOB)
    assert said == ["COMMIT", "cancel", "ROLLBACK"]
    error = psycopg.OperationalError("no answer")
    with pytest.raises(ConnectionFailed):
        await commit(conn, JOB)


@pytest.mark.parametrize("fails", [False, True])
async def test_a_session_that_does_not_answer_is_closed(monkeypatch: pytest.MonkeyPatch, fails: bool) -> None:
    said: list[str] = []

    async def execute(text: str) -> None:
        said.append(text)
        if fails:
            raise psycopg.OperationalError
        await asyncio.sleep(60)

    async def close() -> None:
        said.append("closed")
        if fails:
            raise psycopg.OperationalError

    monkeypatch.setattr("stonegate.database.executor.session.ROLLBACK_SECONDS", 0.01)
    info = SimpleNamespace(transaction_status=TransactionStatus.INTRANS)
    silent: Any = SimpleNamespace(closed=False, info=info, execute=execute, close=close)
    await roll_back(silent)
    assert said == ["ROLLBACK", "closed"]
    silent.closed = True
    await roll_back(silent)
    assert len(said) == 2


def test_what_statements_run_under_is_said_for_the_transaction_or_for_the_session() -> None:
    settings = SessionSettings(
        lock_timeout_s=5,
        statement_timeout_s=0.25,
        search_path=("public", "My schema"),
        role='o"x',
        version=HAS_TRANSACTION_TIMEOUT,
        check_bodies=False,
    )
    role, values = settings.statements(local=True)
    assert (role, settings.statements(local=False)[0]) == ('SET LOCAL ROLE "o""x"', 'SET SESSION ROLE "o""x"')
    for name, value in (
        ("search_path", 'public, "My schema"'),
        ("lock_timeout", "5000ms"),
        ("statement_timeout", "250ms"),
        ("transaction_timeout", "0"),
        ("check_function_bodies", "off"),
    ):
        assert f"pg_catalog.set_config('{name}', '{value}', true)" in values
    assert all(f"set_config('{name}', " in values for name in FORM)
    named = {name.lower() for name in re.findall(r"set_config\('(\w+)'", values)}
    assert named | {"role", "session_authorization"} == PUT_BACK  # of what else a migration sets people are warned
    older = replace(settings, role=None, version=HAS_TRANSACTION_TIMEOUT - 1, check_bodies=True)
    role, values = older.statements(local=False)
    assert role == "RESET ROLE" and ", true)" not in values and "transaction_timeout" not in values
    assert "pg_catalog.set_config('check_function_bodies', 'on', false)" in values


async def test_what_interrupted_statements_left_is_taken_away_or_finished(database: Database) -> None:
    async with using(await connect(database.url)) as conn:

        async def again(text: str, parts: str = "pg_index WHERE NOT indisvalid", begun: bool = True) -> object:
            """Whether there is nothing left to do, and what is left of former attempts."""
            reached = await is_reached(conn, "s", text, was_begun=begun, was_started=False)
            name = "indexrelid" if parts.startswith("pg_index") else "inhrelid"
            return reached, sorted(row[0] for row in await fetch(conn, f"SELECT {name}::regclass::text FROM {parts}"))

        await conn.execute(b"SET search_path = public; CREATE TABLE t AS SELECT 1 AS a FROM generate_series(1, 2)")
        for name in ('"Odd ""i"', "", "x", "x_ccnew", "y_ccold1"):
            with pytest.raises(psycopg.errors.UniqueViolation):
                await conn.execute(f"CREATE UNIQUE INDEX CONCURRENTLY {name} ON t (a)".encode())
        index = "CREATE UNIQUE INDEX CONCURRENTLY {} ON t (a)".format
        left = ['"Odd ""i"', "t_a_idx", "x", "x_ccnew", "y_ccold1"]
        assert await again(index('"Odd ""i"'), begun=False) == (False, left)  # nobody knows whose it is
        for text in (index('"Odd"'), index("i"), "DROP INDEX CONCURRENTLY x", "ANALYZE x"):
            assert await again(text) == (False, left)
        for text, kept in (
            (index('"Odd ""i"'), ["t_a_idx", "x", "x_ccnew", "y_ccold1"]),
            (index(""), ["x", "x_ccnew", "y_ccold1"]),
            ("REINDEX INDEX CONCURRENTLY z", ["x", "x_ccnew", "y_ccold1"]),
            ("REINDEX INDEX CONCURRENTLY x", ["x", "y_ccold1"]),
            ("REINDEX (CONCURRENTLY) TABLE t", ["x"]),
        ):
            assert await again(text) == (False, kept), text

        await conn.execute(b'CREATE INDEX "Good ""i" ON t (a); CREATE TABLE u ()')
        for text, done in (
            ('CREATE INDEX CONCURRENTLY "Good ""i" ON public.t (a)', True),
            ('CREATE INDEX CONCURRENTLY "Good ""i" ON u (a)', False),
            ("CREATE INDEX CONCURRENTLY good ON t (a)", False),
            ("DROP INDEX CONCURRENTLY gone", True),
            ('DROP INDEX CONCURRENTLY "Good ""i"', False),
        ):
            for started in (True, False):  # what has never begun is not done, whatever it looks like
                reached = await is_reached(conn, "s", text, was_begun=started, was_started=started)
                assert reached == (done and started), text

        await conn.execute(b'CREATE TABLE "P" (k int) PARTITION BY LIST (k)')
        await conn.execute(b'CREATE TABLE q PARTITION OF "P" FOR VALUES IN (1)')
        detach = 'ALTER TABLE ONLY "P" DETACH PARTITION public.q CONCURRENTLY'
        assert await again(detach, "pg_inherits") == (False, ["q"])
        await conn.execute(b"UPDATE pg_inherits SET inhdetachpending = true")
        assert await again(detach, "pg_inherits") == (True, [])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("INSERT INTO t VALUES (1)", True),
        ("-- a comment\nUPDATE t SET a = 1", True),
        ("WITH x AS (SELECT 1) DELETE FROM t", True),
        ("CREATE INDEX i ON t (a)", True),
        ("GRANT SELECT ON t TO r", True),
        ("UPDATE t SET database = 'system', state = 'built concurrently'", True),
        ("CREATE TABLE t (a int) TABLESPACE x", True),
        ("CREATE INDEX CONCURRENTLY i ON t (a)", False),
        ("CREATE UNIQUE INDEX /* x */ CONCURRENTLY ON t (a)", False),
        ("DROP INDEX concurrently i", False),
        ("ALTER TABLE p DETACH PARTITION q CONCURRENTLY", False),
        ("ALTER TABLE ONLY p DETACH PARTITION\n q CONCURRENTLY", False),
        ("CREATE DATABASE d", False),
        ("ALTER DATABASE d SET TABLESPACE x", False),
        ("DROP TABLESPACE x", False),
        ("CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p", False),
        ("ALTER SYSTEM SET work_mem = '1MB'", False),
        ("VACUUM t", False),
        ("REINDEX INDEX i", False),
        ("CALL p()", False),
        ("DO $$ BEGIN COMMIT; END $$", False),
        ("SELECT f()", False),
        ("updates", False),
    ],
)
def test_what_is_executed_and_noted_in_one_transaction(text: str, expected: bool) -> None:
    assert runs_in_block(text) == expected


def test_what_was_done_is_not_done_again_and_settings_always_are() -> None:
    texts = ("SET a = 1", "CREATE INDEX CONCURRENTLY i ON t (a)", "VACUUM t", "VACUUM t", "RESET a", "settle()")

    def step(*texts: str) -> Step:
        return Step(
            id="run migration m.sql",
            action=Action.RUN,
            phase=Phase.POST_COMMIT,
            key=ObjectKey(ObjectKind.MIGRATION, "", "m.sql"),
            statements=tuple(Statement(sql=text) for text in texts),
        )

    def pending(step: Step, done: list[str]) -> list[str]:
        found = pending_statements(step, TrackingState(finished=tuple(done)))
        assert all(sent.step is step and sent.statement in step.statements for _, sent in found)
        return [sent.sql for _, sent in found]

    names = [name for name, _ in pending_statements(step(*texts), TrackingState())]
    assert [name.split(" #")[0] for name in names] == ["run migration m.sql"] * 6
    assert [name.split()[-2] for name in names] == ["#1", "#2", "#3", "#4", "#5", "#6"]
    assert pending(step(*texts), []) == list(texts)
    assert pending(step(*texts), names) == ["SET a = 1", "RESET a"]
    assert pending(step(*texts), names[:3]) == ["SET a = 1", "VACUUM t", "RESET a", "settle()"]
    # Corrected after a failure: what is as it was has been done, wherever it stands now.
    assert pending(step("VACUUM u", *texts[:3]), names[:3]) == ["VACUUM u", "SET a = 1"]
    others = [name.replace("m.sql", "m.sql2") for name in names]
    assert pending(step(*texts), others) == list(texts)
