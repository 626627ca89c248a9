"""Order: one graph over everything, stable whatever the order of the input, legal circles opened (behaviour, §3)."""
# ruff: noqa: E501 - one case per line

from __future__ import annotations

import random
from typing import TypeVar

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from stonegate.errors import DependencyCycle
from stonegate.model.source import SourceTree
from stonegate.planner.order.nodes import ClosingClause
from stonegate.planner.order.tree import Ordered, order_tree
from tests.servers import Database, MakeDatabase, Server
from tests.source.folders import parse

T = TypeVar("T")
INT = "RETURNS int LANGUAGE sql AS"


def labels(files: dict[str, str]) -> list[str]:
    return [node.label for node in order_tree(parse(files)).nodes]


def place(files: dict[str, str], *wanted: str) -> list[str]:
    """The wanted labels in deployment order."""
    return [label for label in labels(files) if label in wanted]


class TestKinds:
    def test_kinds_then_paths_then_lines(self) -> None:
        assert labels(
            {
                "seeders/a.sql": "INSERT INTO b VALUES (1)",
                "triggers/a.sql": "CREATE TRIGGER t BEFORE INSERT ON b EXECUTE FUNCTION f()",
                "functions/a.sql": f"CREATE FUNCTION z() {INT} 'SELECT 1'; CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END'",
                "views/a.sql": "CREATE VIEW v AS SELECT * FROM b",
                "migrations/a.sql": "SELECT 1",
                "tables/b.sql": "CREATE TABLE b (); CREATE INDEX i ON b (x);\nCREATE INDEX ON b (y)",
                "tables/a.sql": "CREATE TABLE a ()",
                "types/a.sql": "CREATE TYPE t AS ENUM ()",
                "extensions/hstore.sql": "",
            }
        ) == [
            "extension hstore",
            "type t",
            "table a",
            "table b",
            "index i",
            "index on b (y)",
            "migration a.sql",
            "view v",
            "routine z()",
            "routine f()",
            "trigger b.t",
            "seed b",
        ]

    def test_a_statement_deploys_with_its_kind_wherever_it_is_written(self) -> None:
        files = {
            "tables/a.sql": "CREATE VIEW v AS SELECT 1; CREATE TABLE a (); CREATE TRIGGER t BEFORE INSERT ON a EXECUTE FUNCTION f();"
            "CREATE POLICY p ON a USING (g()); CREATE TYPE e AS ENUM ()",
            "migrations/1.sql": "SELECT 1",
            "functions/f.sql": "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END'; CREATE FUNCTION g() RETURNS bool RETURN true",
        }
        assert labels(files) == [
            *("type e", "table a", "migration 1.sql", "view v"),
            *("routine f()", "routine g()", "trigger a.t", "policy a.p"),
        ]

    def test_schemas_come_first_then_default_privileges(self) -> None:
        files = {
            "types/a.sql": "CREATE TYPE s.e AS ENUM ()",
            "tables/z.sql": "CREATE TABLE s.t (); ALTER DEFAULT PRIVILEGES IN SCHEMA s GRANT SELECT ON TABLES TO joe; CREATE SCHEMA s",
            "extensions/hstore.sql": "-- schema: s",
        }
        assert labels(files) == [
            *("schema s", "extension hstore", "grant default privileges on tables in schema s", "type s.e", "table s.t")
        ]

    def test_default_privileges_do_not_reach_what_stands_in_front_of_them(self) -> None:
        files = {
            "tables/a.sql": "CREATE TABLE a ();\nALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO joe;\nCREATE TABLE b ();\n"
            "ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO joe;\nCREATE SCHEMA s;\n"
            "ALTER DEFAULT PRIVILEGES IN SCHEMA s GRANT ALL ON TABLES TO joe;",
            "views/v.sql": "CREATE VIEW v AS SELECT 1;\nALTER DEFAULT PRIVILEGES REVOKE SELECT ON TABLES FROM joe",
        }
        assert labels(files) == [
            *("schema s", "grant default privileges on functions", "grant default privileges on tables in schema s"),
            *("table a", "grant default privileges on tables", "table b"),
            *("view v", "revoke default privileges on tables"),
        ]

    def test_grants_on_everything_come_after_everything(self) -> None:
        files = {
            "tables/a.sql": "GRANT SELECT ON ALL TABLES IN SCHEMA s TO joe; CREATE TABLE s.a (); CREATE SCHEMA s",
            "migrations/1.sql": "SELECT 1",
            "views/v.sql": "CREATE VIEW s.v AS SELECT 1",
        }
        assert labels(files) == ["schema s", "table s.a", "migration 1.sql", "view s.v", "grant schema s"]


class TestDependencies:
    @pytest.mark.parametrize(
        ("files", "expected"),
        [
            (
                {"tables/a.sql": "CREATE TABLE a (x int DEFAULT f())", "functions/f.sql": f"CREATE FUNCTION f() {INT} 'SELECT 1'"},
                ["routine f()", "table a"],
            ),
            (
                {"tables/a.sql": "CREATE TABLE a (x int, y int GENERATED ALWAYS AS (f(x)) STORED)", "functions/f.sql": f"CREATE FUNCTION f(int) {INT} 'SELECT g($1)'; CREATE FUNCTION g(int) {INT} 'SELECT $1'"},
                ["routine g(integer)", "routine f(integer)", "table a"],
            ),
            (
                {"types/d.sql": "CREATE DOMAIN d AS text CHECK (f(VALUE))", "functions/f.sql": "CREATE FUNCTION f(text) RETURNS bool RETURN true"},
                ["routine f(text)", "type d"],
            ),
            (
                {"tables/a.sql": "CREATE TABLE a (b_id int REFERENCES b)", "tables/b.sql": "CREATE TABLE b (id int PRIMARY KEY)"},
                ["table b", "table a"],
            ),
            (
                {"tables/a.sql": "CREATE TABLE a PARTITION OF b FOR VALUES IN (1)", "tables/b.sql": "CREATE TABLE b (x int) PARTITION BY LIST (x)"},
                ["table b", "table a"],
            ),
            (
                {"tables/a.sql": "CREATE TABLE a (x int DEFAULT nextval('s'))", "tables/b.sql": "CREATE SEQUENCE s"},
                ["sequence s", "table a"],
            ),
            (
                {"tables/a.sql": "CREATE TABLE a (x int DEFAULT nextval('b_b_id_seq'))", "tables/b.sql": "CREATE TABLE b (b_id serial)"},
                ["table b", "table a"],
            ),
            (
                {"tables/a.sql": "CREATE SEQUENCE s OWNED BY b.x", "tables/b.sql": "CREATE TABLE b (x int)"},
                ["table b", "sequence s"],
            ),
            (
                {"types/a.sql": "CREATE TYPE a AS (x z)", "types/z.sql": "CREATE TYPE z AS ENUM ()"},
                ["type z", "type a"],
            ),
            (
                {"views/a.sql": "CREATE VIEW a AS SELECT * FROM b", "views/b.sql": "CREATE VIEW b AS SELECT f()", "functions/f.sql": f"CREATE FUNCTION f() {INT} 'SELECT 1'"},
                ["routine f()", "view b", "view a"],
            ),
            (
                {"functions/a.sql": "CREATE FUNCTION a() RETURNS SETOF v LANGUAGE plpgsql AS 'BEGIN END'", "views/v.sql": "CREATE VIEW v AS SELECT 1"},
                ["view v", "routine a()"],
            ),
            (
                {"functions/a.sql": "CREATE AGGREGATE a(int) (sfunc = z, stype = int)", "functions/z.sql": f"CREATE FUNCTION z(int, int) {INT} 'SELECT 1'"},
                ["routine z(integer, integer)", "routine a(integer)"],
            ),
            (
                {"functions/a.sql": "CREATE FUNCTION a() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN z(); END'", "functions/z.sql": f"CREATE FUNCTION z() {INT} 'SELECT a()'"},
                ["routine a()", "routine z()"],
            ),
            (
                {"tables/a.sql": "COMMENT ON COLUMN z.x IS 'c'; COMMENT ON CONSTRAINT k ON z IS 'k'", "tables/z.sql": "CREATE TABLE z (x int); ALTER TABLE z ADD CONSTRAINT k CHECK (x > 0)"},
                ["table z", "comment column z.x", "alter table z", "comment constraint z.k"],
            ),
            (
                {"functions/a.sql": "GRANT EXECUTE ON FUNCTION z(int) TO joe", "functions/z.sql": f"CREATE FUNCTION z(INTEGER) {INT} 'SELECT 1'"},
                ["routine z(integer)", "grant routine z(integer)"],
            ),
            (
                {"tables/a.sql": "CREATE TABLE a (c text REFERENCES b (code))", "tables/b.sql": "CREATE TABLE b (code text); CREATE UNIQUE INDEX u ON b (code)"},
                ["table b", "index u", "table a"],
            ),
            (
                {"tables/a.sql": "CREATE TABLE a (b int); ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES b", "tables/b.sql": "CREATE TABLE b (id int);\nALTER TABLE b ADD PRIMARY KEY (id)"},
                ["table a", "table b", "alter table b", "alter table a"],
            ),
        ],
    )  # fmt: skip
    def test_what_is_needed_comes_before(self, files: dict[str, str], expected: list[str]) -> None:
        assert labels(files) == expected

    def test_what_is_said_about_an_object_comes_with_it(self) -> None:
        files = {
            "tables/a.sql": "CREATE TABLE a (x int); ALTER TABLE a DISABLE TRIGGER t; ALTER TABLE a CLUSTER ON i; CREATE INDEX i ON a (x)",
            "migrations/1.sql": "SELECT 1",
            "views/m.sql": "CREATE MATERIALIZED VIEW m AS SELECT 1 AS y; CREATE INDEX k ON m (y); COMMENT ON INDEX k IS 'x'",
            "triggers/t.sql": "CREATE TRIGGER t BEFORE INSERT ON a EXECUTE FUNCTION f()",
        }
        assert labels(files) == [
            *("table a", "index i", "alter table a", "migration 1.sql"),
            *("materialized view m", "index k", "comment index k", "trigger a.t", "alter trigger a.t"),
        ]

    def test_names_without_schema_mean_public_or_the_only_schema(self) -> None:
        files = {
            "tables/a.sql": "CREATE VIEW a AS SELECT * FROM t, u",
            "tables/b.sql": "CREATE SCHEMA s; CREATE TABLE s.t (); CREATE TABLE t (); CREATE TABLE s.u ()",
        }
        found = order_tree(parse(files))
        names = [node.label for node in found.nodes]
        needed = {names[need] for need, node in found.edges if names[node] == "view a"}
        assert needed == {"table t", "table s.u"}

    def test_overloads_that_call_each_other_by_name_are_no_circle(self) -> None:
        files = {
            "functions/f.sql": f"CREATE FUNCTION f(int) {INT} 'SELECT f($1::text)';\n"
            f"CREATE FUNCTION f(text) {INT} 'SELECT f(length($1))'"
        }
        assert labels(files) == ["routine f(integer)", "routine f(text)"]

    def test_a_migration_waits_for_the_routine_that_it_calls(self) -> None:
        files = {
            "migrations/1.sql": "UPDATE t SET a = f(a)",
            "functions/f.sql": f"CREATE FUNCTION f(int) {INT} 'SELECT 1'; CREATE FUNCTION a() {INT} 'SELECT 1'",
            "tables/t.sql": "CREATE TABLE t (a int)",
        }
        assert labels(files) == ["table t", "routine f(integer)", "migration 1.sql", "routine a()"]

    def test_what_only_migrations_make_comes_after_them(self) -> None:
        files = {
            "migrations/1.sql": "CREATE TABLE old (x int)",
            "migrations/2.sql": "SELECT f()",
            "functions/f.sql": f"CREATE FUNCTION f() {INT} 'SELECT x FROM old'",
            "views/v.sql": "CREATE VIEW v AS SELECT * FROM old",
        }
        assert labels(files) == ["migration 1.sql", "routine f()", "migration 2.sql", "view v"]

    def test_a_table_that_refers_to_what_a_migration_makes_is_no_circle(self) -> None:
        files = {
            "migrations/1.sql": "INSERT INTO t VALUES (1)",
            "migrations/2.sql": "CREATE TABLE u (id int PRIMARY KEY)",
            "tables/t.sql": "CREATE TABLE t (u int REFERENCES u)",
        }
        assert set(labels(files)) == {"table t", "migration 1.sql", "migration 2.sql"}

    def test_seeders_follow_foreign_keys(self) -> None:
        files = {
            "tables/t.sql": "CREATE TABLE a (b int REFERENCES b); CREATE TABLE b (c int); CREATE TABLE c (id int PRIMARY KEY);"
            "ALTER TABLE b ADD FOREIGN KEY (c) REFERENCES c",
            "seeders/a.sql": "INSERT INTO a VALUES (1)",
            "seeders/b.sql": "INSERT INTO b VALUES (1)",
            "seeders/c.sql": "INSERT INTO c VALUES (1)",
        }
        assert place(files, "seed a", "seed b", "seed c") == ["seed c", "seed b", "seed a"]

    def test_seeders_of_tables_in_a_circle_follow_the_keys_that_they_fill(self) -> None:
        files = {
            "tables/t.sql": "CREATE TABLE a (id int PRIMARY KEY, b int REFERENCES b); CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a)",
            "seeders/a.sql": "INSERT INTO a (id, b) VALUES (1, 1)",
            "seeders/b.sql": "INSERT INTO b (id, a) VALUES (1, NULL)",
        }
        assert place(files, "seed a", "seed b") == ["seed b", "seed a"]

    def test_seeders_that_read_other_tables_follow_these(self) -> None:
        files = {
            "seeders/a.sql": "INSERT INTO a SELECT * FROM b",
            "seeders/b.sql": "INSERT INTO b VALUES (1)",
        }
        assert labels(files) == ["seed b", "seed a"]


class TestCircles:
    def test_two_tables_that_refer_to_each_other(self) -> None:
        found = order_tree(
            parse(
                {
                    "tables/a.sql": "CREATE TABLE a (id int PRIMARY KEY, b int REFERENCES b)",
                    "tables/b.sql": "CREATE TABLE b (id int PRIMARY KEY, a int CONSTRAINT k REFERENCES a ON DELETE CASCADE)",
                }
            )
        )
        assert [node.sql for node in found.nodes] == [
            "CREATE TABLE a (id int PRIMARY KEY, b int )",
            "CREATE TABLE b (id int PRIMARY KEY, a int CONSTRAINT k REFERENCES a ON DELETE CASCADE)",
            "ALTER TABLE public.a ADD FOREIGN KEY (b) REFERENCES b",
        ]
        assert [len(node.without) for node in found.nodes] == [1, 0, 0]
        assert isinstance(found.nodes[2].value, ClosingClause)

    def test_a_sequence_gets_its_owner_behind_the_column_that_it_gives_values(self) -> None:
        sequence = "CREATE SEQUENCE s /* of */ OWNED BY t.c CACHE 5"
        table = "CREATE TABLE t (c bigint DEFAULT nextval('s'))"
        found = order_tree(parse({"tables/a.sql": f"{sequence}; {table}"}))
        assert [node.sql for node in found.nodes] == [
            "CREATE SEQUENCE s /* of */  CACHE 5",
            table,
            "ALTER SEQUENCE public.s OWNED BY t.c",
        ]
        kept = order_tree(parse({"tables/a.sql": f"{sequence}; CREATE TABLE t (c bigint)"}))
        assert [node.sql for node in kept.nodes] == ["CREATE TABLE t (c bigint)", sequence]

    def test_one_key_opens_a_long_circle_and_neighbours_keep_theirs(self) -> None:
        files = {
            f"tables/t{n}.sql": f"CREATE TABLE t{n} (id int PRIMARY KEY, x int REFERENCES t{(n + 1) % 5})"
            for n in range(5)
        }
        files["tables/outside.sql"] = "CREATE TABLE outside (x int REFERENCES t2)"
        found = order_tree(parse(files))
        assert [node.label for node in found.nodes if node.without] == ["table t0"]
        assert sum(isinstance(node.value, ClosingClause) for node in found.nodes) == 1

    def test_a_key_is_split_where_a_function_closes_the_circle(self) -> None:
        files = {
            "tables/a.sql": "CREATE TABLE a (id int PRIMARY KEY, b int REFERENCES b)",
            "tables/b.sql": "CREATE TABLE b (id int PRIMARY KEY, x int DEFAULT f())",
            "functions/f.sql": f"CREATE FUNCTION f() {INT} 'SELECT count(*)::int FROM a'",
        }
        assert labels(files) == ["table a", "routine f()", "table b", "foreign key of table a"]

    def test_a_table_that_refers_to_itself_is_no_circle(self) -> None:
        assert labels({"tables/a.sql": "CREATE TABLE a (id int PRIMARY KEY, a int REFERENCES a)"}) == ["table a"]

    def test_any_other_circle_is_printed_with_its_places(self) -> None:
        with pytest.raises(DependencyCycle) as caught:
            labels(
                {
                    "views/a.sql": "\nCREATE VIEW a AS SELECT * FROM b",
                    "views/b.sql": "CREATE VIEW b AS SELECT f()",
                    "functions/f.sql": f"\n\nCREATE FUNCTION f() {INT} 'SELECT 1 FROM a'",
                    "views/d.sql": "CREATE VIEW d AS SELECT * FROM a",
                }
            )
        assert caught.value.details == (
            "view a (views/a.sql:2) needs view b",
            "view b (views/b.sql:1) needs routine f()",
            "routine f() (functions/f.sql:3) needs view a",
        )
        assert caught.value.place == "views/a.sql:2"
        assert caught.value.exit_code == 3


# --- properties ------------------------------------------------------------------------------------------------------


@st.composite
def folders(draw: st.DrawFn) -> dict[str, str]:
    """Tables that refer to each other as they like, functions and views that only use others in one direction."""
    count = draw(st.integers(1, 7))
    numbers = st.integers(0, count - 1)
    files: dict[str, str] = {"types/e.sql": "CREATE TYPE e AS ENUM ('a')"}
    names = draw(st.permutations(range(count)))
    for number in range(count):
        targets = draw(st.lists(numbers, max_size=3, unique=True))
        keys = "".join(f", r{target} int REFERENCES t{target}" for target in targets)
        table_keys = "".join(
            f", FOREIGN KEY (x) REFERENCES t{target}" for target in draw(st.lists(numbers, max_size=1))
        )
        default = f" DEFAULT f{number}()" if draw(st.booleans()) else ""
        files[f"tables/{names[number]}.sql"] = (
            f"CREATE TABLE t{number} (id int PRIMARY KEY, x int{default}, y e{keys}{table_keys});\n"
            f"CREATE INDEX i{number} ON t{number} (x);"
        )
        called = draw(st.lists(st.integers(0, number), max_size=2)) if number else []
        body = " + ".join(["1", *(f"f{other}()" for other in called if other < number)])
        files[f"functions/{names[-number - 1]}.sql"] = f"CREATE FUNCTION f{number}() {INT} 'SELECT {body}'"
        used = [
            f"v{other}" for other in draw(st.lists(st.integers(0, number), max_size=2, unique=True)) if other < number
        ]
        files[f"views/{names[number]}.sql"] = (
            f"CREATE VIEW v{number} AS SELECT 1 AS a FROM {', '.join([f't{number}', *used])}"
        )
        if draw(st.booleans()):
            files[f"seeders/{number}.sql"] = f"INSERT INTO t{number} (id, x) VALUES ({number}, NULL)"
    return files


def check(ordered: Ordered) -> None:
    assert all(need < node for need, node in ordered.edges)
    assert len({id(node) for node in ordered.nodes}) == len(ordered.nodes)


@given(files=folders(), seed=st.randoms(use_true_random=False))
def test_the_order_of_the_input_does_not_matter(files: dict[str, str], seed: random.Random) -> None:
    tree = parse(files)
    ordered = order_tree(tree)
    check(ordered)

    def shuffled(values: tuple[T, ...]) -> tuple[T, ...]:
        return tuple(seed.sample(values, len(values)))

    other: SourceTree = replace(
        tree,
        items=shuffled(tree.items),
        seeders=shuffled(tree.seeders),
        migrations=shuffled(tree.migrations),
        extensions=shuffled(tree.extensions),
    )
    assert order_tree(other) == ordered
    assert order_tree(parse(dict(seed.sample(list(files.items()), len(files))))) == ordered


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(files=folders())
def test_postgresql_accepts_the_order(server: Server, make_database: MakeDatabase, files: dict[str, str]) -> None:
    database: Database = make_database(server)
    with psycopg.connect(database.url) as connection:
        for node in order_tree(parse(files)).nodes:
            connection.execute(node.sql.encode())


def test_large_folders_are_ordered_in_linear_time() -> None:
    count = 3000
    ring = {
        f"tables/{n:04}.sql": f"CREATE TABLE t{n} (id int PRIMARY KEY, x int REFERENCES t{(n + 1) % count})"
        for n in range(count)
    }
    found = order_tree(parse(ring))
    check(found)
    assert sum(isinstance(node.value, ClosingClause) for node in found.nodes) == 1
