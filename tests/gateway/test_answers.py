"""Answers that would fill the memory: the call is cancelled, and whoever shares its connection notices nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from stonegate.database.call.session import CallSession, open_session
from stonegate.database.call.statement import Statement
from stonegate.errors import MOST_LETTERS, QueryFailed
from stonegate.settings import MIB
from tests.gateway.gateway import start_gateway
from tests.servers import Database, Server

MOST = 8 * MIB
#: Bytes of a row, and how many rows make an answer that is large enough by far, whatever is not counted.
SHAPES = {1: 3_000_000, 100: 400_000, 10_000: 5_000, 1_000_000: 100}
ROWS = "SELECT pg_catalog.repeat('x', {}) FROM pg_catalog.generate_series(1, {})"
ECHO = Statement(sql="SELECT $1", types=(25,))


@pytest.fixture(params=["socket", "tcp"])
async def session(request: pytest.FixtureRequest, database: Database) -> AsyncIterator[CallSession]:
    url = database.url if request.param == "socket" else database.tcp_url
    opened = await open_session(url, statement_timeout_s=60, most=MOST)
    yield opened
    await opened.close()


@pytest.mark.parametrize("size", SHAPES)
async def test_an_answer_that_is_too_large_is_no_answer(session: CallSession, size: int) -> None:
    large = session.run(Statement(sql=ROWS.format(size, SHAPES[size]), types=()), [])
    small = [session.run(ECHO, [b"%d" % number]) for number in range(3)]
    refused, *answers = await asyncio.gather(large, *small, return_exceptions=True)
    assert isinstance(refused, QueryFailed) and refused.sqlstate == "54000", refused
    assert f"{MOST:,}" in refused.message and "MAX_ANSWER_MB" in (refused.hint or "")
    assert answers == [[b"0"], [b"1"], [b"2"]]
    assert not session.is_usable  # libpq would keep the room


async def test_an_error_is_as_long_as_people_read(session: CallSession, database: Database) -> None:
    body = "BEGIN RAISE EXCEPTION USING MESSAGE = repeat('x', n), DETAIL = repeat('y', n), HINT = repeat('z', n); END"
    database.rows(f"CREATE FUNCTION f(n int) RETURNS int LANGUAGE plpgsql AS $${body}$$")
    with pytest.raises(QueryFailed) as caught:
        await session.run(Statement(sql="SELECT f(100000)", types=()), [])
    failure = caught.value
    for part in (failure.message, failure.cause or "", failure.hint or ""):
        assert MOST_LETTERS < len(part) < MOST_LETTERS + 50 and part.endswith("characters more)")
    assert session.is_usable


@pytest.mark.parametrize("size", SHAPES)
async def test_many_answers_of_less_are_none_too_many(session: CallSession, size: int) -> None:
    number = MOST // 4 // (size + 20) or 1
    statement = Statement(sql=ROWS.format(size, number), types=())
    for answers in [await asyncio.gather(*(session.run(statement, []) for _ in range(8))) for _ in range(3)]:
        assert [len(rows) for rows in answers] == [number] * 8


async def test_what_it_wrote_is_rolled_back(session: CallSession, database: Database) -> None:
    body = "INSERT INTO t " + ROWS.format(1000, 50_000) + " RETURNING a"
    database.rows(f"CREATE TABLE t (a text); CREATE FUNCTION f() RETURNS SETOF text LANGUAGE sql AS $${body}$$")
    with pytest.raises(QueryFailed):
        await session.run(Statement(sql="SELECT * FROM f()", types=()), [])
    assert database.rows("SELECT count(*) FROM t") == [(0,)]


def test_over_http(own_server: Server, home: Path, new_name: Callable[[], str]) -> None:
    function = f"CREATE FUNCTION much(n int) RETURNS SETOF text LANGUAGE sql AS $$ {ROWS.format(1000, 'n')} $$;"
    with start_gateway(home, own_server.admin_url, MAX_ANSWER_MB="1") as gateway:
        name = new_name()
        assert gateway.upload("/register", {"functions/much.sql": function}, platform=name).status_code == 200
        for number, expected in ((500, 200), (50_000, 500), (500, 200)):
            answer = gateway.call(name, "much", [number])
            assert answer.status_code == expected, answer.text[:300]
            if expected == 500:
                assert (answer.json()["error"], answer.json()["sqlstate"]) == ("query_failed", "54000")
