"""Faults: PostgreSQL restarts under load, sessions are ended, clients hang up, connections run out or grow old."""

from __future__ import annotations

import asyncio
import contextlib
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from stonegate.database.call.pipeline import CLEAN_SECONDS
from stonegate.database.deployment.one_database import apply_database, plan_database
from stonegate.database.deployment.options import ApplyOptions
from stonegate.fleet.names import Owner
from stonegate.fleet.targets import Target, as_it_is
from stonegate.gateway.deploy import register
from stonegate.gateway.state import HEALTH_SECONDS
from stonegate.model.plan import Plan
from stonegate.model.report import Status
from tests.database.folders import write
from tests.gateway.folders import release
from tests.gateway.gateway import Gateway, start_gateway
from tests.gateway.load import FUNCTIONS, SESSIONS, Client, Crowd, Heard, deploy, eventually
from tests.servers import Database, MakePrivateServer, Server, psql

IDLE_SECONDS, LIFETIME_SECONDS = 0.7, 1.5


@pytest.fixture(scope="module")
def tight(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """One connection per database, not for long."""
    with start_gateway(
        tmp_path_factory.mktemp("tight"),
        server.admin_url,
        MAX_CONNECTIONS_PER_POOL="1",
        POOL_ACQUIRE_TIMEOUT_SECS="1s",
        POOL_IDLE_TIMEOUT_SECS=f"{IDLE_SECONDS}",
        POOL_MAX_LIFETIME_SECS=f"{LIFETIME_SECONDS}",
    ) as started:
        yield started


@pytest.fixture
def platform(server: Server, new_name: Callable[[], str]) -> str:
    return new_name()


def sessions(server: Server, platform: str) -> int:
    """The gateway's sessions of a platform, as PostgreSQL lists them."""
    ((count,),) = psql(server.admin_url, SESSIONS, (f"^{platform}_",))
    return int(count)


def naps(server: Server, platform: str) -> list[int]:
    """The processes that sleep for a call."""
    query = "SELECT pid FROM pg_stat_activity WHERE datname ~ %s AND wait_event = 'PgSleep'"
    return [pid for (pid,) in psql(server.admin_url, query, (f"^{platform}_",))]


def backend(gateway: Gateway, platform: str) -> int:
    """The process that answers a call."""
    answer = gateway.call(platform, "backend")
    assert answer.status_code == 200, answer.text
    pid: int = answer.json()["rows"][0]["backend"]
    return pid


@pytest.mark.slow
async def test_a_restart_of_postgresql_under_load(home: Path, private_server: MakePrivateServer) -> None:
    server = private_server(18)
    with start_gateway(home, server.admin_url) as gateway:
        deploy(server, gateway, "load", "a", "b", "c")
        crowd = Crowd(url=gateway.url, platform="load")
        is_over = False
        asking = asyncio.create_task(crowd.ask_while(lambda: not is_over, a=2, b=2, c=2))
        try:
            await asyncio.sleep(0.5)
            for end in (lambda: server.stop("fast"), server.kill):
                await asyncio.to_thread(end)
                await asyncio.to_thread(eventually, lambda: gateway.get("/ready").status_code == 503)
                health = await asyncio.to_thread(gateway.get, "/health")
                assert (health.status_code, health.json()["status"]) == (200, "degraded")
                assert health.json()["postgres_connected"] is False
                down = await asyncio.to_thread(gateway.call, "load", "who", ["x"], tenant_id="a")
                assert (down.status_code, down.json()["error"]) == (503, "connection_failed")
                await asyncio.to_thread(server.start)
                for tenant in "abc":
                    await asyncio.to_thread(eventually, lambda tenant=tenant: answers(gateway, tenant))
                await asyncio.to_thread(eventually, lambda: gateway.get("/ready").status_code == 200)
        finally:
            is_over = True
            heard = await asking
        for each in heard.values():
            assert_only_unreachable(each)


def test_one_without_sessions_to_spare_is_ready_for_those_who_have_theirs(
    home: Path, private_server: MakePrivateServer
) -> None:
    server = private_server(18, max_connections="12", superuser_reserved_connections="3")
    with start_gateway(home, server.admin_url) as gateway, contextlib.ExitStack() as held:
        deploy(server, gateway, "load", "a")
        assert answers(gateway, "a")
        with pytest.raises(psycopg.OperationalError, match=r"connection slots|too many clients"):
            for _ in range(13):
                held.enter_context(psycopg.connect(server.url()))
        time.sleep(HEALTH_SECONDS)
        ready = gateway.get("/ready")
        assert (ready.status_code, ready.json()["postgres_connected"]) == (200, True)
        assert answers(gateway, "a")


def answers(gateway: Gateway, tenant: str) -> bool:
    """Whether a tenant's calls are answered again."""
    return gateway.call("load", "who", ["x"], tenant_id=tenant).status_code == 200


def assert_only_unreachable(heard: Heard) -> None:
    """Answers, and 503 while there was nobody to ask."""
    assert set(heard.statuses) == {200, 503}, (heard.statuses, heard.codes)
    assert set(heard.codes) == {"connection_failed"}


def test_sessions_that_the_server_ends(gateway: Gateway, server: Server, platform: str) -> None:
    deploy(server, gateway, platform, None)
    idle = backend(gateway, platform)
    psql(server.admin_url, "SELECT pg_terminate_backend(%s, 5000)", (idle,))
    assert backend(gateway, platform) != idle
    statuses: list[tuple[int, str]] = []

    def nap() -> None:
        answer = gateway.call(platform, "nap", [20])
        statuses.append((answer.status_code, answer.json()["error"]))

    napping = threading.Thread(target=nap)
    napping.start()
    eventually(lambda: len(naps(server, platform)) == 1)
    psql(server.admin_url, "SELECT pg_terminate_backend(%s, 5000)", (naps(server, platform)[0],))
    napping.join()
    assert statuses == [(503, "connection_failed")]
    assert backend(gateway, platform)


async def test_a_client_that_hangs_up_cancels_its_query(gateway: Gateway, server: Server, platform: str) -> None:
    deploy(server, gateway, platform, None)
    async with Client(gateway.url) as client:
        napping = asyncio.create_task(client.call(platform=platform, function="nap", params=[30]))
        while not await asyncio.to_thread(naps, server, platform):
            await asyncio.sleep(0.02)
        client.hang_up()
        await asyncio.to_thread(eventually, lambda: not naps(server, platform), 20)
        napping.cancel()
    answer = await asyncio.to_thread(gateway.call, platform, "who", ["x"])
    assert answer.json()["rows"] == [{"db": f"{platform}_main", "heard": "x"}]


def test_a_call_may_have_a_limit_of_its_own(gateway: Gateway, server: Server, platform: str) -> None:
    deploy(server, gateway, platform, None)
    began = time.monotonic()
    answer = gateway.call(platform, "nap", [60], timeout_ms=200)
    assert (answer.status_code, answer.json()["error"]) == (504, "query_timeout")
    assert time.monotonic() - began < 20
    eventually(lambda: not naps(server, platform))
    assert gateway.call(platform, "nap", [0.01], timeout_ms=20_000).status_code == 200


def test_a_call_that_gets_no_connection_is_told_when_to_try_again(
    tight: Gateway, server: Server, platform: str
) -> None:
    deploy(server, tight, platform, None)
    napping = threading.Thread(target=tight.call, args=(platform, "nap", [20]))
    napping.start()
    eventually(lambda: len(naps(server, platform)) == 1)
    answer = tight.call(platform, "who", ["x"])
    assert (answer.status_code, answer.json()["error"]) == (503, "pool_exhausted")
    assert int(answer.headers["retry-after"]) >= 1
    psql(server.admin_url, "SELECT pg_cancel_backend(%s)", (naps(server, platform)[0],))
    napping.join()
    assert tight.call(platform, "who", ["x"]).status_code == 200
    assert "stonegate_pool_exhausted_total 1\n" in tight.get("/metrics").text


def test_connections_grow_old_and_idle(tight: Gateway, server: Server, platform: str) -> None:
    deploy(server, tight, platform, None)
    asked: list[float] = []
    pids: list[int] = []
    while not asked or asked[-1] - asked[0] < LIFETIME_SECONDS + IDLE_SECONDS:
        asked.append(time.monotonic())
        pids.append(backend(tight, platform))
        assert sessions(server, platform) <= 1
        time.sleep(0.05)
    answered = [*asked[1:], time.monotonic()]  # and a moment later
    for number, pid in enumerate(pids):
        first = pids.index(pid)
        assert asked[number] - answered[first] < LIFETIME_SECONDS, "it is too old"
        if number and pid != pids[number - 1]:
            is_old = answered[number] - asked[pids.index(pids[number - 1])] > LIFETIME_SECONDS
            assert is_old or answered[number] - asked[number - 1] > IDLE_SECONDS, "it was given up too early"
    eventually(lambda: sessions(server, platform) == 0)


def test_a_deployment_drains_the_pool(gateway: Gateway, server: Server, platform: str) -> None:
    folder = {"functions/all.sql": FUNCTIONS}
    assert gateway.upload("/register", folder, platform=platform).status_code == 200
    before = backend(gateway, platform)
    answers: list[httpx.Response] = []
    napping = threading.Thread(target=lambda: answers.append(gateway.call(platform, "nap", [3])))
    napping.start()
    eventually(lambda: len(naps(server, platform)) == 1)
    busy = naps(server, platform)[0]
    changed = {"functions/all.sql": FUNCTIONS.replace("RETURNS int LANGUAGE sql", "RETURNS bigint LANGUAGE sql")}
    assert gateway.upload("/migrate", changed, platform=platform).status_code == 200
    after = backend(gateway, platform)
    assert after not in (before, busy)
    napping.join()
    assert answers[0].json()["rows"] == [{"nap": 1}]
    eventually(lambda: sessions(server, platform) == 1)


@pytest.mark.parametrize("quick", [True, False])
def test_calls_that_wait_for_a_deployment_get_its_answer(
    gateway: Gateway, server: Server, platform: str, quick: bool
) -> None:
    """They came behind its commit with the former text of the function, which knows no column of the new name."""
    url = server.url(f"{platform}_main")
    found = "CREATE OR REPLACE FUNCTION found() RETURNS int LANGUAGE sql AS 'SELECT {} FROM thing'"
    folder = {"tables/thing.sql": "CREATE TABLE thing (a int);", "functions/found.sql": found.format("a") + ";"}
    assert gateway.upload("/register", folder, platform=platform).status_code == 200
    psql(url, "INSERT INTO thing VALUES (7)")
    for _ in range(5 if quick else 0):  # then they share connections
        assert gateway.call(platform, "found").json()["rows"] == [{"found": 7}]
    answers: list[httpx.Response] = []
    callers = [threading.Thread(target=lambda: answers.append(gateway.call(platform, "found"))) for _ in range(4)]
    with psycopg.connect(url) as deployment:
        deployment.execute("ALTER TABLE thing RENAME a TO b")
        for caller in callers:
            caller.start()
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND wait_event_type = 'Lock'"
        eventually(lambda: psql(server.admin_url, waiting, (f"{platform}_main",)) >= [(1,)])
        time.sleep(0.2)
        deployment.execute(found.format("b").encode())
    for caller in callers:
        caller.join()
    assert [answer.json().get("rows") for answer in answers] == [[{"found": 7}]] * 4


def test_a_deployment_from_elsewhere_may_change_the_search_path(
    gateway: Gateway, server: Server, platform: str
) -> None:
    """Settings of a database count from the login on: earlier sessions find neither new tables nor functions."""
    deploy(server, gateway, platform, None)
    url, database = server.url(f"{platform}_main"), f"{platform}_main"
    psql(
        url,
        "CREATE FUNCTION things() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT count(*) FROM thing); END'",
    )
    assert gateway.call(platform, "things").json()["sqlstate"] == "42P01"
    before = backend(gateway, platform)
    psql(url, "CREATE SCHEMA late; CREATE TABLE late.thing (id int)")
    psql(url, f"ALTER DATABASE {database} SET search_path = public, late")
    assert gateway.call(platform, "things").json()["rows"] == [{"things": 0}]
    assert backend(gateway, platform) != before
    psql(url, "CREATE SCHEMA later; CREATE FUNCTION later.found() RETURNS int LANGUAGE sql AS 'SELECT 1'")
    assert gateway.call(platform, "found").json()["error"] == "function_not_found"
    psql(url, f"ALTER DATABASE {database} SET search_path = public, late, later")
    assert gateway.call(platform, "found").json()["rows"] == [{"found": 1}]
    assert gateway.call(platform, "things").json()["rows"] == [{"things": 0}]


def test_what_a_function_sets_for_the_session_does_not_stay(gateway: Gateway, server: Server, platform: str) -> None:
    """It would hold for every call on that connection; a function with `SET` in its head needs no such care."""
    deploy(server, gateway, platform, None)
    psql(
        server.url(f"{platform}_main"),
        """CREATE FUNCTION bend(what text) RETURNS int LANGUAGE plpgsql AS 'BEGIN EXECUTE what; RETURN 1; END';
        CREATE FUNCTION noisy() RETURNS int LANGUAGE plpgsql AS $$ BEGIN
            FOR i IN 1..20000 LOOP RAISE NOTICE '%', i; END LOOP; RETURN 1; END $$""",
    )
    found_at_once = ("SET search_path = pg_catalog", "SET TimeZone = 'Asia/Tokyo'", "SET ROLE pg_monitor")
    for what in (*found_at_once, "PREPARE left_over AS SELECT 1"):
        before = backend(gateway, platform)
        assert gateway.call(platform, "bend", [what]).status_code == 200
        assert gateway.call(platform, f"new_{before}").json()["error"] == "function_not_found"  # the catalog is read
        assert backend(gateway, platform) != before
    assert gateway.call(platform, "noisy").status_code == 200


def test_a_search_path_that_a_function_leaves_leads_no_call_astray(
    gateway: Gateway, server: Server, platform: str
) -> None:
    """What the catalog says to such a session is not remembered for the others."""
    deploy(server, gateway, platform, None)
    psql(
        server.url(f"{platform}_main"),
        """CREATE FUNCTION bend(what text) RETURNS int LANGUAGE plpgsql AS 'BEGIN EXECUTE what; RETURN 1; END';
        CREATE SCHEMA other;
        CREATE FUNCTION twin() RETURNS text LANGUAGE sql AS $$ SELECT 'public' $$;
        CREATE FUNCTION other.twin() RETURNS text LANGUAGE sql AS $$ SELECT 'other' $$""",
    )
    before = backend(gateway, platform)
    assert gateway.call(platform, "bend", ["SET search_path = other, public"]).status_code == 200
    assert [gateway.call(platform, "twin").json()["rows"] for _ in range(3)] == [[{"twin": "public"}]] * 3
    assert backend(gateway, platform) != before


LITTER = """
    CREATE FUNCTION litter_table() RETURNS int LANGUAGE plpgsql AS 'BEGIN
        CREATE TEMPORARY TABLE left_over (a int); RETURN 1; END';
    CREATE FUNCTION litter_lock() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1 FROM pg_advisory_lock_shared(8); END;
    CREATE FUNCTION litter_lock_and_fail() RETURNS int LANGUAGE sql AS 'SELECT pg_advisory_lock(8); SELECT 1 / 0';
    CREATE FUNCTION litter_cursor() RETURNS int LANGUAGE plpgsql AS 'BEGIN
        EXECUTE ''DECLARE left_over CURSOR WITH HOLD FOR SELECT 1''; RETURN 1; END';
    CREATE FUNCTION litter_listen() RETURNS int LANGUAGE plpgsql AS 'BEGIN LISTEN left_over; RETURN 1; END';
    CREATE FUNCTION litter_temp_schema() RETURNS int LANGUAGE plpgsql AS 'BEGIN
        CREATE TABLE pg_temp.left_over (a int); RETURN 1; END';
    CREATE FUNCTION litter_temp_function() RETURNS int LANGUAGE plpgsql AS 'BEGIN
        CREATE FUNCTION pg_temp.left_over() RETURNS int LANGUAGE sql AS ''SELECT 1''; RETURN 1; END';
    CREATE FUNCTION litter_setting() RETURNS int LANGUAGE plpgsql AS 'BEGIN SET work_mem = ''1MB''; RETURN 1; END';
    CREATE FUNCTION litter_setting_behind_a_comment() RETURNS int LANGUAGE plpgsql AS 'BEGIN -- more of it
        /* much more */ SET SESSION work_mem = ''1MB''; RETURN 1; END';
    CREATE FUNCTION litter_read_only() RETURNS int LANGUAGE plpgsql AS 'BEGIN
        SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY; CREATE TEMP TABLE left_over (a int); RETURN 1; END';
    CREATE FUNCTION litter_variable() RETURNS text LANGUAGE sql AS $$ SELECT set_config('a.b', 'left', false) $$;
    CREATE FUNCTION litter_one_of_two() RETURNS text LANGUAGE sql AS $$
        SELECT set_config('a.b', 'left', false) || set_config('a.c', (SELECT max('x')), true) $$;
    CREATE FUNCTION litter_role() RETURNS int LANGUAGE plpgsql AS 'BEGIN SET ROLE pg_monitor; RETURN 1; END';
    CREATE FUNCTION litter_role_by_its_name() RETURNS text LANGUAGE sql
        AS $$ SELECT set_config('role', 'pg_monitor', false) $$;
    CREATE FUNCTION found() RETURNS TABLE (pid int, what text) LANGUAGE sql AS $$
        SELECT pg_backend_pid(), concat_ws(' ',
            (SELECT relname FROM pg_class WHERE relnamespace = pg_my_temp_schema()),
            (SELECT proname FROM pg_proc WHERE pronamespace = pg_my_temp_schema()),
            (SELECT locktype FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory'),
            (SELECT name FROM pg_cursors WHERE is_holdable), (SELECT pg_listening_channels()),
            nullif(current_setting('work_mem'), '4MB'), nullif(current_setting('a.b', true), ''),
            nullif(current_setting('default_transaction_read_only'), 'off'), nullif(current_user, session_user)) $$;
"""


def test_what_a_function_says_that_it_leaves_meets_nobody(gateway: Gateway, server: Server, platform: str) -> None:
    """The one connection is clean for the next call, at once, and stays."""
    deploy(server, gateway, platform, None)
    psql(server.url(f"{platform}_main"), LITTER)
    gateway.call(platform, "found")
    for name in re.findall("litter_[a-z_]+", LITTER):
        (before,) = gateway.call(platform, "found").json()["rows"]
        answer = gateway.call(platform, name)
        assert answer.status_code == (500 if name == "litter_lock_and_fail" else 200), answer.text
        (after,) = gateway.call(platform, "found").json()["rows"]
        assert after == {"pid": before["pid"], "what": ""}, name


def test_what_a_function_leaves_unsaid_is_gone_in_a_moment(gateway: Gateway, server: Server, platform: str) -> None:
    """By dynamic SQL, or through another function: there is nothing to read in its text."""
    deploy(server, gateway, platform, None)
    psql(server.url(f"{platform}_main"), LITTER)
    psql(
        server.url(f"{platform}_main"),
        """CREATE FUNCTION hidden() RETURNS text LANGUAGE sql AS 'SELECT concat(litter_table(), litter_lock(),
            litter_cursor(), litter_listen(), litter_setting(), litter_variable(), litter_role())'""",
    )
    (before,) = gateway.call(platform, "found").json()["rows"]
    for _ in range(2):
        assert gateway.call(platform, "hidden").json()["rows"] == [{"hidden": "11111left1"}]
        time.sleep(CLEAN_SECONDS)
        (after,) = gateway.call(platform, "found").json()["rows"]
        assert after == {"pid": before["pid"], "what": ""}


async def test_a_release_that_comes_in_between_is_no_reason_to_refuse_the_old_one(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An old container registers, and a newer release is deployed between its look at the records and its plan."""
    old, new = (write(tmp_path / str(number), release(number)) for number in (1, 2))
    assert (await apply_database(database.url, old)).status is Status.APPLIED

    async def plan_late(*given: Any) -> Plan:
        await apply_database(database.url, new)
        return await plan_database(*given)

    monkeypatch.setattr(register, "plan_database", plan_late)
    target = Target(server=database.server.admin_url, owner=Owner(platform="p"), database=database.name)
    outcome = await register.register_existing(target, old, ApplyOptions(), max_table_mb=1, renew=as_it_is)
    assert (outcome.status, outcome.body["superseded"]) == (200, True)
