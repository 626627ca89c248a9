"""A fresh deployment begins before its plan is made; what was sent ahead counts only where the plan agrees."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from stonegate.database.connect import Session, connect
from stonegate.database.executor.batch import Sent, StatementFailed, statements_of
from stonegate.database.executor.head_start import HeadStart
from stonegate.database.executor.session import SessionSettings
from stonegate.errors import SourceError
from stonegate.model.labels import Label
from stonegate.model.names import ObjectKey, ObjectKind, quote_literal
from stonegate.model.plan import Action, Phase, Statement, Step
from stonegate.model.report import Status
from tests.database.folders import applied, apply, relations, write
from tests.servers import Database

TABLE = {"tables/a.sql": "CREATE TABLE a (id int PRIMARY KEY);"}
FUNCTION = {"functions/f.sql": "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT count(*)::int FROM a';"}
RELATIONS = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"


def settings(conn: Session) -> SessionSettings:
    version = conn.info.server_version
    return SessionSettings(lock_timeout_s=5, statement_timeout_s=0, search_path=("public",), role=None, version=version)


def step(sql: str) -> Step:
    key = ObjectKey(ObjectKind.TABLE, "public", "a")
    return Step(
        id=sql,
        action=Action.CREATE,
        phase=Phase.TABLES,
        key=key,
        file="a.sql",
        line=1,
        statements=(Statement(sql=sql),),
    )


def batch(conn: Session, *steps: Step) -> list[Sent]:
    """What the transaction sends first."""
    texts = [Sent(sql=text) for text in settings(conn).statements(local=True)]
    return [*texts, *(sent for each in steps for sent in statements_of(each))]


async def ours(conn: Session) -> set[str]:
    """The tables that the transaction has made, but for those that record deployments."""
    found = await (await conn.execute(RELATIONS)).fetchall()
    assert any(name.startswith("_stonescriptdb_gateway_") for (name,) in found)
    return {name for (name,) in found if not name.startswith("_")}


async def rest(conn: Session, ahead: Sequence[Step], planned: Sequence[Step]) -> list[str]:
    async with HeadStart(conn, settings(conn)) as head:
        await head.begin()
        head.send(ahead)
        return [sent.sql for sent in await head.rest_of(batch(conn, *planned))]


A, B = step("CREATE TABLE a ()"), step("CREATE TABLE b ()")


async def test_what_was_sent_ahead_is_not_sent_again(conn: Session) -> None:
    assert await rest(conn, [A], [A, B]) == [B.statements[0].sql]
    assert await ours(conn) == {"a"}


async def test_without_statements_the_transaction_goes_on(conn: Session) -> None:
    async with HeadStart(conn, settings(conn)) as head:
        await head.begin()
        assert len(await head.rest_of(batch(conn, A))) == len(batch(conn, A))
    assert await ours(conn) == set()


async def test_what_the_plan_does_not_begin_with_is_undone(conn: Session) -> None:
    assert await rest(conn, [A], [B, A]) == [sent.sql for sent in batch(conn, B, A)]
    assert await ours(conn) == set()


async def test_what_is_longer_than_the_plan_is_undone(conn: Session) -> None:
    assert await rest(conn, [A, B], [A]) == [sent.sql for sent in batch(conn, A)]
    assert await ours(conn) == set()


BROKEN = step("CREATE TABLE a (x nonsense)")


async def test_what_fails_as_the_plan_has_it_has_failed(conn: Session) -> None:
    with pytest.raises(StatementFailed, match="nonsense") as raised:
        await rest(conn, [B, BROKEN, A], [B, BROKEN, A])
    assert raised.value.sent.step is BROKEN


async def test_what_fails_where_the_plan_has_something_else_is_undone(conn: Session) -> None:
    assert await rest(conn, [B, BROKEN], [B, A, BROKEN]) == [sent.sql for sent in batch(conn, B, A, BROKEN)]
    assert await ours(conn) == set()


async def test_leaving_ends_what_runs(database: Database) -> None:
    conn = await connect(database.url)
    asleep = "SELECT FROM pg_stat_activity WHERE pid = %s AND wait_event = 'PgSleep'"
    async with asyncio.timeout(45):
        async with HeadStart(conn, settings(conn)) as head:
            await head.begin()
            head.send([step("SELECT pg_sleep(60)")])
            while not await asyncio.to_thread(database.rows, asleep, conn.info.backend_pid):
                await asyncio.sleep(0.01)
    await conn.close()
    assert relations(database) == set()


# --- as a part of an apply ------------------------------------------------------------------------------------------


def test_a_mistake_in_code_is_told_before_one_in_a_table(database: Database, tmp_path: Path) -> None:
    wrong = {"tables/a.sql": "CREATE TABLE a (x nonsense);", "functions/f.sql": "CREATE FUNKTION f();"}
    with pytest.raises(SourceError, match="FUNKTION"):
        apply(database.url, write(tmp_path, wrong))
    assert relations(database) == set()


def test_a_mistake_in_a_table_is_told_at_its_place(database: Database, tmp_path: Path) -> None:
    wrong = {"tables/a.sql": "CREATE TABLE a (\n  x nonsense\n);"} | {"tables/b.sql": "CREATE TABLE b ();"}
    report = apply(database.url, write(tmp_path, wrong))
    assert report.error is not None and report.error.message.startswith("tables/a.sql:2")
    assert relations(database) == set()


def test_what_code_puts_in_front_of_tables_comes_first(any_database: Database, tmp_path: Path) -> None:
    first = {"functions/rights.sql": "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC;"}
    applied(any_database.url, write(tmp_path, TABLE | FUNCTION | first))
    assert any_database.rows("SELECT relacl::text LIKE '%{=r/%' FROM pg_class WHERE relname = 'a'") == [(True,)]


def test_a_table_that_needs_code_comes_behind_it(any_database: Database, tmp_path: Path) -> None:
    needs = {
        "tables/b.sql": "CREATE TABLE b (id int DEFAULT one());",
        "functions/one.sql": "CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1';",
    }
    assert applied(any_database.url, write(tmp_path, TABLE | FUNCTION | needs)).counts == {"create": 4}


@pytest.mark.parametrize(
    ("file", "statement"),
    [
        ("extensions/nonsense.sql", ""),
        ("types/nonsense.sql", "CREATE EXTENSION nonsense;"),
        ("functions/nonsense.sql", "CREATE EXTENSION\n nonsense;"),
        ("types/pg_trgm.sql", "CREATE EXTENSION pg_trgm VERSION '0.0';"),
        ("functions/pg_trgm.sql", "create extension pg_trgm version '0.0';"),
    ],
)
def test_an_extension_that_nobody_offers_is_told_before_anything(
    database: Database, tmp_path: Path, file: str, statement: str
) -> None:
    wrong = {"tables/a.sql": "CREATE TABLE a (x nonsense);", file: statement}
    report = apply(database.url, write(tmp_path, FUNCTION | wrong))
    assert report.error is not None and report.error.code == "extension_not_available"
    assert relations(database) == set()


def test_a_dry_run_leaves_nothing(database: Database, tmp_path: Path) -> None:
    report = apply(database.url, write(tmp_path, TABLE | FUNCTION), dry_run=True)
    assert report.status is Status.DRY_RUN and report.counts == {"create": 2}
    assert relations(database) == set()


def test_a_database_of_others_stays_empty(database: Database, tmp_path: Path) -> None:
    theirs, mine = Label(platform="theirs", tenant=None), Label(platform="mine", tenant=None)
    database.rows(f"COMMENT ON DATABASE {database.name} IS {quote_literal(theirs.text)}")
    report = apply(database.url, write(tmp_path, TABLE | FUNCTION), label=mine)
    assert report.error is not None and "belongs to another platform" in report.error.message
    assert relations(database) == set()
