"""What single effects of a migration do to the parts of a Table value (manual: ALTER TABLE)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from msgspec.structs import replace

from stonegate.model.catalog import Access, Column, CompositeType, Constraint, DomainType, Index, Table, View
from stonegate.model.names import ObjectKey, QualifiedName, quote_ident
from stonegate.model.source import Effect, EffectVerb
from stonegate.model.tokens import lex, words_of
from stonegate.planner.diff.sequences import moved_to_type

T = TypeVar("T")
N = TypeVar("N", Constraint, Index)


def others_than(members: tuple[T, ...], name: str | None) -> tuple[T, ...]:
    """The members but the one of that name."""
    return tuple(member for member in members if getattr(member, "name", None) != name)


def as_created(table: Table) -> Table:
    """The declared table as CREATE TABLE leaves it: without constraints, which are effects of their own, and without
    what other statements add."""
    return replace(
        table,
        columns=tuple(replace(column, comment=None, granted=()) for column in table.columns),
        constraints=tuple(constraint for constraint in table.constraints if constraint.inherited),
        indexes=tuple(index for index in table.indexes if index.inherited),
        triggers=(),
        policies=(),
        row_security=False,
        force_row_security=False,
        access=Access(owner=table.access.owner),
    )


def with_index(table: Table, index: Index) -> Table:
    """The table with the index, in the place of its namesake."""
    return replace(table, indexes=(*others_than(table.indexes, index.name), index))


def with_unnamed_index(table: Table, wanted: Table, columns: tuple[str | None, ...]) -> Table:
    """The table with a declared index over these columns that it lacks, in the same order if there is one."""
    present = {index.name for index in table.indexes}
    lacking = [i for i in wanted.indexes if frozenset(i.columns) == frozenset(columns) and i.name not in present]
    found = next((index for index in lacking if index.columns == columns), lacking[0] if lacking else None)
    return with_index(table, found) if found is not None else table


def without_index(table: Table, key: ObjectKey) -> Table:
    """The table without the index of that key, wherever it stands."""
    return replace(table, indexes=others_than(table.indexes, key.name)) if table.schema == key.schema else table


def with_constraint(table: Table, wanted: Table | None, effect: Effect) -> Table:
    """The table with what ADD CONSTRAINT adds to it, in the form that the desired table has; columns of a primary key
    are NOT NULL from then on, and an index that becomes a key is none any more."""
    if wanted is None:
        return table
    indexes = others_than(table.indexes, effect.old) if effect.old is not None else table.indexes
    names = {constraint.name for constraint in table.constraints}
    added = tuple(part for part in wanted.constraints if part.name not in names and adds_constraint(effect, part))
    key = {name for constraint in added if constraint.kind == "primary key" for name in constraint.columns}
    columns = (replace(column, not_null=True) if column.name in key else column for column in table.columns)
    return replace(table, columns=tuple(columns), constraints=(*table.constraints, *added), indexes=indexes)


def adds_constraint(effect: Effect, constraint: Constraint) -> bool:
    """True if ADD CONSTRAINT means this declared one: by name, or without one by kind and columns."""
    if effect.key.member:
        return constraint.name == effect.key.member
    mentioned = {column.key.member for column in effect.columns}
    return constraint.kind == effect.type and set(constraint.columns) == mentioned


def without_constraint(table: Table, name: str) -> Table:
    """The table without the constraint of that name."""
    return replace(table, constraints=others_than(table.constraints, name))


def rename_constraint(table: Table, old: str, new: str) -> Table:
    """The table with one constraint, be it a NOT NULL, and the index behind it, under another name."""

    def renamed(constraint: Constraint) -> Constraint:
        if constraint.name != old:
            return constraint
        return replace(constraint, name=new, index=new if constraint.index is not None else None)

    return replace(
        table,
        constraints=tuple(map(renamed, table.constraints)),
        columns=tuple(replace(c, not_null_name=new) if c.not_null_name == old else c for c in table.columns),
    )


def without_column(table: Table, name: str) -> Table:
    """PostgreSQL drops the constraints and indexes that use the column with it (manual: ALTER TABLE)."""
    return replace(
        table,
        columns=others_than(table.columns, name),
        constraints=tuple(c for c in table.constraints if name not in c.columns),
        indexes=tuple(i for i in table.indexes if name not in i.columns),
    )


def attached(table: Table, wanted: Table | None) -> Table:
    """The table as the partition that it is declared to be, with what it then has from its parent."""
    if wanted is None or wanted.partition_of is None:
        return table

    def joined(column: Column) -> Column:
        declared = wanted.column(column.name)
        if declared is None:
            return column
        return replace(column, inherited=declared.inherited, not_null_inherited=declared.not_null_inherited)

    constraints = tuple(each for each in wanted.constraints if each.inherited)
    indexes = tuple(each for each in wanted.indexes if each.inherited)
    return replace(
        table,
        partition_of=wanted.partition_of,
        partition_bound=wanted.partition_bound,
        columns=tuple(map(joined, table.columns)),
        constraints=(*_unlike(table.constraints, constraints), *constraints),
        indexes=(*_unlike(table.indexes, indexes), *indexes),
    )


def _unlike(parts: tuple[N, ...], others: tuple[N, ...]) -> tuple[N, ...]:
    names = {other.name for other in others}
    return tuple(part for part in parts if part.name not in names)


def detached(table: Table) -> Table:
    """The table when it is no partition any more: what it had from its parent is its own."""
    return replace(
        table,
        partition_of=None,
        partition_bound=None,
        columns=tuple(replace(each, inherited=False, not_null_inherited=False) for each in table.columns),
        constraints=tuple(replace(each, inherited=False) for each in table.constraints),
        indexes=tuple(replace(each, inherited=False) for each in table.indexes),
    )


def without_parent(table: Table, others: Sequence[Table]) -> Table:
    """The table when one of its parents let go of it: what it has from none of the others is its own (manual: ALTER
    TABLE, NO INHERIT)."""
    columns = [column for other in others for column in other.columns]
    kept, nulls = {column.name for column in columns}, {column.name for column in columns if column.not_null}
    checks = {constraint.name for other in others for constraint in other.constraints}

    def own(column: Column) -> Column:
        is_null = column.not_null_inherited and column.name in nulls
        return replace(column, inherited=column.inherited and column.name in kept, not_null_inherited=is_null)

    constraints = (replace(part, inherited=part.inherited and part.name in checks) for part in table.constraints)
    return replace(table, columns=tuple(map(own, table.columns)), constraints=tuple(constraints))


def follow_type(table: Table, wanted: Table | None, types: Mapping[str, str]) -> Table:
    """The table after types got other names: columns of these types, and what mentions them."""
    found = frozenset(column.name for column in table.columns if column.type in types)
    if not found:
        return table

    def renamed(column: Column) -> Column:
        if column.name not in found:
            return column
        declared = wanted.column(column.name) if wanted is not None else None
        same = declared is not None and declared.type == types[column.type] and column.default is not None
        default = declared.default if same and declared is not None else column.default
        return replace(column, type=types[column.type], default=default)

    table = replace(table, columns=tuple(map(renamed, table.columns)))
    return adopt_members(table, wanted, found) if wanted is not None else table


def with_attributes_of(composite: CompositeType, names: Mapping[str, str]) -> CompositeType:
    """The composite type with attributes of renamed types."""
    attributes = (replace(part, type=names.get(part.type, part.type)) for part in composite.attributes)
    return replace(composite, attributes=tuple(attributes))


def adopt_members(table: Table, wanted: Table, columns: frozenset[str], former: str | None = None) -> Table:
    """Members that mention `columns` in the form that the desired table has: under the same name, or, where PostgreSQL
    made the names up of former ones, the only one of that kind over the same columns.

    Args:
        former: of a table that got another name or schema, what it was called: all else that constraints say stays.
    """

    def follows(part: Constraint) -> bool:
        is_told = former is None or words_of(former) <= words_of(part.definition)
        return is_told and (bool(columns & set(part.columns)) or not part.columns)

    policies = {policy.name: policy for policy in wanted.policies}
    triggers = {trigger.name: trigger for trigger in wanted.triggers}
    return replace(
        table,
        constraints=tuple(_adopt_constraint(c, wanted) if follows(c) else c for c in table.constraints),
        indexes=tuple(_adopt_index(i, wanted) if columns & set(i.columns) else i for i in table.indexes),
        policies=tuple(policies.get(p.name, p) for p in table.policies),
        triggers=tuple(triggers.get(t.name, t) for t in table.triggers),
        columns=tuple(_adopt_default(column, wanted) for column in table.columns),
    )


def adopt_attached(view: View, wanted: View) -> View:
    """The same for a view, whose triggers and indexes may mention its name; its query does not."""
    triggers = {trigger.name: trigger for trigger in wanted.triggers}
    return replace(
        view,
        indexes=tuple(_adopt_index(index, wanted) for index in view.indexes),
        triggers=tuple(triggers.get(trigger.name, trigger) for trigger in view.triggers),
    )


def _adopt_constraint(part: Constraint, wanted: Table) -> Constraint:
    for other in wanted.constraints:
        if other.name == part.name:
            return other
    alike = [other for other in wanted.constraints if (other.kind, other.columns) == (part.kind, part.columns)]
    return replace(alike[0], name=part.name, index=part.index) if len(alike) == 1 else part


def _adopt_index(part: Index, wanted: Table | View) -> Index:
    for other in wanted.indexes:
        if other.name == part.name:
            return other
    alike = [other for other in wanted.indexes if (other.unique, other.columns) == (part.unique, part.columns)]
    return replace(alike[0], name=part.name) if len(alike) == 1 else part


def altered_column(column: Column, wanted: Column | None, effect: Effect) -> Column:
    """The column after ALTER COLUMN, with its default or identity in the form that the desired column has."""
    match effect.verb:
        case EffectVerb.SET_TYPE:
            same = wanted is not None and effect.type == wanted.type
            default = wanted.default if same and wanted is not None and column.default else column.default
            retyped = replace(column, type=effect.type or column.type, default=default)
            if column.identity_options is None:
                return retyped
            return replace(retyped, identity_options=moved_to_type(column.identity_options, retyped.type))
        case EffectVerb.SET_NOT_NULL | EffectVerb.DROP_NOT_NULL:
            return replace(column, not_null=effect.verb is EffectVerb.SET_NOT_NULL)
        case EffectVerb.SET_DEFAULT if wanted is not None and wanted.identity:
            return _with_identity(replace(column, default=None), wanted)
        case EffectVerb.SET_DEFAULT:
            return replace(column, default=wanted.default if wanted is not None else column.default)
        case _:
            bare = Column(name=column.name, type=column.type)
            return _with_identity(replace(column, default=None, generated=None, generated_kind=None), bare)


def altered_domain(domain: DomainType, wanted: DomainType | None, effect: Effect) -> DomainType:
    """The domain after ALTER DOMAIN, with what it gets in the form that the desired one has."""
    name = effect.key.member or ""
    declared = domain if wanted is None else wanted
    match effect.verb:
        case EffectVerb.SET_DEFAULT:
            return replace(domain, default=declared.default)
        case EffectVerb.DROP_DEFAULT:
            return replace(domain, default=None)
        case EffectVerb.SET_NOT_NULL:
            return replace(domain, not_null=True, not_null_name=declared.not_null_name)
        case EffectVerb.DROP_NOT_NULL:
            return replace(domain, not_null=False, not_null_name=None)
        case EffectVerb.ADD_CONSTRAINT:
            lacking = (part for part in declared.constraints if part not in domain.constraints)
            added = tuple(part for part in lacking if name in ("", part.name))
            return replace(domain, constraints=(*domain.constraints, *added))
        case EffectVerb.DROP_CONSTRAINT:
            return replace(domain, constraints=others_than(domain.constraints, name))
        case _:
            return domain


def _with_identity(column: Column, other: Column) -> Column:
    """The column with the identity of another one, or with none."""
    return replace(
        column,
        identity=other.identity,
        identity_options=other.identity_options,
        identity_name=other.identity_name,
        identity_access=other.identity_access,
    )


def rename_column(table: Table, old: str, new: str) -> Table:
    """The table with another name of a column, and with its constraints and indexes as PostgreSQL shows them then."""

    def renamed(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(new if name == old else name for name in names)

    def follow(part: Constraint) -> Constraint:
        if old not in part.columns and part.kind != "exclusion":  # whose WHERE may mention others
            return part
        if part.references is not None:
            definition = _with_renamed_in_key(part.definition, old, new, is_own=True)
        else:
            definition = _with_renamed(part.definition, old, new)
        return replace(part, columns=renamed(part.columns), definition=definition)

    def follow_index(part: Index) -> Index:
        if old not in part.columns:
            return part
        texts = (text.partition(" USING ") for text in (part.definition, part.shape))
        definition, shape = (f"{head} USING {_with_renamed(rest, old, new)}" for head, _, rest in texts)
        return replace(part, columns=renamed(part.columns), definition=definition, shape=shape)

    return replace(
        table,
        partition_key=_with_renamed(table.partition_key, old, new) if table.partition_key is not None else None,
        columns=tuple(replace(column, name=new) if column.name == old else column for column in table.columns),
        constraints=tuple(map(follow, table.constraints)),
        indexes=tuple(map(follow_index, table.indexes)),
    )


def with_referenced_column_renamed(table: Table, referenced: QualifiedName, old: str, new: str) -> Table:
    """The table with its foreign keys as PostgreSQL shows them after a column that they lead to got another name."""

    def follow(part: Constraint) -> Constraint:
        if part.references != referenced:
            return part
        return replace(part, definition=_with_renamed_in_key(part.definition, old, new, is_own=False))

    return replace(table, constraints=tuple(map(follow, table.constraints)))


def _with_renamed_in_key(definition: str, old: str, new: str, *, is_own: bool) -> str:
    """A foreign key's definition after a column got another name: its own table's, or that of the one it leads to."""
    own, _, rest = definition.partition(" REFERENCES ")
    table, _, rest = rest.partition("(")
    columns, _, actions = rest.partition(")")
    if is_own:  # ON DELETE SET NULL (…) names them, too
        own, actions = _with_renamed(own, old, new), _with_renamed(actions, old, new)
    else:
        columns = _with_renamed(columns, old, new)
    return f"{own} REFERENCES {table}({columns}){actions}"


def _with_renamed(expression: str, old: str, new: str) -> str:
    """A deparsed expression after a column in it got another name; a type or function of that name keeps its own."""
    pieces: list[str] = []
    done = 0
    text, name = expression.encode(), quote_ident(old).encode()
    tokens = lex(text)
    for before, token, behind in zip((None, *tokens), tokens, (*tokens[1:], None), strict=False):
        is_other = (before is not None and before.text == b"::") or (behind is not None and behind.text == b"(")
        if token.text == name and not is_other:
            pieces += (text[done : token.start].decode(), quote_ident(new))
            done = token.start + len(name)
    return "".join((*pieces, text[done:].decode()))


def with_parents_renamed(table: Table, names: Mapping[QualifiedName, QualifiedName]) -> Table:
    """The table after others, which may be its parents, or types, which it may be of, got other names."""

    def now(name: QualifiedName | None) -> QualifiedName | None:
        return names.get(name, name) if name is not None else None

    parents = tuple(names.get(parent, parent) for parent in table.inherits)
    return replace(table, inherits=parents, partition_of=now(table.partition_of), of_type=now(table.of_type))


def with_references_renamed(table: Table, names: Mapping[QualifiedName, QualifiedName]) -> Table:
    """The table with its foreign keys as PostgreSQL shows them after tables that they lead to got other names."""

    def follow(part: Constraint) -> Constraint:
        old, new = part.references, names.get(part.references) if part.references is not None else None
        if old is None or new is None:
            return part
        definition = part.definition.replace(f" REFERENCES {old.sql}(", f" REFERENCES {new.sql}(", 1)
        return replace(part, references=new, definition=definition)

    return replace(table, constraints=tuple(map(follow, table.constraints)))


def _adopt_default(column: Column, wanted: Table) -> Column:
    found = wanted.column(column.name)
    if found is None or column.default is None or found.default is None:
        return column
    return replace(column, default=found.default, owned_sequence=found.owned_sequence)
