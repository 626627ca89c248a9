"""Seeders: rows are cut out of the text as they are, whatever stands in them (behaviour, §4)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stonegate.errors import MisplacedStatement, SourceError
from stonegate.model.source import Seeder
from tests.source.folders import parse


def seeder(sql: str) -> Seeder:
    (found,) = parse({"seeders/a.sql": sql}).seeders
    return found


def values(sql: str) -> list[tuple[str, ...]]:
    return [row.values for row in seeder(sql).rows]


VALUES = [
    "1",
    "NULL",
    "DEFAULT",
    "'a'",
    "'it''s (a, b)'",
    "'), ('",
    "E'a\\'), (b'",
    "$$ a, 'b') $$",
    "$x$ $$ ), $x$",
    "U&'d\\0061t'",
    "'2024-01-01'::date",
    "CAST('1' AS numeric(10, 2))",
    "ARRAY[1, 2, (3)]",
    "'{a,b}'::text[]",
    "ROW(1, 'x')",
    "(SELECT id FROM roles WHERE name = 'a' AND x IN (1, 2))",
    "now() - interval '1 day'",
    "jsonb_build_object('a', 1, 'b', '(')",
    "-1",
    "1 + 2 * (3 - 4)",
    "CASE WHEN true THEN 'a,' ELSE 'b)' END",
    "x /* , ( */ || 'y'",
    "'grüße, ß)'",
    "B'101'",
]


@given(rows=st.lists(st.lists(st.sampled_from(VALUES), min_size=3, max_size=3), min_size=1, max_size=5))
def test_any_expression_survives(rows: list[list[str]]) -> None:
    text = ",\n  ".join(f"({', '.join(row)})" for row in rows)
    assert values(f"INSERT INTO t (a, b, c) VALUES\n  {text};") == [tuple(row) for row in rows]


def test_rows_have_lines_and_null_only_rows_stay() -> None:
    found = seeder("-- é\n\nINSERT INTO s.\"T\" (a, b) VALUES\n  (1, 'x\ny'),\n  -- next\n  (NULL, NULL)")
    assert (found.table.schema, found.table.name, found.line) == ("s", "T", 3)
    assert [(row.values, row.line) for row in found.rows] == [(("1", "'x\ny'"), 4), (("NULL", "NULL"), 7)]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("INSERT INTO t VALUES (1, 2)", [("1", "2")]),
        ("INSERT INTO t AS values_of (a) VALUES (1) ON CONFLICT (a) DO UPDATE SET a = excluded.a", [("1",)]),
        ("INSERT INTO t (a) OVERRIDING SYSTEM VALUE VALUES (1), (2) RETURNING a", [("1",), ("2",)]),
        ("INSERT INTO t (a) (VALUES (1), (2))", [("1",), ("2",)]),
        ("INSERT INTO t (\"values\", b) VALUES ('values (1)', 2)", [("'values (1)'", "2")]),
        ("INSERT INTO t (values, b) VALUES (1, 2)", [("1", "2")]),
        ("INSERT INTO values (id, b) VALUES (1, 2)", [("1", "2")]),
        ("INSERT INTO s.values AS values VALUES (1, 2)", [("1", "2")]),
        (
            "INSERT INTO t (a) (VALUES ((SELECT x FROM (VALUES (1)) AS v (x))))",
            [("(SELECT x FROM (VALUES (1)) AS v (x))",)],
        ),
        ("INSERT INTO t (VALUES (1), (2)) ORDER BY 1", []),
        ("INSERT INTO t VALUES (1), (2) OFFSET 1", []),
        ("INSERT INTO t WITH x AS (SELECT 1) VALUES (1)", []),
        ("INSERT INTO t SELECT 1", []),
        ("INSERT INTO t SELECT * FROM (VALUES (1)) AS v", []),
        ("INSERT INTO t DEFAULT VALUES", []),
        ("INSERT INTO t VALUES (1), (2) LIMIT 1", []),
        ("WITH x AS (SELECT 1 AS a) INSERT INTO t VALUES ((SELECT a FROM x))", []),
    ],
)
def test_which_statements_have_rows(sql: str, expected: list[tuple[str, ...]]) -> None:
    assert values(sql) == expected


@pytest.mark.parametrize(
    ("value", "volatile"),
    [
        ("now()", True),
        ("CURRENT_TIMESTAMP", True),
        ("CURRENT_DATE - 1", True),
        ("gen_random_uuid()", True),
        ("nextval('s')", True),
        ("my_function(1)", True),
        ("DEFAULT", True),
        ("'now'::timestamptz", True),
        ("'today'::date + 1", True),
        ("' Tomorrow '::date", True),
        ("'yesterday'::date", True),
        ("timestamp with time zone 'tomorrow 08:00'", True),
        ("'08:00 today'::text::timestamptz", True),
        ("'now'::moment", True),  # a domain, perhaps
        ("'now or never'::text", False),
        ("(SELECT max(id) + random() FROM t)", True),
        ("lower('A') || md5('x')", False),
        ("'2024-01-01'::date", False),
        ("ARRAY[1, 2]", False),
        ("(SELECT id FROM roles WHERE name = 'now')", False),
        ("make_date(2024, 1, 1)", False),
    ],
)
def test_volatile_columns(value: str, volatile: bool) -> None:
    assert seeder(f"INSERT INTO t (a, b) VALUES (1, 2), (1, {value})").volatile == (("b",) if volatile else ())


def test_volatile_columns_without_a_column_list_go_by_the_declared_table() -> None:
    tree = parse(
        {"seeders/a.sql": "INSERT INTO t VALUES (1, now())", "tables/t.sql": "CREATE TABLE t (id int, at date)"}
    )
    assert tree.seeders[0].columns == ()
    assert tree.seeders[0].volatile == ("at",)


def test_a_row_of_another_length_is_named() -> None:
    with pytest.raises(SourceError, match="1 values for 2 columns") as caught:
        seeder("INSERT INTO t (a, b) VALUES\n (1, 2),\n (3)")
    assert caught.value.place == "seeders/a.sql:3"


def test_several_statements_and_tables_in_one_file() -> None:
    tree = parse(
        {"seeders/a.sql": "INSERT INTO a (x) VALUES (1);\nINSERT INTO b (x) SELECT x FROM a; INSERT INTO a VALUES (2)"}
    )
    assert [(str(each.table), each.line, len(each.rows)) for each in tree.seeders] == [
        ("a", 1, 1),
        ("b", 2, 0),
        ("a", 2, 1),
    ]
    assert {need.name for need in tree.seeders[1].needs} == {"a", "b"}


@pytest.mark.parametrize(
    "sql", ["DELETE FROM t", "SELECT 1", "VALUES (1)", "SELECT setval('s', 1), f()", "SELECT f(), setval('s', 1), 2"]
)
def test_only_inserts_are_seeders(sql: str) -> None:
    with pytest.raises(MisplacedStatement, match=r"(DELETE|SELECT) has no business in seeders/"):
        parse({"seeders/a.sql": sql})


def test_what_moves_sequences_is_left_out() -> None:
    tree = parse({"seeders/a.sql": "SELECT setval('s', 1), pg_catalog.setval('r', 2);"})
    assert tree.seeders == () and ["setval is left out" in warning for warning in tree.warnings] == [True]
