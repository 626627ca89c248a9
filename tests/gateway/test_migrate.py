"""`/migrate`: one database or all of a platform, consent, refusals and failures, a result for every database."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.gateway.folders import EXTRA_MIGRATION, SEEDED, TRAPS, release
from tests.gateway.gateway import Gateway
from tests.gateway.test_register import version
from tests.servers import Server, psql

pytestmark = pytest.mark.contract

NewName = Callable[[], str]


def refused(answer: httpx.Response) -> tuple[int, str]:
    """Status and code."""
    return answer.status_code, answer.json()["error"]


@pytest.mark.shows("POST /migrate", "migration_blocked")
def test_every_database_of_a_platform(gateway: Gateway, new_name: NewName) -> None:
    name = new_name()
    for tenant in ("", "t1", "t2"):
        gateway.upload("/register", release(2), platform=name, tenant_id=tenant)
    blocked = gateway.upload("/migrate", release(3), platform=name)
    assert refused(blocked) == (409, "migration_blocked"), blocked.text
    assert [each["code"] for each in blocked.json()["results"]] == ["migration_blocked"] * 3
    assert any("item.extra" in change for change in blocked.json()["schema_validation"]["dataloss_changes"])
    rehearsed = gateway.upload("/migrate", release(3), platform=name, allow="drop_column", dry_run="1").json()
    assert (rehearsed["status"], len(rehearsed["results"])) == ("dry_run", 3)
    assert version(gateway, name) == 2
    one = gateway.upload("/migrate", release(3), platform=name, tenant_id="t1", allow="drop_column:item.extra").json()
    assert (one["databases_updated"], one["functions_updated"]) == ([f"{name}_t1"], 1)
    assert one["verification"]["passed"] is True
    every = gateway.upload("/migrate", release(3), platform=name, tenant_id="null", force="true").json()
    assert every["databases_updated"] == [f"{name}_{tenant}" for tenant in ("main", "t1", "t2")]
    assert (every["status"], every["functions_updated"], every["functions_skipped"]) == ("completed", 2, 1)
    assert [version(gateway, name, tenant_id=tenant) for tenant in (None, "t1", "t2")] == [3, 3, 3]


def test_safe_changes_are_listed(gateway: Gateway, new_name: NewName) -> None:
    name = new_name()
    gateway.upload("/register", SEEDED, platform=name)
    answer = gateway.upload("/migrate", SEEDED | EXTRA_MIGRATION | release(2), platform=name).json()
    assert (answer["tables_created"], answer["migrations_applied"]) == (1, 1)
    assert (answer["functions_updated"], answer["functions_skipped"]) == (1, 3)
    assert any("item" in change for change in answer["schema_validation"]["safe_changes"])
    assert answer["seeder_validations"] == [{"table": "role", "expected": 2, "found": 2}]


@pytest.mark.parametrize("allow", ["drop_column,drop_table", ["drop_table", "drop_column"], "drop_column:item.extra"])
def test_consents_are_a_comma_list_or_repeated(gateway: Gateway, new_name: NewName, allow: Any) -> None:
    name = new_name()
    gateway.upload("/register", release(2), platform=name)
    answer = gateway.upload("/migrate", release(3), platform=name, allow=allow)
    assert answer.status_code == 200, answer.text


@pytest.mark.shows("database_not_found", "invalid_request")
def test_what_cannot_be_migrated(gateway: Gateway, new_name: NewName) -> None:
    name = new_name()
    assert refused(gateway.upload("/migrate", release(1), platform=name)) == (404, "database_not_found")
    assert refused(gateway.upload("/migrate", release(1), platform=name, allow="all")) == (400, "invalid_request")
    assert refused(gateway.upload("/migrate", release(1), platform=name, force="maybe")) == (400, "invalid_request")
    gateway.upload("/register", release(1), platform=name)
    assert refused(gateway.upload("/migrate", release(1), platform=name, tenant_id="t")) == (404, "database_not_found")


@pytest.mark.shows("migration_failed")
def test_one_broken_database_does_not_hide_the_others(gateway: Gateway, new_name: NewName) -> None:
    name = new_name()
    for tenant in ("", "t1"):
        gateway.upload("/register", SEEDED, platform=name, tenant_id=tenant)
    gateway.call(name, "forget", [1], tenant_id="t1")
    migration = {"migrations/1.sql": "SELECT 1 / count(*) FROM role WHERE id = 1;"}
    answer = gateway.upload("/migrate", SEEDED | migration, platform=name)
    assert refused(answer) == (500, "migration_failed"), answer.text
    assert "division by zero" in answer.json()["cause"]
    assert {each["database"]: each["error"] is None for each in answer.json()["results"]} == {
        f"{name}_main": True,
        f"{name}_t1": False,
    }
    alone = gateway.upload("/migrate", SEEDED | migration, platform=name, tenant_id="t1").json()
    assert (alone["error"], alone["sqlstate"], alone["database"]) == ("migration_failed", "22012", f"{name}_t1")


@pytest.mark.shows("changed_migration")
def test_an_applied_migration_that_changed(gateway: Gateway, new_name: NewName) -> None:
    name = new_name()
    gateway.upload("/register", SEEDED | EXTRA_MIGRATION, platform=name)
    edited = SEEDED | {path: text + "-- edited\n" for path, text in EXTRA_MIGRATION.items()}
    for path in ("/migrate", "/register"):
        answer = gateway.upload(path, edited, platform=name)
        assert refused(answer) == (409, "changed_migration"), answer.text
    answer = gateway.upload("/migrate", edited, platform=name, allow="changed_migration")
    assert answer.status_code == 200, answer.text


@pytest.mark.shows("missing_seed")
def test_missing_seed_rows(gateway: Gateway, new_name: NewName) -> None:
    name = new_name()
    for tenant in ("t1", "t2"):
        gateway.upload("/register", SEEDED, platform=name, tenant_id=tenant)
        gateway.call(name, "forget", [2], tenant_id=tenant)
    changed = SEEDED | release(1)
    answer = gateway.upload("/migrate", changed, platform=name)
    assert refused(answer) == (409, "migration_blocked"), answer.text
    assert {each["code"] for each in answer.json()["results"]} == {"missing_seed"}
    one = gateway.upload("/migrate", changed, platform=name, tenant_id="t1")
    assert refused(one) == (409, "missing_seed"), one.text
    assert "role id = 2" in answer.json()["message"] and "missing_seed" in answer.json()["hint"]
    inserted = gateway.upload("/migrate", changed, platform=name, tenant_id="t1", seed_missing="true")
    assert inserted.status_code == 200, inserted.text
    assert gateway.call(name, "roles", tenant_id="t1").json()["rows"] == [{"roles": 2}]
    allowed = gateway.upload("/migrate", changed, platform=name, tenant_id="t2", allow="missing_seed")
    assert (allowed.status_code, allowed.json()["status"]) == (200, "completed_with_warnings"), allowed.text
    assert gateway.call(name, "roles", tenant_id="t2").json()["rows"] == [{"roles": 1}]


@pytest.mark.shows("drift")
def test_drift(gateway: Gateway, new_name: NewName, behind: Server) -> None:
    name = new_name()
    gateway.upload("/register", release(1), platform=name)
    psql(behind.url(f"{name}_main"), "ALTER TABLE item ALTER id SET DEFAULT 7")
    answer = gateway.upload("/migrate", release(1), platform=name)
    assert refused(answer) == (409, "drift"), answer.text
    answer = gateway.upload("/migrate", release(1), platform=name, allow_drift="true")
    assert answer.status_code == 200, answer.text
    assert answer.json()["schema_validation"]["safe_changes"]


@pytest.mark.shows("plan_changed")
def test_a_migration_that_does_more_than_it_says(gateway: Gateway, new_name: NewName) -> None:
    name = new_name()
    gateway.upload("/register", TRAPS, platform=name)
    assert gateway.call(name, "arm", ["AFTER INSERT ON other", "DROP INDEX IF EXISTS item_word"]).status_code == 200
    migration = {"migrations/1.sql": "INSERT INTO other VALUES (1);"}
    answer = gateway.upload("/migrate", TRAPS | migration, platform=name)
    assert refused(answer) == (409, "plan_changed"), answer.text
    assert "item_word" in answer.json()["message"]


@pytest.mark.shows("verification_failed")
def test_what_is_undone_again_fails_the_verification(gateway: Gateway, new_name: NewName) -> None:
    name = new_name()
    gateway.upload("/register", TRAPS, platform=name)
    gateway.call(name, "arm", ["AFTER INSERT ON item", "DELETE FROM item"])
    seeded = TRAPS | {"seeders/item.sql": "INSERT INTO item (id, word) VALUES (7, 'y');"}
    answer = gateway.upload("/migrate", seeded, platform=name, seed_missing="1")
    assert refused(answer) == (409, "verification_failed"), answer.text
    assert answer.json()["verification"]["passed"] is False
    assert answer.json()["verification"]["error_log"].startswith(f"{name}_main: ")
    skipped = gateway.upload("/migrate", seeded, platform=name, seed_missing="1", skip_verification="true")
    assert skipped.status_code == 200, skipped.text


@pytest.mark.shows("function_deploy_failed", "extension_install_failed")
def test_what_postgresql_refuses(gateway: Gateway, new_name: NewName) -> None:
    name = new_name()
    gateway.upload("/register", TRAPS, platform=name)
    gateway.call(name, "run", ["CREATE DOMAIN citext AS text; CREATE VIEW uses AS SELECT version_of() AS v"])
    answer = gateway.upload("/migrate", TRAPS | {"extensions/citext.sql": "-- text without case\n"}, platform=name)
    assert refused(answer) == (500, "extension_install_failed"), answer.text
    assert (answer.json()["sqlstate"], answer.json()["database"]) == ("42710", f"{name}_main")
    broken = TRAPS | {"functions/broken.sql": "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT nowhere';"}
    answer = gateway.upload("/migrate", broken, platform=name)
    assert refused(answer) == (500, "function_deploy_failed"), answer.text
    assert "functions/broken.sql:1" in answer.json()["message"]


@pytest.mark.parametrize("endpoint", ["/register", "/migrate"])
def test_an_owners_trap_for_the_gateways_role(
    gateway: Gateway, new_name: NewName, behind: Server, endpoint: str
) -> None:
    """What a role makes that owns the database, and may do less than the gateway's, does not run as the latter."""
    name = new_name()
    gateway.upload("/register", release(1), platform=name)
    log = "_stonescriptdb_gateway_changelog"
    url = behind.url(f"{name}_main")
    psql(url, f"CREATE ROLE {name}; ALTER DATABASE {name}_main OWNER TO {name}; ALTER TABLE {log} OWNER TO {name}")
    try:
        psql(
            url,
            "CREATE SEQUENCE ran; CREATE FUNCTION spy() RETURNS trigger LANGUAGE plpgsql AS "
            f"'BEGIN PERFORM nextval(''ran''); RETURN new; END'; SET ROLE {name};"
            f"CREATE TRIGGER spy BEFORE INSERT ON {log} FOR EACH ROW EXECUTE FUNCTION spy()",
        )
        answer = gateway.upload(endpoint, release(2), platform=name)
        assert refused(answer) == (500, "migration_failed"), answer.text
        assert f"trigger spy on table public.{log}" in answer.json()["cause"]
        assert psql(url, "SELECT is_called FROM ran") == [(False,)]
        psql(url, f"DROP TRIGGER spy ON {log}")
        assert gateway.upload(endpoint, release(2), platform=name).status_code == 200
    finally:
        psql(url, f"REASSIGN OWNED BY {name} TO postgres; DROP OWNED BY {name}; DROP ROLE {name}")
