"""`/register`: for containers that start again, many at once, old ones among new ones; never forced, never back."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.gateway.folders import EXTRA_MIGRATION, SEEDED, release
from tests.gateway.gateway import Gateway
from tests.servers import Server, psql

pytestmark = pytest.mark.contract

NewName = Callable[[], str]


def version(gateway: Gateway, platform: str, **more: object) -> object:
    """What the deployed function says."""
    return gateway.call(platform, "version_of", **more).json()["rows"][0]["version_of"]


@pytest.mark.shows("POST /register")
def test_twenty_replicas_register_at_once_on_an_empty_server(gateway: Gateway, new_name: NewName) -> None:
    name = new_name()
    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(lambda _: gateway.upload("/register", release(1), platform=name), range(20)))
    assert [answer.status_code for answer in answers] == [200] * 20, [answer.text for answer in answers]
    bodies = [answer.json() for answer in answers]
    assert {(body["status"], body["database"]) for body in bodies} == {("ready", f"{name}_main")}
    assert sorted((body["created"], body["tables_created"], body["functions_deployed"]) for body in bodies) == [
        *[(False, 0, 0)] * 19,
        (True, 1, 1),
    ]
    assert version(gateway, name) == 1


def test_registering_again_changes_nothing(gateway: Gateway, new_name: NewName) -> None:
    name = new_name()
    first = gateway.upload("/register", SEEDED | EXTRA_MIGRATION, platform=name, tenant_id="null").json()
    assert (first["created"], first["database"]) == (True, f"{name}_main")
    assert (first["tables_created"], first["functions_deployed"], first["functions_skipped"]) == (1, 3, 0)
    assert (first["migrations_applied"], first["migrations_baselined"]) == (0, 1)
    assert first["seeders"] == [{"table": "role", "inserted": 2, "skipped": 0}]
    again = gateway.upload("/register", SEEDED | EXTRA_MIGRATION, platform=name, tenant_id="").json()
    assert again["created"] is False
    assert (again["tables_created"], again["functions_deployed"], again["functions_skipped"]) == (0, 0, 3)
    assert again.keys() == first.keys(), "whether it was there or not"
    assert (again["migrations_applied"], again["seeders"]) == (0, [])


def test_each_object_is_counted_once(gateway: Gateway, new_name: NewName) -> None:
    name = new_name()
    tags = """
        CREATE TABLE tag (role int REFERENCES role);
        ALTER TABLE tag ENABLE ROW LEVEL SECURITY;
        CREATE POLICY everybody ON tag USING (true);
    """
    notes = {"functions/notes.sql": "COMMENT ON FUNCTION roles() IS 'how many';"}
    first = gateway.upload("/register", SEEDED | notes, platform=name).json()
    assert (first["tables_created"], first["functions_deployed"]) == (1, 3)
    then = gateway.upload("/register", SEEDED | notes | {"tables/tag.sql": tags}, platform=name).json()
    assert (then["tables_created"], then["functions_deployed"], then["functions_skipped"]) == (1, 0, 3)


def test_an_old_container_does_not_bring_the_old_release_back(gateway: Gateway, new_name: NewName) -> None:
    name = new_name()
    for number in (1, 2):
        assert gateway.upload("/register", release(number), platform=name).status_code == 200
        assert version(gateway, name) == number
    old = gateway.upload("/register", release(1), platform=name).json()
    assert (old["status"], old["superseded"]) == ("ready", True)
    assert any("/migrate" in warning for warning in old["warnings"])
    assert version(gateway, name) == 2
    back = gateway.upload("/migrate", release(1), platform=name, allow="drop_column:item.extra")
    assert back.status_code == 200, back.text
    assert version(gateway, name) == 1


def test_a_rolling_deploy(gateway: Gateway, new_name: NewName) -> None:
    """Old and new containers register while `/migrate` runs: each gets its 200, and the new release stays."""
    name = new_name()
    assert gateway.upload("/register", release(1), platform=name).status_code == 200

    def start(number: int) -> int:
        if number == 0:
            return gateway.upload("/migrate", release(2), platform=name).status_code
        return gateway.upload("/register", release(1 + number % 2), platform=name).status_code

    with ThreadPoolExecutor(7) as threads:
        assert list(threads.map(start, range(7))) == [200] * 7
    assert version(gateway, name) == 2
    late = gateway.upload("/register", release(1), platform=name).json()
    assert late["superseded"] is True
    assert version(gateway, name) == 2


@pytest.mark.shows("migration_blocked")
def test_register_is_never_forced(gateway: Gateway, new_name: NewName) -> None:
    name = new_name()
    gateway.upload("/register", release(2), platform=name)
    refused = gateway.upload("/register", release(3), platform=name, force="true", allow="drop_column")
    assert (refused.status_code, refused.json()["error"]) == (409, "migration_blocked"), refused.text
    assert any("item.extra" in change for change in refused.json()["schema_validation"]["dataloss_changes"])
    assert "--allow drop_column:item.extra" in refused.json()["message"]
    assert refused.json()["hint"] == "POST /migrate with allow=drop_column:item.extra"
    assert version(gateway, name) == 2


def test_missing_seed_rows_are_a_warning(gateway: Gateway, new_name: NewName) -> None:
    name = new_name()
    gateway.upload("/register", SEEDED, platform=name)
    assert gateway.call(name, "forget", [2]).status_code == 200
    answer = gateway.upload("/register", SEEDED | release(1), platform=name)
    assert answer.status_code == 200, answer.text
    assert any("role" in warning for warning in answer.json()["warnings"])
    assert version(gateway, name) == 1


def test_drift_of_an_unchanged_folder_is_a_warning(gateway: Gateway, new_name: NewName, behind: Server) -> None:
    name = new_name()
    gateway.upload("/register", release(1), platform=name)
    psql(behind.url(f"{name}_main"), "ALTER TABLE item ALTER id SET DEFAULT 7")
    answer = gateway.upload("/register", release(1), platform=name)
    assert answer.status_code == 200, answer.text
    assert any("drift" in warning for warning in answer.json()["warnings"])
    assert psql(behind.url(f"{name}_main"), "INSERT INTO item DEFAULT VALUES RETURNING id") == [(7,)]


@pytest.mark.shows("schema_extraction_failed", "function_deploy_failed", "extension_not_available", "connection_failed")
def test_a_failed_first_registration_leaves_nothing(gateway: Gateway, new_name: NewName) -> None:
    name = new_name()
    broken = {"tables/a.sql": "CREATE TABLE a (id int);", "functions/f.sql": "CREATE FUNCTION f() RETURNS int AS $$"}
    answer = gateway.upload("/register", broken, platform=name)
    assert (answer.status_code, answer.json()["error"]) == (400, "schema_extraction_failed")
    assert "functions/f.sql:1" in answer.json()["message"]
    failing = {"functions/f.sql": "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT nowhere()';"}
    answer = gateway.upload("/register", failing, platform=name)
    assert (answer.status_code, answer.json()["error"]) == (500, "function_deploy_failed"), answer.text
    assert "nowhere()" in answer.json()["cause"] and answer.json()["sqlstate"] == "42883"
    assert "stonegate_tmp" not in answer.text  # the database that the folder was tried in
    missing = {"extensions/vectr.sql": "-- it\n", "tables/a.sql": "CREATE TABLE a (id int);"}
    answer = gateway.upload("/register", missing, platform=name)
    assert (answer.status_code, answer.json()["error"]) == (400, "extension_not_available"), answer.text
    assert gateway.call(name, "f").json()["error"] == "connection_failed"
    assert gateway.upload("/register", release(1), platform=name).json()["created"] is True


def test_a_database_that_somebody_dropped_is_made_again(
    gateway: Gateway, new_name: NewName, behind: Server, administrator: dict[str, str]
) -> None:
    name = new_name()
    empty = {"platform": name, "tenant_id": "empty"}
    assert gateway.upload("/register", release(1), platform=name).json()["created"] is True
    for status in (201, 409):
        assert gateway.post("/admin/create-tenant", empty, headers=administrator).status_code == status
    for database in ("main", "empty"):
        psql(behind.admin_url, f"DROP DATABASE {name}_{database} WITH (FORCE)")
    gone = gateway.upload("/migrate", release(2), platform=name, tenant_id="empty")
    assert gone.json()["error"] == "database_not_found", gone.text
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: gateway.upload("/register", release(2), platform=name), range(4)))
    assert [answer.status_code for answer in answers] == [200] * 4, [answer.text for answer in answers]
    assert sum(answer.json()["created"] for answer in answers) == 1
    assert gateway.call(name, "version_of").json()["rows"] == [{"version_of": 2}]
    for status in (201, 409):
        assert gateway.post("/admin/create-tenant", empty, headers=administrator).status_code == status


@pytest.mark.shows("invalid_request")
@pytest.mark.parametrize("path", ["/register", "/migrate"])
def test_forms_that_are_incomplete(gateway: Gateway, path: str) -> None:
    form = {"content-type": "multipart/form-data; boundary=x"}
    with gateway.client() as client:
        for answer in (
            client.post(path, data={"platform": "x"}),
            client.post(path, json={"platform": "x"}),
            client.post(path, data={"platform": "x"}, files={"other": b""}),
            client.post(path, data={"tenant_id": "x"}, files={"schema": b""}),
            client.post(path, data={"platform": ""}, files={"schema": b""}),
            client.post(path, content=b"--x", headers=form),
            client.post(path, content=b"\xff\xfe", headers=form),
            client.post(path, content=b"", headers={"content-type": "multipart/form-data"}),
        ):
            assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request"), answer.text


@pytest.mark.shows("platform_isolation_violation")
def test_names_that_collide_are_refused(gateway: Gateway, new_name: NewName) -> None:
    name = new_name()
    assert gateway.upload("/register", release(1), platform=f"{name}-a").status_code == 200
    for platform, tenant in ((f"{name}_a", ""), (f"{name.upper()}-A", ""), (name, "a_main"), (f"{name}-a", "main")):
        answer = gateway.upload("/register", release(1), platform=platform, tenant_id=tenant)
        assert (answer.status_code, answer.json()["error"]) == (403, "platform_isolation_violation"), answer.text
        answer = gateway.upload("/migrate", release(1), platform=platform, tenant_id=tenant)
        assert answer.status_code == 403 or tenant == "main", answer.text
    for platform, tenant in ((f"{name}_a", ""), (name, "a_main")):
        assert gateway.call(platform, "version_of", tenant_id=tenant).json()["error"] == "platform_isolation_violation"


@pytest.mark.shows("platform_isolation_violation")
def test_databases_of_the_original_are_adopted_where_one_platform_can_own_them(
    gateway: Gateway, new_name: NewName, behind: Server
) -> None:
    """They have no label: `X_main` belongs to X, another name to the only platform that it can be made of."""
    name = new_name()
    function = "CREATE FUNCTION who() RETURNS text LANGUAGE sql AS 'SELECT current_database()::text'"
    for database in (f"{name}_main", f"{name}_t", f"{name}_t_u", f"{name}_x_main"):
        psql(behind.admin_url, f"CREATE DATABASE {database}")
        psql(behind.url(database), function)
    assert gateway.call(name, "who").json()["rows"] == [{"who": f"{name}_main"}]
    assert gateway.call(name, "who", tenant_id="t").json()["rows"] == [{"who": f"{name}_t"}]
    gateway.post("/platform/register", {"platform": f"{name}_t"})
    for platform, tenant in ((name, "t_u"), (f"{name}_t", "u")):
        answer = gateway.call(platform, "who", tenant_id=tenant)
        assert answer.json()["error"] == "platform_isolation_violation", answer.text
        assert f"stonegate platform adopt {platform} {name}_t_u" in answer.json()["hint"]
    gateway.post("/platform/register", {"platform": f"{name}-x"})
    assert gateway.call(name, "who", tenant_id="x_main").json()["error"] == "platform_isolation_violation"
    assert gateway.call(f"{name}-x", "who").json()["rows"] == [{"who": f"{name}_x_main"}]
    # `LIKE 'platform_%'` would take these for databases of the first platform.
    listed = gateway.get(f"/platform/{name}/databases").json()["databases"]
    assert [each["database_name"] for each in listed] == [f"{name}_main", f"{name}_t"]
