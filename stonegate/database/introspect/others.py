"""What the model holds as text only: rules, statistics, operators, remarks, …"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from stonegate.database.introspect import rows
from stonegate.database.introspect.lookup import Lookup, grouped, printed
from stonegate.database.introspect.nodes import Nodes
from stonegate.model.catalog import OtherObject, OtherPart
from stonegate.model.names import ObjectKey, ObjectKind

#: The catalogs of such objects (pg_class.dat); whatever one of them has that no extension brought has to be read.
_CLASSES: Final = frozenset(
    {
        3381,  # pg_statistic_ext
        3456,  # pg_collation
        2607,  # pg_conversion
        2617,  # pg_operator
        2753,  # pg_opfamily
        2616,  # pg_opclass
        3601,  # pg_ts_parser
        3764,  # pg_ts_template
        3600,  # pg_ts_dict
        3602,  # pg_ts_config
        3576,  # pg_transform
        2612,  # pg_language
        1417,  # pg_foreign_server
        1418,  # pg_user_mapping
        3466,  # pg_event_trigger
    }
)
#: Operators and functions of operator families.
_FAMILY_PARTS: Final = (2602, 2603)


def has_others(lookup: Lookup) -> bool:
    """True if a database has any of it; most have none, and looking takes longer than asking."""
    read = lookup.rows
    return (
        any(one.found for one in read.find_others)
        or any(_is_sign(row, lookup) for row in read.dependencies)
        or any(_is_other_type(one) and (rows.PG_TYPE, one.oid) not in lookup.members for one in read.types)
        or any(one.name != "_RETURN" for one in read.rules)
        or any(one.inner and one.enabled != "O" and one.relation in lookup.relations for one in read.triggers)
        or any(one.kind == "m" and one.replica_identity != "d" for one in read.relations)
        or any(_differs(lookup, one) for one in read.inheritance)
        or any(_differs_from_table(lookup, sequence) for sequence in lookup.sequence_owners)
        or _has_remarkable_comments(lookup)
    )


def _is_sign(row: rows.DependencyRow, lookup: Lookup) -> bool:
    return row.kind == "x" or (row.cls in _CLASSES and (row.cls, row.object) not in lookup.members)


def _is_other_type(one: rows.Type) -> bool:
    return (one.kind == "b" and one.category != "A") or one.kind == "p"


def _differs(lookup: Lookup, one: rows.Inheritance) -> bool:
    """Whether an index that is part of another one is stored in another way."""
    child, parent = lookup.relations.get(one.child), lookup.relations.get(one.parent)
    if child is None or parent is None or child.kind not in ("i", "I"):
        return False
    return (child.options, child.tablespace) != (parent.options, parent.tablespace)


def _differs_from_table(lookup: Lookup, sequence: int) -> bool:
    owner = lookup.sequence_owners[sequence]
    inside, table = lookup.relations.get(sequence), lookup.relations.get(owner.relation)
    return owner.identity and inside is not None and table is not None and inside.unlogged != table.unlogged


def _has_remarkable_comments(lookup: Lookup) -> bool:
    """Whether something is commented that the model has no place for."""
    read = lookup.rows
    not_null = {one.oid for one in read.constraints if one.kind == "n"}
    inner = {one.oid for one in read.triggers if one.inner}
    second = {one.oid for one in read.types if one.kind == "m" or one.category == "A"}
    places = {
        rows.PG_CLASS: lookup.index_owners,
        rows.PG_CONSTRAINT: not_null,
        rows.PG_TRIGGER: inner,
        rows.PG_TYPE: second,
    }
    return any(one.cls == rows.PG_REWRITE or one.object in places.get(one.cls, ()) for one in read.comments)


def others(lookup: Lookup, read: rows.OtherRows) -> tuple[OtherObject, ...]:
    """The objects, by kind and identity."""
    parts = grouped(read.other_parts, lambda one: one.object)
    found = [_other(lookup, one, parts.get(one.object, [])) for one in read.others]
    found += [_remark(one) for one in read.remarks]
    return tuple(sorted(found, key=lambda one: (one.kind, one.identity)))


def _other(lookup: Lookup, one: rows.Other, parts: list[rows.OtherPart]) -> OtherObject:
    own = sorted((part for part in parts if part.cls == one.cls), key=lambda part: part.sql)
    return OtherObject(
        kind=one.kind,
        identity=one.identity,
        definition=printed(one.definition),
        parts=tuple(OtherPart(sql=printed(part.sql), undo=part.undo) for part in own),
        creatable=one.creatable,
        drop=one.drop,
        owner=one.owner or "",
        comment=lookup.comment(one.cls, one.object),
    )


def _remark(one: rows.Remark) -> OtherObject:
    about = None
    if one.about_kind is not None:
        about = ObjectKey(
            ObjectKind(one.about_kind), one.about_schema or "", one.about_name or "", None, one.about_member
        )
    return OtherObject(
        kind=one.kind,
        identity=one.identity,
        definition=printed(one.definition),
        creatable=one.creatable,
        drop=one.drop,
        about=about,
    )


def other_edges(lookup: Lookup, nodes: Nodes, read: rows.OtherRows) -> Iterator[tuple[ObjectKey, ObjectKey]]:
    """What depends on them and they on, with repetitions."""
    others_of = {(one.cls, one.object): _key(one.kind, one.identity) for one in read.others}
    # Parts of publications and of operator families stand for these.
    wholes = {(one.cls, one.object): others_of.get((one.whole_class, one.whole)) for one in read.other_members}
    others_of |= {address: key for address, key in wholes.items() if key is not None}
    nodes.add_schemas()
    for row in lookup.rows.dependencies:
        if row.kind in ("e", "x") or (row.kind == "i" and row.cls in _FAMILY_PARTS):
            continue
        address, on_address = (row.cls, row.object), (row.on_class, row.on_object)
        first = others_of.get(address) if not row.number else None
        second = others_of.get(on_address) if not row.on_number else None
        if first is None and second is None:
            continue
        dependent = first or nodes.find(row.cls, row.object, row.number)
        on = second or nodes.find(row.on_class, row.on_object, row.on_number)
        if dependent is not None and on is not None and dependent != on:
            yield dependent, on
    for remark in read.remarks:
        holder = nodes.find(remark.holder_class, remark.holder, remark.holder_number)
        holder = holder or others_of.get((remark.holder_class, remark.holder))
        if holder is None:
            continue
        yield _key(remark.kind, remark.identity), holder


def _key(kind: str, identity: str) -> ObjectKey:
    return ObjectKey(ObjectKind.OTHER, "", f"{kind} {identity}")
