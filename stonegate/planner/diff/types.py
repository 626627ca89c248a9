"""Enums, composite types, domains and ranges (behaviour, §4 "Types"; manual: ALTER TYPE, ALTER DOMAIN)."""

from __future__ import annotations

from stonegate.model.catalog import (
    NOT_VALID,
    Attribute,
    Catalog,
    CompositeType,
    Constraint,
    DomainType,
    EnumType,
    RangeType,
    Table,
)
from stonegate.model.expressions import same_text
from stonegate.model.names import VIEW_KINDS, ObjectKey, ObjectKind, in_list, quote_ident, quote_literal
from stonegate.model.plan import Action
from stonegate.planner.classify.classes import IMPOSSIBLE, USUAL, Circumstances
from stonegate.planner.diff.access import compare_access, compare_comment
from stonegate.planner.diff.columns import change_source
from stonegate.planner.diff.findings import Findings, Note, Unmanaged, compare_order, type_text
from stonegate.planner.diff.matching import Pair, match_parts, remembers
from stonegate.planner.diff.naming import make_object_name
from stonegate.planner.diff.not_null import rename_not_null
from stonegate.planner.diff.sides import Sides

AnyType = EnumType | CompositeType | DomainType | RangeType


def compare_types(sides: Sides) -> Findings:
    """All types of both catalogs."""
    live, desired = _types(sides.live), _types(sides.desired)
    for key, wanted in desired.items():
        present = live.get(key)
        if present is None:
            yield sides.change(Action.CREATE, key, f"{key} is new")
        elif wanted != present:
            yield from _compare_type(sides, wanted, present)
    for key in live:
        if key not in desired:
            yield from _removed_type(sides, key)


def _types(catalog: Catalog) -> dict[ObjectKey, AnyType]:
    kinds: tuple[AnyType, ...] = (*catalog.enums, *catalog.composites, *catalog.domains, *catalog.ranges)
    return {kind.key: kind for kind in kinds}


def _removed_type(sides: Sides, key: ObjectKey) -> Findings:
    """A type that something keeps using is kept: everything that is declared will have stopped using it by then."""
    if not sides.was_declared(key):
        yield Unmanaged(key)
        return
    users = tuple(str(user) for user in sides.users_of_type(key) if not _lets_go(sides, user))
    if users:
        yield Note(f"{key} is no longer declared, and kept: it is in use by {in_list(users)}")
    else:
        yield sides.change(Action.DROP, key, f"{key} is no longer declared, and nothing uses it")


def _lets_go(sides: Sides, user: ObjectKey) -> bool:
    """True if the plan changes or drops the user: what is declared cannot use a type that is not."""
    holder = sides.live.index_holders.get(user, user.owner)
    if sides.desired.has(user) or sides.was_declared(user):
        return True
    if holder == user:
        return False
    table = sides.live.table(holder)
    if user.kind is ObjectKind.COLUMN and table is None:
        return any(sides.was_declared(user.qualified.key(kind)) for kind in VIEW_KINDS)
    if holder not in sides.desired.objects:
        return sides.was_declared(holder)
    if user.kind is ObjectKind.COLUMN:
        column = sides.live.column(user)
        return table is not None and column is not None and sides.removes_column(table, column)
    return sides.had_part(user)


def _compare_type(sides: Sides, desired: AnyType, live: AnyType) -> Findings:
    key = desired.key
    match desired, live:
        case EnumType(), EnumType():
            yield from _compare_enum(sides, desired, live)
        case CompositeType(), CompositeType():
            yield from _compare_composite(sides, desired, live)
        case DomainType(), DomainType():
            yield from _compare_domain(sides, desired, live)
        case RangeType(), RangeType():
            yield from _compare_range(sides, desired, live)
        case _:
            yield from _recreate(sides, key, f"{key} is of another kind", _word(live), _word(desired), aspect="")
    yield from compare_access(sides, key, desired.access, live.access)


def _word(kind: AnyType) -> str:
    return type(kind).__name__.removesuffix("Type").lower()


def _recreate(sides: Sides, key: ObjectKey, reason: str, before: str, after: str, *, aspect: str) -> Findings:
    """Drop and create, as long as no column goes on storing values of the type; else only a migration can do it."""
    users = tuple(str(user) for user in sides.staying_users_of_type(key))
    if not users:
        yield sides.change(Action.RECREATE, key, reason, before=before, after=after)
        return
    yield sides.change(
        Action.ALTER if aspect else Action.RECREATE,
        key,
        f"{reason}, and is in use by {in_list(users)}",
        aspect=aspect,
        before=before,
        after=after,
        hint=f"write a migration: create the new type under another name, convert {in_list(users)}, drop the old one",
        facts=IMPOSSIBLE,
    )


# --- enums ----------------------------------------------------------------------------------------------------------


def _compare_enum(sides: Sides, desired: EnumType, live: EnumType) -> Findings:
    """Labels may be added anywhere; PostgreSQL cannot remove, reorder or (safely) rename them."""
    last = sides.last_declared(desired.key)
    known = last.labels if isinstance(last, EnumType) else ()
    foreign = tuple(label for label in live.labels if label not in desired.labels and label not in known)
    if foreign:
        yield Note(f"{desired.key} has labels that nobody declared: {in_list(foreign)}")
    managed = tuple(label for label in live.labels if label not in foreign)
    if desired.labels == managed:
        return
    possible = _is_subsequence(managed, desired.labels)
    if not possible and not foreign and not sides.staying_users_of_type(desired.key):
        reason = _label_change(f"{desired.key}, which no column holds,", desired.labels, managed)
        yield from _recreate(sides, desired.key, reason, _labels(live.labels), _labels(desired.labels), aspect="labels")
        return
    yield sides.change(
        Action.ALTER,
        desired.key,
        _label_change(str(desired.key), desired.labels, managed),
        aspect="labels",
        before=_labels(live.labels),
        after=_labels(desired.labels),
        hint=None if possible else _label_hint(desired, managed),
        facts=Circumstances(impossible=not possible),
    )


def _label_change(subject: str, desired: tuple[str, ...], live: tuple[str, ...]) -> str:
    """What becomes of the labels of `subject`."""
    gone = tuple(label for label in live if label not in desired)
    new = tuple(label for label in desired if label not in live)
    changes = [
        f"{verb} {'label' if len(labels) == 1 else 'labels'} {_labels(labels)}"
        for verb, labels in (("loses the", gone), ("gets the", new))
        if labels
    ]
    if [label for label in live if label in desired] != [label for label in desired if label in live]:
        changes.append("has its labels in another order")
    return f"{subject} {' and '.join(changes)}"


def _labels(labels: tuple[str, ...]) -> str:
    return ", ".join(quote_literal(label) for label in labels)


def _is_subsequence(part: tuple[str, ...], whole: tuple[str, ...]) -> bool:
    rest = iter(whole)
    return all(label in rest for label in part)


def _label_hint(desired: EnumType, live: tuple[str, ...]) -> str:
    name = desired.key.qualified.sql
    gone = [label for label in live if label not in desired.labels]
    new = [label for label in desired.labels if label not in live]
    if len(gone) == len(new) == 1 and live.index(gone[0]) == desired.labels.index(new[0]):
        old_label, new_label = quote_literal(gone[0]), quote_literal(new[0])
        return f"a rename? write a migration: ALTER TYPE {name} RENAME VALUE {old_label} TO {new_label}"
    return f"write a migration: create the new enum under another name, convert the columns, drop {name}"


# --- composite types ------------------------------------------------------------------------------------------------


def _compare_composite(sides: Sides, desired: CompositeType, live: CompositeType) -> Findings:
    present = {attribute.name: attribute for attribute in live.attributes}
    wanted = {attribute.name: attribute for attribute in desired.attributes}
    last = sides.last_declared(desired.key)
    known = [attribute.name for attribute in last.attributes] if isinstance(last, CompositeType) else []
    for name, attribute in wanted.items():
        key = desired.key.part(ObjectKind.ATTRIBUTE, name)
        if name not in present:
            yield sides.change(
                Action.CREATE, key, f"{key} is new", after=type_text(attribute.type, attribute.collation)
            )
        else:
            yield from _compare_attribute(sides, key, attribute, present[name])
    for name, attribute in present.items():
        key = desired.key.part(ObjectKind.ATTRIBUTE, name)
        if name in wanted:
            continue
        if name in known:
            yield sides.change(
                Action.DROP, key, f"{key} is no longer declared", before=type_text(attribute.type, attribute.collation)
            )
        else:
            yield Unmanaged(key)
    new = (name for name in wanted if name not in present)
    yield from compare_order(f"{desired.key}: attributes", wanted, present, new, known or None)


def _compare_attribute(sides: Sides, key: ObjectKey, desired: Attribute, live: Attribute) -> Findings:
    before, after = (type_text(each.type, each.collation) for each in (live, desired))
    verdict = sides.type_change(live.type, desired.type)
    tables = sides.live.tables if verdict.using else ()
    stay = (
        table for table in tables if (wanted := sides.desired.table(table.key)) is None or wanted.of_type is not None
    )
    typed = [table for table in stay if table.of_type == key.qualified]
    if before != after and typed:
        yield sides.change(
            Action.ALTER,
            key,
            f"{key} changes from {before} to {after}, which PostgreSQL does not cast by itself in {typed[0].key}",
            aspect="type",
            before=before,
            after=after,
            hint=_away_from_type(typed[0], key, after),
            facts=IMPOSSIBLE,
        )
    elif before != after:
        users = tuple(str(user) for user in sides.staying_users_of_type(key.owner))
        yield sides.change(
            Action.ALTER,
            key,
            f"{key} changes from {before} to {after}"
            + (f", which PostgreSQL refuses while {in_list(users)} use the type" if users else ""),
            aspect="type",
            before=before,
            after=after,
            hint="write a migration: add an attribute of the new type, copy the values, drop the old one"
            if users
            else None,
            facts=Circumstances(verdict=verdict, impossible=bool(users)),
        )
    yield from compare_comment(sides, key, desired.comment, live.comment)


def _away_from_type(table: Table, attribute: ObjectKey, after: str) -> str:
    """The migration that casts the column of a typed table (manual: ALTER TYPE knows no USING)."""
    name, of, column = table.key.qualified.sql, attribute.qualified.sql, quote_ident(attribute.member or "")
    return (
        f"write a migration: ALTER TABLE {name} NOT OF; ALTER TABLE {name} ALTER COLUMN {column} TYPE {after} USING …; "
        f"ALTER TYPE {of} ALTER ATTRIBUTE {column} TYPE {after}; ALTER TABLE {name} OF {of}; likewise for each table "
        "of the type"
    )


# --- domains and ranges ---------------------------------------------------------------------------------------------


def _compare_domain(sides: Sides, desired: DomainType, live: DomainType) -> Findings:
    key = desired.key
    if (desired.base, desired.collation) != (live.base, live.collation):
        reason = f"{key} has another {'base type' if desired.base != live.base else 'collation'}"
        before, after = (type_text(domain.base, domain.collation) for domain in (live, desired))
        yield from _recreate(sides, key, reason, before, after, aspect="base")
        return
    if not same_text(desired.default, live.default):
        yield change_source(sides, key, "default", live.default, desired.default)
    if desired.not_null != live.not_null:
        refusal = _refusal(sides, key, tightens=desired.not_null)
        yield sides.change(
            Action.ALTER,
            key,
            f"{key} {'becomes NOT NULL' if desired.not_null else 'allows nulls'}",
            aspect="not_null",
            before="NOT NULL" if live.not_null else None,
            after="NOT NULL" if desired.not_null else None,
            hint=refusal,
            facts=IMPOSSIBLE if refusal else USUAL,
        )
    yield from _compare_null_name(sides, desired, live)
    yield from _compare_domain_constraints(sides, desired, live)


def _compare_null_name(sides: Sides, desired: DomainType, live: DomainType) -> Findings:
    """The name of a NOT NULL constraint that stays; a made-up one, or one that nobody declared, is no difference."""
    wanted, present = desired.not_null_name, live.not_null_name
    if not (desired.not_null and live.not_null) or wanted == present:
        return
    last = sides.last_declared(desired.key)
    was_declared = isinstance(last, DomainType) and last.not_null_name == present
    usual = make_object_name(desired.name, "", "not_null")
    yield from rename_not_null(sides, desired.key, wanted, present, usual, was_declared=was_declared)


def _refusal(sides: Sides, key: ObjectKey, *, tightens: bool) -> str | None:
    """A hint where the domain cannot be tightened: PostgreSQL does not look for its values inside of other types."""
    users = sides.containers_of_domain(key) if tightens else ()
    if not users:
        return None
    within = in_list(tuple(str(user) for user in users))
    return f"PostgreSQL refuses: it stands inside of another type in {within}; create a new domain in a migration"


def _compare_domain_constraints(sides: Sides, desired: DomainType, live: DomainType) -> Findings:
    last = sides.last_declared(desired.key)
    known = last.constraints if isinstance(last, DomainType) else ()
    matched = match_parts(
        desired.constraints, live.constraints, owner=desired.name, remembered={part.name for part in known}
    )
    managed = tuple(part for part in matched.surplus if remembers(known, part, live.constraints))
    for part in matched.surplus:
        if part not in managed:
            yield Unmanaged(desired.key.part(ObjectKind.CONSTRAINT, part.name))
    gone = tuple(part for part in managed if matched.successor(part, desired.name) is None)
    made = (*matched.missing, *(pair.desired for pair in matched.replaced))
    validated = any(_is_validated(pair) for pair in matched.pairs)
    if made or matched.renamed or gone or validated:
        tightens = validated or any(not part.definition.endswith(NOT_VALID) for part in made)
        refusal = _refusal(sides, desired.key, tightens=tightens)
        lost = f"checks of {desired.key} are no longer declared: {in_list(tuple(part.name for part in gone))}"
        yield sides.change(
            Action.ALTER,
            desired.key,
            lost if gone else f"checks of {desired.key} change",
            aspect="constraints",
            before=_checks(live.constraints),
            after=_checks(desired.constraints),
            hint=refusal,
            facts=Circumstances(impossible=refusal is not None, loses_protection=bool(gone), checks_rows=tightens),
        )
    for pair in matched.pairs:
        key = desired.key.part(ObjectKind.CONSTRAINT, pair.name)
        if pair.desired.comment != pair.live.comment:
            yield from compare_comment(sides, key, pair.desired.comment, pair.live.comment)
        if pair.desired.definition.endswith(NOT_VALID) and not pair.live.definition.endswith(NOT_VALID):
            yield Note(f"{key} is validated already, although the folder says NOT VALID")


def _is_validated(pair: Pair[Constraint]) -> bool:
    return pair.live.definition.endswith(NOT_VALID) and not pair.desired.definition.endswith(NOT_VALID)


def _checks(constraints: tuple[Constraint, ...]) -> str | None:
    return "; ".join(f"{part.name} {part.definition}" for part in constraints) or None


def _compare_range(sides: Sides, desired: RangeType, live: RangeType) -> Findings:
    if desired.definition != live.definition:
        reason = f"{desired.key} has another definition"
        yield from _recreate(sides, desired.key, reason, live.definition, desired.definition, aspect="definition")
