"""Roles of platforms on a real server: what they may do, and who may make them; nothing of it is committed."""

from __future__ import annotations

from collections.abc import AsyncIterator

import psycopg
import pytest

from stonegate.database.connect import Session, connect, using
from stonegate.database.tenants import roles
from stonegate.errors import MigrationFailed, UsageError
from tests.database.sessions import fetch
from tests.servers import Server

MIGHTY = (
    "CREATE ROLE unmade_mighty SUPERUSER CREATEDB CREATEROLE REPLICATION BYPASSRLS IN ROLE pg_monitor, pg_read_all_data"
)


@pytest.fixture
async def conn(any_server: Server) -> AsyncIterator[Session]:
    async with using(await connect(any_server.admin_url)) as session:
        await session.execute(b"BEGIN")
        yield session
        await session.execute(b"ROLLBACK")


async def test_a_platforms_role_may_log_in_and_nothing_else(conn: Session) -> None:
    assert await roles.read_role(conn, "unmade_shop") is None
    assert await roles.create_role(conn, "unmade_shop", "secret")
    made = roles.RoleFacts(name="unmade_shop", may_login=True, powers=(), memberships=())
    assert await roles.read_role(conn, "unmade_shop") == made
    assert await fetch(conn, "SELECT FROM pg_auth_members WHERE roleid = 'unmade_shop'::regrole") == []
    assert not await roles.create_role(conn, "unmade_shop", "other")
    stored = "SELECT rolpassword FROM pg_authid WHERE rolname = 'unmade_shop'"
    [(verifier,)] = await fetch(conn, stored)
    assert verifier.startswith("SCRAM-SHA-256$") and "secret" not in verifier
    await roles.set_password(conn, "unmade_shop", "other")
    assert await fetch(conn, stored) != [(verifier,)]
    await roles.drop_role(conn, "unmade_shop")
    assert await roles.read_role(conn, "unmade_shop") is None


async def test_what_no_platforms_role_may_have_is_found(conn: Session) -> None:
    await conn.execute(MIGHTY.encode())
    assert await roles.read_role(conn, "unmade_mighty") == roles.RoleFacts(
        name="unmade_mighty",
        may_login=False,
        powers=("SUPERUSER", "CREATEDB", "CREATEROLE", "REPLICATION", "BYPASSRLS"),
        memberships=("pg_monitor", "pg_read_all_data"),
    )


async def test_whoever_may_not_make_roles_is_told(conn: Session) -> None:
    with pytest.raises(UsageError, match="the role pg_unmade cannot be created"):
        await roles.create_role(conn, "pg_unmade", "secret")
    await conn.execute(b"CREATE ROLE unmade_shop; CREATE ROLE unmade_weak; SET LOCAL ROLE unmade_weak")
    for attempt, said in (
        (roles.create_role(conn, "other", "secret"), "the role other cannot be created"),
        (roles.set_password(conn, "unmade_shop", "secret"), "the password of the role unmade_shop cannot be changed"),
        (roles.require_member(conn, "unmade_shop"), "databases cannot be made for the role unmade_shop"),
    ):
        await conn.execute(b"SAVEPOINT before")
        with pytest.raises(MigrationFailed, match=said) as caught:
            await attempt
        assert caught.value.sqlstate == psycopg.errors.InsufficientPrivilege.sqlstate
        await conn.execute(b"ROLLBACK TO before")


async def test_whoever_makes_roles_may_make_databases_for_them(conn: Session) -> None:
    await conn.execute(b"CREATE ROLE unmade_maker CREATEROLE CREATEDB; SET LOCAL ROLE unmade_maker")
    assert await roles.create_role(conn, "unmade_shop", "secret")
    assert await fetch(conn, "SELECT pg_has_role('unmade_shop', 'USAGE')") == [(True,)]
    await roles.require_member(conn, "unmade_shop")
