"""A database with an object of every kind (rich.sql), built once for each server and worker."""

from __future__ import annotations

import contextlib
import os
from functools import cache
from pathlib import Path
from typing import TypeVar

import psycopg
from psycopg import sql

from stonegate.model.catalog import Catalog, Column, Constraint, OtherObject, Policy, Routine, Table, Trigger, View
from stonegate.model.names import ObjectKey, ObjectKind, routine_key
from tests.convergence import catalog_of
from tests.servers import Database, Server, create_database, drop_database

# What is in the script.
SALES = "Sales Dept"
CUSTOMER = ObjectKey(ObjectKind.TABLE, "public", "customer")
POINT = ObjectKey(ObjectKind.TYPE, SALES, "Point")
MOOD = ObjectKey(ObjectKind.TYPE, "public", "mood")
READER = "rich_reader"

SCRIPT = Path(__file__).with_name("rich.sql")
ROLES = (READER, "rich_writer")
Named = TypeVar("Named", Column, Constraint, Trigger, Policy)
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "main")


@cache
def rich_template(server: Server) -> Database:
    """The template that tests clone; it dies with the run's servers."""
    with psycopg.connect(server.admin_url, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(4711)")  # roles belong to all workers
        for role in ROLES:
            with contextlib.suppress(psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation):
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))
    database = create_database(server, f"rich_{WORKER}")
    try:
        with psycopg.connect(database.url, autocommit=True) as connection:
            connection.execute(SCRIPT.read_bytes())
    except psycopg.Error:
        drop_database(database)
        raise
    return database


def extension_of(major: int) -> str:
    """An extension with operator classes that the server of a version has: contrib has no pgvector, 16 nothing else."""
    return "vector" if major in (16, 18) else "pg_trgm"


@cache
def rich_catalog(server: Server) -> Catalog:
    return catalog_of(rich_template(server).url)


def table(catalog: Catalog, name: str, schema: str = "public") -> Table:
    found = catalog.table(ObjectKey(ObjectKind.TABLE, schema, name))
    assert found is not None
    return found


def view(catalog: Catalog, name: str) -> View:
    return next(found for found in catalog.views if found.name == name)


def routine(catalog: Catalog, name: str, *arguments: str) -> Routine:
    found = catalog.objects[routine_key("public", name, arguments)]
    assert isinstance(found, Routine)
    return found


def other(catalog: Catalog, kind: str, identity: str) -> OtherObject:
    return next(found for found in catalog.others if (found.kind, found.identity) == (kind, identity))


def named(parts: tuple[Named, ...], name: str) -> Named:
    return next(part for part in parts if part.name == name)
