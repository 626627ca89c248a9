"""Tenants that an administrator, or another session, has done something to: each is told of, none hides the others."""

from __future__ import annotations

import time
from collections import Counter

import psycopg
import pytest
from msgspec.structs import replace

from stonegate.database.deployment.options import ApplyOptions
from stonegate.errors import DatabaseAlreadyExists, PlatformIsolationViolation
from stonegate.fleet.adoption import adopt_database, label_of
from stonegate.fleet.credentials import register_platform
from stonegate.fleet.fanout import FleetEvent, apply_fleet
from stonegate.fleet.names import v1_owner, v2_owner
from stonegate.fleet.survey import Looking, plan_fleet, status_fleet
from stonegate.fleet.targets import Target, resolve_targets
from stonegate.fleet.tenants import create_tenants
from stonegate.model.labels import with_label
from stonegate.model.names import quote_literal
from tests.fleet.conftest import Fleet

VIEW = "CREATE VIEW long_notes AS SELECT id FROM notes WHERE length(body) > 10;\n"
OTHER = "CREATE FUNCTION other() RETURNS int LANGUAGE sql AS 'SELECT 1';\n"


async def tenants(fleet: Fleet, *ids: str) -> dict[str, Target]:
    """Tenants by id, of a platform with a role of its own."""
    await register_platform(fleet.registry, fleet.url, fleet.name, user=f"{fleet.name}role")
    owners = [v2_owner(fleet.name, "app", each) for each in ids]
    reports = await create_tenants(fleet.registry, fleet.url, fleet.source, owners)
    assert [report.error for report in reports] == [None] * len(ids)
    return {str(each.owner.tenant): each for each in resolve_targets(fleet.registry, fleet.url, fleet.name, every=True)}


@pytest.mark.usefixtures("short_pauses")
async def test_what_reads_a_catalog_waits_for_nobody_for_long(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL prints a view only when nobody locks its tables."""
    monkeypatch.setattr("stonegate.database.status.LOOK_SECONDS", 0.2)
    fleet.write("views/long_notes.pssql", VIEW)
    by_id = await tenants(fleet, "a", "locked", "z")
    targets = tuple(by_id.values())
    for target in targets:
        fleet.rows(target.database, "CREATE TABLE of_nobody (id int)")  # so that the catalog has to be read
    fleet.write("functions/other.pssql", OTHER)
    options = ApplyOptions(lock_timeout_s=0.2)
    with psycopg.connect(fleet.server.url(by_id["locked"].database)) as session:
        session.execute("LOCK TABLE notes")
        standings = await status_fleet(Looking(targets=targets, width=2))
        plan = await plan_fleet(Looking(targets=targets, width=2), fleet.source, options)
        report = await apply_fleet(targets, fleet.source, options)
    for unread in (standings.unread, plan.unread):
        assert [(each.target, each.error.code) for each in unread] == [(by_id["locked"], "lock_timeout")]
        assert "keeps a lock on what has to be read" in unread[0].error.message
    assert [each.error.code if each.error else each.status.value for each in report.results] == [
        "applied",
        "lock_timeout",
        "applied",
    ]


async def test_those_whom_the_server_refuses_are_not_waited_for(fleet: Fleet) -> None:
    by_id = await tenants(fleet, "closed", "full", "gone", "kept", "ours")
    for statement in (
        f"ALTER DATABASE {by_id['closed'].database} ALLOW_CONNECTIONS false",
        f"ALTER DATABASE {by_id['full'].database} CONNECTION LIMIT 0",
        f"DROP DATABASE {by_id['gone'].database}",
        f"REVOKE CONNECT ON DATABASE {by_id['kept'].database} FROM {fleet.name}role",
    ):
        fleet.rows("postgres", statement)
    waited: list[FleetEvent] = []
    fleet.write("functions/other.pssql", OTHER)

    def note(event: FleetEvent) -> None:
        if event.reason is not None:
            waited.append(event)

    started = time.monotonic()
    report = await apply_fleet(tuple(by_id.values()), fleet.source, on_event=note)
    codes = Counter(each.error.code if each.error else each.status.value for each in report.results)
    assert codes == {"connection_failed": 3, "database_not_found": 1, "applied": 1}
    assert waited == [] and time.monotonic() - started < 25
    hints = {each.database: each.error.hint for each in report.failed if each.error}
    assert "CONNECTION LIMIT" in (hints[by_id["full"].database] or "")
    assert "tenant create" in (hints[by_id["gone"].database] or "")


async def test_a_renamed_database_gets_no_empty_twin(fleet: Fleet) -> None:
    by_id = await tenants(fleet, "a", "b")
    old, new, owner = by_id["a"].database, f"{fleet.name}_elsewhere", by_id["a"].owner
    fleet.rows("postgres", f"ALTER DATABASE {old} RENAME TO {new}")
    noted = with_label("ask Ada first", label_of(owner))
    fleet.rows("postgres", f"COMMENT ON DATABASE {new} IS {quote_literal(noted)}")
    (report,) = await create_tenants(fleet.registry, fleet.url, fleet.source, [owner], if_missing=True)
    assert report.error is not None and report.error.code == DatabaseAlreadyExists.code
    assert f"platform adopt {fleet.name} {new} --schema app --tenant a" in (report.error.hint or "")
    assert old not in fleet.databases()
    with pytest.raises(PlatformIsolationViolation):
        await adopt_database(fleet.registry, fleet.url, v2_owner(fleet.name, "app", "c"), new)
    await adopt_database(fleet.registry, fleet.url, owner, new)
    assert {each.database for each in fleet.registry.platform(fleet.name).databases} == {by_id["b"].database, new}
    (again,) = await create_tenants(fleet.registry, fleet.url, fleet.source, [owner], if_missing=True)
    assert (again.status, again.database) == ("exists", new)
    comment = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s"
    assert fleet.rows("postgres", comment, new) == [(noted,)]
    # While there is one under the recorded name, another one is another one.
    fleet.rows("postgres", f"CREATE DATABASE {old}")
    with pytest.raises(DatabaseAlreadyExists, match="has a database already"):
        await adopt_database(fleet.registry, fleet.url, owner, old)


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1", "UTF8"])
async def test_encodings_of_all_sorts(fleet: Fleet, encoding: str) -> None:
    database = f"{fleet.name}_main"
    settings = f"TEMPLATE template0 ENCODING '{encoding}' LOCALE_PROVIDER libc LOCALE 'C'"
    fleet.rows("postgres", f"CREATE DATABASE {database} {settings}")
    await register_platform(fleet.registry, fleet.url, fleet.name, user=f"{fleet.name}role")
    await adopt_database(fleet.registry, fleet.url, v1_owner(fleet.name, None), database)
    fleet.write("functions/say.pssql", "CREATE FUNCTION sage() RETURNS text LANGUAGE sql AS $$ SELECT 'schön' $$;\n")
    targets = resolve_targets(fleet.registry, fleet.url, fleet.name)
    for expected in ("applied", "unchanged"):
        report = await apply_fleet(targets, fleet.source)
        assert [(each.status.value, each.error) for each in report.results] == [(expected, None)]
    fleet.write("functions/say.pssql", "CREATE FUNCTION sage() RETURNS text LANGUAGE sql AS $$ SELECT 'größer' $$;\n")
    assert (await apply_fleet(targets, fleet.source)).failed == ()
    (group,) = (await plan_fleet(Looking(targets=targets, width=1), fleet.source, ApplyOptions())).groups
    assert not group.plan.has_changes
    (standing,) = (await status_fleet(Looking(targets=targets, width=1))).seen
    assert standing[1].drift == ()
    assert fleet.rows(database, "SELECT octet_length(sage())") == [(6 if encoding == "LATIN1" else 8,)]


async def test_what_was_given_to_another_role_comes_back_with_an_adoption(fleet: Fleet) -> None:
    by_id = await tenants(fleet, "a", "b")
    target = by_id["a"]
    fleet.rows("postgres", f"CREATE ROLE {fleet.name}stranger")
    for what in (f"DATABASE {target.database}", "TABLE notes"):
        fleet.rows(target.database, f"ALTER {what} OWNER TO {fleet.name}stranger")
    fleet.rows("postgres", f"GRANT CONNECT ON DATABASE {target.database} TO {fleet.name}role")
    fleet.write("functions/other.pssql", OTHER)
    refused, applied = (await apply_fleet(tuple(by_id.values()), fleet.source)).results
    assert refused.error is not None and "platform adopt" in (refused.error.hint or "")
    assert applied.error is None
    await adopt_database(fleet.registry, fleet.url, target.owner, target.database)
    assert (await apply_fleet([target], fleet.source)).failed == ()


async def test_a_record_that_names_another_ones_database_reaches_nobody(fleet: Fleet) -> None:
    """platform.json may be edited, or come from another server; the label in the database counts."""
    by_id = await tenants(fleet, "a", "b")
    fleet.write("functions/other.pssql", OTHER)
    wrong = replace(by_id["a"], owner=v2_owner("another", "app", "x"))
    report = await apply_fleet((wrong, by_id["b"]), fleet.source, ApplyOptions())
    assert [each.error.code if each.error else each.status.value for each in report.results] == [
        "platform_isolation_violation",
        "applied",
    ]
    assert fleet.rows(by_id["a"].database, "SELECT to_regproc('other')") == [(None,)]
