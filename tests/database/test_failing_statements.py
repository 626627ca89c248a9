"""A statement that fails is told with file, line and PostgreSQL's own words, and nothing has changed."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from pglast import parser

from stonegate.database.executor.batch import Sent, StatementFailed
from stonegate.database.executor.replay import is_final
from stonegate.database.failures.explain import SYNTAX_OF
from stonegate.model.plan import PlanOptions
from stonegate.model.report import Status
from tests.database.folders import USERS, applied, apply, relations, write
from tests.servers import Database, MakeDatabase, Server


def test_a_failing_statement_is_named_with_file_line_and_cause(database: Database, tmp_path: Path) -> None:
    files = {"tables/users.sql": "-- users\n" + USERS + "CREATE INDEX users_mail ON users (\n  lower(nothing)\n);\n"}
    report = apply(database.url, write(tmp_path, files))
    assert report.status is Status.FAILED and report.error is not None
    error = report.error
    assert (error.code, error.exit_code, error.sqlstate) == ("migration_failed", 6, "42703")
    assert error.message.startswith("tables/users.sql:4")
    assert error.cause == 'column "nothing" does not exist'
    assert error.details == ("everything was rolled back",)
    assert relations(database) == set()


def test_names_that_nobody_knows_have_a_hint_wherever_they_stand(database: Database, tmp_path: Path) -> None:
    table = "CREATE TABLE t (a int);"
    for folder, sql, hint in (
        ("functions", "CREATE FUNCTION f(a strng) RETURNS int LANGUAGE plpgsql AS $$ BEGIN END $$;", "in types/"),
        ("seeders", "INSERT INTO t (b) VALUES (1);", "declare the column"),
        ("seeders", "INSERT INTO t VALUES (f());", "declare it in functions/"),
    ):
        error = apply(database.url, write(tmp_path, {"tables/t.sql": table, f"{folder}/{folder}.sql": sql})).error
        assert error is not None and hint in (error.hint or ""), error.hint
        assert error.details == ("everything was rolled back",)


def test_what_was_deferred_fails_behind_the_rows_that_it_waited_for(database: Database, tmp_path: Path) -> None:
    files = {
        "tables/t.sql": "CREATE TABLE t (a int);",
        "functions/f.sql": "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW.b; END $$;",
        "triggers/c.sql": "CREATE CONSTRAINT TRIGGER c AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW "
        "EXECUTE FUNCTION f();",
        "seeders/t.sql": "INSERT INTO t VALUES (1);",
    }
    error = apply(database.url, write(tmp_path, files)).error
    assert error is not None and error.message == "seeders/t.sql:1: seed t failed"


@pytest.mark.parametrize(
    ("file", "sql"),
    [
        ("tables/notes.sql", "CREATE TABLE notes (body text STORAGE EXTERNAL);"),
        (
            "migrations/a.sql",
            "-- stonegate: run-on-fresh\n-- stonegate: no-transaction\n"
            "CREATE TABLE notes (body text STORAGE EXTERNAL);",
        ),
        (
            "functions/f.sql",
            "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS "
            "$$ SELECT a FROM JSON_TABLE('1', '$' COLUMNS (a text PATH '$')) AS j $$;",
        ),
    ],
)
def test_syntax_that_the_server_is_too_old_for_says_so(
    server15: Server, make_database: MakeDatabase, tmp_path: Path, file: str, sql: str
) -> None:
    error = apply(make_database(server15).url, write(tmp_path, {file: sql})).error
    assert error is not None and error.hint is not None
    assert error.hint.startswith("this server is PostgreSQL 15, and stonegate reads the syntax of 18")


def test_a_computed_column_that_comes_out_as_null_is_not_to_be_filled(database: Database, tmp_path: Path) -> None:
    table = "CREATE TABLE t (a int, b int GENERATED ALWAYS AS (a * 2) STORED);"
    applied(database.url, write(tmp_path, {"tables/t.sql": table}))
    database.rows("INSERT INTO t VALUES (NULL)")
    folder = write(tmp_path, {"tables/t.sql": table.replace("STORED", "STORED NOT NULL")})
    error = apply(database.url, folder, plan=PlanOptions(force=True)).error
    assert error is not None and error.sqlstate == "23502"
    assert error.hint == "where it comes out as null, correct first what it is computed from: (a * 2)"


@pytest.mark.parametrize(
    ("column", "stricter", "value", "sqlstate"),
    [("a text", "a text NOT NULL", "NULL", "23502"), ("a text", "a varchar(3)", "'four'", "22001")],
)
def test_rows_that_only_a_late_migration_prepares_are_told_of(
    database: Database, tmp_path: Path, column: str, stricter: str, value: str, sqlstate: str
) -> None:
    applied(database.url, write(tmp_path, {"tables/t.sql": f"CREATE TABLE t ({column});"}))
    database.rows(f"INSERT INTO t VALUES ({value})")
    migration = "-- stonegate: no-transaction\nUPDATE t SET a = 'abc' WHERE a IS NULL OR length(a) > 3;"
    files = {"tables/t.sql": f"CREATE TABLE t ({stricter});", "migrations/1.sql": migration}
    error = apply(database.url, write(tmp_path, files), plan=PlanOptions(force=True)).error
    assert error is not None and error.sqlstate == sqlstate and error.hint is not None
    assert error.hint.startswith("1.sql changes its rows only after the commit: first deploy the release")
    assert error.details == ("everything was rolled back",)


def test_syntax_that_a_program_puts_together_is_its_own_mistake(
    server15: Server, make_database: MakeDatabase, tmp_path: Path
) -> None:
    files = {"migrations/a.sql": "-- stonegate: run-on-fresh\nDO $$ BEGIN EXECUTE 'CREATE TABEL t'; END $$;"}
    error = apply(make_database(server15).url, write(tmp_path, files)).error
    assert error is not None and error.sqlstate == "42601" and error.hint is None


def test_the_parser_is_of_the_release_that_messages_name() -> None:
    assert parser.get_postgresql_version()[0] == SYNTAX_OF


def test_a_failure_tells_what_had_to_be_committed_before(database: Database, tmp_path: Path) -> None:
    mood = "CREATE TYPE mood AS ENUM ('bad');"
    applied(database.url, write(tmp_path, {"types/mood.sql": mood, "tables/users.sql": USERS}))
    files = {
        "types/mood.sql": mood.replace("'bad'", "'bad', 'good'"),
        "tables/users.sql": USERS.replace("email", "mood mood DEFAULT 'good', email"),
        "migrations/a.sql": "SELECT 1 / 0;",
    }
    report = apply(database.url, write(tmp_path, files))
    assert report.error is not None and report.error.cause == "division by zero"
    assert report.error.details == ("everything was rolled back but what had to be committed before: type mood",)
    assert database.rows("SELECT array_agg(enumlabel ORDER BY enumsortorder)::text FROM pg_enum") == [("{bad,good}",)]


def test_a_statement_before_the_transaction_tells_what_was_committed_before_it(
    database: Database, tmp_path: Path
) -> None:
    types = {f"types/{name}.sql": f"CREATE TYPE {name} AS ENUM ('bad');" for name in ("mood", "taste")}
    applied(database.url, write(tmp_path, {**types, "tables/users.sql": USERS}))
    for statement in (
        "CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS "
        "$$ BEGIN IF current_query() ~ 'ALTER TYPE .*taste.*best' THEN RAISE 'not this one'; END IF; END $$",
        "CREATE EVENT TRIGGER refuse ON ddl_command_start EXECUTE FUNCTION refuse()",
    ):
        database.rows(statement)
    better = {name: text.replace("'bad'", "'bad', 'good', 'best'") for name, text in types.items()}
    users = USERS.replace("email", "mood mood DEFAULT 'good', taste taste DEFAULT 'best', email")
    report = apply(database.url, write(tmp_path, {**better, "tables/users.sql": users}))
    assert report.error is not None and report.error.cause == "not this one"
    before = "type mood, type taste"  # which got the first of its labels
    assert report.error.details[-1] == f"everything was rolled back but what had to be committed before: {before}"
    labels = database.rows("SELECT enumlabel FROM pg_enum ORDER BY enumtypid, enumsortorder")
    assert [label for (label,) in labels] == ["bad", "good", "best", "bad", "good"]


def test_a_folder_that_does_not_build_says_nothing_of_the_database(database: Database, tmp_path: Path) -> None:
    applied(database.url, write(tmp_path, {"tables/users.sql": USERS}))
    report = apply(database.url, write(tmp_path, {"tables/users.sql": USERS + "CREATE INDEX ON users (nothing);"}))
    assert report.error is not None
    assert report.error.details == ("while the folder was built in a reference database",)


def test_a_mistake_in_a_body_is_reported_at_its_line_of_the_file(database: Database, tmp_path: Path) -> None:
    body = "\n\nCREATE FUNCTION broken() RETURNS int LANGUAGE plpgsql AS $$\nBEGIN\n  RETURN 1;\n  x := 2;\nEND\n$$;\n"
    report = apply(database.url, write(tmp_path, {"functions/broken.sql": body}))
    assert report.error is not None
    assert report.error.code == "function_deploy_failed"
    assert report.error.message.startswith("functions/broken.sql:6")
    assert report.error.cause == '"x" is not a known variable'


def test_a_mistake_in_an_sql_body_is_reported_at_its_line_of_the_file(database: Database, tmp_path: Path) -> None:
    body = "CREATE FUNCTION broken() RETURNS int LANGUAGE sql AS $$\n\n  SELECT nothing\n$$;\n"
    report = apply(database.url, write(tmp_path, {"functions/broken.sql": body}))
    assert report.error is not None
    assert report.error.message.startswith("functions/broken.sql:3")


def test_an_extension_that_the_server_lacks_is_refused_before_anything_else(database: Database, tmp_path: Path) -> None:
    source = write(tmp_path, {"extensions/pg_trgn.sql": "", "tables/users.sql": USERS})
    report = apply(database.url, source)
    assert report.error is not None
    assert report.error.code == "extension_not_available" and report.error.exit_code == 3
    assert report.error.hint is not None and "pg_trgm" in report.error.hint
    assert database.rows("SELECT count(*) FROM pg_class WHERE relname ~ '^_stonescript'") == [(0,)]


def test_a_seeder_that_violates_a_check_rolls_everything_back(database: Database, tmp_path: Path) -> None:
    source = write(
        tmp_path,
        {
            "tables/users.sql": "CREATE TABLE users (id int PRIMARY KEY, age int CHECK (age > 0));",
            "seeders/users.sql": "INSERT INTO users VALUES\n  (1, 5),\n  (2, -5);\n",
        },
    )
    report = apply(database.url, source)
    assert report.status is Status.FAILED and report.error is not None
    assert report.error.code == "migration_failed" and report.error.sqlstate == "23514"
    assert report.error.message.startswith("seeders/users.sql:3")
    assert relations(database) == set()


def test_rows_of_another_modulus_are_spread_as_the_hint_says(database: Database, tmp_path: Path) -> None:
    def partitions(modulus: int) -> str:
        bounds = (f"h{n} PARTITION OF h FOR VALUES WITH (MODULUS {modulus}, REMAINDER {n})" for n in range(modulus))
        return "\n".join(f"CREATE TABLE {part};" for part in bounds)

    whole = "CREATE TABLE h (id int PRIMARY KEY) PARTITION BY HASH (id);\n"
    applied(database.url, write(tmp_path, {"tables/h.sql": whole + partitions(2)}))
    database.rows("INSERT INTO h SELECT generate_series(1, 20) RETURNING id")
    files = {"tables/h.sql": whole + partitions(4)}
    failed = apply(database.url, write(tmp_path, files))
    assert failed.error is not None and failed.error.sqlstate == "23514" and failed.error.hint is not None
    first = "ALTER TABLE public.h DETACH PARTITION public.h0; ALTER TABLE public.h0 RENAME TO former_h0;"
    last = "INSERT INTO public.h SELECT * FROM former_h0; DROP TABLE former_h0"
    allow = "-- stonegate: allow drop_table former_h0"
    assert all(part in failed.error.hint for part in (first, last, allow))
    pieces = (allow, first, last + ";")
    others = (piece.replace("h0", "h1") for piece in pieces)
    heads, firsts, lasts = map("\n".join, zip(pieces, others, strict=True))
    files["migrations/1.sql"] = "\n".join((heads, firsts, partitions(4), lasts))
    assert applied(database.url, write(tmp_path, files)).verified
    assert database.rows("SELECT count(*), count(DISTINCT tableoid) FROM h") == [(20, 4)]


def test_a_partition_made_by_hand_gives_way_as_the_hint_says(database: Database, tmp_path: Path) -> None:
    whole = "CREATE TABLE p (id int PRIMARY KEY) PARTITION BY RANGE (id);\n"
    applied(database.url, write(tmp_path, {"tables/p.sql": whole}))
    database.rows("CREATE TABLE mine PARTITION OF p FOR VALUES FROM (5) TO (15); INSERT INTO p VALUES (7), (12)")
    made = "".join(f"CREATE TABLE p{n} PARTITION OF p FOR VALUES FROM ({n}0) TO ({n + 1}0);\n" for n in range(2))
    failed = apply(database.url, write(tmp_path, {"tables/p.sql": whole + made}))
    assert failed.error is not None and failed.error.sqlstate == "42P17" and failed.error.hint is not None
    first = "ALTER TABLE public.p DETACH PARTITION mine;"
    last = "INSERT INTO public.p SELECT * FROM mine; DROP TABLE mine"
    allow = "-- stonegate: allow drop_table mine"
    assert all(part in failed.error.hint for part in (first, last, allow))
    files = {"tables/p.sql": whole + made, "migrations/1.sql": "\n".join((allow, first, made, last + ";"))}
    assert applied(database.url, write(tmp_path, files)).verified
    assert database.rows("SELECT tableoid::regclass::text, id FROM p ORDER BY id") == [("p0", 7), ("p1", 12)]


def test_a_role_without_rights_changes_nothing_and_is_told_why(database: Database, tmp_path: Path) -> None:
    database.rows("CREATE ROLE stonegate_guest LOGIN")
    try:
        url = database.server.url(database.name, "stonegate_guest")
        report = apply(url, write(tmp_path, {"tables/users.sql": USERS}))
        assert report.status is Status.FAILED and report.error is not None
        assert report.error.sqlstate == "42501" and report.error.exit_code == 6
        assert report.error.hint is not None
        assert relations(database) == set()
    finally:
        database.rows("DROP ROLE stonegate_guest")


@pytest.mark.parametrize(
    ("words", "took", "limit", "cancelled_by"),
    [
        ("canceling statement due to statement timeout", 0.0, 0.0, "the timeout"),
        ("canceling statement due to user request", 9.0, 5.0, "somebody"),
        ("breche Anfrage wegen Zeitüberschreitung der Anweisung ab", 5.0, 5.0, "the timeout"),
        ("breche Anfrage wegen Benutzeraufforderung ab", 0.1, 5.0, "somebody"),
        ("breche Anfrage wegen Benutzeraufforderung ab", 9.0, 0.0, "somebody"),  # there is no timeout
    ],
)
def test_what_cancelled_a_statement_is_known_in_any_language(
    database: Database, tmp_path: Path, words: str, took: float, limit: float, cancelled_by: str
) -> None:
    """A look of our own that took too long is worth the long way, one that somebody cancelled is not."""
    refusal = f"DO $$ BEGIN RAISE EXCEPTION '{words}' USING ERRCODE = 'query_canceled'; END $$;"
    with pytest.raises(psycopg.errors.QueryCanceled) as cancelled:
        database.rows(refusal)
    look = StatementFailed(Sent(sql=refusal), cancelled.value)
    assert is_final(look, took, limit) == (cancelled_by == "somebody")
    error = apply(database.url, write(tmp_path, {"migrations/001.sql": refusal})).error
    assert error is not None and error.sqlstate == "57014"
    is_foreign = not words.startswith("canceling")
    assert ("--statement-timeout" in (error.hint or "")) == (is_foreign or cancelled_by == "the timeout")
