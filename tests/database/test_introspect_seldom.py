"""What is read only where there is a reason to: nothing is missed, and a plain database is asked for none of it."""

from __future__ import annotations

from typing import Final

import pytest

from stonegate.database.connect import Session
from stonegate.database.introspect import catalog as reading
from stonegate.database.introspect.catalog import read_catalog
from stonegate.database.introspect.fetch import certain
from stonegate.database.introspect.rows import Rows
from stonegate.database.introspect.seldom import wanted_behind
from stonegate.model.json_form import to_json

SELDOM: Final = frozenset(Rows.__struct_fields__) - {*certain(Rows)}
#: What leads to a row, and the statements that have one then.
REASONS: Final = {
    "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC": {"default_privileges"},
    "CREATE PUBLICATION p": {"find_others"},
    "CREATE FOREIGN DATA WRAPPER w": {"find_others"},
    "CREATE CAST (int AS date) WITHOUT FUNCTION": {"find_others"},
    "CREATE ACCESS METHOD other TYPE TABLE HANDLER heap_tableam_handler": {"find_others"},
    "CREATE TYPE e AS ENUM ('a')": {"enum_labels"},
    "CREATE TYPE r AS RANGE (SUBTYPE = date)": {"ranges"},
    'CREATE TYPE r AS RANGE (SUBTYPE = text, COLLATION = "C")': {"ranges", "collations"},
    'CREATE TABLE t (a text COLLATE "C")': {"collations"},
    'CREATE DOMAIN d AS text COLLATE "C"': {"collations"},
    'CREATE TYPE c AS (a text COLLATE "C")': {"collations"},
    "CREATE ACCESS METHOD other TYPE TABLE HANDLER heap_tableam_handler; CREATE TABLE t (a int) USING other": {
        "access_methods"
    },
    "CREATE TABLE t (a int); SET default_table_access_method = other": {"access_methods"},
    "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w; CREATE FOREIGN TABLE t (a int) SERVER s": {
        "foreign_tables"
    },
    "CREATE TABLE t (); CREATE TABLE child () INHERITS (t)": {"inheritance"},
    "CREATE TABLE t (a int) PARTITION BY LIST (a); CREATE TABLE p PARTITION OF t FOR VALUES IN (1)": {"inheritance"},
    "CREATE TABLE t (a int); CREATE TRIGGER g BEFORE UPDATE ON t FOR EACH ROW "
    "EXECUTE FUNCTION suppress_redundant_updates_trigger()": {"triggers"},
    "CREATE TABLE t (a int UNIQUE REFERENCES t (a)); ALTER TABLE t DISABLE TRIGGER ALL": {"triggers"},
    "CREATE TABLE t (a int); CREATE POLICY p ON t": {"policies"},
    "CREATE VIEW v AS SELECT 1 AS a": {"rules"},
    "CREATE TABLE t (a int); CREATE RULE r AS ON INSERT TO t DO INSTEAD NOTHING": {"rules"},
}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[frozenset[str]]:
    """What each reading asks for behind the rest."""
    found: list[frozenset[str]] = []

    def note(read: Rows) -> tuple[str, ...]:
        names = wanted_behind(read)
        found.append(frozenset(names))
        return names

    monkeypatch.setattr(reading, "wanted_behind", note)
    return found


async def test_nothing_is_missed(conn: Session, asked: list[frozenset[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    for made, names in REASONS.items():
        async with conn.transaction(force_rollback=True):
            if "= other" in made:
                await conn.execute("CREATE ACCESS METHOD other TYPE TABLE HANDLER heap_tableam_handler")
            await conn.execute(made.encode())
            found = await read_catalog(conn)
            assert names <= asked[-1], made
            with monkeypatch.context() as everything:
                everything.setattr(reading, "wanted_behind", lambda _: tuple(sorted(SELDOM)))
                assert await read_catalog(conn) == found, made


async def test_a_tablespace_is_read(conn: Session, asked: list[frozenset[str]]) -> None:
    await conn.execute("SET allow_in_place_tablespaces = on")
    await conn.execute("CREATE TABLESPACE seldom LOCATION ''")
    try:
        for made in ("TABLE t (a int) TABLESPACE seldom", "TABLE t (a int UNIQUE USING INDEX TABLESPACE seldom)"):
            async with conn.transaction(force_rollback=True):
                await conn.execute(f"CREATE {made}".encode())
                assert "seldom" in to_json(await read_catalog(conn)).decode(), made
                assert "tablespaces" in asked[-1]
    finally:
        await conn.execute("DROP TABLESPACE seldom")


async def test_a_setting_is_read(conn: Session, asked: list[frozenset[str]]) -> None:
    async with conn.transaction(force_rollback=True):
        await conn.execute(f"ALTER DATABASE {conn.info.dbname} SET search_path = a, b".encode())
        assert (await read_catalog(conn)).search_path == ("a", "b")
        assert "database_settings" in asked[-1]


async def test_a_plain_database_is_asked_for_none_of_it(conn: Session, asked: list[frozenset[str]]) -> None:
    await conn.execute("CREATE TABLE t (id serial PRIMARY KEY, a text DEFAULT 'x' UNIQUE CHECK (a <> ''))")
    await conn.execute("CREATE FUNCTION f(t) RETURNS int LANGUAGE sql AS 'SELECT 1'")
    await read_catalog(conn)
    assert asked[-1] <= {"database_settings"}  # where another database of the server has any


def test_each_has_a_reason_here() -> None:
    assert set().union(*REASONS.values()) == SELDOM - {"tablespaces", "database_settings"}
