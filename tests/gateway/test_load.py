"""Load: the cap as PostgreSQL counts it, nobody's answer is lost or another's, a restart heals by itself."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import httpx
import psycopg
import pytest

from tests.gateway.gateway import Gateway, start_gateway
from tests.servers import MakePrivateServer, Server, psql

CAP = 6
TENANTS = 12
FOLDER = {
    "functions/who.sql": "CREATE FUNCTION who(token text) RETURNS TABLE (db text, token text) LANGUAGE sql"
    " AS 'SELECT current_database()::text, $1';"
}
SESSIONS = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'stonegate call' AND datname ~ '^load_'"


async def ask(client: httpx.AsyncClient, tenant: str, seconds: float, number: int) -> tuple[int, list[float]]:
    """One client of a tenant: how many answers, and how long each took."""
    end = time.monotonic() + seconds
    times = []
    while time.monotonic() < end:
        token = f"{tenant}/{number}/{len(times)}"
        began = time.monotonic()
        body = {"platform": "load", "tenant_id": tenant, "function": "who", "params": [token]}
        answer = await client.post("/call", json=body)
        times.append(time.monotonic() - began)
        assert answer.status_code == 200, answer.text
        assert answer.json()["rows"] == [{"db": f"load_{tenant}", "token": token}]
    return len(times), times


async def count_sessions(server: Server, done: asyncio.Event) -> int:
    """The most sessions of the gateway that PostgreSQL ever listed."""
    most = 0
    async with await psycopg.AsyncConnection.connect(server.admin_url, autocommit=True) as conn:
        while not done.is_set():
            row = await (await conn.execute(SESSIONS)).fetchone()
            most = max(most, row[0] if row else 0)
            await asyncio.sleep(0.002)
    return most


@pytest.fixture
def load_databases(server: Server):  # type: ignore[no-untyped-def]
    yield
    for (name,) in psql(server.admin_url, "SELECT datname FROM pg_database WHERE datname ~ '^load_'"):
        psql(server.admin_url, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@pytest.mark.slow
async def test_the_cap_holds_and_no_answer_is_crossed(home: Path, server: Server, load_databases: None) -> None:
    with start_gateway(home, server.admin_url, MAX_TOTAL_CONNECTIONS=str(CAP), RUST_LOG="warn") as gateway:
        tenants = [f"t{n}" for n in range(TENANTS)]
        for tenant in tenants:
            answer = gateway.upload("/register", FOLDER, platform="load", tenant_id=tenant)
            assert answer.status_code == 200, answer.text
        done = asyncio.Event()
        watching = asyncio.create_task(count_sessions(server, done))
        async with httpx.AsyncClient(base_url=gateway.url, timeout=30, trust_env=False) as client:
            counts = await asyncio.gather(
                *(ask(client, tenant, 4.0, number) for tenant in tenants for number in range(4))
            )
        done.set()
        assert 1 <= await watching <= CAP
        assert all(count > 0 for count, _ in counts)


@pytest.mark.slow
def test_a_restart_of_postgresql_heals(home: Path, private_server: MakePrivateServer) -> None:
    server = private_server(18)
    with start_gateway(home, server.admin_url) as gateway:
        assert gateway.upload("/register", FOLDER, platform="load").status_code == 200
        assert ask_once(gateway) == 200
        server.stop("fast")
        assert ask_once(gateway) == 503
        assert gateway.get("/health").status_code == 200
        time.sleep(1.1)
        assert gateway.get("/ready").status_code == 503
        server.start()
        deadline = time.monotonic() + 10
        while ask_once(gateway) != 200:
            assert time.monotonic() < deadline
            time.sleep(0.1)


def ask_once(gateway: Gateway) -> int:
    """The status of one call."""
    return gateway.call("load", "who", ["x"]).status_code
