"""Names that PostgreSQL makes up, recognised: checked against PostgreSQL itself."""

from __future__ import annotations

import psycopg
import pytest

from stonegate.model.catalog import Constraint, Index
from stonegate.planner.diff.naming import index_columns, looks_made_up, made_up_name, make_object_name, split_top_level
from tests.servers import Database

_LONG_TABLE = "a_table_whose_name_is_nearly_as_long_as_a_name_can_ever_become"
_LONG_COLUMN = "a_column_whose_name_goes_on_and_on_until_there_is_no_room_left"

TABLES = (
    "CREATE TABLE users (id int PRIMARY KEY, email text UNIQUE, age int CHECK (age > 0), CHECK (age < id))",
    "CREATE TABLE o (id int PRIMARY KEY, who int REFERENCES users, UNIQUE (id, who), CHECK (id > 0), CHECK (id > 1))",
    "CREATE TABLE spans (r int4range, c int, EXCLUDE USING gist (r WITH &&), UNIQUE (c) INCLUDE (r))",
    'CREATE TABLE "Mixed Case" ("Id" int PRIMARY KEY, "order" text UNIQUE, é int CHECK (é > 0))',
    f"CREATE TABLE {_LONG_TABLE} ({_LONG_COLUMN} int PRIMARY KEY, b int UNIQUE, c int REFERENCES users,"
    f" UNIQUE ({_LONG_COLUMN}, b), CHECK ({_LONG_COLUMN} > 0), CHECK (b > {_LONG_COLUMN}))",
    f"CREATE TABLE t ({_LONG_COLUMN} int UNIQUE, {'é' * 31} int UNIQUE, UNIQUE ({'é' * 31}, {_LONG_COLUMN}))",
)
INDEXES = (
    "CREATE INDEX ON users (email)",
    "CREATE INDEX ON users (email)",
    "CREATE INDEX ON users (lower(email), age DESC) WHERE age > 3",
    "CREATE INDEX ON users ((age + id), (age * 2))",
    "CREATE INDEX ON users ((email::varchar(5)))",
    "CREATE INDEX ON users (coalesce(email, 'x'))",
    "CREATE UNIQUE INDEX ON users (age) INCLUDE (id, email)",
    "CREATE INDEX ON users USING hash (email)",
    'CREATE INDEX ON users (email COLLATE "C" text_pattern_ops DESC NULLS LAST)',
    "CREATE INDEX ON users (lower(email), lower(email || 'x'))",
    'CREATE INDEX ON "Mixed Case" ("order", lower("order"))',
    f"CREATE INDEX ON {_LONG_TABLE} (b, {_LONG_COLUMN}, c)",
    "CREATE INDEX ON users ((CASE WHEN age > 1 THEN 1 ELSE 2 END))",
    "CREATE INDEX ON users ((CASE WHEN age > 1 THEN 1 ELSE id END))",
    "CREATE INDEX ON users ((CASE WHEN age > 1 THEN 1 END))",
    "CREATE INDEX ON users ((email || 'x'), (-age), (age IS NULL))",
)
_CONSTRAINTS = """
    SELECT r.relname, c.conname,
        CASE c.contype WHEN 'p' THEN 'primary key' WHEN 'u' THEN 'unique' WHEN 'f' THEN 'foreign key'
            WHEN 'c' THEN 'check' ELSE 'exclusion' END,
        pg_get_constraintdef(c.oid),
        (SELECT array_agg(a.attname::text ORDER BY k.place) FROM unnest(c.conkey) WITH ORDINALITY AS k (number, place)
            JOIN pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = k.number)
    FROM pg_constraint AS c JOIN pg_class AS r ON r.oid = c.conrelid
    WHERE c.contype IN ('p', 'u', 'f', 'c', 'x') AND r.relnamespace = 'public'::regnamespace
"""
_INDEXES = """
    SELECT r.relname, i.relname, pg_get_indexdef(i.oid)
    FROM pg_index AS x JOIN pg_class AS i ON i.oid = x.indexrelid JOIN pg_class AS r ON r.oid = x.indrelid
    WHERE r.relnamespace = 'public'::regnamespace
        AND NOT EXISTS (SELECT FROM pg_constraint AS c WHERE c.conindid = i.oid)
"""


def test_every_name_that_postgresql_makes_up_is_recognised(any_database: Database) -> None:
    with psycopg.connect(any_database.url, autocommit=True) as session:
        for statement in (*TABLES, *INDEXES):
            session.execute(statement)  # type: ignore[arg-type]
        constraints = session.execute(_CONSTRAINTS).fetchall()
        indexes = session.execute(_INDEXES).fetchall()
    missed = [
        (table, name, definition)
        for table, name, kind, definition, columns in constraints
        if name
        != made_up_name(
            name, table, kind, index_columns(definition) if kind in ("unique", "exclusion") else columns or ()
        )
    ]
    missed += [
        (table, name, definition)
        for table, name, definition in indexes
        if name != made_up_name(name, table, "index", index_columns(definition.partition(" USING ")[2]))
    ]
    assert missed == []
    assert all(looks_made_up(Constraint(name=name, kind=kind, definition="")) for _, name, kind, *_ in constraints)
    assert all(looks_made_up(Index(name=name, definition="", shape="")) for _, name, _ in indexes)


@pytest.mark.parametrize(("name", "kind"), (("users_idx", "primary key"), ("users_pkey", "unique"), ("_key", "unique")))
def test_the_end_of_another_kinds_names_is_somebodys_choice(name: str, kind: str) -> None:
    assert not looks_made_up(Constraint(name=name, kind=kind, definition=""))


@pytest.mark.parametrize(
    ("name", "kind", "columns"),
    [
        ("users_email_key", "unique", ("mail",)),
        ("email_key", "unique", ("email",)),
        ("users_email_idx", "unique", ("email",)),
        ("users_check", "check", ("age",)),
        ("users_id_pkey", "primary key", ("id",)),
        ("positive", "check", ("age",)),
    ],
)
def test_a_name_of_somebodys_own_is_not_made_up(name: str, kind: str, columns: tuple[str, ...]) -> None:
    assert made_up_name(name, "users", kind, columns) != name


def test_numbers_follow_a_made_up_name_that_was_taken() -> None:
    for name, kind, column in (("users_email_key12", "unique", "email"), ("users_age_check1", "check", "age")):
        assert made_up_name(name, "users", kind, (column,)) == name


def test_the_longer_part_is_cut_first_and_never_inside_a_character() -> None:
    assert make_object_name("a" * 60, "b" * 10, "idx") == "a" * 48 + "_" + "b" * 10 + "_idx"
    assert make_object_name("é" * 31, "b", "key").encode() == ("é" * 28 + "_b_key").encode()
    assert make_object_name("t", "", "pkey") == "t_pkey"


def test_commas_inside_parentheses_and_quotes_separate_nothing() -> None:
    assert split_top_level("a, f(b, c), 'x,y', \"d,e\"") == ["a", " f(b, c)", " 'x,y'", ' "d,e"']
