"""Tables as a whole: what exists, what a table as such is like, and the comparison of all of its parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from stonegate.model.catalog import NOT_ENFORCED, Index, Table, View
from stonegate.model.names import ObjectKey, ObjectKind, QualifiedName, in_list, quote_ident
from stonegate.model.plan import Action, Change
from stonegate.planner.classify.classes import IMPOSSIBLE, Circumstances
from stonegate.planner.diff.access import compare_access
from stonegate.planner.diff.code import compare_policies, compare_triggers
from stonegate.planner.diff.columns import compare_columns
from stonegate.planner.diff.constraints import compare_constraints
from stonegate.planner.diff.findings import Findings, Note, Unmanaged, heirs, options_text
from stonegate.planner.diff.indexes import compare_indexes
from stonegate.planner.diff.inheritance import Family, part_meaning
from stonegate.planner.diff.retyping import made_anew, rows_elsewhere
from stonegate.planner.diff.sides import Sides
from stonegate.planner.diff.using_index import taken_over


def compare_tables(sides: Sides) -> Findings:
    """All tables of both catalogs."""
    live = {table.key: table for table in sides.live.tables}
    desired = {table.key: table for table in sides.desired.tables}
    added = [table for key, table in desired.items() if key not in live]
    for table in added:
        yield _new_table(sides, table)
        yield from _brought_along(sides, table, ())
    for key, table in desired.items():
        if key in live and (table != live[key] or any(look(sides, table) for look in _LOOKS)):
            yield from compare_table(sides, table, live[key])
    gone = [table for key, table in live.items() if key not in desired]
    for table, heir in heirs(gone, added, lambda table: sorted((c.name, c.type) for c in table.columns)):
        yield from _surplus_table(sides, table, heir if table.columns else None)


def _new_table(sides: Sides, table: Table) -> Change:
    """The new table, refused where a partition that nobody declared has its bounds: moved by hand, most likely."""
    parent = table.partition_of.key(ObjectKind.TABLE) if table.partition_of is not None else None
    beside = sides.live.children.get(parent, ()) if parent is not None else ()
    for other in beside:
        if other.partition_bound != table.partition_bound or other.key in sides.desired.objects:
            continue
        if not sides.was_declared(other.key):
            moves = other.name == table.name
            verb = f"SET SCHEMA {quote_ident(table.schema)}" if moves else f"RENAME TO {quote_ident(table.name)}"
            return sides.change(
                Action.CREATE,
                table.key,
                f"{table.key} cannot be created: {other.key}, which the folder does not declare, has its bounds",
                hint=f"write a migration: ALTER TABLE {other.key.qualified.sql} {verb}; or detach it there",
                facts=IMPOSSIBLE,
            )
    return sides.change(Action.CREATE, table.key, f"{table.key} is new")


def _may_lose_parts(sides: Sides, table: Table) -> bool:
    """True for a partition that is as declared, of a table with an invalid index: its share goes with that."""
    parent = sides.live.relations.get(table.partition_of) if table.partition_of is not None else None
    return isinstance(parent, Table) and not all(index.valid for index in parent.indexes)


def _has_own_expression(sides: Sides, table: Table) -> bool:
    """True for a partition or child whose generated columns are not its parent's: a change of those is written over
    them."""
    parents = (parent for name in table.parents if isinstance(parent := sides.live.relations.get(name), Table))
    above = {column.name: column.generated for parent in parents for column in parent.columns}
    return any(above.get(column.name, column.generated) != column.generated for column in table.columns)


def _has_unenforced_check(sides: Sides, table: Table) -> bool:
    """True for a table with a check that is not enforced in it, or above: it is made anew where a child's changes."""
    holders = (table, *sides.desired.parents(table))
    return any(part.definition.endswith(NOT_ENFORCED) for holder in holders for part in holder.constraints)


#: What else makes a table differ that is as declared.
_LOOKS = (_may_lose_parts, _has_own_expression, _has_unenforced_check)


def _surplus_table(sides: Sides, table: Table, heir: Table | None) -> Findings:
    hint = None
    if heir is not None:
        move = table.schema != heir.schema
        verb = f"SET SCHEMA {heir.schema}" if move and table.name == heir.name else f"RENAME TO {heir.name}"
        hint = f"a rename? write: ALTER TABLE {table.key.label} {verb}"
    if sides.was_declared(table.key):
        yield sides.change(Action.DROP, table.key, f"{table.key} is no longer declared", hint=hint)
        return
    yield Unmanaged(table.key)
    if heir is not None:
        yield Note(f"{table.key} is not declared, {heir.key} is new and has the same columns: {hint}")


def compare_table(sides: Sides, desired: Table, live: Table) -> Findings:
    """Everything about one table that is on both sides."""
    if _is_another_kind(desired, live):
        yield from _changed_kind(sides, desired, live)
        return
    family = Family(sides=sides, desired=desired, live=live)
    yield from compare_columns(sides, desired, live, family)
    taken = taken_over(sides, desired, live, family)
    constraints = list(compare_constraints(sides, desired, live, family, taken))
    indexes = list(compare_indexes(sides, desired, live, family, taken.values()))
    yield from constraints
    yield from indexes
    yield from compare_triggers(sides, desired, live)
    yield from compare_policies(sides, desired, live)
    touched = {finding.key for finding in (*constraints, *indexes) if isinstance(finding, Change)}
    yield from _compare_aspects(sides, desired, live)
    yield from compare_place(sides, desired, live)
    yield from _compare_parent_order(desired, live)
    if _partition_text(desired) != _partition_text(live):
        yield from _brought_along(sides, desired, live.indexes)
    yield from _compare_replica_identity(sides, desired, live, touched)
    yield from _compare_row_security(sides, desired, live)
    yield from compare_access(sides, desired.key, desired.access, live.access)


def _is_another_kind(desired: Table, live: Table) -> bool:
    return desired.kind != live.kind or desired.partition_key != live.partition_key


def _changed_kind(sides: Sides, desired: Table, live: Table) -> Findings:
    """A table does not become a partitioned or foreign one, nor partitioned in another way (manual: ALTER TABLE)."""
    yield sides.change(
        Action.ALTER,
        desired.key,
        f"{desired.key} is a {_kind_text(live)} instead of a {_kind_text(desired)}, which PostgreSQL cannot change",
        aspect="partition_key",
        before=_kind_text(live),
        after=_kind_text(desired),
        hint=made_anew(live),
        facts=IMPOSSIBLE,
    )


def _kind_text(table: Table) -> str:
    return f"{table.kind} by {table.partition_key}" if table.partition_key else table.kind


_Text = Callable[[Table], str | None]


def _compare_aspects(sides: Sides, desired: Table, live: Table) -> Iterator[Change]:
    """The aspects that are one value each; `rewriting` ones copy the table."""
    aspects: tuple[tuple[str, _Text, bool], ...] = (
        ("unlogged", lambda table: "unlogged" if table.unlogged else "logged", True),
        ("options", lambda table: options_text(table.options), False),
        ("inherits", lambda table: _names_text(tuple(sorted(table.inherits))), False),
        ("partition", _partition_text, False),
        ("of_type", lambda table: str(table.of_type) if table.of_type is not None else None, False),
        ("access_method", lambda table: table.access_method, True),
    )
    for aspect, text, rewriting in aspects:
        before, after = text(live), text(desired)
        if before != after:
            subject = str(desired.key) if aspect == "unlogged" else f"{desired.key}: {aspect.replace('_', ' ')}"
            elsewhere = rows_elsewhere(sides, live) if rewriting else None
            if aspect == "of_type" and desired.of_type is not None:
                elsewhere = _misplaced(sides, desired)
            refusal = f", which PostgreSQL refuses to change: {elsewhere}" if elsewhere is not None else ""
            yield sides.change(
                Action.ALTER,
                desired.key,
                f"{subject} is {before or 'none'} instead of {after or 'none'}{refusal}",
                aspect=aspect,
                before=before,
                after=after,
                hint=made_anew(live) if elsewhere is not None else None,
                facts=Circumstances(impossible=elsewhere is not None),
                rewrites=rewriting,
            )


def _misplaced(sides: Sides, desired: Table) -> str | None:
    """Why the table cannot become one of its type: that wants its columns, and no others, in its order."""
    columns = in_list(sides.final_columns(desired.key.qualified))
    wanted = in_list(tuple(column.name for column in desired.columns))
    return f"its columns are ({columns}), those of the type ({wanted})" if columns != wanted else None


def compare_place(sides: Sides, desired: Table | View, live: Table | View) -> Findings:
    """The tablespace: where a table lies that no folder ever placed is the affair of whoever runs the server."""
    key, wanted, present = desired.key, desired.tablespace, live.tablespace
    if wanted == present:
        return
    last = sides.last_declared(key)
    known = last.tablespace if isinstance(last, Table | View) else None
    if wanted is None and known is None:
        yield Note(f"{key} stays in the tablespace {present}: the folder names none")
        return
    reason = f"{key}: tablespace is {present or 'none'} instead of {wanted or 'none'}"
    yield sides.change(Action.ALTER, key, reason, aspect="tablespace", before=present, after=wanted, rewrites=True)


def _names_text(names: tuple[QualifiedName, ...]) -> str | None:
    return ", ".join(str(name) for name in names) or None


def _compare_parent_order(desired: Table, live: Table) -> Iterator[Note]:
    """What they hand down comes in the order of the parents, which stays like that of the columns.

    Only leaving and joining again would change it, and makes every inherited column the table's own.
    """
    kept = tuple(name for name in live.inherits if name in desired.inherits)
    joined = (*kept, *(name for name in desired.inherits if name not in kept))
    if joined != desired.inherits:
        there, wanted = _names_text(joined), _names_text(desired.inherits)
        yield Note(f"{desired.key}: parents stand in the order {there} instead of {wanted}")


def _partition_text(table: Table) -> str | None:
    parts = (str(table.partition_of) if table.partition_of is not None else "", table.partition_bound or "")
    return " ".join(part for part in parts if part) or None


def _brought_along(sides: Sides, table: Table, present: tuple[Index, ...]) -> Iterator[Note]:
    """A partition gets its share of the indexes that its parent has when it joins, of those made ON ONLY that, too."""
    if table.partition_of is None:
        return
    wanted, live = (side.get(table.partition_of) for side in (sides.desired.relations, sides.live.relations))
    own = {part_meaning(part) for part in (*table.indexes, *present) if part.inherited}
    at_hand = {part_meaning(part): part for part in live.indexes} if isinstance(live, Table) else None
    for part in wanted.indexes if isinstance(wanted, Table) else ():
        meaning = part_meaning(part)
        if not part.valid and meaning not in own and (at_hand is None or meaning in at_hand):
            name = at_hand[meaning].name if at_hand is not None else part.name
            yield Note(f"{table.key} gets an index for {name}, which is ON ONLY {table.partition_of} in the folder")


_IDENTITIES = {"d": "default", "n": "nothing", "f": "full", "i": "an index"}


def _compare_replica_identity(sides: Sides, desired: Table, live: Table, touched: set[ObjectKey]) -> Iterator[Change]:
    """An index as identity is marked with the change of that index, if there is one."""
    if desired.replica_identity == live.replica_identity:
        return
    marked = {part.name for part in desired.indexed if part.replica_identity}
    if desired.replica_identity == "i" and any(key.own_name in marked for key in touched):
        return
    before, after = (_IDENTITIES.get(table.replica_identity) for table in (live, desired))
    yield sides.change(
        Action.ALTER,
        desired.key,
        f"{desired.key}: its replica identity is {before} instead of {after}",
        aspect="replica_identity",
        before=before,
        after=after,
    )


def _compare_row_security(sides: Sides, desired: Table, live: Table) -> Findings:
    """Switching it off loses protection; what somebody switched on by hand is left on, as a hand-made policy is."""
    last = sides.last_table(desired.key)
    for aspect, words in (("row_security", "row-level security"), ("force_row_security", "forced row-level security")):
        wanted, present = getattr(desired, aspect), getattr(live, aspect)
        if wanted == present:
            continue
        if present and not (last is not None and getattr(last, aspect)):
            yield Note(f"{desired.key} has {words}, which nobody declared: it stays on")
            continue
        yield sides.change(
            Action.ALTER,
            desired.key,
            f"{words} of {desired.key} is switched {'on' if wanted else 'off'}",
            aspect=aspect,
            before="on" if present else "off",
            after="on" if wanted else "off",
            facts=Circumstances(loses_protection=not wanted),
        )
