"""The text of a seeder's INSERT, taken apart into its clauses."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from stonegate.source.statements.insert_text import parse_insert
from tests.database.seed_builder import rows

TEXTS = [
    ("insert into t values (1)", (), ("", "insert into t", "", "values (1)", "")),
    ('INSERT INTO s."T" AS x (a) VALUES (1), (2)', ("a",), ("", 'INSERT INTO s."T" AS x', "", "VALUES (1), (2)", "")),
    (
        "INSERT /* c */ INTO values (a) OVERRIDING SYSTEM VALUE VALUES ('RETURNING') ON CONFLICT DO NOTHING -- x",
        ("a",),
        (
            "",
            "INSERT /* c */ INTO values",
            "OVERRIDING SYSTEM VALUE",
            "VALUES ('RETURNING')",
            "ON CONFLICT DO NOTHING",
        ),
    ),
    (
        "WITH w AS (SELECT 1) INSERT INTO t (a) (SELECT 1 FROM u JOIN w ON conflict = 1) RETURNING *",
        ("a",),
        ("WITH w AS (SELECT 1)\n", "INSERT INTO t", "", "(SELECT 1 FROM u JOIN w ON conflict = 1)", "RETURNING *"),
    ),
    (
        "INSERT INTO t (SELECT 'ä', $q$)$q$) ON CONFLICT (a) DO NOTHING",
        (),
        ("", "INSERT INTO t", "", "(SELECT 'ä', $q$)$q$)", "ON CONFLICT (a) DO NOTHING"),
    ),
]


@pytest.mark.parametrize(("sql", "columns", "parts"), TEXTS)
def test_takes_an_insert_apart(sql: str, columns: tuple[str, ...], parts: tuple[str, ...]) -> None:
    text = parse_insert(replace(rows("t", columns, ("1",)), sql=sql))
    assert (text.ctes, text.into, text.overriding, text.body, text.tail) == parts
