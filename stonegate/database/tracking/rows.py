"""What tracking tables and changelog hold of a plan, as JSON; made once for all databases of a fleet that record it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from stonegate.database.cache import Cache
from stonegate.model.consent import ConsentToken
from stonegate.model.names import ObjectKind
from stonegate.model.plan import Action, Plan
from stonegate.model.report import StepReport
from stonegate.model.tracking import DeployedObject, Record, RecordKind

# The words of change_type; all other kinds are called by their own name.
_KIND_WORDS = {ObjectKind.ROUTINE: "function", ObjectKind.SEED: "rows"}
#: By the records or the steps that they are made from.
_MADE: Cache[str] = Cache(24)
#: What makes rows of a kind equal, by name and parameter types.
_WANTED: Cache[dict[tuple[str, tuple[str, ...]], tuple[str | None, ...]]] = Cache(24)


def record_rows(
    plan: Plan, kind: RecordKind, elapsed: Mapping[str, float | None], only: Sequence[int] | None = None
) -> str:
    """The plan's records of a kind as rows of their table.

    Args:
        elapsed: milliseconds by migration, as far as known.
        only: the numbers of those that are wanted; None for all.
    """

    def make() -> str:
        rows = _as_rows(_of_kind(plan, kind), elapsed)
        return _dump(rows if only is None else [rows[number] for number in only])

    chosen = None if only is None else tuple(only)
    return _MADE.get((id(plan.records), kind, tuple(elapsed.items()), chosen), make, plan.records)


class RowChanges(Struct, frozen=True, kw_only=True):
    """What is to change in the table of a kind.

    Attributes:
        rows: the numbers of the plan's records whose rows are new or say something else.
        gone: name and parameter types of the rows that go.
        is_same: no row comes or goes.
    """

    rows: tuple[int, ...]
    gone: tuple[tuple[str, tuple[str, ...]], ...]
    is_same: bool

    def __bool__(self) -> bool:
        return bool(self.rows or self.gone)


def row_changes(plan: Plan, kind: RecordKind, held: Sequence[DeployedObject]) -> RowChanges:
    """What the plan's records of a kind change in their table.

    Args:
        held: what the table holds.
    """

    def make() -> dict[tuple[str, tuple[str, ...]], tuple[str | None, ...]]:
        rows = _as_rows(_of_kind(plan, kind), {})
        return {
            (row["name"], tuple(row["param_types"])): (
                row["identity"],
                row["stonegate_checksum"],
                row["checksum"],
                row["file"],
            )
            for row in rows
        }

    wanted = _WANTED.get((id(plan.records), kind), make, plan.records)
    found = {
        (each.name, each.param_types): (each.identity, each.checksum, each.original_checksum, each.file)
        for each in held
    }
    return RowChanges(
        rows=tuple(number for number, (key, facts) in enumerate(wanted.items()) if found.get(key) != facts),
        gone=tuple(key for key in found if key not in wanted),
        is_same=wanted.keys() == found.keys(),
    )


def change_rows(reports: Sequence[StepReport], durations: Mapping[str, float]) -> str:
    """The steps as rows of the changelog, in their order.

    Args:
        durations: milliseconds by step id, as far as known.
    """
    key = tuple((id(report.step), report.rows, report.excused, durations.get(report.step.id)) for report in reports)

    def make() -> str:
        return _dump([_as_change(report, durations.get(report.step.id)) for report in reports])

    return _MADE.get(key, make, *(report.step for report in reports))


def _of_kind(plan: Plan, kind: RecordKind) -> list[Record]:
    return [record for record in plan.records if record.kind is kind]


def _as_rows(records: Sequence[Record], elapsed: Mapping[str, float | None]) -> list[dict[str, Any]]:
    """The records as rows of their table.

    The original knows no schemas and upper-cases types, so `a.f(int)` and `b.f(int)`, or types that differ in case
    only, are one to it: all but the first are called by their identity.
    """
    rows: list[dict[str, Any]] = []
    seen: set[tuple[str, tuple[str, ...]]] = set()
    for record in records:
        key = (record.name, record.param_types)
        row = {
            "number": len(rows),
            "name": record.identity if key in seen else record.name,
            "detail": record.detail,
            "checksum": record.original_checksum,
            "stonegate_checksum": record.checksum,
            "identity": record.identity,
            "file": record.file,
            "signature": record.signature,
            "param_types": record.param_types,
            "return_type": record.return_type,
            "baselined": record.baselined,
            "duration_ms": elapsed.get(record.name),
        }
        rows.append(row)
        seen.add(key)
    return rows


def _as_change(report: StepReport, duration_ms: float | None) -> dict[str, Any]:
    """The report of a step as a row of the changelog."""
    return {
        "change_type": _change_type(report),
        "object_name": report.step.key.label,
        "change_detail": _change_detail(report),
        "forced": bool(report.step.consents or report.excused),
        "duration_ms": duration_ms,
    }


def _change_type(report: StepReport) -> str:
    step = report.step
    word = _KIND_WORDS.get(step.kind, step.kind.value)
    action = Action.SEED if step.action is Action.VALIDATE and report.rows else step.action
    return f"{action.value}_{word}".replace(" ", "_")


def _change_detail(report: StepReport) -> dict[str, Any]:
    """What the changelog keeps of a step; what it does not have is left out."""
    step = report.step
    detail: dict[str, Any] = {
        "sql": step.sql,
        "part": step.part,
        "reason": step.reason,
        "class": step.change_class.value,
        "file": step.file,
        "line": step.line,
        "changes": [change.identity for change in step.changes],
        "hazards": [{"code": hazard.code, "message": hazard.message} for hazard in step.hazards],
        "consents": [
            *map(str, step.consents),
            *([f"{ConsentToken.MISSING_SEED}:{step.key.label}"] if report.excused else []),
        ],
        "missing": list(report.excused),
        "old_definition": step.old_definition,
        "rows": report.rows,
    }
    return {name: value for name, value in detail.items() if value not in (None, "", [])}


def _dump(rows: list[dict[str, object]]) -> str:
    """The rows as JSON without escapes of other letters, which a database in SQL_ASCII does not take (manual 8.14)."""
    return json.dumps(rows, ensure_ascii=False)
