"""A folder's texts become items: syntax errors, placement, duplicates, extensions, warnings."""

from __future__ import annotations

import pytest

from stonegate.errors import DuplicateObject, MisplacedStatement, SourceError, SourceErrors, SyntaxFailure
from stonegate.model.names import ObjectKind
from stonegate.model.source import Folder, Verb
from tests.source.folders import parse


class TestSyntax:
    def test_all_broken_files_are_reported_at_once(self) -> None:
        with pytest.raises(SourceErrors) as caught:
            parse(
                {
                    "tables/b.sql": "CREATE TABLE t (\n  a int,,\n);",
                    "functions/a.sql": "CREATE FUNCTION f( RETURNS int",
                    "views/ok.sql": "CREATE VIEW v AS SELECT 1;",
                    "seeders/c.sql": "INSERT INTO t VALUES (1",
                }
            )
        errors = caught.value.errors
        assert [error.place for error in errors] == ["functions/a.sql:1:31", "seeders/c.sql:1:24", "tables/b.sql:2:9"]
        assert all(isinstance(error, SyntaxFailure) for error in errors)
        assert [error.message for error in errors] == [
            "syntax error at end of input",
            "syntax error at end of input",
            'syntax error at or near ","',
        ]
        assert caught.value.exit_code == 3

    def test_position_and_caret_count_characters_not_bytes(self) -> None:
        with pytest.raises(SyntaxFailure) as caught:
            parse({"tables/a.sql": "-- grüße\nCREATE TABLE é (\n\tö int, 'ß'\n)"})
        assert (caught.value.line, caught.value.column) == (3, 9)
        assert caught.value.excerpt == "\tö int, 'ß'\n\t       ^"

    def test_an_error_in_the_body_of_a_sql_function_is_at_its_place_in_the_file(self) -> None:
        text = "-- ä\nCREATE FUNCTION f() RETURNS int LANGUAGE sql AS $x$\n  SELECT 'é' FROM WHERE\n$x$;"
        with pytest.raises(SyntaxFailure) as caught:
            parse({"functions/f.sql": text})
        assert (caught.value.line, caught.value.column) == (3, 19)
        assert caught.value.excerpt.startswith("  SELECT 'é' FROM WHERE\n")

    def test_nesting_without_end_is_an_error_and_no_crash(self) -> None:
        with pytest.raises(SourceError):
            parse({"views/v.sql": f"CREATE VIEW v AS SELECT {'(' * 20_000}1{')' * 20_000}"})


class TestStatements:
    def test_text_line_and_end_of_each_statement(self) -> None:
        text = "-- é head\n\nCREATE TABLE a (); /* x */ CREATE TABLE b () -- tail\n;\n\n"
        text += "CREATE TABLE c (x text DEFAULT '--')\n-- end"
        items = parse({"tables/a.sql": text}).items
        assert [(item.sql, item.line) for item in items] == [
            ("CREATE TABLE a ()", 3),
            ("CREATE TABLE b ()", 3),
            ("CREATE TABLE c (x text DEFAULT '--')", 6),
        ]

    def test_a_file_without_statements_is_named(self) -> None:
        tree = parse({"tables/a.sql": "-- nothing\n", "views/b.sql": "", "migrations/c.sql": ";"})
        assert sorted(tree.warnings) == [
            "migrations/c.sql: holds no statement",
            "tables/a.sql: holds no statement",
            "views/b.sql: holds no statement",
        ]

    def test_the_fingerprint_ignores_formatting_and_the_digest_is_given(self) -> None:
        one = parse({"tables/a.sql": "CREATE TABLE a (x int)"})
        assert one.fingerprint == parse({"tables/a.sql": "create table a (\n  x int -- id\n);"}).fingerprint
        assert one.fingerprint != parse({"tables/a.sql": "CREATE TABLE a (x bigint)"}).fingerprint
        assert one.fingerprint != parse({"tables/b.sql": "CREATE TABLE a (x int)"}).fingerprint

    def test_the_order_of_files_does_not_matter(self) -> None:
        files = {
            "tables/a.sql": "CREATE TABLE a ()",
            "tables/b.sql": "CREATE TABLE b ()",
            "types/c.sql": "CREATE TYPE c AS ENUM ()",
        }
        assert parse(files).items == parse(dict(reversed(files.items()))).items


class TestPlacement:
    @pytest.mark.parametrize(
        ("path", "sql", "message", "hint"),
        [
            ("tables/a.sql", "UPDATE t SET a = 1", "UPDATE has no business in tables/", "seeders/"),
            ("tables/a.sql", "INSERT INTO t VALUES (1)", "INSERT has no business", "seeders/"),
            ("functions/a.sql", "DO $$ BEGIN END $$", "DO has no business in functions/", "migrations/"),
            ("functions/a.sql", "SELECT f()", "SELECT has no business", "migrations"),
            ("tables/a.sql", "DROP TABLE t", "DROP has no business", "migrations/"),
            ("tables/a.sql", "ALTER TABLE t DROP COLUMN a", "DROP COLUMN is a step", "migrations/"),
            ("tables/a.sql", "ALTER TABLE t RENAME TO u", "RENAME", "migrations/"),
            ("types/a.sql", "ALTER TYPE e ADD VALUE 'x'", "ALTER TYPE", "AS ENUM"),
            ("tables/a.sql", "CREATE ROLE joe", "CREATE ROLE", "by hand"),
            ("tables/a.sql", "GRANT admins TO joe", "GRANT of a role", "by hand"),
            ("tables/a.sql", "GRANT CONNECT ON DATABASE x TO joe", "privilege on a database", "migrations/"),
            ("tables/a.sql", "CREATE PUBLICATION p FOR ALL TABLES", "CREATE PUBLICATION", "by hand"),
            ("tables/a.sql", "CREATE SERVER s FOREIGN DATA WRAPPER f", "CREATE SERVER", "by hand"),
            ("types/a.sql", "CREATE TYPE b", "a base type is not declared state: public.b", "run-on-fresh"),
            ("types/a.sql", "CREATE TYPE s.b (INPUT = i, OUTPUT = o)", "base type is not declared", "extension"),
            ("triggers/a.sql", "CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION f()", "EVENT TRIGGER", ""),
            ("tables/a.sql", "BEGIN", "controls the transaction", "one transaction"),
            ("tables/a.sql", "SET search_path = sales, pg_catalog", "changes the search_path", "pg_dump -s scratch"),
            ("functions/a.sql", "SELECT set_config('search_path', 'x', false)", "changes the search_path", "sales."),
            ("tables/a.sql", "SET work_mem = '1MB'", "SET has no business", "qualify"),
            ("tables/a.sql", "VACUUM t", "maintenance", "migrations/"),
            ("tables/a.sql", "CREATE TABLE t AS SELECT 1", "does not say which columns", "tables/"),
            ("tables/a.sql", "CREATE TEMP TABLE t ()", "temporary table t", "routine"),
            ("tables/a.sql", "CREATE SCHEMA s CREATE TABLE t ()", "creates other objects", "statements of their own"),
            ("tables/a.sql", "LISTEN x", "LISTEN has no business", "migrations/"),
            ("tables/a.sql", "LOCK t", "LOCK has no business", "migrations/"),
            (
                "tables/a.sql",
                "CREATE ACCESS METHOD m TYPE TABLE HANDLER h",
                "^CREATE ACCESS METHOD has no",
                "migrations/",
            ),
            ("tables/a.sql", "CREATE OR REPLACE LANGUAGE plx HANDLER h", "^CREATE LANGUAGE has no", "migrations/"),
            ("tables/a.sql", "ALTER EVENT TRIGGER e DISABLE", "^ALTER EVENT TRIGGER has no", "migrations/"),
            ("tables/a.sql", "ALTER COLLATION c REFRESH VERSION", "^ALTER COLLATION has no", "migrations/"),
            ("extensions/a.sql", "CREATE TABLE t ()", "no CREATE EXTENSION", "tables/"),
            ("seeders/a.sql", "CREATE TABLE t ()", "is no INSERT", "tables/"),
            ("seeders/a.sql", "UPDATE t SET a = 1", "is no INSERT", "migrations/"),
            ("types/a.sql", "ALTER DOMAIN d DROP CONSTRAINT c", "DROP CONSTRAINT", "migrations/"),
            ("types/a.sql", "ALTER DOMAIN d DROP NOT NULL", "DROP NOT NULL", "migrations/"),
            ("tables/a.sql", "ALTER TABLE t DISABLE TRIGGER ALL", "DISABLE TRIGGER ALL", "name each"),
            ("tables/a.sql", "SET search_path = app, public", "SET has no business", "into routines"),
        ],
    )
    def test_misplaced_statements_say_where_they_belong(self, path: str, sql: str, message: str, hint: str) -> None:
        with pytest.raises(MisplacedStatement, match=message) as caught:
            parse({path: f"\n{sql};"})
        assert caught.value.place == f"{path}:2"
        assert hint in (caught.value.hint or "")

    def test_declared_state_may_stand_beside_what_it_concerns(self) -> None:
        tree = parse(
            {
                "tables/all.sql": """
                CREATE SCHEMA s; CREATE TYPE s.e AS ENUM ('a'); CREATE TABLE s.t (a s.e);
                CREATE FUNCTION s.f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN new; END $$;
                CREATE TRIGGER tr BEFORE INSERT ON s.t FOR EACH ROW EXECUTE FUNCTION s.f();
                CREATE INDEX i ON s.t (a); ALTER TABLE s.t ENABLE ROW LEVEL SECURITY;
                CREATE POLICY p ON s.t USING (true); COMMENT ON TABLE s.t IS 'x'; GRANT SELECT ON s.t TO joe;
                REVOKE ALL ON FUNCTION s.f() FROM PUBLIC; ALTER TABLE s.t OWNER TO joe;
                ALTER DEFAULT PRIVILEGES IN SCHEMA s GRANT SELECT ON TABLES TO joe;
                CREATE DOMAIN s.d AS int; ALTER DOMAIN s.d SET NOT NULL;
                """
            }
        )
        assert [(item.verb, str(item.key)) for item in tree.items] == [
            (Verb.CREATE, "schema s"),
            (Verb.CREATE, "type s.e"),
            (Verb.CREATE, "table s.t"),
            (Verb.CREATE, "routine s.f()"),
            (Verb.CREATE, "trigger s.t.tr"),
            (Verb.CREATE, "index s.i"),
            (Verb.ALTER, "table s.t"),
            (Verb.CREATE, "policy s.t.p"),
            (Verb.COMMENT, "table s.t"),
            (Verb.GRANT, "table s.t"),
            (Verb.REVOKE, "routine s.f()"),
            (Verb.ALTER, "table s.t"),
            (Verb.GRANT, "default privileges on tables in schema s"),
            (Verb.CREATE, "type s.d"),
            (Verb.ALTER, "type s.d"),
        ]

    def test_the_head_of_a_dump_is_left_out_with_a_warning(self) -> None:
        tree = parse(
            {
                "tables/dump.sql": "\\restrict a1B2\n\nSET statement_timeout = 0;\nSET client_encoding = 'UTF8';\n"
                "SELECT pg_catalog.set_config('search_path', '', false);\nCREATE TABLE public.t ();\n"
                "SET search_path = public, pg_catalog; SET default_with_oids = false;\n"
                "SELECT set_config('search_path', 'public, \"$user\"', false);\n\\unrestrict a1B2\n"
            }
        )
        assert [str(item.key) for item in tree.items] == ["table t"]
        assert tree.warnings == ("tables/dump.sql:3: 6 session settings; left out",)

    def test_concurrently_of_a_declared_index_is_left_out_with_a_warning(self) -> None:
        text = "CREATE TABLE t (id int);\ncreate unique index /* c */\nconcurrently i ON t (id);"
        tree = parse({"tables/t.sql": text})
        index = next(item for item in tree.items if item.key.name == "i")
        assert " ".join(index.sql.split()) == "create unique index /* c */ i ON t (id)"
        assert len(tree.warnings) == 1 and tree.warnings[0].startswith("tables/t.sql:2: CONCURRENTLY is left out")

    def test_a_setting_taken_from_the_session_is_warned_of(self) -> None:
        head = "CREATE FUNCTION f() RETURNS int LANGUAGE sql SET work_mem = '1MB'"
        tree = parse({"functions/f.sql": f"\n{head}\nSET search_path FROM CURRENT AS 'SELECT 1';"})
        assert len(tree.warnings) == 1 and tree.warnings[0].startswith(
            "functions/f.sql:2: SET search_path FROM CURRENT"
        )

    def test_setval_in_a_seeder_is_left_out_with_a_warning(self) -> None:
        tree = parse({"seeders/t.sql": "INSERT INTO t (id) VALUES (1); SELECT setval('t_id_seq', 10);"})
        assert len(tree.seeders) == 1 and "setval is left out" in tree.warnings[0]


class TestDuplicates:
    @pytest.mark.parametrize(
        ("one", "other"),
        [
            (
                "CREATE FUNCTION f(a INT) RETURNS int AS $$ SELECT 1 $$ LANGUAGE sql",
                "CREATE OR REPLACE FUNCTION public.f(b int4) RETURNS text AS $$ SELECT '' $$ LANGUAGE sql",
            ),
            (
                "CREATE FUNCTION f(varchar(3), out x int) AS $$ SELECT 1 $$ LANGUAGE sql",
                "CREATE FUNCTION f(p character varying) RETURNS int AS $$ SELECT 1 $$ LANGUAGE sql",
            ),
            ("CREATE TABLE t ()", "CREATE TABLE IF NOT EXISTS t (a int)"),
            ("CREATE TABLE t ()", "CREATE VIEW t AS SELECT 1"),
            ("CREATE TABLE t ()", "CREATE TYPE t AS ENUM ()"),
            ("CREATE SEQUENCE t", "CREATE INDEX t ON x (a)"),
            (
                "CREATE TRIGGER a BEFORE INSERT ON t EXECUTE FUNCTION f()",
                "CREATE TRIGGER a AFTER INSERT ON t EXECUTE FUNCTION f()",
            ),
            ("CREATE TABLE t (a int)", "ALTER TABLE t ADD COLUMN a int"),
            ("ALTER TABLE t ADD CONSTRAINT c CHECK (true)", "ALTER TABLE t ADD CONSTRAINT c CHECK (false)"),
        ],
    )
    def test_two_places_that_define_one_object(self, one: str, other: str) -> None:
        with pytest.raises(DuplicateObject) as caught:
            parse({"tables/1.sql": f"\n{one}", "tables/2.sql": f"\n\n{other}"})
        assert caught.value.place == "tables/2.sql:3"
        assert "tables/1.sql:2" in caught.value.message

    def test_columns_of_a_twin_are_not_told_one_by_one(self) -> None:
        with pytest.raises(DuplicateObject, match="table t"):
            parse({"tables/1.sql": "CREATE TABLE t (a int, b int)", "tables/2.sql": "CREATE TABLE t (a int, b int)"})

    def test_overloads_and_names_in_other_schemas_are_no_twins(self) -> None:
        body = "RETURNS int LANGUAGE sql AS $$ SELECT 1 $$"
        names = ("f(int)", "f(text)", "s.f(int)")
        tree = parse({"functions/f.sql": "".join(f"CREATE FUNCTION {name} {body};" for name in names)})
        assert [item.key.arguments for item in tree.items] == ["integer", "text", "integer"]

    def test_the_later_or_replace_of_one_file_counts(self) -> None:
        fake = "CREATE VIEW v AS SELECT NULL::int AS a;\n"
        tree = parse({"views/v.sql": f"{fake}CREATE OR REPLACE VIEW v AS SELECT 1 AS a"})
        assert [item.line for item in tree.items] == [2] and "views/v.sql:2" in tree.warnings[0]
        with pytest.raises(DuplicateObject, match="view v"):
            parse({"views/v.sql": fake, "views/w.sql": "CREATE OR REPLACE VIEW v AS SELECT 1 AS a"})

    def test_a_column_twice_in_one_table(self) -> None:
        with pytest.raises(DuplicateObject, match=r"column t\.a"):
            parse({"tables/t.sql": "CREATE TABLE t (a int,\n a text)"})

    def test_a_schema_may_be_created_where_it_is_used(self) -> None:
        tree = parse({"tables/a.sql": "CREATE SCHEMA IF NOT EXISTS s", "tables/b.sql": "CREATE SCHEMA IF NOT EXISTS s"})
        assert len(tree.items) == 1 and "tables/a.sql:1" in tree.warnings[0]


class TestExtensions:
    @pytest.mark.parametrize(
        ("path", "text", "expected"),
        [
            ("extensions/pg_trgm.sql", "-- Trigram text search\n", ("pg_trgm", None, None)),
            ("extensions/pgvector.sql", "", ("vector", None, None)),
            ("extensions/uuid_ossp.pssql", "", ("uuid-ossp", None, None)),
            ("extensions/uuid-ossp.sql", 'CREATE EXTENSION IF NOT EXISTS "uuid-ossp";', ("uuid-ossp", None, None)),
            ("extensions/vector.sql", "-- version: 0.8.0\n-- schema: ext\n", ("vector", "0.8.0", "ext")),
            ("extensions/hstore.txt", "schema = 'ext'\n", ("hstore", None, "ext")),
            ("extensions/any.sql", "CREATE EXTENSION pgvector WITH SCHEMA s VERSION '1'", ("vector", "1", "s")),
            ("types/first.sql", "CREATE EXTENSION citext", ("citext", None, None)),
        ],
    )
    def test_by_file_name_or_statement(
        self, path: str, text: str, expected: tuple[str, str | None, str | None]
    ) -> None:
        (extension,) = parse({path: text}).extensions
        assert (extension.name, extension.version, extension.schema) == expected

    def test_a_comment_on_an_extension(self) -> None:
        tree = parse({"extensions/hstore.sql": "CREATE EXTENSION hstore; COMMENT ON EXTENSION hstore IS 'x'"})
        assert [item.key.kind for item in tree.items] == [ObjectKind.EXTENSION]
        assert tree.items[0].folder is Folder.EXTENSIONS

    def test_declared_twice(self) -> None:
        with pytest.raises(DuplicateObject, match="extension vector"):
            parse({"extensions/pgvector.sql": "", "extensions/vector.sql": ""})


class TestDumps:
    def test_a_psql_command_is_named(self) -> None:
        with pytest.raises(SyntaxFailure) as caught:
            parse({"tables/a.sql": "CREATE TABLE a ();\n\\connect abc\n"})
        assert caught.value.line == 2 and "psql" in (caught.value.hint or "")

    def test_rows_of_copy_are_named(self) -> None:
        with pytest.raises(SyntaxFailure) as caught:
            parse({"seeders/a.sql": "COPY public.t (a) FROM stdin;\n1\tx\n\\.\n"})
        assert "--inserts" in (caught.value.hint or "")


def test_comments_nested_beyond_reason_are_an_error_only_where_tokens_matter() -> None:
    comment = "/*" * 20 + "*/" * 20
    assert len(parse({"tables/a.sql": f"CREATE TABLE a {comment} (x int)"}).items) == 1
    for path, sql in {
        "tables/a.sql": f"CREATE TABLE a (x int {comment} REFERENCES b)",
        "seeders/a.sql": f"INSERT INTO a VALUES ({comment} 1)",
        "migrations/a.sql": f"SELECT 1; -- stonegate: run-on-fresh\n{comment}",
    }.items():
        with pytest.raises(SourceError, match="nested too deeply"):
            parse({path: sql})
