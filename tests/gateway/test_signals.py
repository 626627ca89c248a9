"""The life of the process: an orderly end and a forced one, other settings, workers and parents that are killed."""

from __future__ import annotations

import http.client
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import httpx
import psutil
import psycopg
import pytest

from stonegate.gateway.board import PUBLISH_SECONDS
from stonegate.model.labels import parse_label
from tests.gateway.folders import release
from tests.gateway.gateway import TOKEN, Gateway, bearer, pack, start_gateway
from tests.gateway.load import SESSIONS, deploy, eventually
from tests.platforms import Platform, render_platform
from tests.servers import Server, psql

Begin: TypeAlias = "Callable[..., Asking]"
WORKERS = pytest.mark.parametrize("workers", ["1", "2"])


@pytest.fixture
def platform(new_name: Callable[[], str]) -> str:
    return new_name()


def process_of(gateway: Gateway) -> psutil.Process:
    """The gateway's."""
    assert gateway.process is not None
    return psutil.Process(gateway.process.pid)


class Asking(threading.Thread):
    """A call in a thread of its own."""

    def __init__(self, gateway: Gateway, platform: str, function: str, *params: float) -> None:
        super().__init__()
        self.status: int | None = None
        self.error: str | None = None
        self._asked = (gateway, platform, function, params)

    def run(self) -> None:
        gateway, platform, function, params = self._asked
        try:
            answer = gateway.call(platform, function, params)
            self.status, self.error = answer.status_code, answer.json().get("error")
        except httpx.TransportError:
            self.status = 0


@pytest.fixture
def begin(server: Server, platform: str) -> Iterator[Begin]:
    """Starts a call that sleeps, or stands in a queue, and waits until it does."""
    asked = []

    def begin(gateway: Gateway, function: str, *params: float) -> Asking:
        asking = Asking(gateway, platform, function, *params)
        asking.start()
        asked.append(asking)
        eventually(lambda: waiting(server, platform) == 1)
        return asking

    yield begin
    for asking in asked:
        asking.join()


def waiting(server: Server, platform: str) -> int:
    """Queries of the platform that sleep, or stand in a queue, in PostgreSQL."""
    ((count,),) = psql(
        server.admin_url,
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname ~ %s AND state = 'active' AND wait_event IN ('PgSleep', 'advisory')",
        (f"^{platform}_",),
    )
    return int(count)


@WORKERS
def test_the_end_lets_calls_finish(workers: str, home: Path, server: Server, platform: str, begin: Begin) -> None:
    settings = {"GATEWAY_WORKERS": workers, "SHUTDOWN_DELAY_SECS": "2", "SHUTDOWN_TIMEOUT_SECS": "60"}
    with start_gateway(home, server.admin_url, **settings) as gateway:
        deploy(server, gateway, platform, None)
        with psycopg.connect(server.url(f"{platform}_main")) as queue:  # its end lets the call finish
            queue.execute("SELECT pg_advisory_xact_lock(1)")
            asking = begin(gateway, "queue")
            process = process_of(gateway)
            process.send_signal(signal.SIGTERM)
            eventually(lambda: gateway.get("/ready").status_code == 503)
            assert gateway.call(platform, "who", ["x"]).status_code == 200
            eventually(lambda: refuses(gateway))
            assert asking.status is None
        assert process.wait(30) == 0
        asking.join()
        assert asking.status == 200
        assert psql(server.admin_url, SESSIONS, (f"^{platform}_",)) == [(0,)]


def refuses(gateway: Gateway) -> bool:
    """Whether nobody new is accepted."""
    try:
        gateway.get("/health")
    except httpx.ConnectError:
        return True
    except httpx.TransportError:
        return False
    return False


def test_the_end_has_a_limit(home: Path, server: Server, platform: str, begin: Begin) -> None:
    with start_gateway(home, server.admin_url, GATEWAY_WORKERS="2", SHUTDOWN_TIMEOUT_SECS="1") as gateway:
        deploy(server, gateway, platform, None)
        asking = begin(gateway, "nap", 60)
        process = process_of(gateway)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        asking.join()
        assert (asking.status, asking.error) == (503, "connection_failed")
        eventually(lambda: waiting(server, platform) == 0)  # long before it would end by itself


@WORKERS
def test_a_second_signal_forces_the_end(workers: str, home: Path, server: Server, platform: str, begin: Begin) -> None:
    with start_gateway(home, server.admin_url, GATEWAY_WORKERS=workers) as gateway:
        deploy(server, gateway, platform, None)
        begin(gateway, "nap", 25)
        process = process_of(gateway)
        children = process.children(recursive=True)
        process.send_signal(signal.SIGTERM)
        eventually(lambda: refuses(gateway))  # or the second signal could be one with the first
        assert process.is_running()
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 128 + signal.SIGTERM
        eventually(lambda: not any(lives(child) for child in children))


def test_a_deployment_at_the_end_finishes_or_is_undone(home: Path, server: Server, platform: str) -> None:
    large = pack(dict(render_platform(Platform(tables=30, functions=150))))
    named = f"{server.admin_url}{'&' if '?' in server.admin_url else '?'}application_name={platform}"
    with start_gateway(home, named, SHUTDOWN_TIMEOUT_SECS="0.2") as gateway:
        deploying = threading.Thread(target=upload_until_it_breaks, args=(gateway, large, platform))
        deploying.start()
        process = process_of(gateway)
        eventually(lambda: any(database != "postgres" for database in at_work(server, platform)))
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        deploying.join()
        assert "never retrieved" not in gateway.logged()
    eventually(lambda: not at_work(server, platform))  # PostgreSQL still carries out what it was sent
    is_whole = is_finished(server, f"{platform}_main")
    with start_gateway(home, server.admin_url) as gateway:
        first = gateway.upload("/register", large, platform=platform).json()
        assert first["status"] == "ready"
        assert (first["created"], first["functions_deployed"]) == ((False, 0) if is_whole else (True, 150))
        again = gateway.upload("/register", large, platform=platform).json()
        assert (again["status"], again["created"], again["functions_deployed"]) == ("ready", False, 0)


def at_work(server: Server, application: str) -> list[str]:
    """The databases that the application has sessions in."""
    query = "SELECT datname::text FROM pg_stat_activity WHERE application_name = %s"
    return [database for (database,) in psql(server.admin_url, query, (application,))]


def is_finished(server: Server, database: str) -> bool:
    """Whether the database is there, and does not say of itself that whoever comes next shall make it anew."""
    query = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s"
    labels = [parse_label(comment) for (comment,) in psql(server.admin_url, query, (database,))]
    return any(label is not None and not label.unfinished for label in labels)


def upload_until_it_breaks(gateway: Gateway, archive: bytes, platform: str) -> None:
    """A registration whose gateway ends."""
    try:
        gateway.upload("/register", archive, platform=platform)
    except httpx.TransportError:
        return


@WORKERS
def test_other_settings_at_sighup(workers: str, home: Path, server: Server, platform: str) -> None:
    with start_gateway(home, server.admin_url, ADMIN_TOKEN="", GATEWAY_WORKERS=workers) as gateway:
        deploy(server, gateway, platform, None)
        assert gateway.get("/admin/platforms", headers=bearer()).status_code == 503
        process = process_of(gateway)
        before = {child.pid for child in process.children()}

        (home / ".env").write_text("MAX_TOTAL_CONNECTIONS=many\n")
        process.send_signal(signal.SIGHUP)
        eventually(lambda: "the settings were not reloaded: setting MAX_TOTAL_CONNECTIONS" in gateway.logged())
        assert gateway.call(platform, "who", ["x"]).status_code == 200

        (home / ".env").write_text(f"ADMIN_TOKEN={TOKEN}\nMAX_TOTAL_CONNECTIONS=42\nSTATEMENT_TIMEOUT_SECS=0.1\n")
        process.send_signal(signal.SIGHUP)
        eventually(lambda: gateway.logged().count("the settings were reloaded") == int(workers))
        for _ in range(8):  # whichever worker is asked
            assert gateway.get("/admin/platforms", headers=bearer()).status_code == 200
            assert gateway.call(platform, "nap", [1]).json()["error"] == "query_timeout"
        assert "stonegate_pool_connections_limit 42" in gateway.get("/metrics").text
        assert {child.pid for child in process.children()} == before


def test_a_killed_worker_is_replaced_and_its_figures_stay(home: Path, server: Server, platform: str) -> None:
    with start_gateway(home, server.admin_url, GATEWAY_WORKERS="2") as gateway:
        deploy(server, gateway, platform, None)
        for _ in range(10):
            assert gateway.call(platform, "who", ["x"]).status_code == 200
        counted = f'stonegate_calls_total{{platform="{platform}",outcome="ok"}} 10'
        eventually(lambda: counted in gateway.get("/metrics").text)
        time.sleep(6 * PUBLISH_SECONDS)  # each has told the others
        victims = [child for child in process_of(gateway).children() if serves(child)]
        assert len(victims) == 2
        for victim in victims:
            victim.kill()
        eventually(lambda: not refuses(gateway) and counted in gateway.get("/metrics").text)
        assert gateway.call(platform, "who", ["x"]).status_code == 200


def lives(process: psutil.Process) -> bool:
    """Whether it is more than an exit code that nobody has asked for yet."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def serves(process: psutil.Process) -> bool:
    """Whether it is a worker: another child of Python's only tracks resources."""
    return "spawn_main" in " ".join(process.cmdline())


@WORKERS
def test_nothing_outlives_a_killed_gateway(workers: str, home: Path, server: Server, platform: str) -> None:
    with start_gateway(home, server.admin_url, GATEWAY_WORKERS=workers) as gateway:
        assert gateway.upload("/register", release(1), platform=platform).status_code == 200
        assert gateway.call(platform, "version_of").status_code == 200
        process = process_of(gateway)
        children = process.children(recursive=True)
        assert sum(map(serves, children)) >= int(workers)
        process.kill()
        # Whoever inherits them may reap them later.
        eventually(lambda: not any(lives(child) for child in children))
        eventually(lambda: psql(server.admin_url, SESSIONS, (f"^{platform}_",)) == [(0,)])


def test_an_open_connection_does_not_keep_it_from_ending(home: Path, server: Server) -> None:
    with start_gateway(home, server.admin_url) as gateway:
        host, port = gateway.url.removeprefix("http://").split(":")
        idle = http.client.HTTPConnection(host, int(port))
        idle.request("GET", "/health")
        assert idle.getresponse().read()
        half = socket.create_connection((host, int(port)))
        half.sendall(b"POST /call HTTP/1.1\r\n")
        process = process_of(gateway)
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0
        idle.close()
        half.close()
