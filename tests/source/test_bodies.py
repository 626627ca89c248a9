"""What a routine's body uses for certain, and what is left open."""

from __future__ import annotations

import pytest

from stonegate.model.names import ObjectKey, ObjectKind
from stonegate.model.source import Folder, SourceItem, Verb
from stonegate.source.statements.bodies import resolve_body


def uses(sql: str) -> str:
    """The columns and the tables without them, in order."""
    item = SourceItem(
        verb=Verb.CREATE,
        key=ObjectKey(ObjectKind.ROUTINE, "public", "f"),
        folder=Folder.FUNCTIONS,
        file="functions/f.sql",
        line=1,
        sql=sql,
        checksum="",
    )
    return " ".join(sorted(key.label for key in resolve_body(item)))


def plpgsql(body: str, *, declare: str = "", head: str = "f(p_id int) RETURNS SETOF int") -> str:
    return uses(f"CREATE FUNCTION {head} AS $$ DECLARE {declare} BEGIN {body} END $$ LANGUAGE plpgsql")


@pytest.mark.parametrize(
    ("declare", "body", "expected"),
    [
        ("r users%ROWTYPE;", "r.legacy := 1;", "users users.legacy"),
        ("r CONSTANT s.users % rowtype;", "PERFORM r.code;", "s.users s.users.code"),
        ("r users%ROWTYPE;", "FOR r IN SELECT * FROM users LOOP RETURN NEXT r.id; END LOOP;", "users users.id"),
        ("r users%ROWTYPE;", "SELECT 1 INTO r.legacy;", "users users.legacy"),
        ("r users%ROWTYPE; s orders%ROWTYPE;", "RETURN NEXT r.a + s.b;", "orders orders.b users users.a"),
        ("r users%ROWTYPE;", "DECLARE r record; BEGIN r.legacy := 1; END;", ""),
        ("r record; -- r users%ROWTYPE\n", "r.legacy := 1;", ""),
        ("r users%ROWTYPE; /* s users%ROWTYPE; */ s record;", "s.legacy := 1;", "users"),
    ],
)
def test_rows_of_a_table(declare: str, body: str, expected: str) -> None:
    assert plpgsql(body, declare=declare) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("PERFORM legacy FROM users;", "users users.legacy"),
        (
            "PERFORM u.legacy FROM users u JOIN orders o ON o.uid = p_id WHERE bare;",
            "orders orders.uid users users.legacy",
        ),
        ("UPDATE users SET legacy = 'x' WHERE code = p_id;", "users users.code users.legacy"),
        ("DELETE FROM users WHERE users.legacy IS NULL;", "users users.legacy"),
        ("INSERT INTO s.users (legacy) VALUES (p_id);", "s.users s.users.legacy"),
        (
            "INSERT INTO users AS u (a) SELECT o.b FROM orders o ON CONFLICT (c) DO UPDATE SET d = excluded.e;",
            "orders orders.b users users.a users.c users.d users.e",
        ),
        ("IF EXISTS (SELECT FROM users WHERE legacy = 'x') THEN NULL; END IF;", "users users.legacy"),
        ("p_id := (SELECT max(points) FROM users);", "users users.points"),
        ("RETURN QUERY SELECT a FROM users UNION SELECT b FROM orders ORDER BY 1;", "orders orders.b users users.a"),
        (
            "PERFORM 1 FROM users u WHERE EXISTS (SELECT FROM orders o WHERE o.x = u.y AND z);",
            "orders orders.x users users.y",
        ),
        ("PERFORM public.users.legacy FROM public.users;", "users users.legacy"),
        ('PERFORM u."Old One" FROM "Users" u;', '"Users" "Users"."Old One"'),
        (
            "WITH gone AS (DELETE FROM users RETURNING legacy) SELECT count(*) INTO p_id FROM gone;",
            "users users.legacy",
        ),
    ],
)
def test_certain(body: str, expected: str) -> None:
    assert plpgsql(body) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("EXECUTE 'SELECT legacy FROM users';", ""),
        ("PERFORM * FROM users;", "users"),
        ("PERFORM legacy FROM users, orders;", "orders users"),
        ("PERFORM p_id FROM users;", "users"),  # the parameter
        ("PERFORM id AS legacy FROM users ORDER BY legacy;", "users users.id"),  # the result column
        ("PERFORM users FROM users;", "users"),  # the row
        ("PERFORM u.legacy FROM users AS u (legacy);", "users"),  # another column by that name
        ("WITH users AS (SELECT 1 AS legacy) SELECT legacy INTO p_id FROM users;", ""),
        ("CREATE TEMP TABLE users (legacy int); PERFORM legacy FROM users;", ""),
        ("CREATE TEMP TABLE users AS SELECT 1 AS legacy; PERFORM legacy FROM users;", ""),
        ("PERFORM q.legacy FROM (SELECT 1 AS legacy) q;", ""),
        ("PERFORM j.legacy FROM (users CROSS JOIN orders) AS j;", "orders users"),
    ],
)
def test_not_certain(body: str, expected: str) -> None:
    assert plpgsql(body) == expected


def test_variables_of_a_columns_type() -> None:
    assert plpgsql("NULL;", declare="v users.legacy%TYPE;") == "users users.legacy"


def test_a_search_path_of_its_own() -> None:
    head = "f() RETURNS SETOF int SET search_path = {}"
    assert plpgsql("PERFORM legacy FROM users;", head=head.format("audit, public")) == ""
    assert plpgsql("PERFORM legacy FROM users;", head=head.format("pg_catalog, public")) == "users users.legacy"


def test_sql_bodies_and_others() -> None:
    assert uses("CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql AS 'SELECT b + a FROM users'") == "users users.b"
    assert uses("CREATE FUNCTION f() RETURNS int LANGUAGE plpython3u AS 'select legacy from users'") == ""
    assert uses("CREATE PROCEDURE f() LANGUAGE plpgsql AS $$ BEGIN DELETE FROM users; END $$") == "users"


def test_what_the_compiler_does_not_understand_uses_nothing() -> None:
    assert plpgsql("PERFORM legacy FROM users;", declare="v int := ;") == ""
    assert plpgsql("RETURN QUERY SELECT legacy FROM users;", head="f() RETURNS int") == ""
