"""Deployments over HTTP: v1, v2, jobs, many replicas at once, and every refusal of the contract."""

from __future__ import annotations

import io
import tarfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.gateway.folders import release
from tests.gateway.gateway import Gateway, bearer, pack
from tests.servers import Server, psql

pytestmark = pytest.mark.contract

NewName = Callable[[], str]


def version(gateway: Gateway, platform: str, **more: object) -> object:
    """What the deployed function says."""
    return gateway.call(platform, "version_of", **more).json()["rows"][0]["version_of"]


def test_twenty_replicas_register_at_once(gateway: Gateway, new_name: NewName) -> None:
    name = new_name()
    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(lambda _: gateway.upload("/register", release(1), platform=name), range(20)))
    assert [answer.status_code for answer in answers] == [200] * 20, [answer.text for answer in answers]
    assert all(answer.json()["status"] == "ready" for answer in answers)
    assert sum(answer.json()["created"] for answer in answers) == 1
    assert version(gateway, name) == 1


def test_register_goes_on_but_never_back(gateway: Gateway, new_name: NewName) -> None:
    name = new_name()
    first = gateway.upload("/register", release(1), platform=name, tenant_id="null").json()
    assert (first["database"], first["created"], first["tables_created"]) == (f"{name}_main", True, 1)
    again = gateway.upload("/register", release(1), platform=name, tenant_id="").json()
    assert (again["created"], again["functions_deployed"]) == (False, 0)
    second = gateway.upload("/register", release(2), platform=name)
    assert second.status_code == 200, second.text
    assert version(gateway, name) == 2
    old = gateway.upload("/register", release(1), platform=name).json()
    assert (old["status"], old["superseded"]) == ("ready", True)
    assert version(gateway, name) == 2


def test_register_is_never_forced(gateway: Gateway, new_name: NewName) -> None:
    name = new_name()
    gateway.upload("/register", release(2), platform=name)
    refused = gateway.upload("/register", release(3), platform=name, force="true")
    assert (refused.status_code, refused.json()["error"]) == (409, "migration_blocked"), refused.text
    assert refused.json()["schema_validation"]["dataloss_changes"]
    assert version(gateway, name) == 2


def test_migrate_needs_consent_and_reports_every_database(gateway: Gateway, new_name: NewName) -> None:
    name = new_name()
    for tenant in ("", "t1", "t2"):
        gateway.upload("/register", release(2), platform=name, tenant_id=tenant)
    blocked = gateway.upload("/migrate", release(3), platform=name)
    assert (blocked.status_code, blocked.json()["error"]) == (409, "migration_blocked"), blocked.text
    assert len(blocked.json()["results"]) == 3
    rehearsed = gateway.upload("/migrate", release(3), platform=name, allow="drop_column", dry_run="1").json()
    assert rehearsed["status"] == "dry_run"
    assert version(gateway, name) == 2
    one = gateway.upload("/migrate", release(3), platform=name, tenant_id="t1", allow="drop_column:item.extra")
    assert one.status_code == 200, one.text
    assert one.json()["databases_updated"] == [f"{name}_t1"]
    every = gateway.upload("/migrate", release(3), platform=name, force="true")
    assert every.status_code == 200, every.text
    assert every.json()["status"].startswith("completed")
    assert len(every.json()["databases_updated"]) == 3
    assert every.json()["verification"]["passed"] is True
    assert [version(gateway, name, tenant_id=tenant) for tenant in (None, "t1", "t2")] == [3, 3, 3]


def test_one_broken_database_does_not_hide_the_others(gateway: Gateway, new_name: NewName, server: Server) -> None:
    if gateway.process is None:
        pytest.skip("needs a way to the database behind the gateway")
    name = new_name()
    for tenant in ("", "t1"):
        gateway.upload("/register", release(1), platform=name, tenant_id=tenant)
    psql(server.admin_url, f"DROP DATABASE {name}_t1 WITH (FORCE)")
    answer = gateway.upload("/migrate", release(2), platform=name)
    assert (answer.status_code, answer.json()["error"]) == (500, "migration_failed"), answer.text
    assert {each["database"]: each["error"] is None for each in answer.json()["results"]} == {
        f"{name}_main": True,
        f"{name}_t1": False,
    }


def test_a_failed_first_registration_leaves_nothing(gateway: Gateway, new_name: NewName) -> None:
    name = new_name()
    broken = {"tables/a.sql": "CREATE TABLE a (id int);", "functions/f.sql": "CREATE FUNCTION f() RETURNS int AS $$"}
    answer = gateway.upload("/register", broken, platform=name)
    assert (answer.status_code, answer.json()["error"]) == (400, "schema_extraction_failed")
    assert "functions/f.sql:1" in answer.json()["message"]
    failing = {"functions/f.sql": "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT nowhere()';"}
    answer = gateway.upload("/register", failing, platform=name)
    assert (answer.status_code, answer.json()["error"]) == (500, "function_deploy_failed"), answer.text
    assert gateway.call(name, "f").status_code == 503
    missing = {"extensions/nosuchthing.sql": "", "tables/a.sql": "CREATE TABLE a (id int);"}
    answer = gateway.upload("/register", missing | {"extensions/nosuchthing.sql": "-- it\n"}, platform=name)
    assert (answer.status_code, answer.json()["error"]) == (400, "extension_not_available"), answer.text


@pytest.mark.parametrize("kind", ["text", "truncated", "absolute", "climbing", "link", "bomb", "empty"])
def test_archives_that_are_refused(gateway: Gateway, new_name: NewName, kind: str) -> None:
    good = pack(release(1))
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        entry = tarfile.TarInfo(
            {"absolute": "/etc/x.sql", "climbing": "postgresql/../../x.sql"}.get(kind, "tables/x.sql")
        )
        entry.size = 40 * 1024 * 1024 if kind == "bomb" else 1
        if kind == "link":
            entry.type, entry.linkname, entry.size = tarfile.SYMTYPE, "/etc/passwd", 0
        tar.addfile(entry, io.BytesIO(b" " * entry.size))
    archive = {"text": b"SELECT 1;", "truncated": good[: len(good) // 2], "empty": b""}.get(kind, buffer.getvalue())
    answer = gateway.upload("/register", archive, platform=new_name())
    assert (answer.status_code, answer.json()["error"]) == (400, "schema_extraction_failed"), answer.text


def test_requests_that_are_incomplete(gateway: Gateway, new_name: NewName) -> None:
    with gateway.client() as client:
        for path in ("/register", "/migrate"):
            assert client.post(path, data={"platform": "x"}).json()["error"] == "invalid_request"
            assert client.post(path, json={"platform": "x"}).json()["error"] == "invalid_request"
            assert client.post(path, data={"platform": "x"}, files={"other": b""}).json()["error"] == "invalid_request"
            assert (
                client.post(path, content=b"--x", headers={"content-type": "multipart/form-data; boundary=x"}).json()[
                    "error"
                ]
                == "invalid_request"
            )
    assert gateway.upload("/migrate", release(1), platform=new_name()).json()["error"] == "database_not_found"
    unknown = gateway.upload("/migrate", release(1), platform=new_name(), allow="everything").json()
    assert unknown["error"] == "invalid_request"


def test_names_that_collide_are_refused(gateway: Gateway, new_name: NewName) -> None:
    name = new_name()
    assert gateway.upload("/register", release(1), platform=f"{name}-a").status_code == 200
    for platform, tenant in ((f"{name}_a", ""), (f"{name.upper()}-A", ""), (name, "a_main")):
        answer = gateway.upload("/register", release(1), platform=platform, tenant_id=tenant)
        assert (answer.status_code, answer.json()["error"]) == (403, "platform_isolation_violation"), answer.text
        answer = gateway.call(platform, "version_of", tenant_id=tenant)
        assert answer.status_code in (403, 503), answer.text


def test_the_administrators_routes(gateway: Gateway, new_name: NewName) -> None:
    name = new_name()
    assert gateway.get("/admin/platforms", headers=bearer()).status_code == 200
    assert (
        gateway.post("/admin/create-tenant", {"platform": name, "tenant_id": "t"}, headers=bearer()).json()["error"]
        == "platform_not_found"
    )
    gateway.upload("/register", release(1), platform=name)
    body = {"platform": name, "tenant_id": "t"}
    made = gateway.post("/admin/create-tenant", body, headers=bearer())
    assert (made.status_code, made.json()["status"], made.json()["database"]) == (201, "created", f"{name}_t")
    again = gateway.post("/admin/create-tenant", body, headers=bearer())
    assert (again.status_code, again.json()["error"]) == (409, "database_already_exists")
    listed = gateway.get(f"/admin/databases?platform={name}", headers=bearer()).json()
    assert {each["name"]: each["type"] for each in listed["databases"]} == {
        f"{name}_main": "main",
        f"{name}_t": "tenant",
    }
    assert gateway.upload("/register", release(1), platform=name, tenant_id="t").status_code == 200
    assert version(gateway, name, tenant_id="t") == 1


def test_the_second_generation(gateway: Gateway, new_name: NewName) -> None:
    name = new_name()
    made = gateway.post("/platform/register", {"platform": name})
    assert (made.status_code, made.json()["has_dedicated_credentials"]) == (201, False)
    assert gateway.post("/platform/register", {"platform": name}).json()["error"] == "platform_already_registered"
    stored = gateway.upload(f"/platform/{name}/schema", release(1), schema_name="app")
    assert stored.status_code == 201, stored.text
    assert [stored.json()[f"has_{kind}"] for kind in ("tables", "functions", "migrations")] == [True, True, False]
    nobody = gateway.upload(f"/platform/{new_name()}/schema", release(1), schema_name="app")
    assert nobody.json()["error"] == "platform_not_found"
    for path, body in (
        ("/database/create", {"platform": name, "schema_name": "app"}),
        ("/admin/database/create", {"platform": name, "schema_name": "app", "uuid": "u-1"}),
    ):
        answer = gateway.post(path, body, headers=bearer())
        assert answer.status_code == 201, answer.text
        assert gateway.post(path, body, headers=bearer()).json()["error"] == "database_already_exists"
    assert (
        gateway.post("/database/create", {"platform": name, "schema_name": "no"}).json()["error"] == "schema_not_found"
    )
    listed = gateway.get(f"/platform/{name}/databases?schema=app").json()["databases"]
    assert [(each["id"], each["database_name"]) for each in listed] == [
        ("main", f"{name}_app_main"),
        ("u-1", f"{name}_app_u_1"),
    ]
    assert gateway.get(f"/platform/{name}/schemas").json()["count"] == 1
    assert version(gateway, name, schema_name="app", uuid="u-1") == 1
    assert version(gateway, name, tenant_id="u-1") == 1
    gateway.upload(f"/platform/{name}/schema", release(2), schema_name="app")
    body = {"platform": name, "schema_name": "app", "database_id": "u-1"}
    assert gateway.post("/v2/migrate", body).json()["databases_updated"] == [f"{name}_app_u_1"]
    assert gateway.post("/v2/migrate", body | {"database_id": "nobody"}).json()["error"] == "database_not_found"
    job = gateway.post("/v2/migrate-all", {"platform": name, "schema_name": "app"})
    assert (job.status_code, job.json()["total_databases"]) == (202, 2), job.text
    state = {}
    deadline = time.monotonic() + 20
    while state.get("status") in (None, "queued", "running"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
        state = gateway.get(f"/v2/migrate-all/{job.json()['job_id']}").json()
    assert (state["status"], state["succeeded"], state["failed"]) == ("completed", 2, 0)
    assert version(gateway, name, schema_name="app") == 2
    assert gateway.get(f"/v2/migrate-all/{'0' * 32}").json()["error"] == "not_found"
    assert gateway.get("/v2/migrate-all/..%2f..%2fetc").json()["error"] == "not_found"


def test_drift_of_an_unchanged_folder_only_warns(gateway: Gateway, new_name: NewName, server: Server) -> None:
    if gateway.process is None:
        pytest.skip("needs a way to the database behind the gateway")
    name = new_name()
    gateway.upload("/register", release(1), platform=name)
    psql(server.url(f"{name}_main"), "ALTER TABLE item ALTER id SET DEFAULT 7")
    answer = gateway.upload("/register", release(1), platform=name)
    assert answer.status_code == 200, answer.text
    assert any("drift" in warning for warning in answer.json()["warnings"])
    refused = gateway.upload("/migrate", release(1), platform=name)
    assert (refused.status_code, refused.json()["error"]) == (409, "drift"), refused.text
    allowed = gateway.upload("/migrate", release(1), platform=name, allow_drift="true")
    assert allowed.status_code == 200, allowed.text
