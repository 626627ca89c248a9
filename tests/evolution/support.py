"""What the evolution tests share: a folder deployed, planned and compared with a fresh build."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import psycopg

from stonegate.database.deployment.one_database import plan_database
from stonegate.database.deployment.options import ApplyOptions
from stonegate.model.plan import Action, Plan
from stonegate.model.report import ApplyReport, Status
from stonegate.source.lazy import LazySource
from tests.convergence import between, catalog_of, plan_in_full
from tests.servers import Database


def plan(url: str, source: LazySource, **options: Any) -> Plan:
    """The plan; keywords are those of ApplyOptions."""
    return asyncio.run(plan_database(url, source, ApplyOptions(**options)))


def run(url: str, *statements: str) -> None:
    """Statements by hand, committed one by one."""
    with psycopg.connect(url, autocommit=True) as conn:
        for statement in statements:
            conn.execute(statement.encode())


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    """The rows of a query."""
    with psycopg.connect(url, autocommit=True) as conn:
        return conn.execute(query.encode()).fetchall()


def changes(made: Plan) -> set[str]:
    """Identities of all changes of the steps: "alter column users.email type"."""
    return {change.identity for step in made.steps for change in step.changes}


def worked(made: Plan) -> list[str]:
    """Ids of the steps that do something."""
    return [step.id for step in made.steps if step.action not in (Action.SKIP, Action.VALIDATE)]


def blockers(report: ApplyReport) -> str:
    """Everything that a refused apply says."""
    assert report.error is not None
    return "\n".join((report.error.message, *report.error.details, report.error.hint or ""))


def refused(report: ApplyReport, code: str, exit_code: int) -> str:
    """The report is a refusal with that code; returns what it says."""
    assert report.status in (Status.BLOCKED, Status.FAILED), report.status
    assert report.error is not None
    assert (report.error.code, report.error.exit_code) == (code, exit_code), report.error
    return blockers(report)


def assert_settled(database: Database, folder: Path) -> None:
    """A second plan, made in full, is empty, and the catalog equals that of a fresh build, which the reference is."""
    again = plan_in_full(database.url, folder)
    assert not again.has_changes, [step.sql for step in again.steps]
    assert not again.blocked and again.desired is not None
    assert between(again.desired, catalog_of(database.url)) == []
