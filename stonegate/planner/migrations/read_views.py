"""Migrations that read a new view which has to come behind them: what it shows is made or changed by them, or later."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from stonegate.model.catalog import Catalog
from stonegate.model.names import VIEW_KINDS, ObjectKey
from stonegate.model.plan import Action, Blocked, Phase, Step
from stonegate.model.source import EffectVerb, Migration, MigrationStatement, NeedKind, every_effect
from stonegate.planner.migrations.refusal import refuse_statement


def refuse_unmade(steps: Iterable[Step], pending: tuple[Migration, ...], live: Catalog) -> Iterator[Blocked]:
    """The first statement that reads each such view, unless something in front of it may make the view."""
    waiting = False
    for step in steps:
        waiting |= step.action is Action.RUN and step.phase is Phase.MIGRATIONS
        key = step.key
        if not waiting or step.action is not Action.CREATE or key.kind not in VIEW_KINDS:
            continue
        found = _reader(key, pending) if key.qualified not in live.relations else None
        if found is not None:
            migration, statement = found
            reason = f"{migration.name} reads {key}, which is made after the migrations"
            hint = (
                f"write CREATE {key.kind.upper()} {key.qualified.sql} AS … in front of it, as declared; "
                "or deploy this migration later"
            )
            yield refuse_statement(key, migration, statement, reason, hint)


def _reader(view: ObjectKey, pending: tuple[Migration, ...]) -> tuple[Migration, MigrationStatement] | None:
    name = view.qualified
    for migration, statement, effect in every_effect(pending):
        made = effect.key if effect.verb is EffectVerb.CREATE else effect.moved
        if effect.verb is EffectVerb.OPAQUE or (made is not None and made.qualified == name):
            return None
        needs = (need for need in statement.needs if need.kind is NeedKind.RELATION and not need.soft)
        if any(need.qualified == name for need in needs):
            return migration, statement
    return None
