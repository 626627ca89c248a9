"""Small `postgresql/` folders written by a test, applies of them, and what these leave."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stonegate.database.deployment.one_database import apply_database
from stonegate.database.deployment.options import ApplyOptions
from stonegate.database.progress import OnProgress
from stonegate.model.consent import Consent
from stonegate.model.plan import PlanOptions
from stonegate.model.report import ApplyReport
from stonegate.source.files.tree import read_tree
from stonegate.source.lazy import LazySource
from tests.servers import Database

USERS = "CREATE TABLE users (id int PRIMARY KEY, email text NOT NULL);\n"
COUNT = """CREATE FUNCTION count_users() RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
  RETURN (SELECT count(*) FROM users);
END
$$;
"""
ROLES = {
    "tables/roles.sql": "CREATE TABLE roles (id int PRIMARY KEY, name text);",
    "seeders/roles.sql": "INSERT INTO roles VALUES (1, 'admin'), (2, 'user');",
}


def write(root: Path, files: Mapping[str, str]) -> LazySource:
    """Write the files below `root/postgresql`, in place of what was there, and read them."""
    folder = root / "postgresql"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return LazySource.of_bytes("postgresql", read_tree(folder))


def allowing(*consents: str, **plan: Any) -> PlanOptions:
    """Plan options with these consents."""
    return PlanOptions(consents=tuple(map(Consent.parse, consents)), **plan)


def apply(url: str, source: LazySource, *, on_progress: OnProgress | None = None, **options: Any) -> ApplyReport:
    """Apply the folder; keywords are those of ApplyOptions."""
    return asyncio.run(apply_database(url, source, ApplyOptions(**options), on_progress))


def applied(url: str, source: LazySource, **options: Any) -> ApplyReport:
    """Apply the folder; it must succeed."""
    report = apply(url, source, **options)
    assert report.error is None, report.error
    return report


def relations(database: Database) -> set[str]:
    """Names of all tables that are not tracking tables."""
    query = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
    return {name for (name,) in database.rows(query) if not name.startswith("_stonescriptdb_gateway_")}
