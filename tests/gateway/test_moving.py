"""From the original gateway to this one: its databases have no labels and no records, and count all the same."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest

from stonegate.gateway.call.targets import CERTAIN_SECONDS
from stonegate.model.labels import Label
from tests.evolution.original import deploy_by_original
from tests.gateway.gateway import Gateway, bearer
from tests.servers import Server, psql

pytestmark = pytest.mark.contract

NewName = Callable[[], str]
FILES = {
    "tables/item.sql": "CREATE TABLE item (id serial PRIMARY KEY, name text)",
    "functions/who.sql": "CREATE OR REPLACE FUNCTION who() RETURNS TEXT LANGUAGE sql"
    " AS 'SELECT current_database()::text'",
}
NEXT = FILES | {"tables/item.sql": "CREATE TABLE item (id serial PRIMARY KEY, name text, extra text)"}
TENANT = "6BA7B810-9dad"


@pytest.fixture
def name(new_name: NewName, behind: Server) -> str:
    """A platform of the original's with two databases, beside another one whose name begins alike, and a stranger."""
    name = new_name()
    for database in (f"{name}_main", f"{name}_6ba7b810_9dad", f"{name}_x_main", f"{name}_x_acme"):
        psql(behind.admin_url, f"CREATE DATABASE {database}")
        deploy_by_original(behind.url(database), FILES, {"who": ([], "TEXT")})
    psql(behind.admin_url, f"CREATE DATABASE {name}_reports")
    return name


def test_migrate_reaches_all_databases_of_the_platform(gateway: Gateway, name: str, behind: Server) -> None:
    databases = [f"{name}_main", f"{name}_6ba7b810_9dad"]
    for dry_run in ("true", "false"):
        answer = gateway.upload("/migrate", NEXT, platform=name, dry_run=dry_run)
        assert answer.status_code == 200, answer.text
        assert sorted(each["database"] for each in answer.json()["results"]) == sorted(databases)
        (warning,) = answer.json()["warnings"]
        assert f"stonegate platform adopt {name} {name}_x_acme" in warning
    assert answer.json()["status"] == "completed_with_warnings"
    assert gateway.upload("/migrate", NEXT, platform=f"{name}_x").json()["databases_updated"] == [f"{name}_x_main"]
    recorded = gateway.get(f"/platform/{name}/databases").json()["databases"]
    assert [each["database_name"] for each in recorded] == [databases[0]]
    # The id of the tenant is the one that its clients use, whatever the database is called.
    assert gateway.call(name, "who", tenant_id=TENANT).json()["rows"] == [{"who": databases[1]}]
    assert gateway.upload("/migrate", NEXT, platform=name).json()["functions_skipped"] == 2
    assert psql(behind.url(f"{name}_reports"), "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(0,)]


def test_a_tenant_that_two_platforms_may_own_is_nobody_s(gateway: Gateway, name: str) -> None:
    for platform, tenant in ((name, "x_acme"), (name, "x_main"), (f"{name}_x", "acme")):
        answer = gateway.call(platform, "who", tenant_id=tenant)
        assert (answer.status_code, answer.json()["error"]) == (403, "platform_isolation_violation"), answer.text
    assert gateway.call(f"{name}_x", "who").json()["rows"] == [{"who": f"{name}_x_main"}]


def test_the_administrator_sees_and_makes_tenants(gateway: Gateway, name: str, administrator: dict[str, str]) -> None:
    listed = gateway.get("/admin/databases", params={"platform": name}, headers=administrator).json()
    assert [(each["name"], each["type"]) for each in listed["databases"]] == [
        (f"{name}_6ba7b810_9dad", "tenant"), (f"{name}_main", "main")
    ]  # fmt: skip
    # To look, even under a name that was mistyped, claims nothing.
    assert gateway.get("/admin/databases", params={"platform": name.upper()}, headers=administrator).status_code == 200
    made = gateway.post("/admin/create-tenant", {"platform": name, "tenant_id": "new"}, headers=administrator)
    assert (made.status_code, made.json()["database"]) == (201, f"{name}_new"), made.text
    nobody = gateway.get("/admin/databases", params={"platform": f"{name}-none"}, headers=bearer())
    assert nobody.json()["error"] == "platform_not_found"


def test_databases_count_after_the_records_are_lost(gateway: Gateway, new_name: NewName, behind: Server) -> None:
    """As when the original ran in between, which writes its own keys alone."""
    name = new_name()
    for tenant in ("", TENANT):
        assert gateway.upload("/register", FILES, platform=name, tenant_id=tenant).status_code == 200
    assert gateway.data_dir is not None
    file = gateway.data_dir / name / "platform.json"
    document = json.loads(file.read_bytes())
    del document["stonegate"]
    file.write_text(json.dumps(document), encoding="utf-8")
    hostile = Label(platform=name, tenant="--").text
    psql(behind.admin_url, f"CREATE DATABASE {name}_x")
    psql(behind.admin_url, f"COMMENT ON DATABASE {name}_x IS '{hostile}'")
    answer = gateway.upload("/migrate", NEXT, platform=name)
    assert sorted(answer.json()["databases_updated"]) == [f"{name}_6ba7b810_9dad", f"{name}_main"], answer.text
    ids = [each["id"] for each in gateway.get(f"/platform/{name}/databases").json()["databases"]]
    assert sorted(ids) == [TENANT, "main"]


def test_a_platform_whose_records_cannot_be_read_goes_on(gateway: Gateway, new_name: NewName, behind: Server) -> None:
    """For those who were found before; an editor leaves the file half written for a moment, or somebody breaks it."""
    name = new_name()
    assert gateway.upload("/register", FILES, platform=name, tenant_id="a").status_code == 200
    expected = [{"who": f"{name}_a"}]
    assert gateway.call(name, "who", tenant_id="a").json()["rows"] == expected
    assert gateway.data_dir is not None
    file = gateway.data_dir / name / "platform.json"
    kept = file.read_bytes()
    file.write_bytes(kept[:30])
    try:
        time.sleep(2 * CERTAIN_SECONDS)
        assert gateway.call(name, "who", tenant_id="a").json()["rows"] == expected
        assert "platform.json is no JSON" in gateway.call(name, "who", tenant_id="b").json()["message"]
    finally:
        file.write_bytes(kept)
    assert gateway.call(name, "who", tenant_id="a").json()["rows"] == expected
    assert "platform.json is no JSON" in gateway.logged()
