"""A database with an object of every kind (rich.sql), built once for each server and worker."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import psycopg
from psycopg import sql

from tests.servers import Database, Server, create_database, drop_database

SCRIPT = Path(__file__).with_name("rich.sql")
ROLES = ("rich_reader", "rich_writer")
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "main")


@cache
def rich_template(server: Server) -> Database:
    """The template that tests clone; it dies with the run's servers."""
    with psycopg.connect(server.admin_url, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(4711)")  # roles belong to all workers
        for role in ROLES:
            if not connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (role,)).fetchone():
                connection.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(role)))
    database = create_database(server, f"rich_{WORKER}")
    try:
        with psycopg.connect(database.url, autocommit=True) as connection:
            connection.execute(SCRIPT.read_bytes())
    except psycopg.Error:
        drop_database(database)
        raise
    return database


def extension_of(server: Server) -> str:
    """An extension with operator classes that this server has: Debian's lacks pgvector, 16's has nothing else."""
    return "pg_trgm" if server.major == 15 else "vector"
