"""The second generation: platforms, stored folders, databases made from them, jobs; and the administrator's routes."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.gateway.folders import EXTRA_MIGRATION, SEEDED, release
from tests.gateway.gateway import Gateway, start_gateway
from tests.gateway.test_register import version
from tests.servers import Server

pytestmark = pytest.mark.contract

NewName = Callable[[], str]
SLOW = {"migrations/1.sql": "SELECT pg_sleep(0.5);"}


def wait(gateway: Gateway, job: str, seconds: float = 60) -> dict[str, Any]:
    """The end of a job."""
    deadline = time.monotonic() + seconds
    while True:
        state: dict[str, Any] = gateway.get(f"/v2/migrate-all/{job}").json()
        if state["status"] not in ("queued", "running"):
            return state
        assert time.monotonic() < deadline, state
        time.sleep(0.05)


@pytest.fixture
def platform(gateway: Gateway, new_name: NewName) -> str:
    """A platform with a stored folder `app` and two databases of it, `main` and `u-1`."""
    name = new_name()
    assert gateway.post("/platform/register", {"platform": name}).status_code == 201
    assert gateway.upload(f"/platform/{name}/schema", SEEDED, schema_name="app").status_code == 201
    for more in ({}, {"uuid": "u-1"}):
        answer = gateway.post("/database/create", {"platform": name, "schema_name": "app", **more})
        assert answer.status_code == 201, answer.text
    return name


@pytest.mark.shows("POST /platform/register", "platform_already_registered", "platform_isolation_violation")
def test_platforms(gateway: Gateway, new_name: NewName) -> None:
    name = new_name()
    made = gateway.post("/platform/register", {"platform": name, "stranger": 1}).json()
    assert (made["platform"], made["has_dedicated_credentials"]) == (name, False)
    assert gateway.post("/platform/register", {"platform": name}).json()["error"] == "platform_already_registered"
    twin = gateway.post("/platform/register", {"platform": name.upper()})
    assert twin.json()["error"] == "platform_isolation_violation"
    own = gateway.post(
        "/platform/register", {"platform": f"{name}-own", "db_user": f"{name}_own", "db_password": "x y"}
    )
    assert own.json()["has_dedicated_credentials"] is True
    reserved = gateway.post("/platform/register", {"platform": f"{name}-r", "db_user": "pg_mine", "db_password": "x"})
    assert (reserved.status_code, reserved.json()["error"]) == (400, "invalid_request")
    assert "x y" not in own.text
    assert gateway.upload("/register", release(1), platform=f"{name}-own").status_code == 200
    assert version(gateway, f"{name}-own") == 1


@pytest.mark.shows(
    "POST /platform/{platform}/schema", "GET /platform/{platform}/schemas", "platform_not_found", "invalid_request",
    "schema_not_found", "platform_isolation_violation",
)  # fmt: skip
def test_stored_folders(gateway: Gateway, new_name: NewName) -> None:
    name = new_name()
    path = f"/platform/{name}/schema"
    for nobody in (gateway.upload(path, release(1), schema_name="app"), gateway.get(f"{path}s")):
        assert nobody.json()["error"] == "platform_not_found"
        assert nobody.json()["hint"] == "GET /platforms lists them; POST /platform/register makes one"
    gateway.post("/platform/register", {"platform": name})
    first = gateway.upload(path, SEEDED, schema_name="app").json()
    assert (first["has_tables"], first["has_functions"], first["has_migrations"]) == (True, True, False)
    other = gateway.upload(path, EXTRA_MIGRATION, name="other").json()
    assert (other["schema_name"], other["has_tables"], other["has_migrations"]) == ("other", False, True)
    assert other["checksum"] != first["checksum"]
    spaced = gateway.upload(path, SEEDED, name="my tenants").json()
    assert spaced["schema_name"] == "my tenants"
    for twin in ("my_tenants", "My Tenants"):  # they would lie in one directory
        assert gateway.upload(path, release(1), name=twin).json()["error"] == "platform_isolation_violation"
        stranger = gateway.post("/database/create", {"platform": name, "schema_name": twin})
        assert (stranger.status_code, stranger.json()["error"]) == (404, "schema_not_found")
        kept = "POST /platform/{platform}/schema keeps one"
        assert stranger.json()["hint"] == f"stored: app, other, my tenants; {kept}"
    assert gateway.upload(path, SEEDED).json()["error"] == "invalid_request"
    assert gateway.upload(path, SEEDED, schema_name="a", name="b").json()["error"] == "invalid_request"
    listed = gateway.get(f"{path}s").json()
    assert [(each["name"], each["has_tables"], each["has_seeders"]) for each in listed["schemas"]] == [
        ("app", True, True),
        ("my tenants", True, True),
        ("other", False, False),
    ]
    assert (listed["platform"], listed["count"]) == (name, 3)
    with gateway.client() as client:
        answer = client.post(path, data={"name": "third"}, files={"file": ("x.tgz", b"no archive")})
        assert answer.json()["error"] == "schema_extraction_failed"


@pytest.mark.shows("POST /database/create", "database_already_exists", "schema_not_found")
def test_databases_of_a_stored_folder(gateway: Gateway, new_name: NewName) -> None:
    name = new_name()
    gateway.post("/platform/register", {"platform": name})
    gateway.upload(f"/platform/{name}/schema", SEEDED, schema_name="app")
    body = {"platform": name, "schema_name": "app"}
    made = gateway.post("/database/create", body).json()
    assert (made["database_name"], made["tables_created"], made["functions_deployed"]) == (f"{name}_app_main", 1, 3)
    assert made["seeders"] == [{"table": "role", "inserted": 2, "skipped": 0}]
    again = gateway.post("/database/create", body)
    assert (again.status_code, again.json()["error"]) == (409, "database_already_exists")
    assert "/v2/migrate" in again.json()["hint"]
    made = gateway.post("/database/create", body | {"database_id": "U-1", "uuid": "U-1"}).json()
    assert made["database_name"] == f"{name}_app_u_1"
    # What `/call` takes for the word of a client without an id is none here either.
    assert gateway.post("/database/create", body | {"uuid": "null"}).json()["error"] == "database_already_exists"
    both = gateway.post("/database/create", body | {"database_id": "a", "uuid": "b"})
    assert (both.status_code, both.json()["error"]) == (400, "invalid_request")
    absent = gateway.post("/database/create", body | {"schema_name": "none"})
    assert (absent.status_code, absent.json()["error"]) == (404, "schema_not_found")
    twin = gateway.post("/database/create", body | {"database_id": "u_1"})
    assert (twin.status_code, twin.json()["error"]) == (403, "platform_isolation_violation")


@pytest.mark.shows("GET /platform/{platform}/databases", "GET /platforms")
def test_lists(gateway: Gateway, platform: str) -> None:
    gateway.upload("/register", release(1), platform=platform)
    everything = gateway.get(f"/platform/{platform}/databases").json()
    assert {(each["id"], each["database_name"], each["schema_name"]) for each in everything["databases"]} == {
        ("main", f"{platform}_app_main", "app"),
        ("u-1", f"{platform}_app_u_1", "app"),
        ("main", f"{platform}_main", None),
    }
    assert gateway.get(f"/platform/{platform}/databases?schema=app").json()["count"] == 2
    assert gateway.get(f"/platform/{platform}/databases?schema=none").json()["databases"] == []
    for each in everything["databases"]:
        assert datetime.datetime.fromisoformat(each["created_at"]).tzinfo is not None
    body = gateway.get("/platforms").json()
    assert {"name": platform, "schemas": 1, "databases": 3} in body["platforms"]
    assert body["count"] == len(body["platforms"])


@pytest.mark.shows("POST /admin/create-tenant", "GET /admin/databases", "platform_not_found", "database_already_exists")
def test_the_administrators_tenants(gateway: Gateway, new_name: NewName, administrator: dict[str, str]) -> None:
    name = new_name()
    body = {"platform": name, "tenant_id": "t"}
    assert gateway.post("/admin/create-tenant", body, headers=administrator).json()["error"] == "platform_not_found"
    assert (
        gateway.get(f"/admin/databases?platform={name}", headers=administrator).json()["error"] == "platform_not_found"
    )
    gateway.upload("/register", release(1), platform=name)
    made = gateway.post("/admin/create-tenant", body, headers=administrator)
    assert (made.status_code, made.json()["database"]) == (201, f"{name}_t")
    again = gateway.post("/admin/create-tenant", body, headers=administrator)
    assert (again.status_code, again.json()["error"]) == (409, "database_already_exists")
    listed = gateway.get(f"/admin/databases?platform={name}", headers=administrator).json()
    assert [(each["name"], each["type"]) for each in listed["databases"]] == [
        (f"{name}_main", "main"),
        (f"{name}_t", "tenant"),
    ]
    assert all(each["size_mb"] > 1 for each in listed["databases"])
    assert gateway.upload("/register", release(1), platform=name, tenant_id="t").status_code == 200
    assert version(gateway, name, tenant_id="t") == 1


@pytest.mark.shows("POST /admin/database/create", "GET /admin/platforms")
def test_the_administrators_doors_to_the_same(gateway: Gateway, platform: str, administrator: dict[str, str]) -> None:
    body = {"platform": platform, "schema_name": "app", "database_id": "by-hand"}
    made = gateway.post("/admin/database/create", body, headers=administrator).json()
    assert made["database_name"] == f"{platform}_app_by_hand"
    listed = gateway.get("/admin/platforms", headers=administrator).json()
    assert {"name": platform, "schemas": 1, "databases": 3} in listed["platforms"]


@pytest.mark.shows("POST /v2/migrate", "database_not_found", "schema_not_found", "migration_blocked")
def test_migrating_stored_folders(gateway: Gateway, platform: str) -> None:
    body: dict[str, Any] = {"platform": platform, "schema_name": "app"}
    gateway.upload(f"/platform/{platform}/schema", SEEDED | release(2), schema_name="app")
    assert gateway.post("/v2/migrate", body | {"dry_run": True}).json()["status"] == "dry_run"
    one = gateway.post("/v2/migrate", body | {"database_id": "u-1"}).json()
    assert (one["platform"], one["schema_name"]) == (platform, "app")
    assert (one["databases_updated"], one["tables_created"]) == ([f"{platform}_app_u_1"], 1)
    every = gateway.post("/v2/migrate", body).json()
    assert [each["status"] for each in every["results"]] == ["applied", "unchanged"]
    gateway.upload(f"/platform/{platform}/schema", SEEDED | release(3), schema_name="app")
    blocked = gateway.post("/v2/migrate", body)
    assert (blocked.status_code, blocked.json()["error"]) == (409, "migration_blocked")
    for more in ({"allow": ["drop_column:item.extra"], "uuid": "u-1"}, {"allow": "drop_table,drop_column"}):
        answer = gateway.post("/v2/migrate", body | more)
        assert answer.status_code == 200, answer.text
    for more, status, code in (
        ({"database_id": "nobody"}, 404, "database_not_found"),
        ({"schema_name": "none"}, 404, "schema_not_found"),
        ({"platform": f"{platform}x"}, 404, "platform_not_found"),
        ({"database_id": "a", "uuid": "b"}, 400, "invalid_request"),
        ({"allow": ["everything"]}, 400, "invalid_request"),
        ({"force": "yes"}, 400, "invalid_request"),
    ):
        answer = gateway.post("/v2/migrate", body | more)
        assert (answer.status_code, answer.json()["error"]) == (status, code), answer.text
    absent = gateway.post("/v2/migrate", body | {"database_id": "nobody"}).json()
    called = gateway.call(platform, "roles", schema_name="app", database_id="nobody").json()
    assert absent["hint"] == called["hint"] == "/database/create makes it"


@pytest.mark.shows("POST /v2/migrate-all", "GET /v2/migrate-all/{job}", "migration_in_progress", "not_found")
def test_jobs(gateway: Gateway, platform: str) -> None:
    body = {"platform": platform, "schema_name": "app"}
    gateway.upload(f"/platform/{platform}/schema", SEEDED | release(2) | SLOW, schema_name="app")
    begun = gateway.post("/v2/migrate-all", body)
    assert (begun.status_code, begun.json()["total_databases"]) == (202, 2), begun.text
    job = begun.json()["job_id"]
    second = gateway.post("/v2/migrate-all", body)
    assert (second.status_code, second.json()["error"]) == (409, "migration_in_progress")
    assert second.json()["job_id"] == job
    state = wait(gateway, job)
    assert (state["status"], state["succeeded"], state["failed"]) == ("completed", 2, 0)
    assert [(each["database"], each["migrations_applied"]) for each in state["results"]] == [
        (f"{platform}_app_main", 1),
        (f"{platform}_app_u_1", 1),
    ]
    assert version(gateway, platform, schema_name="app") == version(gateway, platform, tenant_id="u-1") == 2
    for unknown in ("0" * 32, "..%2f..%2fetc", "%00", "x.json"):
        assert gateway.get(f"/v2/migrate-all/{unknown}").json()["error"] == "not_found"


def test_jobs_that_fail(gateway: Gateway, platform: str) -> None:
    body = {"platform": platform, "schema_name": "app"}
    migration = {"migrations/1.sql": "SELECT 1 / count(*) FROM role WHERE id = 1;"}
    gateway.upload(f"/platform/{platform}/schema", SEEDED | migration, schema_name="app")
    gateway.call(platform, "forget", [1], uuid="u-1")
    state = wait(gateway, gateway.post("/v2/migrate-all", body).json()["job_id"])
    assert (state["status"], state["succeeded"], state["failed"]) == ("partial", 1, 1)
    assert [each["error"] is None for each in state["results"]] == [True, False]
    assert [each.get("sqlstate") for each in state["results"]] == [None, "22012"]
    assert "division by zero" in state["results"][1]["cause"]
    state = wait(gateway, gateway.post("/v2/migrate-all", body).json()["job_id"])
    assert (state["status"], [each["status"] for each in state["results"]]) == ("partial", ["unchanged", "failed"])
    gateway.call(platform, "forget", [1], schema_name="app")
    gateway.upload(
        f"/platform/{platform}/schema", SEEDED | {"migrations/2.sql": "SELECT 1 / (count(*) - 1) FROM role;"},
        schema_name="app",
    )  # fmt: skip
    assert wait(gateway, gateway.post("/v2/migrate-all", body).json()["job_id"])["status"] == "failed"


def test_a_job_whose_process_died_is_interrupted(home: Path, new_name: NewName, own_server: Server) -> None:
    """Its own process, or the whole gateway with it."""
    name = new_name()
    body = {"platform": name, "schema_name": "app"}
    sleeping = release(1) | {"migrations/1.sql": "SELECT pg_sleep(20);"}

    def kill_a_job(gateway: Gateway, *, with_gateway: bool) -> str:
        job: str = gateway.post("/v2/migrate-all", body).json()["job_id"]
        while gateway.get(f"/v2/migrate-all/{job}").json()["status"] == "queued":
            time.sleep(0.05)
        assert gateway.process is not None
        main = psutil.Process(gateway.process.pid)
        for process in (*main.children(recursive=True), *([main] if with_gateway else [])):
            process.kill()
        return job

    with start_gateway(home, own_server.admin_url) as gateway:
        gateway.post("/platform/register", {"platform": name})
        gateway.upload(f"/platform/{name}/schema", release(1), schema_name="app")
        gateway.post("/database/create", body)
        gateway.upload(f"/platform/{name}/schema", sleeping, schema_name="app")
        state = wait(gateway, kill_a_job(gateway, with_gateway=False))
        assert (state["status"], "ended before its answer" in state["error"]) == ("interrupted", True)
        job = kill_a_job(gateway, with_gateway=True)
    with start_gateway(home, own_server.admin_url) as gateway:
        assert gateway.get(f"/v2/migrate-all/{job}").json()["status"] == "interrupted"
        gateway.upload(f"/platform/{name}/schema", release(1), schema_name="app")
        again = gateway.post("/v2/migrate-all", body)
        assert again.status_code == 202, again.text
        assert wait(gateway, again.json()["job_id"])["status"] == "completed"
