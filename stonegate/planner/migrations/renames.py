"""What gets another name or schema in a migration, and what mentions it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from msgspec.structs import replace

from stonegate.model.catalog import (
    CatalogObject,
    CompositeType,
    Constraint,
    DefaultPrivileges,
    DomainType,
    EnumType,
    Extension,
    OtherObject,
    Routine,
    Schema,
    Sequence,
    Table,
    View,
)
from stonegate.model.names import ObjectKey, ObjectKind, QualifiedName
from stonegate.model.source import Effect
from stonegate.planner.migrations.draft import Draft
from stonegate.planner.migrations.new_names import (
    is_there,
    null_column,
    object_renamed,
    other_moved,
    rules_of,
    with_part_renamed,
)
from stonegate.planner.migrations.table_parts import (
    adopt_attached,
    adopt_members,
    follow_type,
    rename_column,
    with_attributes_of,
    with_parents_renamed,
    with_referenced_column_renamed,
    with_references_renamed,
)

#: What routines may take as a type, row types included.
TYPES = (ObjectKind.TYPE, ObjectKind.TABLE, ObjectKind.VIEW, ObjectKind.MATERIALIZED_VIEW)

#: What says nothing of its own name, and so is what it was under the new one.
UNNAMED = (CompositeType, DomainType, EnumType, Sequence, Table)


def rename(draft: Draft, effect: Effect) -> None:
    """RENAME of any object or part."""
    key, new = effect.key, effect.to or effect.key.name
    moved_before = len(draft.moved)
    for holder in draft.family(key.owner) if key.member is not None else ():
        before = holder.part(key.kind, key.member or "")
        if holder == key.owner or _comes_along(draft, before):
            draft.moved.append((before, holder.part(key.kind, new)))
    match key.kind:
        case ObjectKind.COLUMN:
            for holder in draft.family(key.owner):
                _rename_column(draft, holder, key.member or "", new)
        case ObjectKind.ATTRIBUTE:
            _rename_attribute(draft, effect, new)
        case ObjectKind.CONSTRAINT:
            for before, after in draft.moved[moved_before:]:
                draft.catalog = with_part_renamed(draft.catalog, before, after)
        case ObjectKind.INDEX:
            renamed = replace(key, name=new)
            if is_there(draft.catalog, key):  # else IF EXISTS is said, and another index may have the new name
                draft.moved.append((key, renamed))
            draft.catalog = with_part_renamed(draft.catalog, key, renamed)
            holders, wanted = draft.catalog.index_holders, draft.desired.index_holders
            # Another holder is its table under a name that it will not keep; none, an index that a migration makes.
            if renamed in wanted and holders.get(renamed, wanted[renamed]) == wanted[renamed]:
                draft.drop(renamed)
                draft.adopt_index(renamed)
        case ObjectKind.TRIGGER | ObjectKind.POLICY:
            renamed = replace(key, member=new)
            draft.catalog = with_part_renamed(draft.catalog, key, renamed)
            if draft.desired.part(renamed) is not None:
                draft.drop(renamed)
                draft.adopt_member(renamed)
        case ObjectKind.OTHER:
            _move_other(draft, key, name=new)
        case _:
            move(draft, key, key.schema, new)


def _comes_along(draft: Draft, key: ObjectKey) -> bool:
    """True for a child's part that gets the new name with its parent's: not for its policies and triggers."""
    part = draft.catalog.part(key)
    merged = isinstance(part, Constraint) and (part.inherited or part.kind == "check")
    column = null_column(draft.catalog, key)
    return merged or key.kind is ObjectKind.COLUMN or (column is not None and column.not_null_inherited)


def _rename_column(draft: Draft, holder: ObjectKey, old: str, new: str) -> None:
    def renamed(table: Table) -> Table:
        table, wanted = rename_column(table, old, new), draft.wanted_table(table)
        return table if wanted is None else adopt_members(table, wanted, frozenset())

    draft.on_table(holder, renamed)
    follow = partial(with_referenced_column_renamed, referenced=holder.qualified, old=old, new=new)
    for referring in draft.catalog.referring.get(holder.qualified, ()):
        draft.on_table(referring, follow)


def _rename_attribute(draft: Draft, effect: Effect, new: str) -> None:
    """The attribute, and the columns of the tables that follow the type."""
    found, old = draft.catalog.objects.get(effect.key.owner), effect.key.member or ""
    if not isinstance(found, CompositeType):
        return
    attributes = (replace(part, name=new) if part.name == old else part for part in found.attributes)
    draft.put(replace(found, attributes=tuple(attributes)))
    for table in draft.catalog.tables:
        if table.of_type == found.key.qualified:
            rename(draft, replace(effect, key=table.key.part(ObjectKind.COLUMN, old)))


def move(draft: Draft, key: ObjectKey, schema: str, name: str) -> None:
    """RENAME or SET SCHEMA of a whole object."""
    found = draft.catalog.objects.get(_with_arguments(draft, key))
    if isinstance(found, OtherObject):
        _move_other(draft, key, schema=schema)
    if found is None or isinstance(found, Schema | Extension | DefaultPrivileges | OtherObject):
        return
    key = found.key
    # Its columns' sequences go to its new schema with it: whether they stay is seen when it has happened.
    for sequence in draft.catalog.sequences:
        if sequence.owning_column is not None and sequence.owning_column.owner == key:
            draft.uncertain.add(replace(sequence, schema=schema).key.label)
    draft.remove(key)
    moved: CatalogObject = replace(found, schema=schema, name=name)
    draft.moved.append((key, moved.key))
    wanted = draft.desired.objects.get(moved.key)
    if isinstance(moved, Table):
        if isinstance(wanted, Table):
            columns = frozenset(column.name for column in moved.columns)
            moved = adopt_members(moved, wanted, columns, key.name)
    elif isinstance(moved, Routine):
        moved = as_declared(draft, moved)
    elif isinstance(moved, View) and isinstance(wanted, View):
        moved = adopt_attached(moved, wanted)
    elif wanted is not None and not isinstance(moved, UNNAMED):
        moved = wanted
    if key.kind in (ObjectKind.TABLE, ObjectKind.TYPE):
        draft.each_table(partial(follow_table, names={key.qualified: moved.key.qualified}))
    if key.kind is ObjectKind.TYPE:
        _follow_type(draft, key.qualified, moved.key.qualified)
    draft.put(moved)
    if key.kind in TYPES:
        _follow_argument(draft, key.qualified, moved.key.qualified)
    if isinstance(moved, Table):
        draft.adopt_sequences(moved.key)
    for rule, after in rules_of(draft.catalog, {key.qualified: moved.key.qualified}).items():
        _put_other(draft, rule, after)


def _with_arguments(draft: Draft, key: ObjectKey) -> ObjectKey:
    """The key of the only routine of that name, where the statement leaves out what it takes."""
    if key.kind is not ObjectKind.ROUTINE or key.arguments is not None:
        return key
    found = draft.catalog.routines_named(key.qualified)
    return found[0].key if len(found) == 1 else key


def _move_other(draft: Draft, key: ObjectKey, *, schema: str | None = None, name: str | None = None) -> None:
    """RENAME or SET SCHEMA of what the model holds as text only."""
    found = draft.catalog.objects.get(key)
    after = other_moved(found, schema, name) if isinstance(found, OtherObject) else None
    if after is not None:
        _put_other(draft, key, after)


def _put_other(draft: Draft, key: ObjectKey, after: ObjectKey) -> None:
    wanted = draft.desired.objects.get(after)
    renamed = wanted if wanted is not None else object_renamed(draft.catalog.objects[key], after)
    draft.remove(key)
    draft.moved.append((key, after))
    draft.uncertain.add(after.label)
    draft.put(renamed)


def as_declared(draft: Draft, routine: Routine) -> Routine:
    """The routine as the folder has it, but with its body, which goes on speaking of the old names."""
    wanted = draft.desired.objects.get(routine.key)
    return replace(wanted, body=routine.body) if isinstance(wanted, Routine) else routine


def _follow_argument(draft: Draft, old: QualifiedName, new: QualifiedName) -> None:
    """Routines are known by the types that they take."""
    names = spellings(old, new)
    for routine in draft.catalog.routines:
        renamed = replace(routine, arguments=tuple(names.get(type_, type_) for type_ in routine.arguments))
        if renamed.key != routine.key:
            draft.remove(routine.key)
            draft.moved.append((routine.key, renamed.key))
            draft.uncertain.add(renamed.key.label)
            draft.put(as_declared(draft, renamed))


def spellings(old: QualifiedName, new: QualifiedName) -> dict[str, str]:
    """The type and its array type as columns and arguments have them: before, and after."""
    return {f"{old.sql}{suffix}": f"{new.sql}{suffix}" for suffix in ("", "[]")}


def follow_table(table: Table, names: Mapping[QualifiedName, QualifiedName]) -> Table:
    """The table with what it says of tables and types that get other names: parents, its type, and foreign keys."""
    return with_references_renamed(with_parents_renamed(table, names), names)


def _follow_type(draft: Draft, old: QualifiedName, new: QualifiedName) -> None:
    names = spellings(old, new)
    draft.each_table(lambda table: follow_type(table, draft.wanted_table(table), names))
    draft.catalog = replace(
        draft.catalog,
        composites=tuple(with_attributes_of(composite, names) for composite in draft.catalog.composites),
        domains=tuple(replace(domain, base=names.get(domain.base, domain.base)) for domain in draft.catalog.domains),
    )
