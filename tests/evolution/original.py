"""A database as the original gateway leaves it: its tracking tables and its checksums, written from §7's text alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256

import psycopg

TRACKING = """
CREATE TABLE _stonescriptdb_gateway_migrations (
    id SERIAL PRIMARY KEY, migration_file TEXT NOT NULL UNIQUE, checksum TEXT NOT NULL,
    applied_at TIMESTAMPTZ NOT NULL DEFAULT NOW());
CREATE TABLE _stonescriptdb_gateway_types (
    id SERIAL PRIMARY KEY, type_name TEXT NOT NULL UNIQUE, type_kind TEXT NOT NULL, checksum TEXT NOT NULL,
    source_file TEXT NOT NULL, deployed_at TIMESTAMPTZ NOT NULL DEFAULT NOW());
CREATE TABLE _stonescriptdb_gateway_tables (
    id SERIAL PRIMARY KEY, table_name TEXT NOT NULL UNIQUE, checksum TEXT NOT NULL, source_file TEXT NOT NULL,
    deployed_at TIMESTAMPTZ NOT NULL DEFAULT NOW());
CREATE TABLE _stonescriptdb_gateway_functions (
    id SERIAL PRIMARY KEY, function_name TEXT NOT NULL, signature TEXT NOT NULL, param_types TEXT[] NOT NULL,
    return_type TEXT, body_checksum TEXT NOT NULL, source_file TEXT NOT NULL,
    deployed_at TIMESTAMPTZ NOT NULL DEFAULT NOW(), UNIQUE (function_name, param_types));
CREATE TABLE _stonescriptdb_gateway_changelog (
    id SERIAL PRIMARY KEY, change_type TEXT NOT NULL, object_name TEXT NOT NULL, change_detail JSONB,
    forced BOOLEAN NOT NULL DEFAULT FALSE, executed_at TIMESTAMPTZ NOT NULL DEFAULT NOW());
"""
OWN_COLUMNS = {
    "migrations": "migration_file, checksum",
    "types": "type_name, type_kind, checksum, source_file",
    "tables": "table_name, checksum, source_file",
    "functions": "function_name, signature, param_types, return_type, body_checksum, source_file",
    "changelog": "change_type, object_name, change_detail, forced",
}


def checksum(text: str) -> str:
    """The original's rule for functions: comments out, blanks to one, trimmed, lower-cased; hex."""
    text = re.sub(r"/\*.*?\*/", "", re.sub(r"--[^\n]*", "", text), flags=re.DOTALL)
    return sha256(re.sub(r"\s+", " ", text).strip().lower().encode()).hexdigest()


def raw_checksum(text: str) -> str:
    """The original's rule for migrations; hex."""
    return sha256(text.encode()).hexdigest()


def deploy_by_original(
    url: str, files: Mapping[str, str], functions: Mapping[str, tuple[list[str], str]], skipped: tuple[str, ...] = ()
) -> None:
    """Executes the files and records them as the original would.

    Args:
        files: path below `postgresql/` → text of one statement (migrations may have several).
        functions: function name → its parameter types as written, upper-cased, and its return type.
        skipped: files that the original passes over (`.sql` migrations).
    """
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(TRACKING.encode())
        for path, text in files.items():
            if path in skipped:
                continue
            folder, _, file = path.partition("/")
            name = file.partition(".")[0]
            if folder != "migrations":
                conn.execute(text.encode())
            if folder == "migrations":
                _record(conn, "migrations", file, raw_checksum(text))
            elif folder == "types":
                _record(conn, "types", name, "enum", checksum(text), file)
            elif folder == "tables":
                _record(conn, "tables", name, checksum(text), file)
            elif folder == "functions":
                types, result = functions[name]
                signature = f"{name}({', '.join(types)})"
                _record(conn, "functions", name, signature, types, result, checksum(text), file)
        _record(conn, "changelog", "function_deploy", f"{len(functions)} functions", None, True)


def _record(conn: psycopg.Connection, table: str, *values: object) -> None:
    marks = ", ".join(["%s"] * len(values))
    query = f"INSERT INTO _stonescriptdb_gateway_{table} ({OWN_COLUMNS[table]}) VALUES ({marks})"
    conn.execute(query.encode(), values)
