"""The gateway on every PostgreSQL that is supported, and logged in as the platform's own role where it has one."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stonegate.fleet.credentials import rotate_password
from stonegate.fleet.registry import Registry
from tests.gateway.folders import TYPES, release
from tests.gateway.gateway import Gateway, bearer, start_gateway
from tests.gateway.load import eventually
from tests.servers import Server, psql


@pytest.fixture
def platform(any_server: Server) -> Iterator[str]:
    """A name, whose databases are dropped on whichever server the test ran."""
    name = f"gwany{os.getpid()}"
    yield name
    for (database,) in psql(any_server.admin_url, "SELECT datname FROM pg_database WHERE datname ~ %s", (f"^{name}_",)):
        psql(any_server.admin_url, f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')


def test_register_migrate_call_and_create_tenant(any_server: Server, home: Path, platform: str) -> None:
    with start_gateway(home, any_server.tcp_url()) as gateway:
        made = gateway.upload("/register", TYPES | release(1), platform=platform)
        assert (made.status_code, made.json()["created"]) == (200, True), made.text
        again = gateway.upload("/register", TYPES | release(1), platform=platform).json()
        assert (again["status"], again["created"], again["functions_deployed"]) == ("ready", False, 0)
        assert gateway.call(platform, "version_of").json()["rows"] == [{"version_of": 1}]
        point = {"x": 1, "label": "a", "at": "2030-01-02T03:04:05+00:00"}
        assert gateway.call(platform, "echo_point2", [point]).json()["rows"] == [point]

        migrated = gateway.upload("/migrate", TYPES | release(2), platform=platform)
        assert (migrated.status_code, migrated.json()["status"]) == (200, "completed"), migrated.text
        assert gateway.call(platform, "version_of").json()["rows"] == [{"version_of": 2}]
        blocked = gateway.upload("/migrate", TYPES | release(3), platform=platform)
        assert (blocked.status_code, blocked.json()["error"]) == (409, "migration_blocked")

        tenant = {"platform": platform, "tenant_id": "north"}
        assert gateway.post("/admin/create-tenant", tenant, headers=bearer()).status_code == 201
        filled = gateway.upload("/register", TYPES | release(2), platform=platform, tenant_id="north")
        assert filled.status_code == 200, filled.text
        where = gateway.call(platform, "who", tenant_id="north").json()["rows"]
        assert where == [{"who": f"{platform}_north"}]
        assert gateway.get("/health").json()["status"] == "healthy"


USER = {
    "functions/who.sql": "CREATE FUNCTION usename() RETURNS text LANGUAGE sql AS"
    " 'SELECT usename::text FROM pg_stat_activity WHERE pid = pg_backend_pid()';"
}


def test_calls_log_in_as_the_role_of_the_platform(server: Server, home: Path, new_name: Callable[[], str]) -> None:
    platform, plain = new_name(), new_name()
    with start_gateway(home, server.tcp_url(), POOL_MAX_LIFETIME_SECS="100ms") as gateway:
        login = {"platform": platform, "db_user": f"{platform}_role", "db_password": "first"}
        answer = gateway.post("/platform/register", login)
        assert (answer.status_code, answer.json()["has_dedicated_credentials"]) == (201, True)
        for name in (platform, plain):
            assert gateway.upload("/register", USER, platform=name).status_code == 200
        assert gateway.call(platform, "usename").json()["rows"] == [{"usename": f"{platform}_role"}]
        assert gateway.call(plain, "usename").json()["rows"] == [{"usename": "postgres"}]
        rotate_under_load(gateway, server, platform)
        assert gateway.upload("/migrate", USER | release(2), platform=platform).status_code == 200


def rotate_under_load(gateway: Gateway, server: Server, platform: str) -> None:
    """Change the password again and again while connections, which live for a moment only, are made all the time."""
    assert gateway.data_dir is not None
    registry, answers, is_over = Registry(gateway.data_dir), list[str](), threading.Event()

    def keep_calling() -> None:
        with gateway.client() as client:
            while not is_over.is_set():
                body = {"platform": platform, "function": "usename"}
                answers.append(client.post("/call", json=body).text.partition(',"row_count"')[0])

    callers = [threading.Thread(target=keep_calling) for _ in range(3)]
    for caller in callers:
        caller.start()
    try:
        for _ in range(5):
            asyncio.run(rotate_password(registry, server.tcp_url(), platform))
            asked = len(answers)
            eventually(lambda asked=asked: len(answers) > asked + 10)  # type: ignore[misc]
    finally:
        is_over.set()
        for caller in callers:
            caller.join()
    assert set(answers) == {f'{{"rows":[{{"usename":"{platform}_role"}}]'}
