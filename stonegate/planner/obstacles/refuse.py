"""What is said of an obstacle that may not be touched, and what to do about it."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable, Iterator

from stonegate.model.catalog import Catalog
from stonegate.model.consent import ConsentToken
from stonegate.model.names import VIEW_KINDS, ObjectKey, ObjectKind, quote_ident
from stonegate.model.plan import Action, Blocked, Change
from stonegate.model.source import Migration, MigrationStatement
from stonegate.planner.ddl import drop_statement
from stonegate.planner.migrations.refusal import refuse_statement
from stonegate.planner.obstacles.disturbances import RESTORED, Disturbance

#: What nobody declared and may be dropped by naming it (behaviour, §4 "Tables").
_NAMED = {
    ObjectKind.VIEW: ConsentToken.DROP_VIEW,
    ObjectKind.MATERIALIZED_VIEW: ConsentToken.DROP_VIEW,
    ObjectKind.ROUTINE: ConsentToken.DROP_ROUTINE,
    ObjectKind.INDEX: ConsentToken.DROP_INDEX,
    ObjectKind.TRIGGER: ConsentToken.DROP_TRIGGER,
}


def refuse(dependent: ObjectKey, disturbance: Disturbance, desired: Catalog, live: Catalog) -> Blocked:
    """The refusal to drop or retype what `dependent` depends on."""
    verb = disturbance.verb.replace("is dropped", "must be dropped")
    if disturbance.cause.restored:
        verb += f" ({disturbance.cause.reason.removeprefix(RESTORED)})"
    column = live.column(dependent) if dependent.kind is ObjectKind.COLUMN else None
    stays = column is not None and desired.column(dependent) is not None
    if stays or dependent in desired.objects:
        is_computed = column is not None and column.generated is not None
        ways = (_add_again(dependent) if is_computed else None, _other_name(dependent, disturbance))
        hint = "; or ".join(filter(None, ways)) or _all_of_it(dependent)
    else:
        hint = f"drop {dependent} in a migration, or declare it in the folder"
        if dependent.kind in _NAMED:
            token = shlex.quote(f"{_NAMED[dependent.kind]}:{dependent.label}")
            hint += f"; or let this deployment drop it: --allow {token}"
    return Blocked(
        object=dependent.label,
        reason=f"{dependent} depends on {disturbance.key}, which {verb}",
        hint=hint,
    )


def refuse_lost_parts(
    changes: Iterable[Change],
    unmanaged: Iterable[ObjectKey],
    named: Collection[ObjectKey],
    desired: Catalog,
    live: Catalog,
) -> Iterator[Blocked]:
    """The refusals to drop and make again a view whose index or trigger nobody declared: that would not come back.

    Args:
        named: what is dropped by itself, since a consent names it.
    """
    remade = {change.key.qualified: change for change in changes if _remakes_view(change)}
    for key in unmanaged:
        if key.kind not in (ObjectKind.INDEX, ObjectKind.TRIGGER) or key in named:
            continue
        cause = remade.get(live.index_holders.get(key, key).qualified)
        if cause is not None:
            yield refuse(key, Disturbance(cause.key, False, cause), desired, live)


def _remakes_view(change: Change) -> bool:
    return change.key.kind in VIEW_KINDS and change.action is Action.RECREATE and not change.aspect


def _add_again(column: ObjectKey) -> str:
    """How a generated column makes way, and comes back with new values."""
    alter = f"ALTER TABLE {column.qualified.sql} DROP COLUMN {quote_ident(column.member or '')};"
    return (
        f"write a migration: {alter} with the line -- stonegate: allow drop_column {column.label}, "
        "and this deployment adds it again, with new values"
    )


def _other_name(dependent: ObjectKey, disturbance: Disturbance) -> str | None:
    """How the declared dependent may stay: it uses something else from now on."""
    changing = disturbance.dropped_first
    if changing is None or dependent.kind is ObjectKind.OTHER:
        return None
    if dependent.kind is ObjectKind.TYPE:  # whose checks PostgreSQL will not alter where it is part of another type
        return f"declare another type, which does without {changing}, and give it in a migration to what has this one"
    return f"declare what takes the place of {changing} under another name, and use that"


def _all_of_it(dependent: ObjectKey) -> str:
    return f"write a migration that takes {dependent} away, makes the change, and brings {dependent} back"


def refuse_plain(key: ObjectKey, cause: Disturbance, migration: Migration, statement: MigrationStatement) -> Blocked:
    """The refusal of a generated column that will be one of its own, with the values that it has."""
    reason = f"{key}, whose values are to stay without being generated, depends on {cause.key}, which {cause.verb}"
    column = f"{key.qualified.sql} ALTER COLUMN {quote_ident(key.member or '')}"
    hint = f"write ALTER TABLE {column} DROP EXPRESSION; in front of it"
    return refuse_statement(key, migration, statement, reason, hint)


def refuse_used(
    key: ObjectKey,
    migration: Migration,
    statement: MigrationStatement,
    catalog: Catalog,
    user: tuple[Migration, MigrationStatement],
) -> Blocked:
    """The refusal to take away what a migration goes on using."""
    other, use = user
    comes_earlier = other is migration and use.line < statement.line
    reason = f"{key} stands in the way of this statement, and {other.name} uses it in line {use.line}"
    hint = f"write {drop_statement(key, catalog.objects.get(key))}; in front of it"
    hint += ": the declared one comes back behind the migrations" if comes_earlier else ", and make it again behind it"
    return refuse_statement(key, migration, statement, reason, hint)


def refuse_called(
    key: ObjectKey, migration: Migration, statement: MigrationStatement, catalog: Catalog, caller: ObjectKey
) -> Blocked:
    """The refusal to take away a routine that a default, check, index or domain calls."""
    freeing = f"what frees {caller} from it and "
    if caller.kind is ObjectKind.COLUMN:
        freeing = f"ALTER TABLE {caller.qualified.sql} ALTER COLUMN {quote_ident(caller.member or '')} DROP DEFAULT; "
    reason = f"{key} stands in the way of this statement, and {caller} calls it"
    hint = (
        f"write {freeing}{drop_statement(key, catalog.objects.get(key))}; in front of it: "
        "the declared ones come back behind the migrations"
    )
    return refuse_statement(key, migration, statement, reason, hint)
