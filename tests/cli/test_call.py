"""`stonegate call`: arguments bound as the catalog's types, rows as PostgreSQL prints them."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Run
from tests.servers import Database, psql

CALLS = """
CREATE TYPE colour AS ENUM ('red', 'green');
CREATE FUNCTION add(a integer, b integer DEFAULT 10) RETURNS integer LANGUAGE sql AS 'SELECT a + b';
CREATE FUNCTION add(a text, b text, c text) RETURNS text LANGUAGE sql AS 'SELECT a || b || c';
CREATE FUNCTION echo(x colour) RETURNS colour LANGUAGE sql AS 'SELECT x';
CREATE FUNCTION many(n integer) RETURNS TABLE (i integer, called text, price numeric, tags text[]) LANGUAGE sql AS $$
    SELECT g, 'it''s ' || g, 12345678901234567890.10 * g, ARRAY['a', NULL] FROM generate_series(1, n) g
$$;
CREATE FUNCTION total(VARIADIC numbers numeric[]) RETURNS numeric LANGUAGE sql AS
    'SELECT sum(x) FROM unnest(numbers) x';
CREATE FUNCTION listed(title text, note text DEFAULT '', VARIADIC numbers integer[] DEFAULT '{7}') RETURNS text
    LANGUAGE sql AS 'SELECT title || note || numbers::text';
CREATE PROCEDURE summed(title text, OUT result text, VARIADIC numbers integer[]) LANGUAGE sql AS
    'SELECT title || numbers::text';
CREATE FUNCTION nothing() RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'done'; END $$;
CREATE FUNCTION fails() RETURNS void LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'no luck' USING HINT = 'try again'; END $$;
CREATE FUNCTION either(x integer) RETURNS text LANGUAGE sql AS $$ SELECT 'integer' $$;
CREATE FUNCTION either(x text) RETURNS text LANGUAGE sql AS $$ SELECT 'text' $$;
CREATE PROCEDURE twice(x integer, OUT y integer, INOUT z integer) LANGUAGE plpgsql AS $$
    BEGIN y := 2 * x; z := z + 1; END $$;
CREATE FUNCTION say("userId" text, loud boolean DEFAULT false) RETURNS text LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION nameless(text) RETURNS text LANGUAGE sql AS 'SELECT $1';
CREATE SCHEMA other;
CREATE FUNCTION other."Mixed Case"(x text) RETURNS text LANGUAGE sql AS 'SELECT x';
"""


@pytest.fixture
def callable_url(database: Database) -> str:
    psql(database.url, CALLS)
    return database.url


@pytest.mark.parametrize(
    ("arguments", "rows"),
    [
        (("add", "1", "2"), [{"add": 3}]),
        (("add", "1"), [{"add": 11}]),
        (("add", "b:=5", "a:=-1"), [{"add": 4}]),
        (("add", "-1", "-2"), [{"add": -3}]),
        (("add", "A:=1", "c:=3", "b:=2"), [{"add": "123"}]),
        (("say", "userId:=c:=1"), [{"say": "c:=1"}]),
        (("say", "userId:=x", "LOUD:=true"), [{"say": "x"}]),
        (("nameless", "c:=1"), [{"nameless": "c:=1"}]),
        (("add", "a", "b", "c"), [{"add": "abc"}]),
        (("add", "NULL", "1"), [{"add": None}]),
        (("add(integer, integer)", "1", "2"), [{"add": 3}]),
        (("either(text)", "1"), [{"either": "text"}]),
        (("echo", "red"), [{"echo": "red"}]),
        (("total", "1", "2.5", "3"), [{"total": 6.5}]),
        (("total", "numbers:={1,2.5}"), [{"total": 3.5}]),
        (("listed", "a"), [{"listed": "a{7}"}]),
        (("listed", "a", "b", "1", "2"), [{"listed": "ab{1,2}"}]),
        (("listed", "a", "numbers:={1,2}", "note:=b"), [{"listed": "ab{1,2}"}]),
        (("summed", "a", "1", "2"), [{"result": "a{1,2}"}]),
        (("summed", "a", "numbers:={1,2}"), [{"result": "a{1,2}"}]),
        (("nothing",), [{"nothing": None}]),
        (("many", "0"), []),
        (('other."Mixed Case"', "'); DROP TABLE x; --"), [{"Mixed Case": "'); DROP TABLE x; --"}]),
        (("twice", "4", "1"), [{"y": "8", "z": "2"}]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_call(run: Run, callable_url: str, arguments: tuple[str, ...], rows: list[object]) -> None:
    result = run("call", *arguments, "-d", callable_url, "--format", "json")
    assert result.code == 0, result.err
    assert result.json == {"rows": rows, "row_count": len(rows)}


def test_call_prints_a_table_and_keeps_digits(run: Run, callable_url: str) -> None:
    text = run("call", "many", "2", "-d", callable_url).out
    assert text.splitlines() == [
        "i  called  price                    tags",
        "─  ──────  ───────────────────────  ────────",
        "1  it's 1  12345678901234567890.10  {a,NULL}",
        "2  it's 2  24691357802469135780.20  {a,NULL}",
        "(2 rows)",
    ]
    assert '"price": 24691357802469135780.20' in run("call", "many", "2", "-d", callable_url, "--format", "json").out


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (("nope",), 2, "no function nope"),
        (("public.totl", "1"), 2, "did you mean total?"),
        (("say", "userIdd:=1"), 2, "did you mean userId?"),
        (("Mixed Case", "x"), 2, """stonegate call '"Mixed Case"'"""),
        (("add",), 2, "add(a text, b text, c text)"),
        (("add(text, text, text)", "x"), 2, "takes 1 argument\n  - add(a text, b text, c text)"),
        (("add(boolean)", "x"), 2, "no function add(boolean)\n  - add(a integer, b integer DEFAULT …)"),
        (("either", "1"), 2, "either(x integer)"),
        (("either", "1"), 2, "stonegate call 'either(integer)' …"),
        (("add", "1", "d:=1"), 2, "add(a integer, b integer DEFAULT …)"),
        (("nameless",), 2, "nameless(text)"),
        (("add(integer, integer)", "1", "c:=1"), 2, "has a parameter c"),
        (("say", "c:=1"), 2, "userId:='a:=b'"),
        (("total", "c:=1"), 2, "has a parameter c\n  - total(VARIADIC numbers numeric[])"),
        (("total",), 2, "takes 0 arguments"),
        (("listed", "a", "numbers:={1}"), 2, "wants every parameter, the array as name:='{…}'"),
        (("listed", "a", "note:=b"), 2, "wants every parameter"),
        (("listed", "a", "b", "1", "numbers:={1}"), 2, "wants every parameter"),
        (("summed", "a"), 2, "takes 1 argument"),
        (("add", "1", "c:=1"), 2, "takes 2 arguments"),
        (("add", "1", "one"), 6, "hint: add(a integer, b integer DEFAULT …)"),
        (("echo", "blue"), 6, "invalid input value for enum"),
        (("fails",), 6, "no luck"),
        (("add", "1", "--nonsense"), 2, "--nonsense"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_calls_that_fail(run: Run, callable_url: str, arguments: tuple[str, ...], code: int, word: str) -> None:
    result = run("call", *arguments, "-d", callable_url)
    assert (result.code, result.out) == (code, "") and word in result.err.replace("there is ", "")


def test_notices_are_messages(run: Run, callable_url: str) -> None:
    result = run("call", "nothing", "-d", callable_url)
    assert result.code == 0 and "NOTICE: done" in result.err and "NOTICE" not in result.out
