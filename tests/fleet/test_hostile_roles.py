"""What the role of a platform may try, from its own database and from the server's: none of it reaches another one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
import pytest_asyncio
from psycopg import sql

from stonegate.errors import PlatformIsolationViolation, UsageError
from stonegate.fleet.adoption import adopt_database, label_of
from stonegate.fleet.credentials import register_platform, rotate_password
from stonegate.fleet.fanout import apply_fleet
from stonegate.fleet.names import Owner
from stonegate.fleet.targets import Target, resolve_targets
from stonegate.fleet.tenant import create_tenant
from tests.fleet.conftest import Fleet, make_fleet
from tests.servers import MakePrivateServer

#: With {mine} and {theirs} the databases, {me} and {them} the roles, {ref} the reference database of the other one.
FROM_ITS_OWN_DATABASE = (
    "COPY (SELECT 1) TO PROGRAM 'true'",
    "COPY notes FROM '/etc/passwd'",
    "COPY notes TO '/tmp/stolen'",
    "SELECT pg_read_file('postgresql.conf')",
    "SELECT pg_read_binary_file('global/pg_filenode.map')",
    "SELECT pg_ls_dir('.')",
    "SELECT pg_stat_file('postgresql.conf')",
    "SELECT lo_import('/etc/passwd')",
    "SELECT lo_export(lo_create(0), '/tmp/stolen')",
    "SELECT pg_reload_conf()",
    "SELECT pg_database_size('{theirs}')",
    "SELECT rolpassword FROM pg_authid",
    "SELECT passwd FROM pg_shadow",
    "CREATE EVENT TRIGGER seen ON ddl_command_end EXECUTE FUNCTION noted()",
    "CREATE EXTENSION file_fdw",
    "CREATE EXTENSION postgres_fdw",
    "CREATE SERVER there FOREIGN DATA WRAPPER dblink_fdw",
    "SELECT dblink_connect_u('dbname={theirs}')",
    "CREATE FUNCTION f() RETURNS int LANGUAGE c AS '$libdir/dblink', 'dblink_connect'",
    "CREATE FUNCTION f(internal) RETURNS int LANGUAGE internal AS 'int4in'",
    "LOAD '/tmp/evil.so'",
    "ALTER SYSTEM SET port = 1",
    "SET session_preload_libraries = 'evil'",
    "SET session_replication_role = 'replica'",
    "SET ROLE {them}",
    "SET SESSION AUTHORIZATION {them}",
    "GRANT {them} TO {me}",
    "GRANT pg_read_all_data TO {me}",
    "ALTER ROLE {them} PASSWORD 'known'",
    "ALTER ROLE {them} SET search_path = 'evil'",
    "ALTER ROLE ALL SET search_path = 'evil'",
    "ALTER ROLE {me} SUPERUSER",
    "ALTER ROLE {me} CREATEDB",
    "ALTER ROLE {me} CONNECTION LIMIT -1",
    "ALTER ROLE {me} VALID UNTIL 'infinity'",
    "CREATE ROLE mine",
    "CREATE DATABASE {mine}_2",
    "CREATE DATABASE {mine}_2 TEMPLATE {theirs}",
    "CREATE DATABASE {mine}_2 TEMPLATE {ref}",
    "CREATE TABLESPACE t LOCATION '/tmp'",
    "ALTER DATABASE {mine} RENAME TO {mine}_2",
    "ALTER DATABASE {theirs} CONNECTION LIMIT 0",
    "ALTER DATABASE {theirs} SET search_path = 'evil'",
    "ALTER DATABASE {theirs} OWNER TO {me}",
    "ALTER DATABASE {ref} ALLOW_CONNECTIONS true",
    "COMMENT ON DATABASE {theirs} IS 'mine'",
    "GRANT CONNECT ON DATABASE {theirs} TO {me}",
    "DROP DATABASE {theirs}",
    "DROP OWNED BY {them}",
    "REASSIGN OWNED BY {them} TO {me}",
    "ALTER DEFAULT PRIVILEGES FOR ROLE {them} GRANT SELECT ON TABLES TO {me}",
    "SELECT pg_terminate_backend({pid})",
    "SELECT pg_cancel_backend({pid})",
)
FROM_THE_MAINTENANCE_DATABASE = (
    "CREATE TABLE public.mine (id int)",
    "CREATE FUNCTION public.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE SCHEMA mine",
    "CREATE FUNCTION stonegate.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE EXTENSION hstore",
    "DROP TABLE stonegate.reference_databases",
    "TRUNCATE stonegate.reference_databases",
    "ALTER TABLE stonegate.reference_databases DISABLE ROW LEVEL SECURITY",
    "CREATE RULE r AS ON UPDATE TO stonegate.reference_databases DO INSTEAD NOTHING",
    "INSERT INTO stonegate.reference_databases SELECT 'k', current_user, '{ref}', 'f', '{them}', '', true, '', 0",
)
#: What it may do, to itself alone.
ALLOWED = (
    "ALTER DATABASE {mine} ALLOW_CONNECTIONS true IS_TEMPLATE true",
    "GRANT CONNECT ON DATABASE {mine} TO PUBLIC",
    "ALTER ROLE {me} SET statement_timeout = '1ms'",
    "ALTER DATABASE {mine} SET default_transaction_read_only = on",
    "ALTER ROLE {me} PASSWORD 'of my own'",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Two:
    """Two platforms; `mine` is the hostile one."""

    fleet: Fleet
    mine: Target
    theirs: Target
    words: dict[str, str]

    def login(self, database: str) -> str:
        """A conninfo of the hostile role."""
        assert self.mine.login is not None
        return self.fleet.server.tcp_url(database, user=self.words["me"], password=self.mine.login.passwords[0])


async def platform(fleet: Fleet, name: str) -> Target:
    """A platform with a role of its own and one tenant."""
    await register_platform(fleet.registry, fleet.url, name, user=f"{name}role")
    await create_tenant(fleet.registry, fleet.url, fleet.source, Owner(platform=name, schema="app", tenant="one"))
    (target,) = resolve_targets(fleet.registry, fleet.url, name, every=True)
    return target


@pytest_asyncio.fixture
async def two(fleet: Fleet) -> AsyncIterator[Two]:
    fleet.write("extensions/dblink.sql", "CREATE EXTENSION dblink;\n")
    trigger = "CREATE FUNCTION noted() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';\n"
    fleet.write("functions/noted.pssql", trigger)
    mine, theirs = await platform(fleet, f"{fleet.name}a"), await platform(fleet, f"{fleet.name}b")
    session = psycopg.connect(theirs.conninfo)
    try:
        words = {
            "mine": mine.database,
            "theirs": theirs.database,
            "me": f"{fleet.name}arole",
            "them": f"{fleet.name}brole",
            "pid": str(session.info.backend_pid),
        }
        reference = "SELECT database::text FROM stonegate.reference_databases WHERE owner = %s"
        words["ref"] = str(fleet.rows("postgres", reference, words["them"])[0][0])
        session.execute("SELECT 'a secret'")
        yield Two(fleet=fleet, mine=mine, theirs=theirs, words=words)
    finally:
        session.close()


async def test_it_gets_nowhere(two: Two) -> None:
    for database, statements in (
        (two.mine.database, FROM_ITS_OWN_DATABASE),
        ("postgres", FROM_THE_MAINTENANCE_DATABASE),
    ):
        with psycopg.connect(two.login(database), autocommit=True) as session:
            for statement in statements:
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    session.execute(statement.format(**two.words).encode())
            seen = session.execute("SELECT query FROM pg_stat_activity WHERE pid = %s", (two.words["pid"],)).fetchall()
            assert seen == [("<insufficient privilege>",)]


async def test_what_it_may_do_harms_itself_alone_and_can_be_undone(two: Two) -> None:
    fleet, words = two.fleet, two.words
    with psycopg.connect(two.login(two.mine.database), autocommit=True) as session:
        for statement in ALLOWED:
            session.execute(statement.format(**words).encode())
        label = label_of(two.theirs.owner).text
        session.execute(
            sql.SQL("COMMENT ON DATABASE {} IS {}").format(sql.Identifier(words["mine"]), sql.Literal(label))
        )
    # Its database says that it is the other platform's: nobody believes that, not even when that one's is gone.
    with pytest.raises(PlatformIsolationViolation):
        await adopt_database(fleet.registry, fleet.url, two.theirs.owner, words["mine"])
    fleet.rows("postgres", f"DROP DATABASE {words['theirs']} WITH (FORCE)")
    with pytest.raises(PlatformIsolationViolation):
        await adopt_database(fleet.registry, fleet.url, two.theirs.owner, words["mine"])
    made = await create_tenant(fleet.registry, fleet.url, fleet.source, two.theirs.owner, if_missing=True)
    assert made.created

    # Its password is its own; the administrator has the last word.
    assert (await apply_fleet([two.mine], fleet.source)).results[0].error is not None
    await rotate_password(fleet.registry, fleet.url, two.mine.owner.platform)
    fleet.write("functions/other.pssql", "CREATE FUNCTION other() RETURNS int LANGUAGE sql AS 'SELECT 1';\n")
    (mine,) = resolve_targets(fleet.registry, fleet.url, two.mine.owner.platform, every=True)
    refusal = (await apply_fleet([mine], fleet.source)).results[0].error
    assert refusal is not None and refusal.code == "platform_isolation_violation" and refusal.hint is not None
    assert refusal.hint.endswith(f"if the label is: {mine.owner.adopting(mine.database)} --from THAT_PLATFORM")
    with pytest.raises(UsageError) as template:  # which it may have become, too
        await adopt_database(fleet.registry, fleet.url, mine.owner, mine.database, former=two.theirs.owner.platform)
    assert template.value.hint is not None
    fleet.rows("postgres", template.value.hint.partition("if it is one: ")[2])
    await adopt_database(fleet.registry, fleet.url, mine.owner, mine.database, former=two.theirs.owner.platform)
    assert (await apply_fleet([mine], fleet.source)).failed == ()


async def test_a_server_whose_own_databases_are_closed_to_platforms(
    private_server: MakePrivateServer, tmp_path: Path
) -> None:
    fleet = make_fleet(private_server(18, fsync="off").server, tmp_path)
    for database in ("postgres", "template1"):
        fleet.rows("postgres", f"REVOKE CONNECT, TEMPORARY ON DATABASE {database} FROM PUBLIC")
    target = await platform(fleet, "shop")
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        assert target.login is not None
        psycopg.connect(fleet.server.tcp_url("postgres", user="shoprole", password=target.login.passwords[0]))
    fleet.write("functions/other.pssql", "CREATE FUNCTION other() RETURNS int LANGUAGE sql AS 'SELECT 1';\n")
    assert (await apply_fleet([target], fleet.source)).failed == ()
    await rotate_password(fleet.registry, fleet.url, "shop")
    (target,) = resolve_targets(fleet.registry, fleet.url, "shop", every=True)
    assert (await apply_fleet([target], fleet.source)).failed == ()
    await create_tenant(fleet.registry, fleet.url, fleet.source, Owner(platform="shop", schema="app", tenant="two"))
    await register_platform(fleet.registry, fleet.url, "second", user="second_role", password="known")
    assert fleet.registry.platform("second").login is not None
