"""A database of a fleet whose owner sets a trap in the tracking tables for the administrator who deploys to all."""

from __future__ import annotations

import pytest

from stonegate.fleet.fanout import apply_fleet
from stonegate.fleet.targets import Target
from tests.fleet.conftest import Fleet
from tests.fleet.test_precedents import release, repeated, tenants, told

__all__ = ["repeated"]
EVIL = """CREATE SEQUENCE ran;
CREATE FUNCTION evil(x int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN
    IF current_user <> '{owner}' THEN PERFORM nextval('public.ran'); END IF; RETURN x; END $$;
CREATE FUNCTION spy() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM public.evil(1); RETURN new; END $$;
SET ROLE {owner};
"""
TRAPS = {
    "written": "CREATE TRIGGER spy BEFORE INSERT ON _stonescriptdb_gateway_changelog FOR EACH ROW "
    "EXECUTE FUNCTION spy()",
    "read": "CREATE INDEX ON _stonescriptdb_gateway_migrations (id) WHERE evil(1) > 0",
}


def give_away(fleet: Fleet, target: Target) -> str:
    """The database belongs to a role of its own from now on, as if that had deployed to it."""
    owner = f"{fleet.name}mallory"
    fleet.rows(
        target.database,
        f"CREATE ROLE {owner} LOGIN; ALTER DATABASE {target.database} OWNER TO {owner}",
    )
    for (table,) in fleet.rows(
        target.database, "SELECT oid::regclass FROM pg_class WHERE relname ~ '^_stone.*s$|log$'"
    ):
        fleet.rows(target.database, f"ALTER TABLE {table} OWNER TO {owner}")
    return owner


@pytest.mark.parametrize("trap", TRAPS)
async def test_its_fast_way_ends_in_front_of_it(any_fleet: Fleet, repeated: list[tuple[str, bool]], trap: str) -> None:
    fleet = any_fleet
    targets = await tenants(fleet, "a", "b", "c")
    owner = give_away(fleet, targets[2])
    assert told(await release(fleet, targets, 1)) == ["applied"] * 3
    # Without traps it gets the release by the long way.
    assert repeated == [(targets[1].database, True)]
    fleet.rows(targets[2].database, EVIL.format(owner=owner) + TRAPS[trap])
    assert told(await release(fleet, targets, 2)) == ["applied", "applied", "unsafe_records"]
    assert repeated[1:] == [(targets[1].database, True)]
    again = await apply_fleet(targets, fleet.source)
    assert told(again) == ["unchanged", "unchanged", "unsafe_records"]
    assert fleet.rows(targets[2].database, "SELECT is_called FROM ran") == [(False,)]
