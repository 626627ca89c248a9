"""Migrations run in path order; the file that makes what an earlier one needs moves up, or nothing runs (§3)."""
# ruff: noqa: E501 - one case per line

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stonegate.errors import SourceError
from stonegate.planner.order.migrations import order_migrations
from tests.source.folders import parse


def order(*texts: str, **declared: str) -> str:
    """The numbers of the files in the order in which they run: "1 2 3"."""
    files = {f"migrations/{number}.sql": text for number, text in enumerate(texts, 1)}
    files |= {f"tables/{name}.sql": text for name, text in declared.items()}
    return " ".join(migration.name.removesuffix(".sql") for migration in order_migrations(parse(files).migrations))


def test_independent_files_run_in_path_order_not_in_reverse() -> None:
    assert order(*(f"CREATE TABLE t{number} ()" for number in range(9))) == "1 2 3 4 5 6 7 8 9"


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["INSERT INTO a VALUES (1)", "SELECT 1", "CREATE TABLE a (x int)"], "3 1 2"),
        (["CREATE TABLE a (b int REFERENCES b)", "CREATE TABLE b (id int PRIMARY KEY)"], "2 1"),
        (["CREATE TABLE a (x kind)", "CREATE TYPE kind AS ENUM ()"], "2 1"),
        (["UPDATE x SET a = f()", "CREATE FUNCTION f() RETURNS int RETURN 1"], "2 1"),
        (["CREATE TABLE s.a ()", "CREATE SCHEMA s"], "2 1"),
        (["UPDATE t SET c = 1", "ALTER TABLE t ADD COLUMN c int"], "2 1"),
        (["INSERT INTO new VALUES (1)", "ALTER TABLE old RENAME TO new"], "2 1"),
        (["UPDATE t SET new = 1", "ALTER TABLE t RENAME old TO new"], "2 1"),
        (["UPDATE a SET x = 1", "CREATE TABLE a (x int DEFAULT f())", "CREATE FUNCTION f() RETURNS int RETURN 1"], "3 2 1"),
        (["CREATE VIEW v AS SELECT * FROM b", "CREATE TABLE b (c int)", "CREATE VIEW w AS SELECT * FROM v"], "2 1 3"),
    ],
)  # fmt: skip
def test_the_single_later_maker_moves_up(texts: list[str], expected: str) -> None:
    assert order(*texts) == expected


@pytest.mark.parametrize(
    "texts",
    [
        # It existed before: it is dropped or renamed away before it is created again.
        ["UPDATE a SET x = 1", "DROP TABLE a", "CREATE TABLE a (y int)"],
        ["UPDATE a SET x = 1", "ALTER TABLE a RENAME TO b", "CREATE TABLE a (y int)"],
        ["UPDATE a SET x = 1", "ALTER TABLE a DROP COLUMN x", "ALTER TABLE a ADD COLUMN x int"],
        # Nobody creates it, or the file itself does.
        ["UPDATE a SET x = 1", "UPDATE b SET x = 1"],
        ["CREATE TABLE a (x int); UPDATE a SET x = 1", "DROP TABLE a", "CREATE TABLE a (x int)"],
        # An ordinary history.
        ["CREATE TABLE client (n text)", "ALTER TABLE client RENAME TO patient", "UPDATE patient SET n = ''", "ALTER TABLE patient DROP n"],
        ["ALTER TABLE t ADD a int", "UPDATE t SET a = 1", "ALTER TABLE t ALTER a SET NOT NULL"],
        # A program in between may create it as well.
        ["UPDATE a SET x = 1", "DO $$ BEGIN END $$", "CREATE TABLE a (x int)"],
        # IF EXISTS needs nothing.
        ["DROP TABLE IF EXISTS a", "CREATE TABLE a ()"],
        # IF NOT EXISTS that cannot move: it may have existed before.
        ["UPDATE a SET x = 1", "UPDATE b SET x = 1", "CREATE TABLE IF NOT EXISTS a (x int); UPDATE b SET x = 2"],
    ],
)  # fmt: skip
def test_path_order_stays(texts: list[str]) -> None:
    assert order(*texts) == " ".join(str(number) for number in range(1, len(texts) + 1))


def test_a_file_does_not_move_past_one_that_touches_the_same_object() -> None:
    with pytest.raises(SourceError) as caught:
        order(
            "SELECT 1;\nINSERT INTO a VALUES (1)",
            "UPDATE b SET x = 1",
            "CREATE TABLE a (x int); ALTER TABLE b ADD y int",
        )
    assert caught.value.place == "migrations/1.sql:2"
    assert caught.value.message == (
        "needs a, which migrations/3.sql creates; that file cannot move up past migrations/2.sql, since both touch b"
    )
    assert caught.value.exit_code == 3


def test_reading_what_the_file_in_between_writes_counts_as_touching() -> None:
    with pytest.raises(SourceError, match="both touch b"):
        order("INSERT INTO a VALUES (1)", "UPDATE b SET x = 1", "CREATE TABLE a AS SELECT * FROM b")


def test_others_that_use_the_new_object_are_no_obstacle() -> None:
    assert order("INSERT INTO a VALUES (1)", "UPDATE a SET x = 1", "CREATE TABLE a (x int)") == "3 1 2"


def test_several_later_makers_are_an_error_that_names_them() -> None:
    with pytest.raises(SourceError, match=r"several later files create: migrations/2\.sql, migrations/4\.sql"):
        order("UPDATE a SET x = 1", "CREATE TABLE a ()", "DROP TABLE a", "CREATE TABLE a (x int)")


def test_files_that_need_each_other_are_an_error() -> None:
    with pytest.raises(SourceError, match="circle") as caught:
        order("CREATE TABLE a (b int REFERENCES b)", "CREATE TABLE b (a int REFERENCES a)")
    assert "migrations/1.sql → migrations/2.sql → migrations/1.sql" in caught.value.message


TEXTS = st.sampled_from(
    [
        "CREATE TABLE a (x int)",
        "CREATE TABLE b (x int)",
        "INSERT INTO a VALUES (1)",
        "UPDATE b SET x = 1",
        "DROP TABLE a",
        "ALTER TABLE a RENAME TO b",
        "ALTER TABLE b ADD y int",
        "UPDATE b SET y = 1",
        "DO 'BEGIN END'",
    ]
)


@given(texts=st.lists(TEXTS, max_size=7), data=st.data())
def test_nothing_is_lost_and_the_input_order_does_not_matter(texts: list[str], data: st.DataObject) -> None:
    migrations = parse({f"migrations/{number}.sql": text for number, text in enumerate(texts)}).migrations
    outcomes = []
    for given_order in (migrations, data.draw(st.permutations(migrations))):
        try:
            outcomes.append([migration.name for migration in order_migrations(given_order)])
        except SourceError as error:
            outcomes.append([error.message])
            continue
        assert sorted(outcomes[-1]) == [migration.name for migration in migrations]
    assert outcomes[0] == outcomes[1]
