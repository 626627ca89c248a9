"""Fixtures of the tests that talk to PostgreSQL themselves."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from stonegate.database.connect import Session, connect
from tests.servers import Database


@pytest.fixture
async def conn(any_database: Database) -> AsyncIterator[Session]:
    """A session on an empty database, in autocommit, on each version in turn; names are those of `public`."""
    connection = await connect(any_database.url)
    await connection.execute("SET search_path = public")
    yield connection
    await connection.close()
