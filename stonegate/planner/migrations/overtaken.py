"""What happens in the transaction, and would have to wait for a migration that runs after its commit.

Files run in path order (behaviour, §3). One that PostgreSQL, or a directive, keeps out of the transaction is overtaken
by the later ones, and by what the folder itself takes away. Ordinarily it ran long before, but not in a database that
gets several releases at once; and behind the commit nothing can be rolled back: what is gone stays gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from stonegate.model.catalog import NOT_VALID, Catalog
from stonegate.model.names import ObjectKey, ObjectKind
from stonegate.model.plan import Action, Blocked, Change, ChangeClass
from stonegate.model.source import ROW_VERBS, Effect, EffectVerb, Migration, MigrationStatement, NeedKind, every_effect
from stonegate.model.tokens import canonical_form, words_of
from stonegate.planner.classify.type_matrix import parse_type
from stonegate.planner.classify.type_rules import scale_of
from stonegate.planner.diff.retyping import FAMILIES, keeps_family
from stonegate.planner.migrations.backfill import is_unfilled
from stonegate.planner.migrations.refusal import refuse_statement
from stonegate.planner.reach import reached

#: After these the object is not there, or not under its name.
_PARTING = {
    EffectVerb.DROP: "drops",
    EffectVerb.DROP_COLUMN: "drops",
    EffectVerb.DROP_CONSTRAINT: "drops",
    EffectVerb.RENAME: "renames",
    EffectVerb.SET_SCHEMA: "moves",
}
_MEMBERS = frozenset({ObjectKind.COLUMN, ObjectKind.CONSTRAINT, ObjectKind.TRIGGER, ObjectKind.POLICY})
_SPACES = {ObjectKind.TYPE: NeedKind.TYPE, ObjectKind.ROUTINE: NeedKind.ROUTINE}


def refuse_overtaken(running: tuple[Migration, ...], late: tuple[Migration, ...]) -> Iterator[Blocked]:
    """Statements inside of the transaction that stand behind one of `late` in the folder, where the order matters."""
    for last in late:
        behind = (migration for migration in running[running.index(last) + 1 :] if migration not in late)
        found = next(((other, *hit) for other in behind for hit in _conflicts(last, other)), None)
        if found is not None:
            other, statement, key, does = found
            reason = (
                f"{other.name} {does} {key} before {last.name}, which stands in front of it in the folder and "
                "is about that, but runs after the commit"
            )
            hint = (
                f"first deploy the release that has {last.name} and not yet {other.name}; or write "
                f"-- stonegate: no-transaction into {other.name}, which runs behind it then"
            )
            yield refuse_statement(key, other, statement, reason, hint)


def refuse_early(
    changes: tuple[Change, ...], late: tuple[Migration, ...], desired: Catalog, live: Catalog
) -> Iterator[Blocked]:
    """What this deployment declares and the statements after the commit do not go together with."""
    if late:
        yield from refuse_gone(changes, late)
        yield from refuse_unnamed(changes, late, desired)
        yield from _refuse_unprepared(changes, late)
        yield from _refuse_otherwise_indexed(late, desired, live)


def _refuse_unprepared(changes: Iterable[Change], late: Iterable[Migration]) -> Iterator[Blocked]:
    """Columns that get another type in the transaction, with which a statement after the commit that is to change their
    rows may mean something else, or come too late for values that were rounded or cut."""
    for change in changes:
        for migration, found in _prepared_by(change, late) if not _is_checked(change) else ():
            reason = f"{change.key} gets another type before {migration.name}, which changes its rows after the commit"
            yield refuse_statement(change.key, migration, found, reason, _way_around(migration))


def with_late_hints(changes: Iterable[Change], late: Iterable[Migration]) -> tuple[Change, ...]:
    """The changes; those of columns that lose room for rows which a statement after the commit is to change say so.

    PostgreSQL looks at every row in the transaction: where one is in the way, nothing is changed at all, and where none
    is (the table may be empty), there is nothing to wait for.
    """
    late = tuple(late)
    return tuple(_with_late_hint(change, late) if late else change for change in changes)


def _with_late_hint(change: Change, late: tuple[Migration, ...]) -> Change:
    found = next(_prepared_by(change, late), None) if _is_checked(change) else None
    if found is None:
        return change
    return replace(change, hint=f"{found[0].name} changes its rows only after the commit: {_way_around(found[0])}")


def _way_around(migration: Migration) -> str:
    return (
        f"first deploy the release that has {migration.name} and not yet this; or let the rows be changed by a "
        f"migration that runs inside the transaction, or the column by {migration.name} itself, behind the rows"
    )


def _prepared_by(change: Change, late: Iterable[Migration]) -> Iterator[tuple[Migration, MigrationStatement]]:
    """The migrations that change rows for a column which loses room, each with its first such statement."""
    for migration in late if _closes(change) else ():
        found = next((part for part in migration.statements if _prepares(part, change)), None)
        if found is not None:
            yield migration, found


#: Of these types PostgreSQL refuses each value that does not fit, and rounds or cuts none.
_EXACT = frozenset().union(*FAMILIES)


def _is_checked(change: Change) -> bool:
    """True if PostgreSQL itself ends the deployment where a row is in the way."""
    if change.aspect != "type":
        return True
    former, latter = parse_type(change.before or ""), parse_type(change.after or "")
    if former.base == latter.base == "numeric":  # which is only rounded where its scale shrinks
        return bool(former.modifiers) and scale_of(latter) >= scale_of(former)
    return former.base in _EXACT and keeps_family(change, exactly=False)


def _closes(change: Change) -> bool:
    """True if the column comes to hold less than before."""
    if change.key.kind is not ObjectKind.COLUMN or change.action is Action.DROP:
        return False
    if change.aspect == "type":
        return change.change_class is not ChangeClass.SAFE
    is_set = change.aspect == "not_null" and change.after is not None and NOT_VALID not in change.after
    return is_set or is_unfilled(change)


def _prepares(statement: MigrationStatement, change: Change) -> bool:
    """True for what writes rows by the column; nothing but an UPDATE of it, or a DELETE, takes nulls away."""
    if not _writes(statement) or not _needs(statement, change.key):
        return False
    if change.aspect == "type" or statement.first_word not in ("update", "insert"):
        return True
    written = {need.column for need in statement.needs if need.qualified == change.key.qualified}
    return statement.first_word == "update" and change.key.member in written


def _refuse_otherwise_indexed(late: Iterable[Migration], desired: Catalog, live: Catalog) -> Iterator[Blocked]:
    """Indexes that are made after the commit as an earlier release declared them: with other columns than now."""
    made: dict[ObjectKey, tuple[Migration, MigrationStatement, Effect]] = {}
    for migration, statement, effect in every_effect(late):
        if effect.verb is EffectVerb.CREATE and effect.key.kind is ObjectKind.INDEX:
            made[effect.key] = migration, statement, effect
        elif effect.verb is not EffectVerb.ALTER_OTHER:
            made.pop(effect.key, None)
    for key, (migration, statement, effect) in made.items():
        holder = desired.index_holders.get(key)
        relation = None if holder is None else desired.relations.get(holder.qualified)
        index = next((each for each in relation.indexes if each.name == key.name), None) if relation else None
        if relation is None or index is None or key in live.index_holders:
            continue
        columns = {each.key.member for each in effect.columns}
        if not columns <= {column.name for column in relation.columns}:
            continue  # it is renamed, or gone
        is_unique = canonical_form(statement.sql).startswith("create unique")
        if columns != set(index.columns) or is_unique != index.unique:
            reason = f"{migration.name} makes {key} after the commit in another form than the one that is declared"
            hint = f"first deploy the release that has {migration.name} and declares that form; or correct one"
            yield refuse_statement(key, migration, statement, reason, hint)


def refuse_gone(changes: Iterable[Change], late: Iterable[Migration]) -> Iterator[Blocked]:
    """The statements after the commit that need what this deployment drops."""
    dropped = [change.key for change in changes if change.action is Action.DROP]
    for migration in late if dropped else ():
        for statement in migration.statements:
            for key in (key for key in dropped if _needs(statement, key)):
                reason = f"{migration.name} needs {key}, which is dropped before it: it runs after the commit"
                hint = (
                    f"first deploy the release that has {migration.name} and {key}; or put the statement into a "
                    "migration that runs inside the transaction"
                )
                yield refuse_statement(key, migration, statement, reason, hint)


def refuse_unnamed(changes: Iterable[Change], late: Iterable[Migration], desired: Catalog) -> Iterator[Blocked]:
    """What the transaction would do to a name that only a statement after the commit gives."""
    changes = tuple(change for change in changes if change.action is not Action.DROP)
    for migration, statement, effect in every_effect(late):
        if effect.moved is None:
            continue
        table = desired.table(effect.moved)
        columns = table.columns if table is not None else ()
        parts = (effect.moved, *(effect.moved.part(ObjectKind.COLUMN, column.name) for column in columns))
        users = reached(parts, lambda key: desired.dependents.get(key, ()))
        for change in changes:
            if effect.moved in (change.key, change.key.owner, change.holder) or change.key in users:
                reason = f"{change.key} needs {effect.moved}, which gets its name only after the commit"
                hint = (
                    f"give the name in a migration that runs inside the transaction, or leave {change.key} to the "
                    "next release"
                )
                yield refuse_statement(change.key, migration, statement, reason, hint)


def _conflicts(last: Migration, other: Migration) -> Iterator[tuple[MigrationStatement, ObjectKey, str]]:
    """The statements of `other` that have to wait for `last`, with what both are about."""
    for statement in other.statements:
        for effect in statement.effects:
            does = _PARTING.get(effect.verb)
            if does is not None and any(_is_hit(part, effect) for part in last.statements):
                yield statement, effect.key, does
            if effect.verb is EffectVerb.SET_TYPE and any(
                _writes(part) and _needs(part, effect.key) for part in last.statements
            ):
                yield statement, effect.key, "changes the type of"
        for part in last.statements:
            for key in _shared_rows(part, statement):
                yield statement, key, "reads or writes rows of"


def _is_hit(statement: MigrationStatement, parting: Effect) -> bool:
    own = [effect for effect in statement.effects if effect.key == parting.key]
    if own and all(effect.verb is EffectVerb.DROP and effect.if_exists for effect in own):
        return False
    return bool(own) or _needs(statement, parting.key)


def _needs(statement: MigrationStatement, key: ObjectKey) -> bool:
    """True for what fails without the object, or does something else."""
    words = words_of(statement.sql)
    if any(effect.verb is EffectVerb.OPAQUE for effect in statement.effects) and not statement.needs:  # DO
        return words_of(" ".join(filter(None, (key.name, key.member)))) <= words
    if key.kind is ObjectKind.SCHEMA:
        return any(need.schema == key.name for need in statement.needs)
    if key.kind in _MEMBERS and not words_of(key.member or "") <= words:
        return False
    if key.kind is ObjectKind.INDEX and key.member is None and words_of(key.name) <= words:
        return True  # CLUSTER … USING
    space = _SPACES.get(key.kind, NeedKind.RELATION)
    return any(need.kind is space and need.qualified == key.qualified for need in statement.needs)


def _writes(statement: MigrationStatement) -> bool:
    return any(effect.verb in ROW_VERBS for effect in statement.effects)


def _copies(statement: MigrationStatement) -> bool:
    """True for CREATE TABLE … AS."""
    makes = any(
        effect.verb is EffectVerb.CREATE and effect.key.kind is ObjectKind.TABLE for effect in statement.effects
    )
    return makes and "select" in words_of(statement.sql)


def _shared_rows(first: MigrationStatement, second: MigrationStatement) -> Iterator[ObjectKey]:
    """The tables in whose rows the one may find what the other wrote."""
    for writer, reader in ((first, second), (second, first)):
        if not _writes(reader) and not _copies(reader):
            continue
        for effect in writer.effects:
            if effect.verb in ROW_VERBS and _needs(reader, effect.key) and not _commute(effect.key, writer, reader):
                yield effect.key


def _commute(table: ObjectKey, writer: MigrationStatement, reader: MigrationStatement) -> bool:
    """True for new rows on both sides, and for an UPDATE whose columns the other one does not mention."""
    verbs = [writer.first_word, reader.first_word]
    is_written = any(effect.key == table and effect.verb in ROW_VERBS for effect in reader.effects)
    if is_written and verbs == ["insert", "insert"]:
        return True
    if verbs[0] != "update" or (is_written and verbs[1] != "update"):
        return False
    columns = {need.column for need in writer.needs if need.column is not None and need.qualified == table.qualified}
    words = words_of(reader.sql)
    return bool(columns) and not any(words_of(column) <= words for column in columns)
