"""What PostgreSQL forbids the role that deploys, and what stonegate says to type."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from stonegate.model.report import Status
from tests.database.folders import applied, apply, write
from tests.evolution.support import plan, run
from tests.programs import OLDEST_AND_NEWEST
from tests.servers import Database

TABLE = {"tables/t.sql": "CREATE TABLE t (id int);"}
#: A role that owns its database and is a member of one of two others; they stay, as the server is the tests' own.
ROLES = tuple(
    f"DO $$ BEGIN {made}; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
    for made in (
        "CREATE ROLE modest_deployer LOGIN CREATEDB",
        "CREATE ROLE deployers_own",
        "CREATE ROLE nobodys_own",
        "GRANT deployers_own TO modest_deployer",
    )
)


@pytest.fixture
def modest(any_database: Database) -> str:
    """The URL of a database for the role that owns it."""
    run(any_database.url, *ROLES, f"ALTER DATABASE {any_database.name} OWNER TO modest_deployer")
    return any_database.server.url(any_database.name, "modest_deployer")


def hint_of(url: str, root: Path, files: Mapping[str, str]) -> str:
    """What the failure of the apply says to type."""
    error = apply(url, write(root, files)).error
    assert error is not None and error.sqlstate in ("42501", "42704", "42710"), error
    assert error.hint is not None
    return error.hint


def test_an_owner_that_may_make_nothing_in_the_schema(modest: str, tmp_path: Path) -> None:
    owned = TABLE | {"tables/u.sql": "ALTER TABLE t OWNER TO deployers_own;"}
    hint = hint_of(modest, tmp_path, owned)
    grant = "GRANT CREATE ON SCHEMA public TO deployers_own;"
    assert hint.endswith(grant)
    applied(modest, write(tmp_path, owned | {"tables/0.sql": grant}))


def test_an_owner_that_the_deployer_may_not_become(modest: str, tmp_path: Path) -> None:
    hint = hint_of(modest, tmp_path, TABLE | {"tables/u.sql": "ALTER TABLE t OWNER TO nobodys_own;"})
    assert "GRANT nobodys_own TO the role that deploys" in hint


def test_default_privileges_of_another_role(modest: str, tmp_path: Path) -> None:
    defaults = "ALTER DEFAULT PRIVILEGES FOR ROLE nobodys_own GRANT SELECT ON TABLES TO deployers_own;"
    assert "as a superuser, GRANT " in hint_of(modest, tmp_path, TABLE | {"tables/u.sql": defaults})


def test_what_only_a_superuser_may_do(modest: str, tmp_path: Path) -> None:
    applied(modest, write(tmp_path, TABLE))
    hint = hint_of(modest, tmp_path, TABLE | {"migrations/1.sql": "CREATE ROLE made_by_a_migration;"})
    assert hint.startswith("connect as a superuser")


def test_a_role_that_a_migration_does_not_find(any_database: Database, tmp_path: Path) -> None:
    applied(any_database.url, write(tmp_path, TABLE))
    granting = TABLE | {"migrations/1.sql": "GRANT SELECT ON t TO somebody_else;"}
    assert "CREATE ROLE" in hint_of(any_database.url, tmp_path, granting)


def test_a_role_that_a_migration_finds(modest: str, any_database: Database, tmp_path: Path) -> None:
    """IF NOT EXISTS, which CREATE ROLE does not know, was the advice."""
    applied(any_database.url, write(tmp_path, TABLE))
    making = TABLE | {"migrations/1.sql": "CREATE ROLE deployers_own;"}
    hint = hint_of(any_database.url, tmp_path, making)
    guarded = hint[hint.index("DO $$") :].replace("…", "deployers_own")
    applied(any_database.url, write(tmp_path, making | {"migrations/1.sql": guarded}))


def test_what_another_role_deploys_stays_its_owner_s(modest: str, any_database: Database, tmp_path: Path) -> None:
    """The folder never said to whom; that it no longer does was the remark."""
    applied(modest, write(tmp_path, TABLE))
    report = applied(any_database.url, write(tmp_path, {"tables/t.sql": "CREATE TABLE t (id int, name text);"}))
    assert report.warnings == ("table t still belongs to modest_deployer: the folder does not say to whom",)


@pytest.mark.parametrize("prelude", ["", "'c'"], ids=["", "with a prelude"])
def test_a_migration_that_works_as_another_role(any_database: Database, tmp_path: Path, prelude: str) -> None:
    """What follows it is the deployer's again; its records failed for want of a privilege."""
    run(any_database.url, *ROLES, "GRANT CREATE ON SCHEMA public TO modest_deployer")
    labels = "'a', 'b'"
    mood = {"types/mood.sql": f"CREATE TYPE mood AS ENUM ({labels});"}
    applied(any_database.url, write(tmp_path, TABLE | mood))
    if prelude:
        mood = {"types/mood.sql": f"CREATE TYPE mood AS ENUM ({labels}, {prelude});"}
        mood |= {"tables/m.sql": f"CREATE TABLE m (m mood DEFAULT {prelude});"}
    more = (
        TABLE
        | mood
        | {
            "migrations/1.sql": "SET SESSION AUTHORIZATION modest_deployer;\nCREATE TABLE theirs (id int);\n"
            "SET ROLE deployers_own;",
            "tables/theirs.sql": "CREATE TABLE theirs (id int);",
            "tables/u.sql": "CREATE TABLE u (id int);",
        }
    )
    assert apply(any_database.url, write(tmp_path, more), dry_run=True).error is None
    applied(any_database.url, write(tmp_path, more))
    owners = "SELECT tablename, tableowner FROM pg_tables WHERE tablename IN ('theirs', 'u') ORDER BY 1"
    assert any_database.rows(owners) == [("theirs", "modest_deployer"), ("u", "postgres")]


@pytest.mark.parametrize("become", ["SET SESSION AUTHORIZATION modest_deployer", "SET ROLE modest_deployer"])
def test_a_migration_after_the_commit_that_works_as_another_role(
    any_database: Database, tmp_path: Path, become: str
) -> None:
    """What it does was to be recorded by that role, and failed for want of a privilege; nothing named the migration."""
    run(any_database.url, *ROLES, "GRANT CREATE ON SCHEMA public TO modest_deployer")
    applied(any_database.url, write(tmp_path, TABLE))
    theirs = f"-- stonegate: no-transaction\n{become};\nCREATE TABLE theirs (id int);\nVACUUM theirs;\n"
    more = TABLE | {
        "migrations/1.sql": f"{theirs}INSERT INTO t VALUES (1);\nSET search_path = nowhere;\n"
        "SET default_tablespace = pg_global;",
        "migrations/2.sql": f"-- stonegate: no-transaction\nCREATE TABLE ours (id int);\n{become};",
        "tables/theirs.sql": "CREATE TABLE theirs (id int);\nCREATE TABLE ours (id int);",
    }
    source = write(tmp_path, more)
    report = apply(any_database.url, source)
    assert report.error is not None and report.error.message == "migrations/1.sql:5: run migration 1.sql failed"
    assert report.error.hint is not None and "GRANT" in report.error.hint, report.error.hint
    states = "SELECT post_commit FROM _stonescriptdb_gateway_deployments ORDER BY id DESC LIMIT 1"
    ((noted,),) = any_database.rows(states)
    assert [noted[name] for name in sorted(noted)] == ["done"] * 3 + ["failed"] + ["announced"] * 4

    run(any_database.url, "GRANT INSERT ON t TO modest_deployer")
    applied(any_database.url, source)
    owners = "SELECT tablename, tableowner FROM pg_tables WHERE tablename IN ('theirs', 'ours') ORDER BY 1"
    assert any_database.rows(owners) == [("ours", "postgres"), ("theirs", "modest_deployer")]
    assert any_database.rows("SELECT count(*) FROM t") == [(1,)]
    done = "SELECT migration_file FROM _stonescriptdb_gateway_migrations ORDER BY 1"
    assert any_database.rows(done) == [("1.sql",), ("2.sql",)]
    assert apply(any_database.url, source).status is Status.UNCHANGED


def test_new_objects_of_an_administrator_in_the_database_of_a_role(
    modest: str, any_database: Database, tmp_path: Path
) -> None:
    """They would be the administrator's, and the role's next deployment would fail at them."""
    function = "CREATE FUNCTION f() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';\n"
    more = TABLE | {"tables/u.sql": "CREATE TABLE u (id int PRIMARY KEY);", "functions/f.sql": function}
    applied(modest, write(tmp_path, TABLE))
    assert plan(modest, write(tmp_path, more)).warnings == ()
    expected = (
        "new objects will belong to postgres, not to modest_deployer, whose this database is and who deployed to it: "
        "table u, routine f(); modest_deployer may not change them later: deploy with the URL of that role, or write "
        "ALTER … OWNER TO modest_deployer"
    )
    for warnings in (
        plan(any_database.url, write(tmp_path, more)).warnings,
        apply(any_database.url, write(tmp_path, more), dry_run=True).warnings,
    ):
        assert [text for text in warnings if text.startswith("new objects")] == [expected]
    named = more | {
        "tables/u.sql": more["tables/u.sql"] + "\nALTER TABLE u OWNER TO modest_deployer;",
        "functions/f.sql": function + "ALTER FUNCTION f() OWNER TO modest_deployer;",
    }
    assert "new objects" not in " ".join(plan(any_database.url, write(tmp_path, named)).warnings)
    applied(any_database.url, write(tmp_path, named))
    applied(modest, write(tmp_path, more | {"functions/f.sql": function.replace("SELECT 1", "SELECT 2")}))


def test_what_migrations_of_an_administrator_make_in_the_database_of_a_role(
    modest: str, any_database: Database, tmp_path: Path
) -> None:
    """Nothing was said of them."""

    def told(migration: str, more: str = "") -> list[str]:
        files = TABLE | {"migrations/1.sql": migration, "tables/u.sql": f"CREATE TABLE u (id serial);{more}"}
        warnings = plan(any_database.url, write(tmp_path, files)).warnings
        return [text.partition("deployed to it: ")[2].partition("; ")[0] for text in warnings if "new objects" in text]

    run(modest, "CREATE TABLE here (id int)")
    applied(modest, write(tmp_path, TABLE))
    declared = "CREATE TABLE u (id serial);"
    function = "CREATE FUNCTION g(n int) RETURNS int LANGUAGE sql AS 'SELECT 1';"
    rest = "CREATE TABLE archive (id serial);\nCREATE TYPE mood AS ENUM ('a');\nCREATE INDEX ON archive (id);"
    assert told(f"{declared}\n{function}\n{rest}\nALTER TABLE here RENAME TO there;") == [
        "table u, routine g(integer), table archive, type mood"
    ]
    assert told(f"{declared}\nALTER TABLE u OWNER TO modest_deployer;") == []
    assert told(declared, "ALTER TABLE u OWNER TO modest_deployer;") == []
    assert told(f"SET ROLE modest_deployer;\n{declared}") == []
    assert told("CREATE TABLE other (id int);") == ["table u, table other"]


def test_what_administrators_alone_deploy_to_the_database_of_a_role(
    modest: str, any_database: Database, tmp_path: Path
) -> None:
    assert modest != any_database.url
    for files in (TABLE, TABLE | {"tables/u.sql": "CREATE TABLE u (id int);"}):
        assert plan(any_database.url, write(tmp_path, files)).warnings == ()
        assert applied(any_database.url, write(tmp_path, files)).warnings == ()


def test_new_objects_beside_default_privileges_that_change(any_database: Database, tmp_path: Path) -> None:
    """They are made while the former ones are in force, and had the rights of these."""
    first = (
        "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO pg_monitor;"
        "ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;"
    )
    second = (
        "ALTER DEFAULT PRIVILEGES REVOKE SELECT ON TABLES FROM pg_monitor;"
        "ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO PUBLIC;"
    )
    objects = {
        "tables/u.sql": "CREATE TABLE u (id int);\nCREATE TABLE shown (id int);\nGRANT SELECT ON shown TO pg_monitor;",
        "views/v.sql": "CREATE VIEW v AS SELECT id FROM u;",
        "functions/f.sql": "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';\n"
        "CREATE FUNCTION closed() RETURNS int LANGUAGE sql AS 'SELECT 1';\n"
        "REVOKE EXECUTE ON FUNCTION closed() FROM PUBLIC;",
    }
    applied(any_database.url, write(tmp_path, TABLE | {"tables/0.sql": first}))
    applied(any_database.url, write(tmp_path, TABLE | {"tables/0.sql": second} | objects))
    rights = any_database.rows(
        "SELECT has_table_privilege('pg_monitor', 'u', 'SELECT'), has_table_privilege('pg_monitor', 'v', 'SELECT'),"
        " has_table_privilege('pg_monitor', 'shown', 'SELECT'), has_function_privilege('pg_monitor', 'f()', 'EXECUTE'),"
        " has_function_privilege('pg_monitor', 'closed()', 'EXECUTE')"
    )
    assert rights == [(False, False, True, True, False)]


@OLDEST_AND_NEWEST
@pytest.mark.parametrize(
    ("taken", "told"),
    [
        (
            "SELECT ON t FROM deployers_own",
            "was passed on to nobodys_own, and is not taken as long as they have it; in a migration: "
            "REVOKE … FROM deployers_own CASCADE",
        ),
        (
            "SELECT ON t FROM nobodys_own",
            "was given by deployers_own, from whom alone the owner can take it; in a migration: "
            "REVOKE … FROM deployers_own CASCADE",
        ),
        (
            "GRANT OPTION FOR SELECT ON t FROM deployers_own",
            "was passed on to nobodys_own, and is not taken as long as they have it; in a migration: "
            "REVOKE GRANT OPTION FOR … FROM deployers_own CASCADE",
        ),
        ("UPDATE ON t FROM deployers_own", None),
        ("INSERT ON t FROM nobodys_own", None),
        ("UPDATE (id) ON t FROM deployers_own", None),
        (
            "REFERENCES (id) ON t FROM deployers_own",
            "column t.id: REFERENCES for deployers_own was passed on to nobodys_own, and is not taken as long as",
        ),
    ],
)
def test_a_right_that_was_passed_on(any_database: Database, tmp_path: Path, taken: str, told: str | None) -> None:
    """PostgreSQL refuses to take it from who passed it on, and leaves it to who has it from another than the owner."""
    url = any_database.url
    said = """GRANT SELECT, UPDATE, UPDATE (id), REFERENCES (id) ON t TO deployers_own WITH GRANT OPTION;
        GRANT UPDATE (id), INSERT ON t TO nobodys_own;"""
    run(url, *ROLES)
    applied(url, write(tmp_path, TABLE | {"tables/u.sql": said}))
    run(url, "SET ROLE deployers_own; GRANT SELECT, REFERENCES (id) ON t TO nobodys_own; RESET ROLE")
    source = write(tmp_path, TABLE | {"tables/u.sql": f"REVOKE {taken};"})
    warnings = [each for each in plan(url, source).warnings if "CASCADE" in each]
    report = apply(url, source)
    if told is None:
        assert warnings == [] and report.error is None
        return
    (warning,) = warnings
    assert told in warning
    assert report.error is not None and warning in report.warnings
    if taken != "SELECT ON t FROM deployers_own":
        return
    assert report.error.hint is not None
    statement = report.error.hint.partition("in a migration, ")[2].partition(";")[0]
    assert statement == "REVOKE SELECT ON TABLE public.t FROM deployers_own CASCADE"
    files = TABLE | {"tables/u.sql": f"REVOKE {taken};", "migrations/1.sql": f"{statement};"}
    applied(url, write(tmp_path, files))
    held = (
        "SELECT count(*) FROM pg_class, aclexplode(relacl)"
        " WHERE relname = 't' AND grantee <> relowner AND privilege_type = 'SELECT'"
    )
    assert any_database.rows(held) == [(0,)]


def test_sequences_of_new_columns_beside_default_privileges_that_change(any_database: Database, tmp_path: Path) -> None:
    """They come with their columns, and had the rights of the former ones too."""
    first = "ALTER DEFAULT PRIVILEGES GRANT USAGE ON SEQUENCES TO pg_monitor;"
    second = "ALTER DEFAULT PRIVILEGES REVOKE USAGE ON SEQUENCES FROM pg_monitor;"
    objects = {
        "tables/t.sql": "CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY, n serial, zero serial,"
        " one int GENERATED ALWAYS AS IDENTITY, next serial, was int DEFAULT nextval('s'), a serial,"
        " b int GENERATED ALWAYS AS IDENTITY);\nCREATE SEQUENCE s;\nALTER SEQUENCE s OWNED BY t.was;",
        "tables/u.sql": "CREATE TABLE u (a serial, b int GENERATED ALWAYS AS IDENTITY, shown serial,"
        " also int GENERATED ALWAYS AS IDENTITY);\n"
        "GRANT USAGE ON SEQUENCE u_shown_seq TO pg_monitor;\nGRANT USAGE ON SEQUENCE u_also_seq TO pg_monitor;",
        "tables/v.sql": "CREATE SEQUENCE v;",
    }
    columns = "id int NOT NULL, n int NOT NULL, zero int NOT NULL DEFAULT 0, one int NOT NULL DEFAULT 1,"
    columns += " next int NOT NULL DEFAULT nextval('s'), was int"
    plain = {"tables/t.sql": f"CREATE SEQUENCE s;\nCREATE TABLE t ({columns});"}
    applied(any_database.url, write(tmp_path, plain | {"tables/0.sql": first}))
    applied(any_database.url, write(tmp_path, {"tables/0.sql": second} | objects))
    held = "EXISTS (SELECT FROM aclexplode(relacl) WHERE grantee = 'pg_monitor'::regrole)"
    sequences = any_database.rows(f"SELECT relname FROM pg_class WHERE relkind = 'S' AND {held} ORDER BY 1")
    assert sequences == [("s",), ("u_also_seq",), ("u_shown_seq",)]  # one that was there keeps its rights


def test_what_is_said_of_a_new_identity_stays_where_default_privileges_change(
    any_database: Database, tmp_path: Path
) -> None:
    given = "ALTER DEFAULT PRIVILEGES GRANT SELECT ON SEQUENCES TO pg_monitor;"
    taken = "ALTER DEFAULT PRIVILEGES REVOKE SELECT ON SEQUENCES FROM pg_monitor;"
    said = "GRANT USAGE ON SEQUENCE t_id_seq TO pg_monitor WITH GRANT OPTION;\nCOMMENT ON SEQUENCE t_id_seq IS 'of t';"
    identity = f"CREATE TABLE t (id int GENERATED BY DEFAULT AS IDENTITY);\n{said}"
    applied(
        any_database.url, write(tmp_path, {"tables/0.sql": given, "tables/t.sql": "CREATE TABLE t (id int NOT NULL);"})
    )
    applied(any_database.url, write(tmp_path, {"tables/0.sql": taken, "tables/t.sql": identity}))
    rights = "SELECT privilege_type, is_grantable FROM pg_class, aclexplode(relacl) WHERE relname = 't_id_seq'"
    assert any_database.rows(f"{rights} AND grantee = 'pg_monitor'::regrole") == [("USAGE", True)]
    assert any_database.rows("SELECT obj_description('t_id_seq'::regclass)") == [("of t",)]
