"""Owner, comment and privileges of every kind of object, and the names that these statements call an object by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import assert_never

from msgspec.structs import replace

from stonegate.model.catalog import (
    Access,
    Accessible,
    Catalog,
    CatalogObject,
    Column,
    CompositeType,
    DefaultPrivileges,
    DomainType,
    EnumType,
    Extension,
    OtherObject,
    Privilege,
    RangeType,
    Routine,
    Schema,
    Sequence,
    Table,
    View,
)
from stonegate.model.names import ObjectKey, ObjectKind, QualifiedName, quote_ident, quote_literal
from stonegate.planner.diff.access import as_access, as_owner, column_access, due_rights, is_among, lacks
from stonegate.planner.diff.naming import split_top_level

_NOTHING = Access()


def reference(thing: CatalogObject) -> str:
    """Kind and name as COMMENT ON, ALTER … OWNER TO and DROP want them: `TABLE public.users`."""
    match thing:
        case Schema():
            return f"SCHEMA {quote_ident(thing.name)}"
        case Extension():
            return f"EXTENSION {quote_ident(thing.name)}"
        case DomainType():
            return f"DOMAIN {thing.key.qualified.sql}"
        case EnumType() | CompositeType() | RangeType():
            return f"TYPE {thing.key.qualified.sql}"
        case Sequence():
            return f"SEQUENCE {thing.key.qualified.sql}"
        case Table():
            return f"{'FOREIGN TABLE' if thing.kind == 'foreign table' else 'TABLE'} {thing.key.qualified.sql}"
        case View():
            return f"{'MATERIALIZED VIEW' if thing.materialized else 'VIEW'} {thing.key.qualified.sql}"
        case Routine():
            return routine_reference(thing.key, thing.kind)
        case OtherObject():
            return f"{_OTHER_WORDS.get(thing.kind, thing.kind.upper())} {thing.identity}"
        case DefaultPrivileges():
            return f"DEFAULT PRIVILEGES {thing.key.name}"
        case _:
            assert_never(thing)


_OTHER_WORDS = {"statistics object": "STATISTICS"}


def routine_reference(key: ObjectKey, kind: str | None = None) -> str:
    """`FUNCTION s.f(integer)`; PROCEDURE, or ROUTINE for aggregates and where the kind is unknown.

    ROUTINE spares aggregates their `*` and ORDER BY notation. Procedures are looked up by all of their parameters
    too unless a mode is written (manual: DROP PROCEDURE), so it is.
    """
    arguments = key.arguments or ""
    match kind:
        case "function" | "window function":
            return f"FUNCTION {key.qualified.sql}({arguments})"
        case "procedure":
            return f"PROCEDURE {key.qualified.sql}({_with_modes(arguments)})"
        case _:
            return f"ROUTINE {key.qualified.sql}({arguments})"


def _with_modes(arguments: str) -> str:
    """`integer, numeric(1,2)` with IN before each type."""
    return ", ".join(f"IN {part.strip()}" for part in split_top_level(arguments))


def _grant_target(thing: Accessible) -> str:
    match thing:
        case Table() | View():
            return f"TABLE {thing.key.qualified.sql}"
        case DomainType():
            return f"TYPE {thing.key.qualified.sql}"
        case _:
            return reference(thing)


def role_sql(name: str) -> str:
    """A role, or PUBLIC for "" (as `Privilege` writes it)."""
    return quote_ident(name) if name else "PUBLIC"


# --- owner and comment ----------------------------------------------------------------------------------------------


def comment_statement(target: str, comment: str | None) -> str:
    """COMMENT ON; None removes the comment."""
    return f"COMMENT ON {target} IS {'NULL' if comment is None else quote_literal(comment)}"


def owner_statement(thing: Accessible) -> str:
    """ALTER … OWNER TO."""
    return f"ALTER {reference(thing)} OWNER TO {quote_ident(thing.access.owner)}"


def access_statements(thing: Accessible, builder: str) -> tuple[str, ...]:
    """Owner, privileges and comment of an object that was just created by `builder`."""
    access = thing.access
    owner = (owner_statement(thing),) if access.owner not in ("", builder) else ()
    comment = (comment_statement(reference(thing), access.comment),) if access.comment is not None else ()
    return (*owner, *privilege_statements(thing, Access()), *comment)


# --- privileges (manual 5.8) ----------------------------------------------------------------------------------------


def privilege_statements(thing: Accessible, live: Access, builder: str = "") -> tuple[str, ...]:
    """GRANT what the desired object has and the live one lacks, REVOKE what only the desired one takes away.

    A right beyond the declared ones stays: privileges are ensured, never removed, except by REVOKE (behaviour, §1).

    Args:
        thing: the desired object.
        live: what the live object has.
        builder: the role that owns what the folder gives no owner; the live object's owner stands for it.
    """
    return _privilege_statements(_grant_target(thing), thing.access, live, builder)


def _privilege_statements(
    target: str,
    desired: Access | DefaultPrivileges,
    live: Access,
    builder: str = "",
    *,
    columns: str = "",
    head: str = "",
) -> tuple[str, ...]:
    missing, taken = due_rights(desired, live, builder)
    return (
        *(f"{head}GRANT {rights} ON {target} TO {_given_to(who)}" for rights, who in _grouped(missing, columns)),
        *(
            f"{head}REVOKE {_taken(rights, who)} ON {target} FROM {role_sql(who[0])}"
            for rights, who in _grouped(taken, columns)
        ),
    )


def birth_statements(
    thing: Accessible, defaults: Iterable[DefaultPrivileges], declared: Iterable[DefaultPrivileges], builder: str
) -> tuple[str, ...]:
    """What a new object needs where default privileges, of whichever role, give or take what the folder does not.

    Args:
        defaults: those that are in force.
        declared: the folder's, as far as they are `builder`'s. Where these do not reach the object in a fresh build,
            because it stands in front of them, they do not reach it here either.
    """
    return _privilege_statements(_grant_target(thing), *_said_and_born(thing, defaults, declared, builder))


def sequences_at_birth(
    table: Table,
    columns: Iterable[str],
    defaults: Iterable[DefaultPrivileges],
    declared: Iterable[DefaultPrivileges],
    catalog: Catalog,
    builder: str,
) -> tuple[Table, tuple[str, ...]]:
    """The same for the sequences of new serial and identity columns, with the table whose columns say the names of
    those sequences that the statements speak of.

    Args:
        columns: names of the new ones.
        catalog: the desired one, which holds the sequences of serial columns.
    """
    defaults, declared, statements = tuple(defaults), tuple(declared), list[str]()
    named = {column.name: column for column in table.columns}
    for column in map(named.get, columns):
        sequence = _sequence_of_its_own(column, catalog) if column is not None else None
        if column is None or sequence is None:
            continue
        said, born = _said_and_born(sequence, defaults, declared, builder)
        found = _privilege_statements(_grant_target(sequence), said, born)
        if found and column.identity:
            spoken = replace(sequence.access, denied=said.denied, affirmed=said.affirmed)
            named[column.name] = replace(column, identity_access=spoken)
        statements += found
    return replace(table, columns=tuple(named.values())), tuple(statements)


def _sequence_of_its_own(column: Column, catalog: Catalog) -> Sequence | None:
    """The sequence that comes with a column; None where it has none, or a parent's."""
    if column.inherited:
        return None
    if column.identity_name is not None and column.identity_access is not None and column.identity_options is not None:
        schema, inside = column.identity_name.schema, column.identity_name.name
        return Sequence(schema=schema, name=inside, options=column.identity_options, access=column.identity_access)
    name = column.owned_sequence
    found = catalog.objects.get(name.key(ObjectKind.SEQUENCE)) if name is not None else None
    return found if isinstance(found, Sequence) else None


def _said_and_born(
    thing: Accessible, defaults: Iterable[DefaultPrivileges], declared: Iterable[DefaultPrivileges], builder: str
) -> tuple[Access, Access]:
    """What `birth_statements` has to see to, and the rights that the object comes with."""
    schema = "" if isinstance(thing, Schema) else thing.schema
    fitting = [entry for entry in defaults if entry.objects == _plural(thing) and entry.schema in ("", schema)]
    born = Access(
        granted=tuple(sorted({right for entry in fitting for right in entry.granted})),
        revoked=tuple(sorted({right for entry in fitting for right in entry.revoked})),
    )
    own = thing.access
    late = [entry for entry in declared if entry in fitting and entry.role == builder]
    # Rights that it comes with: its owner's, and PUBLIC's to call routines and to use types.
    natural = (own.owner, "") if _plural(thing) in ("functions", "types") else (own.owner,)
    given = (right for entry in late for right in entry.granted if not is_among(right, own.granted))
    beyond: tuple[Privilege, ...] = tuple(right for right in given if right.grantee not in natural or lacks(own, right))
    # What the folder takes from, or gives back to, the default privileges in force, it does in the same deployment.
    beyond = (*beyond, *(right for entry in late for right in entry.denied if not is_among(right, own.granted)))
    short = tuple(right for entry in late for right in (*entry.revoked, *entry.affirmed) if not lacks(own, right))
    return Access(denied=(*own.denied, *beyond), affirmed=(*own.affirmed, *short)), born


def _plural(thing: Accessible) -> str:
    match thing:
        case Table() | View():
            return "tables"
        case Sequence():
            return "sequences"
        case Routine():
            return "functions"
        case Schema():
            return "schemas"
        case _:
            return "types"


def column_privilege_statements(
    relation: QualifiedName, desired: Column, live: Access = _NOTHING, builder: str = ""
) -> tuple[str, ...]:
    """The rights on one column that the live one lacks, and those that are declared revoked.

    Args:
        live: who owns the live relation, and the rights on the column.
    """
    return _privilege_statements(
        f"TABLE {relation.sql}",
        column_access(desired, builder, live.owner),
        Access(granted=live.granted),
        columns=f" ({quote_ident(desired.name)})",
    )


def column_rights_again(desired: Table | View, live: Table | View, builder: str) -> Iterator[str]:
    """The declared rights on columns that a REVOKE on the whole relation takes away as well (manual: REVOKE)."""
    _, revoked = due_rights(desired.access, live.access, builder)
    taken = {(right.grantee, right.privilege) for right in revoked}
    held = {column.name: column.granted for column in live.columns}
    for column in desired.columns:
        granted = as_owner(column.granted, builder, live.access.owner)
        lost = (right for right in granted if (right.grantee, right.privilege) in taken)
        again = tuple(right for right in lost if is_among(right, held.get(column.name, ())))
        yield from column_privilege_statements(desired.key.qualified, replace(column, granted=again, denied=()))


def sequence_privilege_statements(
    sequence: QualifiedName, desired: Access, live: Access, builder: str = ""
) -> tuple[str, ...]:
    """The same for a sequence of that name."""
    return _privilege_statements(f"SEQUENCE {sequence.sql}", desired, live, builder)


def default_privilege_statements(desired: DefaultPrivileges, live: DefaultPrivileges | None) -> tuple[str, ...]:
    """ALTER DEFAULT PRIVILEGES for what the live entry lacks."""
    place = f" IN SCHEMA {quote_ident(desired.schema)}" if desired.schema else ""
    head = f"ALTER DEFAULT PRIVILEGES FOR ROLE {quote_ident(desired.role)}{place} "
    return _privilege_statements(desired.objects.upper(), desired, as_access(live), head=head)


#: A role, and whether it is about the grant option.
_Who = tuple[str, bool]


def _grouped(rights: Iterable[Privilege], columns: str = "") -> Iterator[tuple[str, _Who]]:
    """One entry for each role and grant option: ("SELECT, INSERT", ("alice", True))."""
    groups: dict[_Who, list[str]] = {}
    for right in rights:
        groups.setdefault((right.grantee, right.grantable), []).append(f"{right.privilege}{columns}")
    for who, names in groups.items():
        yield ", ".join(dict.fromkeys(names)), who


def _given_to(who: _Who) -> str:
    return role_sql(who[0]) + (" WITH GRANT OPTION" if who[1] else "")


def _taken(rights: str, who: _Who) -> str:
    return f"GRANT OPTION FOR {rights}" if who[1] else rights
