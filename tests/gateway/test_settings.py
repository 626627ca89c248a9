"""Answers that depend on settings, on PostgreSQL being there, and on the gateway being as it should."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from ipaddress import ip_network
from pathlib import Path
from shutil import copytree
from typing import Any

import httpx
import psycopg
import pytest

from stonegate.errors import DataDirUnusable, UsageError
from stonegate.gateway.server import serve
from stonegate.gateway.state import Gateway as State
from stonegate.gateway.state import require_directory
from stonegate.settings import Settings
from tests.gateway.folders import SEEDED, release
from tests.gateway.gateway import TOKEN, Gateway, bearer, start_gateway
from tests.gateway.inside import serve_inside
from tests.servers import Server

pytestmark = pytest.mark.contract

NewName = Callable[[], str]
Inside = Callable[..., AbstractContextManager[tuple[Gateway, State]]]


@pytest.fixture
def inside(own_server: Server, gateway: Gateway) -> Inside:
    """Serves from within the test with the platforms of the shared gateway, and settings of the test's own."""
    assert gateway.data_dir is not None
    data_dir = gateway.data_dir

    def serve(**more: Any) -> AbstractContextManager[tuple[Gateway, State]]:
        return serve_inside(Settings(**{"database_url": own_server.admin_url, "data_dir": data_dir, **more}))

    return serve


@pytest.fixture
def wary(home: Path, own_server: Server) -> Iterator[Gateway]:
    """A gateway that waits for no lock, rewrites no table at a start, and answers 200 to creations."""
    settings = {"REGISTER_MAX_TABLE_MB": "0", "STONEGATE_LOCK_TIMEOUT": "0.05", "CREATED_STATUS": "200"}
    with start_gateway(home, own_server.admin_url, **settings) as started:
        yield started


@pytest.mark.shows("table_too_large", "lock_timeout")
def test_large_tables_and_locks(wary: Gateway, new_name: NewName, own_server: Server) -> None:
    name = new_name()
    wary.upload("/register", SEEDED, platform=name)
    indexed = SEEDED | {"tables/role.sql": SEEDED["tables/role.sql"] + "CREATE INDEX role_name ON role (name);"}
    answer = wary.upload("/register", indexed, platform=name)
    assert (answer.status_code, answer.json()["error"]) == (409, "table_too_large"), answer.text
    assert "role" in answer.json()["message"] and "/migrate" in answer.json()["hint"]
    assert wary.upload("/register", SEEDED | release(1), platform=name).status_code == 200
    with psycopg.connect(own_server.url(f"{name}_main")) as connection:
        connection.execute("LOCK TABLE role")
        answer = wary.upload("/migrate", indexed | release(1), platform=name)
        assert (answer.status_code, answer.json()["error"]) == (409, "lock_timeout"), answer.text
    assert wary.upload("/migrate", indexed | release(1), platform=name).status_code == 200


def test_large_tables_of_a_changed_domain(wary: Gateway, new_name: NewName) -> None:
    name = new_name()
    held = {
        "types/code.sql": "CREATE DOMAIN code AS text; CREATE DOMAIN short AS code; CREATE DOMAIN free AS text;",
        "tables/held.sql": "CREATE TABLE held (id int PRIMARY KEY, code short);",
    }
    assert wary.upload("/register", held, platform=name).status_code == 200

    def change(domain: str, said: str) -> httpx.Response:
        changed = held["types/code.sql"].replace(f"{domain} AS text;", f"{domain} AS text {said};")
        allowed = f"-- stonegate: allow set_not_null {domain}\nSELECT 1;"
        return wary.upload("/register", held | {"types/code.sql": changed, "migrations/1.sql": allowed}, platform=name)

    for said in ("CHECK (length(VALUE) < 90)", "NOT NULL"):
        answer = change("code", said)
        assert (answer.status_code, answer.json()["error"]) == (409, "table_too_large"), answer.text
        assert "public.held" in answer.json()["message"]
    answer = change("free", "CHECK (length(VALUE) < 90) NOT NULL")
    assert answer.status_code == 200, answer.text


@pytest.mark.shows(
    "POST /platform/register", "POST /platform/{platform}/schema", "POST /database/create", "POST /admin/create-tenant"
)
def test_creations_answer_200_if_they_shall(wary: Gateway, new_name: NewName) -> None:
    name = new_name()
    for answer in (
        wary.post("/platform/register", {"platform": name}),
        wary.upload(f"/platform/{name}/schema", release(1), schema_name="app"),
        wary.post("/database/create", {"platform": name, "schema_name": "app"}),
        wary.post("/admin/create-tenant", {"platform": name, "tenant_id": "t"}, headers=bearer()),
    ):
        assert answer.status_code == 200, answer.text
    document = wary.get("/openapi.json").json()
    assert "201" not in document["paths"]["/database/create"]["post"]["responses"]


def test_failed_calls_by_sqlstate(inside: Inside, shop: str) -> None:
    with inside(call_error_status="sqlstate") as (gateway, _):
        odd = Gateway(url=gateway.url, by_sqlstate=True)
        for state, status in (
            ("23505", 409), ("23514", 409), ("22012", 400), ("P0001", 400), ("42501", 403), ("42883", 404),
            ("57014", 504), ("PT418", 418), ("PT200", 500), ("PT399", 500), ("PT400", 400), ("PT599", 599),
            ("PT600", 500), ("PTABC", 500), ("PTA12", 500), ("P0002", 500), ("XX000", 500),
        ):  # fmt: skip
            answer = odd.call(shop, "fail", [state, "no"])
            assert answer.status_code == status, (state, answer.text)
            assert answer.json()["sqlstate"] == state
        assert odd.call(shop, "note", [None]).status_code == 409
        assert odd.call(shop, "echo_int4", ["x"]).status_code == 400
        assert odd.call(shop, "nap", [5], timeout_ms=50).status_code == 504


@pytest.mark.shows("pool_exhausted", "query_timeout")
def test_no_connection_is_free(inside: Inside, shop: str) -> None:
    settings = {"max_connections_per_pool": 1, "pool_acquire_timeout": 0.1, "call_timeout": 1.0}
    with inside(**settings) as (gateway, _), ThreadPoolExecutor(1) as threads:
        busy = threads.submit(gateway.call, shop, "nap", [30], timeout_ms=60_000)  # it only lowers the limit
        while gateway.get("/health").json()["total_connections"] == 0:
            pass
        refused, answered = [], 0
        while not busy.done():
            answer = gateway.call(shop, "add", [1])
            if answer.status_code == 200:
                answered += 1
            else:
                refused.append((answer.status_code, answer.json()["error"], answer.headers["retry-after"]))
        assert set(refused) == {(503, "pool_exhausted", "1")}
        assert answered <= 1  # the last one may come when the connection is free again
        assert (busy.result().status_code, busy.result().json()["sqlstate"]) == (504, "57014")


@pytest.mark.shows("GET /ready", "GET /health")
def test_a_gateway_that_drains(inside: Inside) -> None:
    with inside() as (gateway, state):
        assert gateway.get("/ready").status_code == 200
        state.is_draining = True
        answer = gateway.get("/ready")
        assert (answer.status_code, answer.json()["postgres_connected"]) == (503, True)
        assert gateway.get("/health").status_code == 200


@pytest.mark.shows("connection_failed")
def test_no_postgresql(inside: Inside, shop: str) -> None:
    nowhere = "postgresql://postgres@127.0.0.1:1/postgres"
    with inside(database_url=nowhere, admin_token=TOKEN) as (gateway, _):
        health = gateway.get("/health")
        assert (health.status_code, health.json()["status"], health.json()["postgres_connected"]) == (
            200, "degraded", False,
        )  # fmt: skip
        assert gateway.get("/ready").status_code == 503
        for answer in (
            gateway.call(shop, "add", [1]),
            gateway.call("nobody", "add", [1]),
            gateway.get(f"/admin/databases?platform={shop}", headers=bearer()),
            gateway.post("/platform/register", {"platform": "x", "db_user": "x"}),
        ):
            assert (answer.status_code, answer.json()["error"]) == (503, "connection_failed"), answer.text
            assert "refused" in answer.json()["cause"]


@pytest.mark.shows("unauthorized")
def test_the_three_refusals(inside: Inside) -> None:
    settings = {"allowed_networks": (ip_network("10.0.0.0/8"),), "trusted_proxies": (ip_network("127.0.0.0/8"),)}
    with inside(**settings) as (gateway, _):
        assert gateway.get("/platforms", headers={"X-Forwarded-For": "10.1.1.1"}).status_code == 200
        assert gateway.get("/admin/platforms", headers={"X-Forwarded-For": "127.0.0.1"}).status_code == 503
    with inside(**settings, admin_token=TOKEN) as (gateway, _):
        for chain, status in (
            ("10.1.1.1", 200), ("11.1.1.1", 403), ("127.0.0.1, 11.1.1.1", 403), ("10.1.1.1, 11.1.1.1", 403),
            ("11.1.1.1, 10.1.1.1", 200), ("10.1.1.1, 127.0.0.9", 200), ("nonsense", 403), ("10.1.1.1, ::ffff", 403),
            ("::ffff:10.1.1.1", 200), ("10.1.1.1:443", 200), ("", 403),
        ):  # fmt: skip
            answer = gateway.get("/platforms", headers={"X-Forwarded-For": chain})
            assert answer.status_code == status, (chain, answer.text)
        for route in ("/metrics", "/docs", "/openapi.json", "/no-such-route", "/admin/databases?platform=x"):
            assert gateway.get(route, headers={"X-Forwarded-For": "11.1.1.1"}).status_code == 403
        for route in ("/health", "/ready"):
            assert gateway.get(route, headers={"X-Forwarded-For": "11.1.1.1"}).status_code == 200
        # The administrator's networks are fewer, and the token is asked for behind them.
        assert gateway.get("/admin/platforms", headers=bearer() | {"X-Forwarded-For": "10.1.1.1"}).status_code == 403
        assert gateway.get("/admin/platforms", headers=bearer()).status_code == 200
        assert gateway.get("/admin/platforms", headers=bearer("wrong")).status_code == 401


def test_a_forged_address_counts_for_nothing(inside: Inside) -> None:
    """Without TRUSTED_PROXIES the header is not looked at: the peer is the client."""
    with inside(admin_token=TOKEN) as (gateway, _):
        for forged in ("8.8.8.8", "127.0.0.1", "nonsense"):
            assert gateway.get("/platforms", headers={"X-Forwarded-For": forged}).status_code == 200


@pytest.mark.shows("internal_error")
def test_what_nobody_thought_of_is_told_without_its_text(inside: Inside) -> None:
    with inside() as (gateway, state):

        def break_down() -> bool:
            raise RuntimeError("a secret of the inside")

        state.is_connected = break_down  # type: ignore[method-assign,assignment]
        answer = gateway.get("/platforms")
        assert answer.status_code == 200
        answer = gateway.get("/health")
        assert (answer.status_code, answer.json()["error"]) == (500, "internal_error")
        assert "secret" not in answer.text


@pytest.mark.shows("internal_error")
def test_a_data_directory_that_is_of_no_use_is_no_fault_of_the_client(inside: Inside, tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/platform.json").write_text("{")
    with inside(data_dir=tmp_path) as (gateway, _):
        for answer in (gateway.get("/platforms"), gateway.upload("/register", release(1), platform="shop")):
            assert (answer.status_code, answer.json()["error"]) == (500, "internal_error"), answer.text
            assert "platform.json is no JSON" in answer.json()["message"]
    for path in (tmp_path / "shop/platform.json", Path("/proc")):  # no directory; nothing can be written to it
        with pytest.raises(DataDirUnusable, match="cannot be used"):
            require_directory(path)


def test_what_a_call_failed_with_is_said_whatever_became_of_its_platform_s_file(
    inside: Inside, gateway: Gateway, shop: str, tmp_path: Path
) -> None:
    assert gateway.data_dir is not None
    copytree(gateway.data_dir / shop, tmp_path / shop)
    with inside(data_dir=tmp_path) as (other, _):
        assert other.call(shop, "add", [1]).status_code == 200
        (tmp_path / shop / "platform.json").write_text("{")
        answers = (other.call(shop, "fail", ["23505", "no"]), other.call(shop, "is_not_there"))
    assert [answer.json()["error"] for answer in answers] == ["query_failed", "function_not_found"]
    answer = gateway.call("-" * 128 + shop, "add", [1], tenant_id="nobody")
    assert (answer.status_code, answer.json()["error"]) == (503, "connection_failed"), answer.text


@pytest.mark.parametrize("url", ["mysql://somebody:secret@db/x", "host=db password=secret nothing=1"])
def test_a_server_that_cannot_be_meant_is_no_gateway(tmp_path: Path, url: str) -> None:
    with pytest.raises(UsageError, match="DATABASE_URL") as refusal:
        serve(Settings(database_url=url, data_dir=tmp_path))
    assert "secret" not in str(refusal.value.as_dict())


def test_unknown_fields_are_named_in_the_log(gateway: Gateway, shop: str, behind: Server) -> None:
    assert gateway.call(shop, "nothing", [], parms=[1]).status_code == 200
    assert gateway.post("/call", {"platform": shop, "function": "nothing", "argumentz": []}).status_code == 200
    assert gateway.upload("/register", b"", platform="x", tennant="y").status_code == 400
    everybody = {"platform": "nobody", "schema_name": "app", "database_id": "one"}
    assert gateway.post("/v2/migrate-all", everybody).status_code == 404
    for name in ("parms", "argumentz", "tennant", "database_id"):
        assert f"unknown fields ignored: {name}" in gateway.logged()
