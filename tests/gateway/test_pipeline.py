"""Several calls on one connection: whatever happens to one of them, its neighbours get their own answers, once."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import TypeAlias

import pytest

from stonegate.database.call import pipeline
from stonegate.database.call.prepared import MOST_PREPARED
from stonegate.database.call.session import CallSession, open_session
from stonegate.database.call.statement import CallUndone, SignatureMoved, Statement
from stonegate.errors import ConnectionFailed, QueryFailed, QueryTimeout
from tests.conftest import MakeDatabase
from tests.servers import Database, MakePrivateServer, Server

#: A million with STONEGATE_PIPELINE_CALLS=1000000; the suite's run has seconds only.
CALLS = int(os.environ.get("STONEGATE_PIPELINE_CALLS", "20000"))
TEXT, INT, FLOAT = 25, 23, 701

ECHO = Statement(sql="SELECT $1", types=(TEXT,))
NOTE = Statement(sql="INSERT INTO notes VALUES ($1) RETURNING body", types=(TEXT,))
NAP = Statement(sql="SELECT pg_catalog.pg_sleep($1)", types=(FLOAT,))
DIVIDE = Statement(sql="SELECT 1 / $1", types=(INT,))
REPEAT = Statement(sql="SELECT pg_catalog.repeat($1, $2)", types=(TEXT, INT))
SUICIDE = Statement(sql="SELECT pg_catalog.pg_terminate_backend(pg_catalog.pg_backend_pid())", types=())


@pytest.fixture
async def log_in() -> AsyncIterator[Callable[..., Awaitable[CallSession]]]:
    """Opens sessions that end with the test."""
    opened: list[CallSession] = []

    async def log_in(url: str, statement_timeout_s: float = 20) -> CallSession:
        opened.append(await open_session(url, statement_timeout_s=statement_timeout_s))
        return opened[-1]

    yield log_in
    for session in opened:
        await session.close()


LogIn: TypeAlias = Callable[..., Awaitable[CallSession]]


@pytest.fixture
async def session(database: Database, log_in: LogIn) -> CallSession:
    database.rows("CREATE TABLE notes (body text)")
    return await log_in(database.url)


def start(session: CallSession, statement: Statement, *values: str, timeout_s: float | None = None) -> asyncio.Task:  # type: ignore[type-arg]
    """A call of its own task."""
    texts = [value.encode() for value in values]
    return asyncio.create_task(session.run(statement, texts, timeout_s=timeout_s))


async def stand_around(session: CallSession, call: asyncio.Task | None = None) -> list[asyncio.Task]:  # type: ignore[type-arg]
    """Five calls that note their own token; where one of them was given it stands in front of them."""
    if call is not None:
        await asyncio.sleep(0)
    return [start(session, NOTE, f"token {number}") for number in range(5)]


async def until(holds: Callable[[], object]) -> None:
    """Wait for something to become true, less long than any nap."""
    async with asyncio.timeout(12):
        while not holds():
            await asyncio.sleep(0.01)


async def until_asleep(database: Database) -> None:
    """Wait for the server to be at work on a nap: before that a cancel request has nothing to cancel."""
    sleeping = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"
    await until(lambda: database.rows(sleeping))


def notes(database: Database) -> list[str]:
    """What calls left in the table."""
    return sorted(body for (body,) in database.rows("SELECT body FROM notes"))


def expected(*groups: Sequence[str]) -> list[str]:
    """The tokens, sorted as the notes are."""
    return sorted(token for group in groups for token in group)


TOKENS = [f"token {number}" for number in range(5)]


@pytest.mark.parametrize("name", ["fails", "times out", "is of no known type", "is large"])
async def test_only_that_call_is_affected(session: CallSession, database: Database, name: str) -> None:
    before = [start(session, NOTE, f"before {number}") for number in range(5)]
    await asyncio.sleep(0)
    doomed = {
        "fails": lambda: start(session, DIVIDE, "0"),
        "times out": lambda: start(session, NAP, "10", timeout_s=0.05),
        "is of no known type": lambda: start(session, Statement(sql="SELECT nowhere($1)", types=(TEXT,)), "x"),
        "is large": lambda: start(session, REPEAT, "x", str(50 << 20)),
    }[name]()
    behind = await stand_around(session, doomed)
    assert [await call for call in before] == [[f"before {number}".encode()] for number in range(5)]
    match name:
        case "fails":
            with pytest.raises(QueryFailed, match="division by zero"):
                await doomed
        case "times out":
            with pytest.raises(QueryTimeout, match="longer than 50 ms") as raised:
                await doomed
            assert raised.value.sqlstate == "57014"
        case "is of no known type":
            with pytest.raises(SignatureMoved):
                await doomed
        case "is large":
            (row,) = await doomed
            assert len(row) == 50 << 20
    assert [await call for call in behind] == [[token.encode()] for token in TOKENS]
    assert session.is_open
    assert notes(database) == expected([f"before {number}" for number in range(5)], TOKENS)


async def test_a_timeout_is_only_that_call_s(session: CallSession) -> None:
    setting = Statement(sql="SELECT pg_catalog.current_setting('statement_timeout')", types=())
    short, long = start(session, setting, timeout_s=1.5), start(session, setting)
    assert [await short, await long] == [[b"1500ms"], [b"20s"]]
    with pytest.raises(QueryTimeout):
        await session.run(NAP, [b"5"], timeout_s=0.0001)


async def test_a_timeout_is_told_from_other_cancelling_in_any_language(
    session: CallSession, database: Database
) -> None:
    """With lc_messages = de_DE it was a failed call; and where "timeout" was in a name, a cancelled one a timeout."""
    database.rows(
        """CREATE FUNCTION nap() RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(10);
        EXCEPTION WHEN query_canceled THEN
            RAISE EXCEPTION 'breche Anfrage wegen Zeitüberschreitung ab' USING ERRCODE = 'query_canceled'; END $$;
        CREATE FUNCTION timeout() RETURNS void LANGUAGE plpgsql AS $$ BEGIN
            PERFORM pg_cancel_backend(pg_backend_pid()); PERFORM pg_sleep(10); END $$"""
    )
    with pytest.raises(QueryTimeout, match="longer than 100 ms"):
        await session.run(Statement(sql="SELECT nap()", types=()), [], timeout_s=0.1)
    for timeout_s in (None, 9.0):
        with pytest.raises(QueryFailed, match="the call was cancelled"):
            await session.run(Statement(sql="SELECT timeout()", types=()), [], timeout_s=timeout_s)


async def test_the_timeout_holds_on_every_version(any_database: Database, log_in: LogIn) -> None:
    session = await log_in(any_database.url, 0.6)
    calls = [start(session, NAP, "5", timeout_s=0.1), start(session, ECHO, "x"), start(session, NAP, "5")]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(answer) for answer in answers] == [QueryTimeout, list, QueryTimeout]
    assert "the statement timeout" in str(answers[2])


async def test_the_call_at_work_is_cancelled_and_no_other(session: CallSession, database: Database) -> None:
    doomed = start(session, NAP, "15")
    behind = await stand_around(session, doomed)
    await until(lambda: not session.is_open)  # nobody joins a call that takes so long
    await until_asleep(database)
    doomed.cancel()
    async with asyncio.timeout(12):
        assert [await call for call in behind] == [[token.encode()] for token in TOKENS]
    assert doomed.cancelled()
    assert notes(database) == TOKENS
    await until(lambda: session.is_open)


async def test_a_call_that_was_not_begun_when_it_was_cancelled_does_not_go_on(session: CallSession) -> None:
    """On a busy machine the request may overtake the call: PostgreSQL ignores it then."""
    os.kill(session.backend_pid, signal.SIGSTOP)
    doomed, behind = start(session, NAP, "15"), start(session, ECHO, "behind")
    await asyncio.sleep(0)
    doomed.cancel()
    await asyncio.sleep(0.2)
    os.kill(session.backend_pid, signal.SIGCONT)
    async with asyncio.timeout(12):
        assert await behind == [b"behind"]


async def test_a_cancelled_call_that_stands_behind_others_is_cancelled_in_its_turn(session: CallSession) -> None:
    first = start(session, NAP, "0.2")
    await asyncio.sleep(0)
    doomed = start(session, NAP, "15")
    await asyncio.sleep(0)
    last = start(session, ECHO, "last")
    await asyncio.sleep(0.05)
    doomed.cancel()
    async with asyncio.timeout(12):
        assert await first == [b""]
        assert await last == [b"last"]


async def test_a_neighbour_that_a_cancel_request_hits_is_undone(session: CallSession, database: Database) -> None:
    """Cancel requests race with quick calls: whoever is hit was rolled back, and is told to come again."""
    undone = 0
    for turn in range(60):
        doomed = start(session, NAP, f"{0.001 * (turn % 5)}")
        await asyncio.sleep(0)
        behind = [start(session, NOTE, f"{turn}/{number}") for number in range(20)]
        await asyncio.sleep(0.001 * (turn % 5))
        doomed.cancel()
        answers = await asyncio.gather(*behind, return_exceptions=True)
        kept = {body for (body,) in database.rows("SELECT body FROM notes WHERE body LIKE %s", f"{turn}/%")}
        for number, answer in enumerate(answers):
            token = f"{turn}/{number}"
            assert answer == [token.encode()] or isinstance(answer, CallUndone)
            assert (token in kept) == isinstance(answer, list)
            undone += isinstance(answer, CallUndone)
        await until(lambda: session.is_open)
    assert await session.run(ECHO, [b"still there"]) == [b"still there"]
    assert undone <= 60


async def test_calls_behind_one_that_kills_the_process_were_never_begun(
    session: CallSession, database: Database
) -> None:
    before = start(session, NOTE, "before")
    await asyncio.sleep(0)
    doomed = start(session, SUICIDE)
    behind = await stand_around(session, doomed)
    assert await before == [b"before"]
    with pytest.raises(ConnectionFailed):
        await doomed
    for answer in await asyncio.gather(*behind, return_exceptions=True):
        assert isinstance(answer, CallUndone)
    assert notes(database) == ["before"]
    assert not session.is_open and not session.is_alive
    with pytest.raises(CallUndone):
        await session.run(ECHO, [b"x"])


async def test_what_was_answered_before_the_end_is_told_though_nothing_can_be_written_any_more(
    session: CallSession, database: Database
) -> None:
    before, doomed = start(session, NOTE, "before"), start(session, SUICIDE)
    await asyncio.sleep(0)
    time.sleep(0.3)  # both are carried out, and nobody reads what the server says
    behind = await stand_around(session)
    assert await before == [b"before"]
    with pytest.raises(ConnectionFailed):
        await doomed
    assert {type(answer) for answer in await asyncio.gather(*behind, return_exceptions=True)} == {CallUndone}
    assert notes(database) == ["before"]


async def test_where_the_server_says_nothing_nobody_knows(private_server: MakePrivateServer, log_in: LogIn) -> None:
    server = private_server(18)
    session = await log_in(server.admin_url)
    calls = [start(session, NAP, "10"), start(session, ECHO, "x")]
    await asyncio.sleep(0.1)
    await asyncio.to_thread(server.kill)
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(answer) for answer in answers] == [ConnectionFailed, ConnectionFailed]


async def test_an_idle_connection_that_the_server_ends_is_noticed(session: CallSession, database: Database) -> None:
    assert session.is_alive
    database.rows("SELECT pg_terminate_backend(%s, 5000)", session.backend_pid)
    assert not session.is_alive
    await asyncio.sleep(0.05)
    assert not session.is_usable


async def test_prepared_statements_stay_bounded(session: CallSession) -> None:
    count = Statement(sql="SELECT pg_catalog.count(*) FROM pg_catalog.pg_prepared_statements", types=())
    for many in (5000, 500):
        names = [f"{number}" for number in range(many)]
        calls = [start(session, Statement(sql=f"SELECT $1 || '/{name}'", types=(TEXT,)), name) for name in names]
        assert [await call for call in calls] == [[f"{name}/{name}".encode()] for name in names]
        assert await session.run(count, []) == [b"%d" % MOST_PREPARED]


async def test_statements_that_fail_to_prepare_leave_nothing(session: CallSession) -> None:
    count = Statement(sql="SELECT pg_catalog.count(*) FROM pg_catalog.pg_prepared_statements", types=())
    wrong = Statement(sql="SELECT nowhere($1)", types=(TEXT,))
    for _ in range(3):
        calls = [start(session, wrong, "x") for _ in range(5)]
        for answer in await asyncio.gather(*calls, return_exceptions=True):
            assert isinstance(answer, SignatureMoved) and answer.failure.sqlstate == "42883"
    assert await session.run(count, []) == [b"1"]


async def test_calls_survive_a_function_that_deallocates(session: CallSession, database: Database) -> None:
    database.rows(
        "CREATE FUNCTION forget() RETURNS int LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'DEALLOCATE ALL'; RETURN 1; END $$"
    )
    forget = Statement(sql="SELECT forget()", types=())
    assert await session.run(NOTE, [b"first"]) == [b"first"]
    calls = [start(session, forget), *(start(session, NOTE, token) for token in TOKENS)]
    assert [await call for call in calls] == [[b"1"], *([token.encode()] for token in TOKENS)]
    assert await session.run(forget, []) == [b"1"]
    assert notes(database) == expected(["first"], TOKENS)


async def test_what_a_call_leaves_is_gone_before_its_neighbours_begin(session: CallSession, database: Database) -> None:
    database.rows(
        "CREATE FUNCTION litter(seconds float) RETURNS text LANGUAGE plpgsql AS $$ BEGIN"
        " CREATE TEMP TABLE left_over AS SELECT 1; PERFORM pg_advisory_lock(1), pg_sleep(seconds); RETURN 'x'; END $$"
    )
    after = ("DISCARD TEMP", "SELECT pg_catalog.pg_advisory_unlock_all()")
    litter = Statement(sql="SELECT litter($1)", types=(FLOAT,), after=after)
    look = Statement(
        sql="SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory'", types=()
    )
    calls = [start(session, statement, *values) for statement, *values in [(litter, "0"), (look,)] * 3]
    assert [await call for call in calls] == [[b"x"], [b"0"]] * 3
    calls = [start(session, litter, "5"), start(session, look)]
    await until_asleep(database)
    calls[0].cancel()
    assert await calls[1] == [b"0"]
    broken = Statement(sql="SELECT litter($1)", types=(FLOAT,), after=("SELECT 1 / 0",))
    assert session.is_usable
    assert await session.run(broken, [b"0"]) == [b"x"]
    await session.run(look, [])
    assert not session.is_usable


async def test_a_session_is_cleaned_down_to_what_it_began_with(
    any_database: Database, log_in: LogIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever was SET since is gone; what the login brought along, a role too, holds."""
    monkeypatch.setattr(pipeline, "CLEAN_SECONDS", 0.1)
    any_database.rows(
        "CREATE FUNCTION litter() RETURNS text LANGUAGE plpgsql AS $$ BEGIN CREATE TEMP TABLE left_over ();"
        " SET ROLE NONE; SET work_mem = '2MB'; SET default_transaction_read_only = on; SET statement_timeout = 1000;"
        " SET SESSION AUTHORIZATION pg_read_all_stats; RETURN 'x'; END $$"
    )
    url = f"{any_database.url}{'&' if '?' in any_database.url else '?'}options=-c%20role%3Dpg_monitor"
    session = await log_in(f"{url}%20-c%20work_mem%3D1MB", statement_timeout_s=7)
    settings = ("work_mem", "default_transaction_read_only", "statement_timeout")
    shown = ", ".join(["current_user", *(f"current_setting('{name}')" for name in settings), "pg_my_temp_schema() > 0"])
    look = Statement(sql=f"SELECT concat_ws(' ', {shown})", types=())
    assert await session.run(look, []) == [b"pg_monitor 1MB off 7s f"]
    calls = [start(session, statement) for statement in (Statement(sql="SELECT litter()", types=()), look)]
    assert await asyncio.gather(*calls) == [[b"x"], [b"pg_read_all_stats 2MB on 1s t"]]
    await asyncio.sleep(0.3)
    assert await session.run(look, []) == [b"pg_monitor 1MB off 7s t"]
    assert session.is_usable


async def test_large_parameters_are_sent_while_answers_come(session: CallSession) -> None:
    texts = [f"{number}" * 300_000 for number in range(8)]
    calls = [start(session, ECHO, text) for text in texts]
    assert [await call for call in calls] == [[text.encode()] for text in texts]


async def test_close_ends_what_is_at_work(session: CallSession, database: Database) -> None:
    calls = [start(session, NAP, "15"), start(session, ECHO, "x")]
    await until_asleep(database)
    await session.close()
    for answer in await asyncio.gather(*calls, return_exceptions=True):
        assert isinstance(answer, ConnectionFailed)
    working = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    assert database.rows(working) == [(0,)]


async def test_every_answer_is_the_caller_s_own(database: Database, log_in: LogIn) -> None:
    """Tokens by the thousand through few connections, with errors, time-outs and cancelled calls between."""
    sessions = [await log_in(database.url) for _ in range(2)]
    database.rows(
        """CREATE FUNCTION tokens(token text, n int) RETURNS TABLE (line text) LANGUAGE plpgsql AS $$ BEGIN
            IF n < 0 THEN RAISE EXCEPTION '%', token; END IF;
            RETURN QUERY SELECT token || '/' || i FROM generate_series(1, n) AS i; END $$"""
    )
    tokens = Statement(sql="SELECT line FROM tokens($1, $2)", types=(TEXT, INT))
    chance, done, left = random.Random(6), 0, iter(range(CALLS))

    async def call(token: str) -> None:
        nonlocal done
        session, count = chance.choice(sessions), chance.choice((0, 1, 1, 1, 1, 3, 100, -1))
        work = session.run(tokens, [token.encode(), b"%d" % count], timeout_s=chance.choice((None, None, None, 9.0)))
        if count < 0:
            with pytest.raises(QueryFailed, match=f"^{token}$"):
                await work
        else:
            assert await work == [f"{token}/{number}".encode() for number in range(1, count + 1)]
        done += 1

    async def client(name: int) -> None:
        for number in left:
            if chance.random() < 0.01:
                gone = asyncio.create_task(sessions[0].run(tokens, [b"gone", b"5"]))
                await asyncio.sleep(0)
                gone.cancel()
            while True:
                try:
                    await call(f"{name}/{number}")
                    break
                except CallUndone:  # hit by the cancel request of another
                    continue

    await asyncio.gather(*(client(name) for name in range(32)))
    assert done == CALLS


async def test_it_works_with_a_password_over_tcp(server: Server, make_database: MakeDatabase, log_in: LogIn) -> None:
    session = await log_in(make_database(server).tcp_url)
    calls = [start(session, ECHO, str(number)) for number in range(100)]
    assert [await call for call in calls] == [[b"%d" % number] for number in range(100)]
    doomed = start(session, SUICIDE)
    await asyncio.sleep(0)
    behind = start(session, ECHO, "x")
    answers = await asyncio.gather(doomed, behind, return_exceptions=True)
    assert [type(answer) for answer in answers] == [ConnectionFailed, CallUndone]
