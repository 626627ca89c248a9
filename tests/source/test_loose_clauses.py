"""Inline foreign keys: where they stand, and that a table with one cut out and added later is the same table."""
# ruff: noqa: E501 - one case per line

from __future__ import annotations

import itertools

import psycopg
import pytest
from pglast import parser

from stonegate.planner.order.nodes import cut_out
from tests.servers import Database
from tests.source.folders import only_item

TABLES = [
    "CREATE TABLE t (a int REFERENCES u)",
    "CREATE TABLE t (a int REFERENCES u (id) ON DELETE CASCADE NOT NULL, b int CHECK (b > 0) REFERENCES u)",
    'CREATE TABLE t ("A b" int CONSTRAINT "My Key" REFERENCES public.u (id) MATCH FULL DEFERRABLE INITIALLY DEFERRED UNIQUE)',
    "CREATE TABLE t (é text DEFAULT 'grüße, (' , a int /* , */ REFERENCES u (id) -- why, not\n, b text COLLATE \"C\")",
    "CREATE TABLE t (a int, b int, FOREIGN KEY (a) REFERENCES u, CONSTRAINT x FOREIGN KEY (b) REFERENCES u (id) ON UPDATE SET NULL)",
    "CREATE TABLE t (FOREIGN KEY (a) REFERENCES u, FOREIGN KEY (b) REFERENCES u, a int, b int)",
    "CREATE TABLE t (FOREIGN KEY (a) REFERENCES u, a int, FOREIGN KEY (b) REFERENCES v (x, y), b int)".replace("v (x, y)", "v (x)"),
    "CREATE TABLE t (a int REFERENCES u, b int, CONSTRAINT c CHECK (a > b), FOREIGN KEY (b) REFERENCES u (id) NOT DEFERRABLE)",
    "CREATE TABLE t (a int CHECK ((a, 1) IN ((1, 2))) REFERENCES u DEFAULT (1 + (2)), b int REFERENCES u PRIMARY KEY)",
    "CREATE TABLE t (a int REFERENCES t2 CONSTRAINT n NOT NULL, b int GENERATED ALWAYS AS IDENTITY REFERENCES u)".replace("t2", "u"),
]  # fmt: skip


@pytest.mark.parametrize("sql", TABLES)
def test_any_choice_of_keys_can_be_cut_out(sql: str) -> None:
    keys = only_item(sql).loose_clauses
    assert len(keys) == sql.count("REFERENCES")
    for count in range(len(keys) + 1):
        for chosen in itertools.combinations(keys, count):
            rest = cut_out(sql, chosen)
            parser.parse_sql_json(rest)
            assert rest.count("REFERENCES") == len(keys) - count
    for key in keys:
        parser.parse_sql_json(key.sql)


@pytest.mark.parametrize("sql", TABLES)
def test_the_table_is_the_same_whether_keys_are_inline_or_added_later(any_database: Database, sql: str) -> None:
    item = only_item(sql)
    with psycopg.connect(any_database.url) as connection:

        def constraints(*statements: str) -> set[tuple[object, ...]]:
            for statement in statements:
                connection.execute(statement.encode())
            found = connection.execute(
                """SELECT conname, pg_get_constraintdef(oid) FROM pg_catalog.pg_constraint
                   WHERE conrelid = 'public.t'::regclass"""
            )
            rows = {tuple(row) for row in found}
            connection.execute("DROP TABLE t")
            return rows

        connection.execute("CREATE TABLE u (id int PRIMARY KEY); CREATE TABLE v (x int PRIMARY KEY)")
        inline = constraints(sql)
        assert constraints(cut_out(sql, item.loose_clauses), *(key.sql for key in item.loose_clauses)) == inline


def test_keys_to_the_table_itself_are_never_split() -> None:
    item = only_item("CREATE TABLE s.t (id int PRIMARY KEY, a int REFERENCES s.t, b int REFERENCES t)")
    assert [key.references.schema for key in item.loose_clauses] == [None]
    assert [(reference.columns, reference.table.schema) for reference in item.references] == [
        (("a",), "s"),
        (("b",), None),
    ]


def test_the_statement_that_adds_it_later() -> None:
    item = only_item('CREATE TABLE s.t (a int, "B" int CONSTRAINT "K" REFERENCES u(id) ON DELETE CASCADE)')
    assert item.loose_clauses[0].sql == (
        'ALTER TABLE s.t ADD CONSTRAINT "K" FOREIGN KEY ("B") REFERENCES u(id) ON DELETE CASCADE'
    )
