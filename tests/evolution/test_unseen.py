"""What a folder says of objects that PostgreSQL or an extension brings: new databases get it, others are told of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.convergence import plan_in_full
from tests.database.folders import applied, write
from tests.database.rich import extension_of
from tests.servers import Database

OF_POSTGRESQL = (
    "REVOKE EXECUTE ON FUNCTION pg_catalog.pg_sleep(double precision) FROM PUBLIC",
    "REVOKE EXECUTE ON FUNCTION pg_sleep(double precision) FROM PUBLIC",
    "GRANT SELECT ON pg_catalog.pg_authid TO pg_monitor",
    "REVOKE USAGE ON TYPE int4 FROM PUBLIC",
    "GRANT USAGE ON SCHEMA information_schema TO pg_monitor",
    "COMMENT ON FUNCTION pg_catalog.pg_sleep(double precision) IS 'slow'",
    "COMMENT ON CAST (integer AS bigint) IS 'wide'",
)
TABLE = {"tables/t.sql": "CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, kind int);"}
#: Of what comes with other objects, and is seen all the same.
OF_THE_FOLDER = """
CREATE SCHEMA side;
CREATE TYPE mood AS ENUM ('sad');
CREATE TYPE side.span AS RANGE (subtype = int);
CREATE VIEW v AS SELECT id FROM t;
CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE OPERATOR CLASS other FOR TYPE mood USING hash AS STORAGE mood;
COMMENT ON SEQUENCE t_id_seq IS 'c';
COMMENT ON INDEX t_pkey IS 'c';
COMMENT ON CONSTRAINT t_pkey ON t IS 'c';
COMMENT ON COLUMN v.id IS 'c';
COMMENT ON OPERATOR CLASS other USING hash IS 'c';
COMMENT ON OPERATOR FAMILY other USING hash IS 'c';
GRANT USAGE ON SEQUENCE t_id_seq TO pg_monitor;
GRANT SELECT ON v TO pg_monitor;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO pg_monitor;
GRANT EXECUTE ON FUNCTION f TO pg_monitor;
GRANT USAGE ON SCHEMA public, side TO pg_monitor;
COMMENT ON TYPE side.span_multirange IS 'c';
COMMENT ON TYPE _mood IS 'c';
COMMENT ON SCHEMA public IS 'c';
COMMENT ON EXTENSION plpgsql IS 'c';
"""


@pytest.fixture
def folder(any_database: Database, tmp_path: Path) -> Path:
    applied(any_database.url, write(tmp_path, TABLE))
    return tmp_path / "postgresql"


@pytest.mark.parametrize("statement", OF_POSTGRESQL)
def test_objects_of_postgresql(any_database: Database, folder: Path, statement: str) -> None:
    write(folder.parent, {"tables/t.sql": TABLE["tables/t.sql"] + statement})
    made = plan_in_full(any_database.url, folder)
    assert not made.has_changes
    (warning,) = made.warnings
    assert warning.startswith("tables/t.sql:1: ") and "unmodelled" in warning and "write a migration" in warning


def test_members_of_extensions(any_database: Database, folder: Path) -> None:
    extension = extension_of(any_database.server.major)
    member = {"vector": "vector_dims(vector)", "pg_trgm": "similarity(text, text)"}[extension]
    files = TABLE | {f"extensions/{extension}.sql": f"CREATE EXTENSION {extension};"}
    applied(any_database.url, write(folder.parent, files))
    write(folder.parent, files | {"functions/f.sql": f"GRANT EXECUTE ON FUNCTION {member} TO pg_monitor;"})
    (warning,) = plan_in_full(any_database.url, folder).warnings
    assert "functions/f.sql:1: routine " in warning


def test_what_comes_with_objects_of_the_folder_is_seen(any_database: Database, folder: Path) -> None:
    source = write(folder.parent, {"tables/t.sql": TABLE["tables/t.sql"] + OF_THE_FOLDER})
    assert plan_in_full(any_database.url, folder).warnings == ()
    applied(any_database.url, source)
    again = plan_in_full(any_database.url, folder)
    assert not again.has_changes and again.warnings == ()
