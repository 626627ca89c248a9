"""What `check` says about a folder that parses: unknown names, and what fresh databases would lack (behaviour, §4)."""
# ruff: noqa: E501 - one case per line

from __future__ import annotations

import pytest

from stonegate.planner.lint import check_migrations, check_references
from tests.source.folders import parse

USERS = {"tables/users.sql": "CREATE TABLE users (id serial PRIMARY KEY, name text)"}


@pytest.mark.parametrize(
    ("path", "sql", "complaint"),
    [
        ("tables/a.sql", "CREATE TABLE a (u int REFERENCES people)", "table a needs people, which no file declares"),
        ("tables/a.sql", "CREATE TABLE a (u int REFERENCES users (key))", "table a needs column users.key, which users does not have"),
        ("tables/a.sql", "CREATE INDEX i ON users (nam)", "index i needs column users.nam, which users does not have"),
        ("views/a.sql", "CREATE VIEW v AS SELECT * FROM user_names", "view v needs user_names, which no file declares"),
        ("functions/a.sql", "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1 FROM nothing'", "routine f() needs nothing, which no file declares"),
        ("triggers/a.sql", "CREATE TRIGGER t BEFORE INSERT ON users EXECUTE FUNCTION touch()", None),
        ("tables/a.sql", "COMMENT ON COLUMN users.nickname IS 'x'", "comment column users.nickname needs column users.nickname, which users does not have"),
        ("tables/a.sql", "ALTER TABLE people ADD COLUMN key text", "alter table people needs people, which no file declares"),
        ("tables/a.sql", "CREATE INDEX i ON people (a, b)", "index i needs people, which no file declares"),
        ("tables/a.sql", "GRANT SELECT ON nobody TO joe", "grant table nobody needs nobody, which no file declares"),
        ("tables/a.sql", "CREATE TABLE a (at datetime)", "table a needs type datetime, which PostgreSQL calls timestamp"),
        ("seeders/a.sql", "INSERT INTO users (id, nam) VALUES (1, 'a')", "the rows of users need column users.nam, which users does not have"),
        ("seeders/a.sql", "INSERT INTO people VALUES (1)", "the rows of people need people, which no file declares"),
        # Nothing to say:
        ("seeders/a.sql", "INSERT INTO users (id, name) VALUES (1, 'a')", None),
        ("tables/a.sql", "CREATE TABLE a (u int REFERENCES users (id), n int DEFAULT nextval('users_id_seq'))", None),
        ("tables/a.sql", "CREATE TABLE a (u int REFERENCES other.users)", None),
        ("views/a.sql", "CREATE VIEW v AS SELECT * FROM pg_stat_activity, information_schema.tables", None),
        ("tables/a.sql", "ALTER TABLE users ADD COLUMN key text; CREATE INDEX i ON users (key)", None),
        ("tables/a.sql", "CREATE TABLE a (LIKE users); CREATE INDEX i ON a (name)", None),
        ("types/a.sql", "CREATE TYPE pair AS (a int); COMMENT ON COLUMN pair.a IS 'x'", None),
        ("migrations/a.sql", "UPDATE nobody SET x = 1", None),
        ("triggers/a.sql", "CREATE TRIGGER t BEFORE UPDATE ON users EXECUTE FUNCTION suppress_redundant_updates_trigger()", None),
    ],
)  # fmt: skip
def test_names_that_nobody_declares(path: str, sql: str, complaint: str | None) -> None:
    found = check_references(parse({**USERS, path: f"\n{sql}"}))
    assert found == (() if complaint is None else (f"{path}:2: {complaint}",))


def test_trigger_functions_and_types_are_missed_where_their_kinds_are_declared() -> None:
    tree = parse(
        {
            **USERS,
            "types/e.sql": "CREATE TYPE e AS ENUM ()",
            "functions/f.sql": "CREATE FUNCTION f() RETURNS int RETURN 1",
            "triggers/t.sql": "CREATE TRIGGER t BEFORE INSERT ON users EXECUTE FUNCTION touch()",
            "tables/b.sql": "CREATE TABLE b (x missing)",
        }
    )
    assert check_references(tree) == (
        "tables/b.sql:1: table b needs type missing, which no file declares",
        "triggers/t.sql:1: trigger users.t needs function touch, which no file declares",
    )


def test_extensions_may_bring_types() -> None:
    assert (
        check_references(parse({**USERS, "extensions/citext.sql": "", "tables/a.sql": "CREATE TABLE a (x citext)"}))
        == ()
    )


@pytest.mark.parametrize(
    ("migration", "complaint"),
    [
        ("CREATE TABLE logs ()", "creates table logs, which tables/ does not declare: fresh databases will lack it"),
        ("INSERT INTO users (id) VALUES (1)", "inserts into users, which no seeder fills: fresh databases will lack these rows"),
        ("CREATE TABLE users (id int)", None),
        ("CREATE TABLE logs (); DROP TABLE logs", None),
        ("CREATE TABLE people (); ALTER TABLE people RENAME TO users", None),
        ("ALTER TABLE users RENAME TO people; CREATE TABLE x (); ALTER TABLE x RENAME TO y", "creates table y, which tables/ does not declare: fresh databases will lack it"),
        ("INSERT INTO users SELECT * FROM old_users", None),
        ("CREATE TEMP TABLE scratch (id int)", None),
        ("-- stonegate: run-on-fresh\nCREATE TABLE logs ()", None),
        ("UPDATE users SET name = ''", None),
    ],
)  # fmt: skip
def test_histories_that_fresh_databases_miss(migration: str, complaint: str | None) -> None:
    found = check_migrations(parse({**USERS, "migrations/1.sql": migration}))
    assert found == (() if complaint is None else (f"migrations/1.sql:1: {complaint}",))


def test_a_seeder_fills_the_table_and_folders_without_tables_run_their_migrations() -> None:
    insert = {"migrations/1.sql": "INSERT INTO users (id) VALUES (1); CREATE TABLE logs ()"}
    assert check_migrations(parse(insert)) == ()
    seeded = parse({**USERS, **insert, "seeders/u.sql": "INSERT INTO users (id) VALUES (1)"})
    assert len(check_migrations(seeded)) == 1
