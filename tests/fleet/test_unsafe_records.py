"""A database of a fleet whose owner sets a trap in the tracking tables for the administrator who deploys to all."""

from __future__ import annotations

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
#: One for who writes, and one for who only reads.
TRAPS = (
    "CREATE TRIGGER spy BEFORE INSERT ON _stonescriptdb_gateway_changelog FOR EACH ROW EXECUTE FUNCTION spy()",
    "CREATE INDEX ON _stonescriptdb_gateway_migrations (id) WHERE evil(1) > 0",
)


def give_away(fleet: Fleet, target: Target, owner: str) -> None:
    """The database belongs to this role from now on, as if that had deployed to it."""
    fleet.rows(target.database, f"ALTER DATABASE {target.database} OWNER TO {owner}")
    for (table,) in fleet.rows(
        target.database, "SELECT oid::regclass FROM pg_class WHERE relname ~ '^_stone.*s$|log$'"
    ):
        fleet.rows(target.database, f"ALTER TABLE {table} OWNER TO {owner}")


async def test_its_fast_way_ends_in_front_of_it(any_fleet: Fleet, repeated: list[tuple[str, bool]]) -> None:
    fleet = any_fleet
    targets = await tenants(fleet, "a", "b", "c", "d")
    owner = f"{fleet.name}mallory"
    fleet.rows("postgres", f"CREATE ROLE {owner} LOGIN")
    given = targets[2:]
    for target in given:
        give_away(fleet, target, owner)
    assert told(await release(fleet, targets, 1)) == ["applied"] * 4
    # Without traps they get the release by the long way.
    assert repeated == [(targets[1].database, True)]
    for target, trap in zip(given, TRAPS, strict=True):
        fleet.rows(target.database, EVIL.format(owner=owner) + trap)
    expected = ["unsafe_records"] * 2
    assert told(await release(fleet, targets, 2)) == ["applied", "applied", *expected]
    assert repeated[1:] == [(targets[1].database, True)]
    again = await apply_fleet(targets, fleet.source)
    assert told(again) == ["unchanged", "unchanged", *expected]
    for target in given:
        assert fleet.rows(target.database, "SELECT is_called FROM ran") == [(False,)]
