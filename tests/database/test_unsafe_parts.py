"""Traps in single parts of the tracking tables: columns, expressions, partitions; and whose a trigger's function is."""

from __future__ import annotations

import contextlib
from pathlib import Path

import psycopg
import pytest

from stonegate.database.connect import Session, answers_yes, connect, using
from stonegate.database.failures.explain import UNSAFE
from stonegate.database.tracking.guard import before_reading, before_writing
from tests.database.folders import write
from tests.database.test_unsafe_records import (
    SECOND,
    TOUCH,
    WRITTEN,
    P,
    as_owner,
    deployed,
    hostile,
    require_refusal,
    require_trap,
)
from tests.evolution.original import OWN_COLUMNS
from tests.servers import Database, psql

__all__ = ["deployed", "hostile"]

#: As TRAPS, set by the same session and taken back; the first is for who writes.
FINER = {
    "reference": (f"CREATE TABLE kid (a int PRIMARY KEY); ALTER TABLE {P}changelog ADD note int REFERENCES kid;", ""),
    "partition": (
        f"CREATE TABLE top (LIKE {P}changelog) PARTITION BY RANGE (evil(id::int));"
        f"ALTER TABLE top ATTACH PARTITION {P}changelog FOR VALUES FROM (0) TO (1000000);",
        TOUCH,
    ),
    "check of the server": (
        f"ALTER TABLE {P}changelog ADD CHECK (pg_catalog.pg_read_file('PG_VERSION') <> '') NOT VALID;",
        "",
    ),
    "operator": (
        "CREATE FUNCTION is_evil(int, int) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS "
        "'BEGIN RETURN public.evil(1) > 0; END';"
        "CREATE OPERATOR === (LEFTARG = int, RIGHTARG = int, FUNCTION = is_evil);"
        f"ALTER TABLE {P}changelog ADD CHECK (1 === 1) NOT VALID;",
        TOUCH,
    ),
    "domain of a column more": (
        f"CREATE DOMAIN trap AS int CHECK (evil(value) > 0); ALTER TABLE {P}changelog ADD note trap;",
        TOUCH,
    ),
    "cast to a domain": (
        "CREATE DOMAIN trap AS text CHECK (evil(length(value)) > 0);"
        f"ALTER TABLE {P}changelog ADD CHECK (object_name::trap <> '') NOT VALID;",
        TOUCH,
    ),
}


def test_whose_the_function_of_a_trigger_is_counts_as_much_as_whose_the_table_is(
    deployed: Database, hostile: Database, tmp_path: Path
) -> None:
    """Also where nothing else is anybody's but the superuser's own."""
    psql(as_owner(hostile, deployed.name), WRITTEN["trigger"][0])
    hostile.rows(f"ALTER DATABASE {hostile.name} OWNER TO postgres")
    for name in (*OWN_COLUMNS, "deployments"):
        hostile.rows(f"ALTER TABLE {P}{name} OWNER TO postgres")
    require_refusal(hostile, write(tmp_path, SECOND))
    require_trap(hostile, "trigger")


async def test_each_part_of_a_table_is_looked_at(deployed: Database, hostile: Database) -> None:
    async with using(await connect(hostile.url)) as conn:
        for trap, (text, springing) in FINER.items():
            async with conn.transaction(force_rollback=True):
                await conn.execute(
                    f"SET LOCAL search_path = public; SET LOCAL ROLE {deployed.name}; {text} RESET ROLE".encode()
                )
                looks = [before_reading(conn), before_writing(conn)]
                if trap == "reference":
                    await conn.execute(looks.pop(0))
                for look in looks:
                    with pytest.raises(psycopg.Error) as caught:
                        async with conn.transaction():
                            await conn.execute(look)
                    assert caught.value.sqlstate == UNSAFE, trap
                assert not await _springs(conn, "SELECT 1")
                assert not springing or await _springs(conn, springing), trap


async def _springs(conn: Session, statement: str) -> bool:
    """Whether it makes a trap run; then all is as before."""
    with contextlib.suppress(psycopg.Error):
        async with conn.transaction():
            await conn.execute(statement.encode())
    return await answers_yes(conn, "SELECT is_called AND setval('public.ran', 1, false) = 1 FROM public.ran")


async def test_every_column_is_of_a_type_that_is_known(deployed: Database, hostile: Database) -> None:
    """What a session does with a value it does with the operators and casts of that type."""
    columns = hostile.rows(
        "SELECT attrelid::regclass::text, attname FROM pg_attribute JOIN pg_class AS c ON c.oid = attrelid"
        " WHERE relkind = 'r' AND relname LIKE '\\_stonescriptdb%' AND attnum > 0"
    )
    assert len(columns) > 50
    hostile.rows(f"TRUNCATE {', '.join({table for table, _ in columns})}")
    async with using(await connect(hostile.url)) as conn:
        for table, column in columns:
            retyped = f"ALTER TABLE public.{table} ALTER {column} DROP DEFAULT, ALTER {column} TYPE money USING '1'"
            async with conn.transaction(force_rollback=True):
                await conn.execute(retyped.encode())
                with pytest.raises(psycopg.Error) as caught:
                    await conn.execute(before_reading(conn))
            assert caught.value.sqlstate == UNSAFE
            assert f"column {column} of {table}" in (caught.value.diag.message_detail or "").replace("public.", "")
