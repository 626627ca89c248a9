"""Migrations: directives, transaction control, effects and needs of each statement (behaviour, §2–§4)."""
# ruff: noqa: E501 - one case per line

from __future__ import annotations

from hashlib import sha256

import pytest

from stonegate.errors import MisplacedStatement, SourceError, SourceErrors
from stonegate.model.source import Effect, EffectVerb, Migration, NeedKind, SourceTree
from tests.source.folders import parse


def migration(text: str, path: str = "migrations/001.pssql") -> Migration:
    (found,) = parse({path: text}).migrations
    return found


def said(effect: Effect) -> str:
    """ "rename table a → b", "drop_column column t.a cascade"."""
    return (
        f"{effect.verb} {effect.key}"
        + (f" {effect.old} →" if effect.old else " →" if effect.to else "")
        + (f" {effect.to}" if effect.to else "")
        + (f" :{effect.type}" if effect.type else "")
        + (" not null" if effect.not_null else "")
        + (" default" if effect.has_default else "")
        + (" cascade" if effect.cascade else "")
        + (" if exists" if effect.if_exists else "")
    )


class TestFile:
    def test_checksums(self) -> None:
        text = "-- é\n-- stonegate: run-on-fresh\nSELECT 1; -- stonegate: allow drop_column\n  --stonegate: no-transaction\n"
        found = migration(text)
        assert found.checksum == sha256("-- é\nSELECT 1; \n".encode()).hexdigest()
        assert found.raw_checksum == sha256(text.encode()).hexdigest()
        assert (found.run_on_fresh, found.no_transaction, found.allows) == (True, True, ("drop_column",))

    def test_directives_do_not_count_anything_else_does(self) -> None:
        plain = migration("SELECT 1;\n").checksum
        assert migration("-- stonegate: allow drop_table users\nSELECT 1;\n").checksum == plain
        crlf = migration("SELECT 1;\r\n").checksum
        assert migration("-- stonegate: allow drop_table users\r\nSELECT 1;\r\n").checksum == crlf
        assert migration("-- a comment\nSELECT 1;\n").checksum != plain
        assert migration("SELECT 1; \n").checksum != plain

    def test_a_directive_inside_of_a_string_is_none(self) -> None:
        found = migration("SELECT '\n-- stonegate: nonsense\n'")
        assert found.checksum == found.raw_checksum

    def test_consents(self) -> None:
        found = migration(
            "-- stonegate: allow drop-column users.legacy\n-- stonegate: allow stale_body add(int, int)\n;SELECT 1"
        )
        assert found.allows == ("drop_column:users.legacy", "stale_body:add(int, int)")

    @pytest.mark.parametrize(
        "text", ["runonfresh", "allow", "", "run-on-fresh please", "allow everything x", "forbid drop_table t"]
    )
    def test_unknown_directives_are_errors(self, text: str) -> None:
        with pytest.raises(SourceError, match="unknown") as caught:
            migration(f"SELECT 1;\n-- stonegate: {text}\n")
        assert caught.value.place == "migrations/001.pssql:2"

    @pytest.mark.parametrize("path", ["migrations/2024/003_split.sql", "migrations/a.pgsql", "migrations/b.pssql"])
    def test_every_ending_counts_and_the_name_is_the_path_below_migrations(self, path: str) -> None:
        assert migration("SELECT 1", path).name == path.removeprefix("migrations/")

    def test_an_outermost_transaction_is_dropped_with_a_warning(self) -> None:
        tree = parse({"migrations/1.sql": "\nBEGIN;\nSELECT 1;\nCOMMIT;"})
        assert [statement.sql for statement in tree.migrations[0].statements] == ["SELECT 1"]
        assert tree.warnings[0].startswith("migrations/1.sql:2: BEGIN and COMMIT are left out")
        assert [each.sql for each in migration("START TRANSACTION; SELECT 1; COMMIT").statements] == ["SELECT 1"]

    def test_line_ends_that_a_checkout_changes(self) -> None:
        unix, windows = migration("SELECT 1;\nSELECT 2;\n"), migration("SELECT 1;\r\nSELECT 2;\r\n")
        assert unix.checksum == windows.respelled_checksum != unix.respelled_checksum == windows.checksum

    def test_mistakes_in_bodies(self) -> None:
        texts = ("CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETRUN 1; END'", "DO 'BEGIN RETRUN; END'")
        for text in texts:
            with pytest.raises(SourceError):
                migration(text)
            unchecked = migration(f"SET check_function_bodies = off; {text}; RESET work_mem")
            assert len(unchecked.statements) == 3

    @pytest.mark.parametrize(
        "text",
        [
            "BEGIN; SELECT 1",
            "SELECT 1; COMMIT; SELECT 2",
            "ROLLBACK",
            "SAVEPOINT a",
            "BEGIN; SELECT 1; COMMIT; SELECT 1",
            "SET TRANSACTION READ ONLY",
        ],
    )
    def test_other_transaction_control_is_an_error(self, text: str) -> None:
        with pytest.raises((MisplacedStatement, SourceErrors)) as caught:
            migration(text)
        errors = caught.value.errors if isinstance(caught.value, SourceErrors) else (caught.value,)
        assert all(
            "controls the transaction" in error.message and "no-transaction" in (error.hint or "") for error in errors
        )

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            *(
                (text, f"{text[:-2]} concerns the server")
                for text in ("CREATE DATABASE x", "DROP DATABASE x", "DROP TABLESPACE x")
            ),
            ("CREATE TABLESPACE x LOCATION '/x'", "concerns the server"),
            ("ALTER SYSTEM SET a = 1", "concerns the server"),
            ("COPY t FROM STDIN", "no client"),
        ],
    )
    def test_what_no_migration_may_do(self, text: str, message: str) -> None:
        with pytest.raises(MisplacedStatement, match=message):
            migration(text)

    @pytest.mark.parametrize(
        ("sql", "transactional"),
        [
            ("CREATE INDEX CONCURRENTLY i ON t (a)", False),
            ("CREATE INDEX i ON t (a)", True),
            ("DROP INDEX CONCURRENTLY i", False),
            ("REINDEX INDEX CONCURRENTLY i", False),
            ("REINDEX (CONCURRENTLY) TABLE t", False),
            ("REINDEX TABLE t", True),
            ("REINDEX SCHEMA public", False),
            ("VACUUM t", False),
            ("ANALYZE t", True),
            ("CLUSTER", False),
            ("CLUSTER t USING i", True),
            ("ALTER TABLE t DETACH PARTITION p CONCURRENTLY", False),
            ("ALTER TABLE t DETACH PARTITION p", True),
            ("REFRESH MATERIALIZED VIEW CONCURRENTLY v", True),
            ("ALTER TYPE e ADD VALUE 'x'", True),
            ("DISCARD ALL", False),
        ],
    )
    def test_what_a_transaction_forbids(self, sql: str, transactional: bool) -> None:
        assert migration(sql).statements[0].transactional is transactional

    def test_a_lasting_set_is_a_warning(self) -> None:
        warnings = parse({"migrations/1.sql": "SET work_mem = '1GB';\nSELECT 1"}).warnings
        assert "migrations/1.sql:1: SET work_mem lasts" in warnings[0] and "RESET work_mem" in warnings[0]

    def test_what_is_put_back_after_each_migration_is_none(self) -> None:
        local = ("LOCAL statement_timeout = 0", "TIME ZONE 'UTC'", "NAMES 'UTF8'", "SESSION AUTHORIZATION x")
        for setting in ("search_path = x", "ROLE x", "lock_timeout = 0", *local):
            assert parse({"migrations/1.sql": f"SET {setting}; SELECT 1"}).warnings == ()

    def test_a_directive_without_its_colon_is_told(self) -> None:
        (warning,) = parse({"migrations/1.sql": "\n-- stonegate run-on-fresh\nSELECT 1"}).warnings
        assert warning.startswith("migrations/1.sql:2: ") and warning.endswith("-- stonegate: run-on-fresh")
        assert parse({"migrations/1.sql": "-- stonegate runs this\nSELECT 1"}).warnings == ()


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("CREATE TABLE s.t (id int)", ["create table s.t"]),
        ("CREATE TABLE IF NOT EXISTS t (id int, UNIQUE (id))", ["create table t if exists", 'add_constraint constraint t."" :unique']),
        ("CREATE TABLE t AS SELECT 1", ["create table t"]),
        ("SELECT 1 INTO t", ["create table t"]),
        ("DROP TABLE IF EXISTS a, s.b CASCADE", ["drop table a cascade if exists", "drop table s.b cascade if exists"]),
        ("ALTER TABLE a RENAME TO b", ["rename table a → b"]),
        ("ALTER TABLE a RENAME COLUMN x TO y", ["rename column a.x → y"]),
        ("ALTER TABLE a RENAME CONSTRAINT x TO y", ["rename constraint a.x → y"]),
        ("ALTER TABLE a SET SCHEMA s", ["set_schema table a → s"]),
        (
            "ALTER TABLE a ADD b INT NOT NULL DEFAULT 1, ADD COLUMN IF NOT EXISTS c serial PRIMARY KEY, DROP d CASCADE, DROP COLUMN IF EXISTS e",
            ["add_column column a.b :integer not null default", "add_column column a.c :integer not null default if exists", 'add_constraint constraint a."" :primary key', "drop_column column a.d cascade", "drop_column column a.e if exists"],
        ),
        (
            "ALTER TABLE a ALTER b TYPE numeric(10,2) USING b::numeric, ALTER b SET NOT NULL, ALTER b DROP NOT NULL, ALTER b SET DEFAULT 1, ALTER b DROP DEFAULT",
            ["set_type column a.b :numeric(10,2)", "set_not_null column a.b", "drop_not_null column a.b", "set_default column a.b", "drop_default column a.b"],
        ),
        ("ALTER TABLE a ALTER b SET STATISTICS 9, SET (fillfactor = 70)", ["alter_other column a.b", "alter_other table a"]),
        ("ALTER TABLE a ADD CONSTRAINT c CHECK (x), DROP CONSTRAINT IF EXISTS d CASCADE", ["add_constraint constraint a.c :check", "drop_constraint constraint a.d cascade if exists"]),
        ("ALTER TABLE a ENABLE ROW LEVEL SECURITY, OWNER TO joe", ["alter_other table a", "alter_other table a"]),
        ("ALTER TYPE e ADD VALUE IF NOT EXISTS 'x'", ["add_value type e → x if exists"]),
        ("ALTER TYPE e RENAME VALUE 'a' TO 'b'", ["rename_value type e a → b"]),
        ("ALTER TYPE c ADD ATTRIBUTE x int, DROP ATTRIBUTE y, ALTER ATTRIBUTE z TYPE text", ["add_column attribute c.x :integer", "drop_column attribute c.y", "set_type attribute c.z :text"]),
        ("ALTER TYPE c RENAME ATTRIBUTE a TO b", ["rename attribute c.a → b"]),
        ("ALTER DOMAIN d ADD CONSTRAINT c CHECK (true)", ["add_constraint constraint d.c"]),
        ("ALTER DOMAIN d SET NOT NULL", ["set_not_null type d"]),
        ("CREATE TYPE e AS ENUM ('a')", ["create type e"]),
        ("CREATE OR REPLACE FUNCTION f(INT) RETURNS int RETURN 1", ["create routine f(integer) if exists"]),
        ("DROP FUNCTION f(int), g", ["drop routine f(integer)", "drop routine g"]),
        ("ALTER FUNCTION f(int) RENAME TO g", ["rename routine f(integer) → g"]),
        ("CREATE VIEW v AS SELECT 1", ["create view v"]),
        ("CREATE UNIQUE INDEX i ON s.t (a)", ["create index s.i", "alter_other table s.t"]),
        ("DROP INDEX i", ["drop index i"]),
        ("CREATE TRIGGER tr BEFORE INSERT ON t EXECUTE FUNCTION f()", ["create trigger t.tr"]),
        ("DROP TRIGGER tr ON s.t", ["drop trigger s.t.tr"]),
        ("DROP POLICY p ON t", ["drop policy t.p"]),
        ("DROP SCHEMA s CASCADE", ["drop schema s cascade"]),
        ("CREATE EXTENSION IF NOT EXISTS hstore", ["create extension hstore if exists"]),
        ("INSERT INTO t VALUES (1)", ["write_rows table t"]),
        ("UPDATE t SET a = 1", ["write_rows table t"]),
        ("DELETE FROM t WHERE a", ["write_rows table t"]),
        ("DELETE FROM t WHERE EXISTS (SELECT FROM u)", ["write_rows table t"]),
        ("DELETE FROM t USING u WHERE t.id = u.id", ["write_rows table t"]),
        ("DELETE FROM t USING u", ["delete_rows table t"]),
        ("DELETE FROM t", ["delete_rows table t"]),
        ("DELETE FROM t WHERE true", ["delete_rows table t"]),
        ("DELETE FROM t WHERE 1 = 1", ["delete_rows table t"]),
        ("DELETE FROM t WHERE t.id = t.id", ["delete_rows table t"]),
        ("DELETE FROM t WHERE id = other", ["write_rows table t"]),
        ("MERGE INTO t USING u ON t.id = u.id WHEN MATCHED THEN DELETE", ["write_rows table t"]),
        ("MERGE INTO t USING u ON true WHEN MATCHED THEN DELETE", ["delete_rows table t"]),
        ("MERGE INTO t USING u ON true WHEN MATCHED AND t.a THEN DELETE", ["write_rows table t"]),
        ("MERGE INTO t USING u ON t.id = u.id WHEN NOT MATCHED BY SOURCE THEN DELETE", ["delete_rows table t"]),
        ("MERGE INTO t USING u ON t.id = u.id WHEN NOT MATCHED BY SOURCE AND t.a THEN DELETE", ["write_rows table t"]),
        ("WITH x AS (DELETE FROM a) INSERT INTO b SELECT 1", ["delete_rows table a", "write_rows table b"]),
        ("TRUNCATE a, s.b CASCADE", ["delete_rows table a cascade", "delete_rows table s.b cascade"]),
        ("COPY t FROM '/x'", ["write_rows table t"]),
        ("DO $$ BEGIN END $$", ["opaque DO"]),
        (
            "DO $$ BEGIN RAISE NOTICE 'x'; ALTER TABLE t RENAME a TO b; DELETE FROM t; END $$",
            ["rename column t.a → b", "delete_rows table t"],
        ),
        ("DO $$ BEGIN RAISE EXCEPTION 'x'; DROP TABLE t; END $$", ["opaque DO"]),
        ("DO 'BEGIN IF true THEN DELETE FROM t; END IF; END'", ["opaque DO"]),
        ("DO 'BEGIN DROP TABLE t; EXCEPTION WHEN others THEN NULL; END'", ["opaque DO"]),
        ("DO 'DECLARE a int; BEGIN DROP TABLE t; END'", ["opaque DO"]),
        ("DO 'BEGIN RETURN; DROP TABLE t; END'", ["opaque DO"]),
        ("DO 'BEGIN DROP TABLE t; PERFORM f(); END'", ["opaque DO"]),
        ("DO LANGUAGE plperl 'DROP TABLE t;'", ["opaque DO"]),
        ("DO $$ BEGIN ALTER TYPE e ADD VALUE 'x'; END $$", ["opaque DO"]),
        ("CALL s.p(1)", ["opaque CALL s.p"]),
        ("SELECT f(1)", ["opaque SELECT"]),
        ("SELECT 1", ["none "]),
        ("SET LOCAL x = 1", ["none "]),
        ("GRANT SELECT ON t TO joe", ["none "]),
        ("COMMENT ON TABLE t IS 'x'", ["alter_other table t"]),
        ("CREATE PUBLICATION p", ["opaque CREATE PUBLICATION p"]),
    ],
)  # fmt: skip
def test_effects(sql: str, expected: list[str]) -> None:
    assert [said(effect) for effect in migration(sql).statements[0].effects] == expected


def test_columns_of_a_created_table() -> None:
    (create, *constraints) = (
        migration(
            "CREATE TABLE t (id serial PRIMARY KEY, a int, b text DEFAULT 'x', c int GENERATED ALWAYS AS IDENTITY, k int, FOREIGN KEY (a) REFERENCES u)"
        )
        .statements[0]
        .effects
    )
    assert [said(column) for column in create.columns] == [
        "add_column column t.id :integer not null default",
        "add_column column t.a :integer",
        "add_column column t.b :text default",
        "add_column column t.c :integer not null default",
        "add_column column t.k :integer",
    ]
    assert [[column.key.member for column in constraint.columns] for constraint in constraints] == [["id"], ["a"]]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("CREATE TABLE t (a status REFERENCES u (id))", {"status", "u.id"}),
        ("INSERT INTO t (a, b) SELECT f(x) FROM u", {"t", "t.a", "t.b", "u", "f"}),
        ("UPDATE t SET a = (SELECT 1 FROM u)", {"t", "t.a", "u"}),
        ("ALTER TABLE t ALTER a SET NOT NULL", {"t", "t.a"}),
        ("ALTER TABLE t ADD a status", {"t", "status"}),
        ("ALTER TABLE t RENAME a TO b", {"t", "t.a"}),
        ("DROP TABLE t", {"t"}),
        ("DROP TABLE IF EXISTS t", set()),
        ("ALTER TABLE IF EXISTS t ADD a int", set()),
        ("ALTER TABLE t ADD COLUMN IF NOT EXISTS a int, DROP COLUMN IF EXISTS b", {"t"}),
        ("DROP FUNCTION f(int)", {"f"}),
        ("ALTER TYPE e ADD VALUE 'x'", {"e"}),
        ("CREATE VIEW v AS SELECT * FROM t", {"t"}),
        ("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT a FROM t'", {"t"}),
        ("CREATE INDEX i ON t (f(a))", {"t", "f"}),
        ("TRUNCATE t", {"t"}),
        ("DO $$ BEGIN IF true THEN DELETE FROM t; END IF; END $$", set()),
        ("DO $$ BEGIN CREATE TABLE t (a int); DELETE FROM t USING u; UPDATE w SET a = 1; END $$", {"u", "w", "w.a"}),
        ("DO $$ BEGIN ALTER TABLE t RENAME TO u; UPDATE u SET a = 1; END $$", {"t"}),
        ("DO $$ BEGIN ALTER TABLE t ADD b int; UPDATE t SET a = b, b = 1; END $$", {"t", "t.a"}),
        ("CALL p()", {"p"}),
    ],
)  # fmt: skip
def test_needs(sql: str, expected: set[str]) -> None:
    needs = migration(sql).statements[0].needs
    assert {f"{need.name}.{need.column}" if need.column else need.name for need in needs} == expected
    assert all(need.kind in NeedKind for need in needs)


def test_types_of_migrations_do_not_count_as_declared() -> None:
    tree: SourceTree = parse(
        {
            "migrations/1.sql": "CREATE TYPE s.kind AS ENUM ()",
            "functions/f.sql": "CREATE FUNCTION f(a kind) RETURNS int RETURN 1",
        }
    )
    assert tree.items[0].key.arguments == "public.kind"


def test_every_verb_of_the_model_can_come_up() -> None:
    everything = migration(
        """
        CREATE TABLE t (); DROP TABLE t; ALTER TABLE t RENAME TO u; ALTER TABLE u SET SCHEMA s; ALTER TABLE t ADD a int, DROP a,
        ALTER a TYPE int, ALTER a SET NOT NULL, ALTER a DROP NOT NULL, ALTER a SET DEFAULT 1, ALTER a DROP DEFAULT,
        ADD CHECK (true), DROP CONSTRAINT c, CLUSTER ON i; ALTER TABLE t ATTACH PARTITION p DEFAULT;
        ALTER TABLE t DETACH PARTITION p; ALTER TYPE e ADD VALUE 'x'; ALTER TYPE e RENAME VALUE 'x' TO 'y';
        INSERT INTO t VALUES (1); TRUNCATE t; DO 'BEGIN END'; ANALYZE
        """
    )
    verbs = {effect.verb for statement in everything.statements for effect in statement.effects}
    assert verbs == set(EffectVerb)
