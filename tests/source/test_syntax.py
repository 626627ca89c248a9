"""Syntax errors: found in plpgsql bodies too, at their place in the file, with what to type instead."""

from __future__ import annotations

import pytest

from stonegate.errors import SourceErrors, SyntaxFailure
from tests.source.folders import parse

SPACES = " " * 3


def _failure(path: str, sql: str) -> SyntaxFailure:
    with pytest.raises(SyntaxFailure) as caught:
        parse({path: sql})
    return caught.value


def _plpgsql(body: str, *, declare: str = "") -> str:
    """A function on whose fourth line the body stands."""
    return (
        f"-- é\nCREATE FUNCTION f(x int) RETURNS int AS $$\n{declare}BEGIN\n{SPACES}{body}\nEND\n$$ LANGUAGE plpgsql;"
    )


@pytest.mark.parametrize(
    ("body", "words", "line", "column"),
    [
        ("RETRN 1;", 'near "RETRN"', 4, 4),
        ("IF x THEN RETURN 1; ELIF y THEN NULL; END IF;", 'near "ELIF"', 4, 24),
        ("x := 1 +;", "at end of input", 4, 12),
        ("PERFORM FROM FROM t;", 'near "FROM"', 4, 17),
        ("IF x THEN RETURN 1;", "at end of input", 5, 4),
        ("RETURN 1", "at end of input", 5, 4),
        ("RETURN 'é; END", "unterminated quoted string", 4, 11),
    ],
)
def test_a_plpgsql_body_is_read_before_any_server_is_asked(body: str, words: str, line: int, column: int) -> None:
    error = _failure("functions/f.sql", _plpgsql(body))
    assert words in error.message
    assert (error.file, error.line, error.column) == ("functions/f.sql", line, column)


@pytest.mark.parametrize(
    "sql",
    [
        _plpgsql("y.a := 1; RETURN z[1];", declare="DECLARE y app.mood; z colour[]; w t%ROWTYPE;\n"),
        _plpgsql("FOR r IN c LOOP NULL; END LOOP; RETURN f.x;", declare="DECLARE c CURSOR FOR SELECT 1; r record;\n"),
        'CREATE FUNCTION f() RETURNS "trigger" LANGUAGE plpgsql AS $$ BEGIN NEW.x := TG_OP; RETURN NEW; END $$;',
        "CREATE FUNCTION f(mood, OUT b mood) LANGUAGE plpgsql AS 'BEGIN $1.x := 1; b := $1; END';",
    ],
    ids=["types", "cursor", "trigger", "parameters"],
)
def test_what_only_a_database_knows_is_no_syntax_error(sql: str) -> None:
    assert len(parse({"functions/f.sql": sql}).items) == 1


def test_all_broken_files_are_told_bodies_included() -> None:
    with pytest.raises(SourceErrors) as caught:
        parse(
            {
                "functions/a.sql": _plpgsql("RETRN 1;"),
                "functions/b.sql": "CREATE FUNCTION b() RETURNS int LANGUAGE sql AS 'SELEC 1';",
                "tables/c.sql": "CREATE TABEL c ();",
            }
        )
    assert [error.place for error in caught.value.errors] == [
        "functions/a.sql:4:4",
        "functions/b.sql:1:50",
        "tables/c.sql:1:8",
    ]


def test_bodies_in_migrations_are_read_too() -> None:
    blocks = "DO $$ BEGIN RETRN; END $$;\nDO LANGUAGE plpgsql 'BEGIN NULL; END';\n"
    with pytest.raises(SourceErrors) as caught:
        parse({"migrations/1.sql": f"{blocks}CREATE FUNCTION f() RETURNS int AS $$ BEGIN END; x $$ LANGUAGE plpgsql;"})
    assert [error.place for error in caught.value.errors] == ["migrations/1.sql:1:13", "migrations/1.sql:3:50"]
    assert parse({"migrations/1.sql": f"SET check_function_bodies = off;\n{blocks}"}).migrations


@pytest.mark.parametrize(
    ("sql", "hint"),
    [
        ("CREATE TABLE `users` (id int);", "backticks"),
        ("CREATE TABLE t (id int AUTO_INCREMENT);", "AS IDENTITY"),
        ("CREATE TABLE t (id int(11));", "no width"),
        ("CREATE TABLE t (id int) ENGINE=InnoDB;", "end the table"),
        ("DELIMITER //", "between $$"),
        ("# words\nCREATE TABLE t (id int);", "begins with --"),
        ("CREATE OR REPLACE TABLE t (id int);", "no OR REPLACE"),
        ("CREATE TYPE IF NOT EXISTS t AS ENUM ('a');", "no IF NOT EXISTS"),
        ("CREATE TABLE t (\n    id int,\n);", "comma too many"),
        ("CREATE VIEW v AS SELECT a, FROM t;", "comma too many"),
        ("CREATE TABLE t (id int)\nCREATE TABLE u (id int);", "semicolon missing before line 2"),
        ("CREATE TABLE user (id int);", '"user"'),
        ("CREATE TABLE t (id int, order int);", '"order"'),
        ("CREATE TABLE t (id int", "not closed"),
        ("CREATE VIEW v AS SELECT 'a;", "'it''s'"),
        ("\\connect shop", "psql's"),
    ],
)
def test_frequent_mistakes_have_a_hint(sql: str, hint: str) -> None:
    assert hint in (_failure("tables/t.sql", sql).hint or "")


def test_other_mistakes_have_none() -> None:
    assert _failure("views/v.sql", "CREATE VIEW v AS SELECT (a FROM t;").hint is None
