"""A platform of a test's own: registry, names that no other test uses, and everything of it dropped at the end."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from stonegate.fleet.registry import Registry
from stonegate.source.files.tree import read_tree
from stonegate.source.lazy import LazySource
from tests.servers import Server, psql

WORKER = os.environ.get("PYTEST_XDIST_WORKER", "main")
NUMBERS = itertools.count(1)

TABLE = "CREATE TABLE notes (id serial PRIMARY KEY, body text NOT NULL DEFAULT '');\n"
FUNCTION = """CREATE FUNCTION count_notes() RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT count(*) FROM notes
$$;
"""
SEEDER = "INSERT INTO notes (id, body) VALUES (1, 'first'), (2, 'second');\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """A registry and a server; `name` is the platform's, alone on that server."""

    registry: Registry
    server: Server
    name: str
    folder: Path

    @property
    def url(self) -> str:
        """The administrator, over TCP, where passwords count."""
        return self.server.tcp_url()

    @property
    def source(self) -> LazySource:
        """The folder as it stands now."""
        return LazySource.of_bytes(str(self.folder), read_tree(self.folder))

    def write(self, path: str, text: str) -> None:
        """A file of the folder."""
        place = self.folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")

    def rows(self, database: str, statement: str, *parameters: object) -> list[tuple[object, ...]]:
        """Run SQL as the superuser."""
        return psql(self.server.url(database), statement, parameters)

    def databases(self) -> list[str]:
        """What the server has of this platform, by prefix: names of tests never cross."""
        found = psql(
            self.server.admin_url,
            "SELECT datname FROM pg_database WHERE starts_with(datname, %s) ORDER BY 1",
            (self.name,),
        )
        return [row[0] for row in found]


def remove_platform(server: Server, prefix: str) -> None:
    """Drop the databases and roles whose names begin like this."""
    with psycopg.connect(server.admin_url, autocommit=True) as connection:
        names = connection.execute(
            "SELECT datname FROM pg_database WHERE starts_with(datname, %s)", (prefix,)
        ).fetchall()
        for (name,) in names:
            connection.execute(sql.SQL("ALTER DATABASE {} IS_TEMPLATE false").format(sql.Identifier(name)))
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        roles = connection.execute("SELECT rolname FROM pg_roles WHERE starts_with(rolname, %s)", (prefix,)).fetchall()
        for (role,) in roles:
            references = connection.execute(
                "SELECT datname FROM pg_database WHERE pg_get_userbyid(datdba) = %s", (role,)
            ).fetchall()
            for (name,) in references:
                alter = sql.SQL("ALTER DATABASE {} IS_TEMPLATE false").format(sql.Identifier(name))
                connection.execute(alter)
                connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
            connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))


def make_fleet(server: Server, directory: Path) -> Fleet:
    """A fleet with a small folder and an empty registry."""
    fleet = Fleet(
        registry=Registry(directory / "data"),
        server=server,
        name=f"p{WORKER}x{next(NUMBERS)}x",
        folder=directory / "postgresql",
    )
    fleet.write("tables/notes.pssql", TABLE)
    fleet.write("functions/count_notes.pssql", FUNCTION)
    fleet.write("seeders/notes.pssql", SEEDER)
    return fleet


@pytest.fixture
def fleet(server: Server, tmp_path: Path) -> Iterator[Fleet]:
    """A fleet on PostgreSQL 18."""
    made = make_fleet(server, tmp_path)
    yield made
    remove_platform(server, made.name)


@pytest.fixture
def any_fleet(any_server: Server, tmp_path: Path) -> Iterator[Fleet]:
    """A fleet on each version in turn."""
    made = make_fleet(any_server, tmp_path)
    yield made
    remove_platform(any_server, made.name)
