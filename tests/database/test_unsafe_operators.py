"""Operators in `public` for a pair of types that the server has none for: a superuser who records would run them."""

from __future__ import annotations

from pathlib import Path

from tests.database.folders import allowing, applied, write
from tests.database.test_unsafe_records import FIRST, SECOND, P, as_owner, deployed, hostile, ran
from tests.evolution.scripts import run_script, script_of
from tests.servers import Database, psql

__all__ = ["deployed", "hostile"]

OPERATORS = "".join(
    f"""CREATE FUNCTION spy_{name}({left}, {right}) RETURNS boolean LANGUAGE plpgsql AS
        $$ BEGIN PERFORM public.evil(1); RETURN $1::text OPERATOR(pg_catalog.{sign}) $2::text; END $$;
        CREATE OPERATOR public.{sign} (LEFTARG = {left}, RIGHTARG = {right}, FUNCTION = spy_{name});"""
    for name, sign, left, right in (
        ("a", "=", "varchar", "text"),
        ("b", "<>", "varchar", "text"),
        ("c", "=", "text", "varchar"),
        ("d", "<>", "text", "varchar"),
    )
)
#: Every column that is compared with what a deployment records, whoever made it.
COLUMNS = {
    "migrations": ("migration_file", "checksum", "stonegate_checksum", "identity", "source_file"),
    "types": ("type_name", "type_kind", "checksum", "source_file", "stonegate_checksum", "identity"),
    "tables": ("table_name", "checksum", "source_file", "stonegate_checksum", "identity"),
    "functions": (
        *("function_name", "signature", "return_type", "body_checksum", "source_file"),
        *("stonegate_checksum", "identity"),
    ),
}
FILES = FIRST | {"types/mood.sql": "CREATE TYPE mood AS ENUM ('a');", "migrations/1.sql": "SELECT 1;"}
CHANGED = (
    SECOND
    | {"types/mood.sql": "CREATE TYPE mood AS ENUM ('a', 'b');"}
    | {"migrations/1.sql": "SELECT 2;", "migrations/2.sql": "SELECT 3;"}
)


def test_columns_that_became_varchar_lead_to_no_operator_of_the_owner_s(
    deployed: Database, hostile: Database, tmp_path: Path
) -> None:
    owner = as_owner(hostile, deployed.name)
    applied(hostile.url, write(tmp_path, FILES), plan=allowing(force=True))
    psql(owner, OPERATORS)
    for table, columns in COLUMNS.items():
        psql(owner, f"ALTER TABLE {P}{table} {', '.join(f'ALTER {column} TYPE varchar' for column in columns)}")
    allowed = allowing("changed_migration", force=True)
    applied(hostile.url, write(tmp_path, CHANGED), plan=allowed)
    back = write(tmp_path, FILES)
    run_script(hostile, script_of(hostile, back, plan=allowed), "-1", "-v", "ON_ERROR_STOP=1")
    assert not ran(hostile)
    # They would run for whoever compares the two.
    hostile.rows(f"SELECT stonegate_checksum = 'x'::text FROM {P}functions LIMIT 1")
    assert ran(hostile)
