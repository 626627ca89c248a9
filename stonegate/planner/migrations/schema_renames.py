"""ALTER SCHEMA … RENAME: all that stands in the schema goes along, in one pass over the catalog.

Moved one by one, each object would be looked for in all others.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from stonegate.model.catalog import (
    CatalogObject,
    CompositeType,
    DefaultPrivileges,
    DomainType,
    Extension,
    OtherObject,
    Routine,
    Schema,
    Sequence,
    Table,
)
from stonegate.model.names import ObjectKey, QualifiedName, quote_ident, schema_key
from stonegate.model.plan import EVERYTHING
from stonegate.planner.migrations.draft import Draft
from stonegate.planner.migrations.new_names import object_renamed, other_moved, rules_of
from stonegate.planner.migrations.renames import TYPES, UNNAMED, as_declared, follow_table, spellings
from stonegate.planner.migrations.table_parts import adopt_members, follow_type, with_attributes_of


class _Move(Struct, frozen=True, kw_only=True):
    """The schema's names before and after.

    Attributes:
        relations: what else may be named in tables and types of any schema.
        types: the same as types of columns and arguments are spelled.
        others: the keys of what the model holds as text only.
    """

    old: str
    new: str
    relations: Mapping[QualifiedName, QualifiedName]
    types: Mapping[str, str]
    others: Mapping[ObjectKey, ObjectKey]


def rename_schema(draft: Draft, old: str, new: str) -> None:
    """Everything in it goes along; what mentions it reads otherwise then, which is seen when it has happened."""
    schema = draft.catalog.objects.get(schema_key(old))
    if not isinstance(schema, Schema) or schema_key(new) in draft.catalog.objects:
        return
    draft.uncertain.add(EVERYTHING)
    draft.remove(schema.key)
    draft.put(replace(schema, name=new))
    draft.moved.append((schema.key, schema_key(new)))
    move = _plan_move(draft, old, new)
    after = {thing.key: _moved(draft, move, thing) for thing in draft.catalog.objects.values()}
    draft.moved += ((key, thing.key) for key, thing in after.items() if thing.key != key)
    draft.catalog = draft.catalog.mapped(lambda thing: None if _goes(move, thing) else after[thing.key])
    relations = frozenset(move.relations.values())
    sequences = {sequence.key: sequence for sequence in draft.catalog.sequences}
    for sequence in draft.desired.sequences:
        if sequence.owning_column is not None and sequence.owning_column.qualified in relations:
            sequences[sequence.key] = sequence
    draft.catalog = replace(draft.catalog, sequences=tuple(sequences.values()))


def _plan_move(draft: Draft, old: str, new: str) -> _Move:
    typed = (key for key in draft.catalog.objects if key.schema == old and key.kind in TYPES)
    relations = {key.qualified: QualifiedName(new, key.name) for key in typed}
    in_schema = (other for other in draft.catalog.others if other.identity.startswith(f"{quote_ident(old)}."))
    moved = ((other.key, other_moved(other, new)) for other in in_schema)
    rules = rules_of(draft.catalog, relations)
    return _Move(
        old=old,
        new=new,
        relations=relations,
        types={before: after for pair in relations.items() for before, after in spellings(*pair).items()},
        others={before: after for before, after in moved if after is not None} | rules,
    )


def _goes(move: _Move, thing: CatalogObject) -> bool:
    """True for the sequences of the schema's columns: the declared ones take their place."""
    return (
        isinstance(thing, Sequence)
        and thing.owning_column is not None
        and thing.owning_column.qualified in move.relations
    )


def _moved(draft: Draft, move: _Move, thing: CatalogObject) -> CatalogObject:
    """The object under its new name, if it stands in the schema, and with the new names of what it mentions."""
    match thing:
        case OtherObject():
            after = move.others.get(thing.key)
            return thing if after is None else draft.desired.objects.get(after) or object_renamed(thing, after)
        case Schema() | Extension() | DefaultPrivileges():
            return thing
        case _ if thing.schema == move.old:
            return _followed(draft, move, replace(thing, schema=move.new), is_moved=True)
        case _:
            return _followed(draft, move, thing, is_moved=False)


def _followed(draft: Draft, move: _Move, thing: CatalogObject, *, is_moved: bool) -> CatalogObject:
    wanted = draft.desired.objects.get(thing.key)
    match thing:
        case Table():
            declared = wanted if isinstance(wanted, Table) else None
            thing = follow_type(follow_table(thing, move.relations), declared, move.types)
            if declared is None or not is_moved:
                return thing
            return adopt_members(thing, declared, frozenset(column.name for column in thing.columns))
        case Routine():
            arguments = tuple(move.types.get(type_, type_) for type_ in thing.arguments)
            is_other = is_moved or arguments != thing.arguments
            return as_declared(draft, replace(thing, arguments=arguments)) if is_other else thing
        case CompositeType():
            return with_attributes_of(thing, move.types)
        case DomainType():
            return replace(thing, base=move.types.get(thing.base, thing.base))
        case _:
            return wanted if is_moved and wanted is not None and not isinstance(thing, UNNAMED) else thing
