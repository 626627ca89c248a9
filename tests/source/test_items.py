"""Items: what a statement creates and needs, and how routines are identified."""
# ruff: noqa: E501 - one case per line

from __future__ import annotations

import time
from hashlib import sha256

import psycopg
import pytest

from stonegate.model.names import ObjectKind
from stonegate.model.source import NeedKind, SourceItem
from tests.servers import Database
from tests.source.folders import only_item, parse


def needs(item: SourceItem) -> set[str]:
    """ "r:users" a relation, "t:status" a type, "f:now" a routine, "s:x" a schema; columns after a dot, FKs with *."""
    short = {
        NeedKind.RELATION: "r",
        NeedKind.TYPE: "t",
        NeedKind.ROUTINE: "f",
        NeedKind.SCHEMA: "s",
        NeedKind.EXTENSION: "e",
    }
    return {
        f"{short[need.kind]}:{need.schema + '/' if need.schema else ''}{need.name}"
        f"{'.' + need.column if need.column else ''}{'*' if need.deferrable else ''}"
        for need in item.needs
    }


SQL = "LANGUAGE sql AS"


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("CREATE TABLE t (a int, b s.ty[], c status NOT NULL DEFAULT f(1))", {"t:s/ty", "t:status", "f:f"}),
        ("CREATE TABLE s.t (a int CHECK (f(a)), b int GENERATED ALWAYS AS (x.g(a)) STORED)", {"s:s", "f:f", "f:x/g"}),
        ("CREATE TABLE t (a int DEFAULT nextval('q.s'::regclass), b int DEFAULT nextval('\"S\"'))", {"r:q/s", "r:S"}),
        ("CREATE TABLE t (a int REFERENCES u(x) , FOREIGN KEY (b, c) REFERENCES v (y, z))", {"r:u.x*", "r:v.y*", "r:v.z*"}),
        ("CREATE TABLE t (a int REFERENCES t, b int REFERENCES u)", {"r:t*", "r:u*"}),
        ("CREATE TABLE t (LIKE u INCLUDING ALL) INHERITS (p)", {"r:u", "r:p"}),
        ("CREATE TABLE t PARTITION OF p FOR VALUES FROM (1) TO (2)", {"r:p"}),
        ("CREATE TABLE t OF ty", {"t:ty"}),
        ("CREATE TABLE t (a int, EXCLUDE USING gist (f(a) WITH =) WHERE (g(a)))", {"f:f", "f:g"}),
        ("CREATE INDEX i ON t (a, f(b)) WHERE g(c)", {"r:t", "r:t.a", "f:f", "f:g"}),
        ("CREATE VIEW v AS SELECT * FROM a JOIN s.b USING (x) WHERE EXISTS (SELECT 1 FROM c)", {"r:a", "r:s/b", "r:c"}),
        ("CREATE VIEW v AS WITH c AS (SELECT * FROM t) SELECT * FROM c", {"r:t"}),
        ("CREATE VIEW v AS WITH t AS (SELECT * FROM t) SELECT * FROM t", {"r:t"}),
        ("CREATE VIEW v AS WITH RECURSIVE t AS (SELECT * FROM t) SELECT * FROM t", set()),
        ("CREATE VIEW v AS WITH a AS (SELECT 1), b AS (SELECT * FROM a, c) SELECT * FROM b, public.a", {"r:c", "r:public/a"}),
        ("CREATE VIEW v AS SELECT (WITH c AS (SELECT 1) SELECT * FROM c), * FROM c", {"r:c"}),
        ("CREATE VIEW v AS SELECT x::status, 'sales.orders'::regclass, 'f(int)'::regprocedure FROM f(1)", {"t:status", "r:sales/orders", "f:f"}),
        ("CREATE VIEW v AS SELECT a.x, (s.f(1)).y, a.* FROM a", {"r:a", "f:x", "f:y", "f:s/f"}),
        ("CREATE VIEW v AS SELECT pg_catalog.now(), x::pg_catalog.int4 FROM pg_catalog.pg_class", set()),
        ("CREATE MATERIALIZED VIEW v AS SELECT * FROM a", {"r:a"}),
        ("CREATE TYPE c AS (a int, b status)", {"t:status"}),
        ("CREATE TYPE r AS RANGE (subtype = mytime, subtype_diff = s.diff)", {"t:mytime", "f:s/diff"}),
        ("CREATE DOMAIN d AS base CHECK (f(VALUE))", {"t:base", "f:f"}),
        ("CREATE SEQUENCE q OWNED BY s.t.a", {"r:s/t.a*"}),
        (f"CREATE FUNCTION f(a ty, b int DEFAULT g(), OUT c u.x) {SQL} 'SELECT 1, 2'", {"t:ty", "f:g", "t:u/x"}),
        (f"CREATE FUNCTION f() RETURNS SETOF users {SQL} 'SELECT * FROM users'", {"t:users", "r:users"}),
        (f"CREATE FUNCTION f(a users.id%TYPE) RETURNS int {SQL} 'SELECT 1'", {"r:users.id"}),
        (f"CREATE FUNCTION f() RETURNS TABLE (a status) {SQL} 'INSERT INTO t SELECT h($1) RETURNING a'", {"t:status", "r:t", "f:h"}),
        ("CREATE FUNCTION f() RETURNS int BEGIN ATOMIC INSERT INTO t VALUES (1); SELECT g(); END", {"r:t", "f:g"}),
        ("CREATE FUNCTION f() RETURNS int RETURN g(1)", {"f:g"}),
        ("CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN g() FROM t; END'", set()),
        ("CREATE AGGREGATE a(int) (sfunc = s.step, stype = state, finalfunc = done)", {"f:s/step", "t:state", "f:done"}),
        ("CREATE TRIGGER tr BEFORE UPDATE OF a ON s.t FOR EACH ROW WHEN (f(new.a)) EXECUTE FUNCTION g()", {"r:s/t", "r:s/t.a", "f:f", "f:g", "s:s"}),
        ("CREATE POLICY p ON t USING (a = f()) WITH CHECK (EXISTS (SELECT FROM u))", {"r:t", "r:u", "f:f"}),
        ("CREATE RULE r AS ON INSERT TO t DO INSTEAD INSERT INTO u VALUES (new.a)", {"r:t", "r:u"}),
        ("COMMENT ON COLUMN s.t.a IS 'x'", {"r:s/t.a"}),
        ("COMMENT ON FUNCTION f(int) IS 'x'", {"f:public/f"}),
        ("GRANT SELECT (a) ON t, u TO joe", {"r:public/t", "r:public/u", "r:public/t.a"}),
        ("ALTER TABLE t ADD CONSTRAINT c FOREIGN KEY (a) REFERENCES u (b)", {"r:t", "r:u.b*"}),
        ("ALTER TABLE t ATTACH PARTITION p FOR VALUES IN (1)", {"r:t", "r:p"}),
        ("ALTER SEQUENCE q OWNED BY t.a", {"r:q", "r:t.a"}),
        ("ALTER TABLE s.t CLUSTER ON i", {"r:s/t", "r:s/i"}),
        ("ALTER TABLE t REPLICA IDENTITY USING INDEX i", {"r:t", "r:i"}),
        ("ALTER TABLE t ADD CONSTRAINT p PRIMARY KEY USING INDEX i", {"r:t", "r:i"}),
    ],
)  # fmt: skip
def test_needs(sql: str, expected: set[str]) -> None:
    found = needs(only_item(sql))
    assert found == expected


def test_statements_deeper_than_the_recursion_limit_are_read() -> None:
    chain = " || ".join(f"f{number}('é\\\"')" for number in range(3000))
    assert len(only_item(f"CREATE VIEW v AS SELECT {chain} FROM t").needs) == 3001
    union = " UNION ALL ".join(f"SELECT {number} FROM t{number % 3}" for number in range(3000))
    (seeder,) = parse({"seeders/a.sql": f"INSERT INTO t {union}"}).seeders
    assert {need.name for need in seeder.needs} == {"t", "t0", "t1", "t2"}


def test_a_long_chain_of_casts_is_walked_once() -> None:
    """An archive of a few kilobytes would keep the gateway's deployments waiting for half a minute."""
    started = time.process_time()
    item = only_item(f"CREATE VIEW v AS SELECT 'c'::mood{'::text' * 30_000} FROM t")
    assert time.process_time() - started < 8
    assert needs(item) == {"r:t", "t:mood"}


def test_a_table_creates_its_columns_and_named_constraints() -> None:
    item = only_item(
        "CREATE TABLE s.t (\n  id int PRIMARY KEY,\n  b text CONSTRAINT filled NOT NULL\n    CONSTRAINT short CHECK (b < 'x'),\n"
        "  CONSTRAINT one UNIQUE (b)\n)"
    )
    assert [(str(key), dict(item.lines).get(key)) for key in item.creates] == [
        ("table s.t", None),
        ("column s.t.id", 2),
        ("column s.t.b", 3),
        ("constraint s.t.short", 4),
        ("constraint s.t.one", 5),
    ]


def test_lines_count_from_the_start_of_the_file() -> None:
    tree = parse({"tables/a.sql": "-- é\nCREATE TABLE a ();\n\nCREATE TABLE ü (\n  x int,\n  ö int\n);"})
    assert [line for _, line in tree.items[1].lines] == [5, 6]


@pytest.mark.parametrize(
    ("sql", "key", "target"),
    [
        ("CREATE UNIQUE INDEX ON s.t (a)", "index on s.t (a)", "table s.t"),
        ('CREATE TRIGGER "T r" BEFORE INSERT ON t EXECUTE FUNCTION f()', 'trigger t."T r"', "table t"),
        ("COMMENT ON CONSTRAINT c ON t IS 'x'", "constraint t.c", "table t"),
        ("COMMENT ON CONSTRAINT c ON DOMAIN d IS 'x'", "constraint d.c", "table d"),
        ("COMMENT ON TYPE s.ty IS 'x'", "type s.ty", "type s.ty"),
        ("COMMENT ON SCHEMA s IS 'x'", "schema s", None),
        ("GRANT EXECUTE ON FUNCTION f(int4, text[]) TO joe", "routine f(integer, text[])", "routine f(integer, text[])"),
        ("GRANT USAGE ON SCHEMA s TO joe", "schema s", None),
        ("ALTER FUNCTION s.f(INT) OWNER TO joe", "routine s.f(integer)", "routine s.f(integer)"),
        ("ALTER DEFAULT PRIVILEGES FOR ROLE joe GRANT EXECUTE ON FUNCTIONS TO PUBLIC", 'default privileges of joe on functions', None),
        ("CREATE RULE r AS ON UPDATE TO s.t DO NOTHING", "rule r on s.t", "table s.t"),
        ("CREATE STATISTICS st ON a, b FROM t", "statistics public.st", "table t"),
        ("CREATE CAST (a AS int) WITH INOUT", "cast (public.a AS integer)", None),
        ("CREATE OPERATOR s.=== (leftarg = int, rightarg = text, function = f)", "operator s.===(integer,pg_catalog.text)", None),
        ("CREATE COLLATION c (locale = 'de')", "collation public.c", None),
        ("CREATE TEXT SEARCH CONFIGURATION c (COPY = simple)", "text search configuration public.c", None),
        ("ALTER TEXT SEARCH CONFIGURATION c ADD MAPPING FOR word WITH simple", "text search configuration public.c", None),
        ("ALTER VIEW v SET (security_invoker = true)", "view v", "view v"),
        ("ALTER TYPE ty OWNER TO joe", "type ty", "type ty"),
        ("ALTER TABLE t DISABLE TRIGGER tr", "trigger t.tr", "table t"),
    ],
)  # fmt: skip
def test_keys_and_targets(sql: str, key: str, target: str | None) -> None:
    item = only_item(sql)
    assert str(item.key) == key
    assert (None if item.target is None else str(item.target)) == target


def test_targets_know_what_kind_of_relation_is_declared() -> None:
    tree = parse(
        {
            "views/v.sql": "CREATE VIEW v AS SELECT 1 AS a",
            "triggers/v.sql": "CREATE TRIGGER t INSTEAD OF INSERT ON v FOR EACH ROW EXECUTE FUNCTION f(); COMMENT ON VIEW v IS 'x'",
        }
    )
    assert {str(item.target) for item in tree.items if item.target} == {"view v"}


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("CREATE UNIQUE INDEX i ON t (a)", True),
        ("CREATE UNIQUE INDEX i ON t (a) WHERE b", False),
        ("CREATE UNIQUE INDEX i ON t (lower(a))", False),
        ("CREATE INDEX i ON t (a)", False),
        ("ALTER TABLE t ADD PRIMARY KEY (a)", True),
        ("ALTER TABLE t ADD CONSTRAINT u UNIQUE (a)", True),
        ("ALTER TABLE t ADD CHECK (true)", False),
    ],
)
def test_unique_keys(sql: str, expected: bool) -> None:
    assert only_item(sql).unique_key is expected


def test_a_name_without_arguments_means_the_only_routine() -> None:
    body = "RETURNS int LANGUAGE sql AS 'SELECT 1'"
    tree = parse({"functions/f.sql": f"CREATE FUNCTION f(int) {body}; COMMENT ON FUNCTION f IS 'x'"})
    assert str(tree.items[1].key) == str(tree.items[1].target) == "routine f(integer)"
    two = parse(
        {
            "functions/f.sql": f"CREATE FUNCTION f(int) {body}; CREATE FUNCTION f() {body}; GRANT EXECUTE ON FUNCTION f TO x"
        }
    )
    assert two.items[2].key.arguments is None


def test_grants_on_everything_need_everything() -> None:
    tree = parse(
        {
            "tables/a.sql": "GRANT SELECT ON ALL TABLES IN SCHEMA public TO joe; CREATE TABLE a (); CREATE TABLE s.b ()",
            "triggers/t.sql": "GRANT SELECT ON ALL TABLES IN SCHEMA public, s TO joe",
            "views/v.sql": "CREATE VIEW v AS SELECT 1",
            "functions/f.sql": "CREATE FUNCTION f() RETURNS int RETURN 1; GRANT EXECUTE ON ALL ROUTINES IN SCHEMA public TO joe",
        }
    )
    grants = {
        item.file: {need.name for need in item.needs} for item in tree.items if item.key.kind is ObjectKind.SCHEMA
    }
    assert grants == {"tables/a.sql": {"a", "v"}, "triggers/t.sql": {"a", "v", "b", "s"}, "functions/f.sql": {"f"}}


class TestRoutines:
    def test_where_the_body_stands(self) -> None:
        text = "-- é\n\nCREATE FUNCTION f(\n  a int\n) RETURNS int AS $$\nBEGIN\nEND $$ LANGUAGE plpgsql"
        assert only_item(text).body_line == 5
        assert only_item("CREATE FUNCTION f() RETURNS int RETURN 1").body_line is None

    def test_what_the_original_records(self) -> None:
        text = (
            "create or replace function s.Add_User(p_name Varchar(20) default 'a,b)', \"P x\" /* c */ numeric(10, 2),\n"
            "  out id int, inout tags text[] = '{}') returns setof  record\nas $$ Begin -- hi\n end $$ language plpgsql;\n"
        )
        original = only_item(text).original
        assert original is not None
        assert original.param_types == ("VARCHAR(20)", "NUMERIC(10, 2)", "TEXT[]")
        assert original.signature == "add_user(VARCHAR(20), NUMERIC(10, 2), TEXT[])"
        assert original.return_type == "SETOF record"

    def test_the_checksum_of_the_original(self) -> None:
        text = "/* head */ CREATE FUNCTION F() RETURNS void AS $$\n  SELECT 'A -- b';\n$$ LANGUAGE sql;\n-- tail\n"
        expected = "create function f() returns void as $$ select 'a $$ language sql;"
        original = only_item(text).original
        assert original is not None
        assert original.body_checksum == sha256(expected.encode()).hexdigest()

    @pytest.mark.parametrize(
        ("returns", "expected"),
        [
            ("TABLE (id INT, name TEXT)", "TABLE (id INT, name TEXT)"),
            ("numeric(10,2)", "numeric(10,2)"),
            ("timestamp with time zone", "timestamp with time zone"),
            ("SETOF s.users", "SETOF s.users"),
        ],
    )
    def test_the_return_type_as_written(self, returns: str, expected: str) -> None:
        original = only_item(f"CREATE FUNCTION f() RETURNS {returns} STABLE AS '' LANGUAGE sql").original
        assert original is not None and original.return_type == expected


ROUTINES = """
CREATE SCHEMA sales; CREATE TYPE status AS ENUM ('a'); CREATE TYPE sales."Kind" AS ENUM ('a');
CREATE TABLE users (id bigint, at timestamptz, code varchar(3)); CREATE DOMAIN sales.mail AS text;
CREATE FUNCTION f1(INT, int2, int8, BIGINT, decimal, numeric(3,1), float, float4, real, double precision) RETURNS int RETURN 1;
CREATE FUNCTION f2(char, char(3), "char", varchar, varchar(9), text, name, bpchar, character varying) RETURNS int RETURN 1;
CREATE FUNCTION f3(timestamp, timestamptz, time, timetz, timestamp(3), interval, interval day to second, date) RETURNS int RETURN 1;
CREATE FUNCTION f4(bool, bit, bit(3), varbit, bytea, json, jsonb, uuid, xml, inet) RETURNS int RETURN 1;
CREATE FUNCTION f5(int[], int[][], _text, text[3], status, status[], sales."Kind", public.status, users, users[]) RETURNS int RETURN 1;
CREATE FUNCTION f6(a int, OUT b int, INOUT c text, VARIADIC d int[]) RETURNS record LANGUAGE sql AS 'SELECT 1, $2';
CREATE FUNCTION f7(a users.code%TYPE, b sales.mail, c int4range, d record) RETURNS TABLE (x int) LANGUAGE plpgsql AS 'begin end';
CREATE FUNCTION f8(a anyelement, b anyarray, c anynonarray) RETURNS anyelement LANGUAGE plpgsql AS 'begin end';
CREATE PROCEDURE p1(a int, OUT b text, INOUT c date) LANGUAGE plpgsql AS 'begin end';
CREATE FUNCTION sales.f9() RETURNS trigger LANGUAGE plpgsql AS 'begin end';
CREATE AGGREGATE a1(int, VARIADIC text[]) (sfunc = f10, stype = int); CREATE AGGREGATE a2(*) (sfunc = f11, stype = int);
CREATE AGGREGATE a3(float8 ORDER BY timestamptz) (sfunc = f12, stype = text);
CREATE FUNCTION f10(int, int, VARIADIC text[]) RETURNS int RETURN 1; CREATE FUNCTION f11(int) RETURNS int RETURN 1;
CREATE FUNCTION f12(text, timestamptz) RETURNS text RETURN 'x'
"""


def test_routine_keys_are_what_the_catalog_says(any_database: Database) -> None:
    tree = parse({"functions/f.sql": ROUTINES})
    aggregates_last = sorted(tree.items, key=lambda item: "AGGREGATE" in item.sql)
    with psycopg.connect(any_database.url) as connection:
        for item in aggregates_last:
            connection.execute(item.sql.encode())
        connection.execute("SET search_path = ''")
        rows = connection.execute(
            """SELECT n.nspname, p.proname, coalesce((SELECT string_agg(format_type(t, NULL), ', ' ORDER BY i)
                   FROM unnest(p.proargtypes) WITH ORDINALITY AS u (t, i)), '')
               FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
               WHERE p.oid >= 16384"""
        ).fetchall()
    theirs = {tuple(row) for row in rows}
    ours = {
        (item.key.schema, item.key.name, item.key.arguments)
        for item in tree.items
        if item.key.kind is ObjectKind.ROUTINE
    }
    assert ours == theirs
