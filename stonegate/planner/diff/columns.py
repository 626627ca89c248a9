"""Columns of tables, compared by name: order is never a difference (behaviour, §5)."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from stonegate.model.catalog import Access, Column, Table
from stonegate.model.expressions import same_text
from stonegate.model.names import ObjectKey, ObjectKind, quote_ident
from stonegate.model.plan import Action, Change
from stonegate.planner.arrivals import arriving
from stonegate.planner.classify.classes import Circumstances
from stonegate.planner.diff.access import compare_column_privileges, compare_comment, compare_privileges
from stonegate.planner.diff.findings import Findings, Note, Unmanaged, compare_order, heirs, options_text, type_text
from stonegate.planner.diff.generated import (
    SET_EXPRESSION,
    above,
    comes_anew,
    feeds_share,
    goes_along,
    is_rebuilt,
    is_rebuilt_above,
    is_share,
    is_watched,
)
from stonegate.planner.diff.inheritance import Family, has_own_not_null
from stonegate.planner.diff.naming import has_given_sequence, is_given_sequence
from stonegate.planner.diff.not_null import compare_not_null, not_null_text
from stonegate.planner.diff.retyping import compare_type, made_anew, rows_elsewhere
from stonegate.planner.diff.sequences import same_identity_options, sequence_text
from stonegate.planner.diff.sides import Sides


def compare_columns(sides: Sides, desired: Table, live: Table, family: Family) -> Findings:
    """All columns of one table."""
    wanted = {column.name: column for column in desired.columns}
    present = {column.name: column for column in live.columns}
    last = sides.last_table(desired.key)
    former = {column.name: column for column in last.columns} if last is not None else {}
    added = [column for name, column in wanted.items() if name not in present]
    for column in added:
        yield from _add_column(sides, desired, column, family)
    for name, column in wanted.items():
        if name in present and column != present[name]:
            known = former.get(name)
            yield from _compare_column(sides, desired, column, present[name], known, family)
        elif name in present and is_share(column, column, family):
            yield from _compare_share(sides, _key(desired, column), column, column, family)
        if name in present and family.becomes_own(column, present[name]):
            yield Note(f"{_key(desired, column)} becomes the table's own besides its parent's")
    gone = [column for name, column in present.items() if name not in wanted and not family.takes_column(column)]
    for column, heir in heirs(gone, added, lambda column: column.type):
        yield from _surplus_column(sides, live, column, heir)
    if not _has_order_of_parent(sides, desired, live):
        new = arriving(desired.columns, present)
        yield from compare_order(f"{desired.key}: columns", wanted, present, new, former if last is not None else None)


def _has_order_of_parent(sides: Sides, desired: Table, live: Table) -> bool:
    """True for a partition whose columns stand as those of its parent, in the folder and in the database: one remark
    on the parent is for all of them."""
    if desired.partition_of is None:
        return False
    parent = desired.partition_of.key(ObjectKind.TABLE)
    parents = sides.desired.table(parent), sides.live.table(parent)
    return _names(parents) == _names((desired, live))


def _names(tables: Iterable[Table | None]) -> list[list[str]]:
    return [[column.name for column in table.columns] for table in tables if table is not None]


def _key(table: Table, column: Column) -> ObjectKey:
    return table.key.part(ObjectKind.COLUMN, column.name)


# --- added and removed ----------------------------------------------------------------------------------------------


def _add_column(sides: Sides, table: Table, column: Column, family: Family) -> Findings:
    key = _key(table, column)
    if family.brings_column(column):
        yield from _set_apart(sides, table, column)
        return
    reason, hint = f"{key} is new", None
    unfilled = _lacks_value(sides, column)
    if unfilled:
        reason += ", NOT NULL and without a default for the rows that exist"
        hint = f"give {key.label} a default, or add it nullable, fill it in a migration, and set NOT NULL afterwards"
    elsewhere = rows_elsewhere(sides, family.live) if _goes_through_rows(sides, column) else None
    if elsewhere is not None:
        reason += f", and PostgreSQL refuses to fill it: {elsewhere}"
        hint = f"add {key.label} nullable and without a default in a migration, and fill it there"
    facts = Circumstances(unfilled=unfilled, impossible=elsewhere is not None)
    yield sides.change(Action.CREATE, key, reason, after=column_text(column), hint=hint, facts=facts, column=column)


def _set_apart(sides: Sides, table: Table, column: Column) -> Findings:
    """A column that comes from above: only what neither ALTER TABLE nor ALTER TYPE hands down needs a statement."""
    key, hint = _key(table, column), None
    parents = (parent.column(column.name) for parent in sides.desired.parents(table))
    above = [found for found in parents if found is not None] or [Column(name=column.name, type=column.type)]
    is_required = has_own_not_null(table, column, sides.desired)
    has_value = table.of_type is not None and (column.default is not None or bool(column.identity))
    has_settings = column.comment or column.granted or column.options or column.statistics is not None or column.storage
    if not (is_required or has_value or has_settings):
        return
    reason = f"{key} comes with its {'type' if table.of_type is not None else 'parent'}'s, and "
    unfilled = is_required and all(_lacks_value(sides, replace(other, not_null=True)) for other in above)
    if unfilled:
        reason += "is NOT NULL here, without a value for the rows that exist"
        hint = f"leave {key.label} nullable, fill it in a migration, and set NOT NULL afterwards"
    else:
        reason += "has settings of its own"
    facts = Circumstances(unfilled=unfilled)
    yield sides.change(Action.CREATE, key, reason, after=column_text(column), hint=hint, facts=facts)


def _goes_through_rows(sides: Sides, column: Column) -> bool:
    """True if ADD COLUMN has a value for the rows that exist, or one to check."""
    domain = sides.domains.get(column.type)
    filled = bool(column.identity) or column.generated is not None or column.default is not None
    return filled or (domain is not None and (domain.default, domain.not_null, domain.constraints) != (None, False, ()))


def _lacks_value(sides: Sides, column: Column) -> bool:
    """True if ADD COLUMN has nothing to put into existing rows of a column that wants something."""
    if column.identity or column.generated is not None or _is_value(column.default):
        return False
    required, type_name = column.not_null, column.type
    while (domain := sides.domains.get(type_name)) is not None:
        if _is_value(domain.default):
            return False
        required, type_name = required or domain.not_null, domain.base
    return required


def _is_value(default: str | None) -> bool:
    return default is not None and default != "NULL" and not default.startswith("NULL::")


def _surplus_column(sides: Sides, table: Table, column: Column, heir: Column | None) -> Findings:
    key = _key(table, column)
    hint = None
    if heir is not None:
        old, new = quote_ident(column.name), quote_ident(heir.name)
        hint = f"a rename? write: ALTER TABLE {table.key.label} RENAME COLUMN {old} TO {new}"
    if not sides.removes_column(table, column):
        yield Unmanaged(key)
        if heir is not None:
            yield Note(f"{key} is not declared, {heir.name} is new and of the same type: {hint}")
        return
    yield sides.change(Action.DROP, key, f"{key} is no longer declared", before=column_text(column), hint=hint)


def _compare_identity_access(
    sides: Sides, key: ObjectKey, desired: Column, live: Column, last: Column | None
) -> Findings:
    """Comment and privileges of the sequence inside; its owner is the table's (manual: ALTER SEQUENCE)."""
    wanted, present = desired.identity_access or Access(), live.identity_access or Access()
    known = last.identity_access if last is not None else None
    yield from compare_comment(sides, key, wanted.comment, present.comment, inside="sequence")
    yield from compare_privileges(sides, key, wanted, present, known, inside="sequence")


def _compare_identity_name(
    sides: Sides, key: ObjectKey, desired: Column, live: Column, last: Column | None
) -> Findings:
    """The name of the sequence inside, if somebody chose it."""
    wanted, present = desired.identity_name, live.identity_name
    if wanted is None or present is None or wanted == present:
        return
    if has_given_sequence(desired):
        reason = f"{key}: the sequence inside is called {wanted.name} in the folder"
        yield sides.change(Action.ALTER, key, reason, aspect="sequence_name", before=present.name, after=wanted.name)
    elif is_given_sequence(present.name, last.name if last is not None and last.identity_name == present else ""):
        yield Note(f"{key}: the sequence inside, {present}, would be called {wanted} in a new database")


# --- the same column ------------------------------------------------------------------------------------------------


def _compare_column(
    sides: Sides, table: Table, desired: Column, live: Column, last: Column | None, family: Family
) -> Findings:
    key = _key(table, desired)
    if is_share(desired, live, family):
        yield from _compare_share(sides, key, desired, live, family)
    elif is_rebuilt(sides, key, desired, live, family):
        if not (desired.inherited and live.inherited and is_rebuilt_above(desired, live, family)):
            yield _rebuild(sides, key, desired, live, family)
    else:
        yield from compare_type(sides, key, desired, live, family)
        yield from compare_not_null(sides, key, desired, live, last, family)
        yield from _compare_source(sides, key, desired, live, family)
        yield from compare_settings(sides, key, desired, live)
    yield from compare_comment(sides, key, desired.comment, live.comment)
    yield from compare_column_privileges(sides, key, desired, live, last, family.live.access.owner)
    if desired.identity and live.identity:
        yield from _compare_identity_access(sides, key, desired, live, last)
        yield from _compare_identity_name(sides, key, desired, live, last)
    if family.leaves_origin(desired, live):
        words = {True: "its parent's alone", False: "the table's own"}
        yield Note(f"{key} is {words[live.inherited]} instead of {words[desired.inherited]}")


def _compare_share(sides: Sides, key: ObjectKey, desired: Column, live: Column, family: Family) -> Findings:
    """A generated column of a partition or child: it goes and comes, or changes, with those of the tables above, whose
    expression it has then, and gets one of its own after that (manual: ALTER TABLE, SET EXPRESSION)."""
    chain = tuple(above(sides, desired.name, family))
    comes = comes_anew(sides, chain)
    if comes and not goes_along(sides, live, chain):  # it has to be what the parent's joins then
        if column_text(desired) != column_text(live):
            yield _rebuild(sides, key, desired, live, family)
        return
    if not comes:
        yield from compare_type(sides, key, desired, live, family)
        yield from compare_settings(sides, key, desired, live)
    is_reached = comes or any(not same_text(wanted.generated, former.generated) for _, wanted, former, _ in chain)
    known = chain[0][1] if is_reached else live
    if same_text(known.generated, desired.generated) and known.generated_kind == desired.generated_kind:
        return
    is_read = any(key in sides.live.dependents.get(source, ()) for source in family.retyped)
    is_held = not comes and (is_read or feeds_share(sides, key, family.live))
    is_refused = desired.generated_kind == "virtual" and is_watched(sides, family.live)
    if is_held or is_refused or sides.live.server < SET_EXPRESSION:
        whose = (
            "a partition's column" if family.desired.partition_of is not None else "a column that a parent has, too,"
        )
        yield _rebuild(sides, key, desired, live, family, f"{whose} cannot be dropped")
        return
    rewrites = desired.generated_kind == "stored"
    before, after = _generated_text(known), _generated_text(desired)
    yield change_source(sides, key, "generated", before, after, rewrites=rewrites)


def _rebuild(
    sides: Sides, key: ObjectKey, desired: Column, live: Column, family: Family, refusal: str | None = None
) -> Change:
    stored = live.generated is None
    reason = f"{key} is generated in another way"
    if stored:
        reason = f"{key} becomes a generated column: what it holds is thrown away"
    if refusal is None and _goes_through_rows(sides, desired):
        refusal = rows_elsewhere(sides, family.live)
    return sides.change(
        Action.RECREATE,
        key,
        reason if refusal is None else f"{reason}, which PostgreSQL refuses: {refusal}",
        before=column_text(live),
        after=column_text(desired),
        hint=made_anew(family.live) if refusal is not None else None,
        facts=Circumstances(loses_values=stored, impossible=refusal is not None),
        column=desired,
    )


def _compare_source(sides: Sides, key: ObjectKey, desired: Column, live: Column, family: Family) -> Findings:
    """Where values come from: a default, an owned sequence, an identity or an expression; one change for all of it."""
    same = same_text(desired.generated, live.generated)
    if not same or desired.generated_kind != live.generated_kind:
        before, after = _generated_text(live), _generated_text(desired)
        if not (desired.inherited and live.inherited and family.carries(desired, live, "generated")):
            rewrites = desired.generated_kind == "stored"
            yield change_source(sides, key, "generated", before, after, rewrites=rewrites)
        return
    if desired.identity != live.identity or not same_identity_options(desired, live):
        if not family.carries(desired, live, "identity") or desired.identity == live.identity:
            yield change_source(sides, key, "identity", _identity_text(live), _identity_text(desired))
        return
    both_serial = desired.owned_sequence is not None and live.owned_sequence is not None
    if (
        not same_text(desired.default, live.default)
        and not both_serial
        and not family.carries(desired, live, "default")
    ):
        yield change_source(sides, key, "default", live.default, desired.default)


def change_source(
    sides: Sides, key: ObjectKey, aspect: str, before: str | None, after: str | None, *, rewrites: bool = False
) -> Change:
    """What a column's or domain's values come from: `aspect` is "default", "identity" or "generated"."""
    words = {"generated": "generation expression", "identity": "identity", "default": "default"}[aspect]
    verb = "gets a" if before is None else "loses its" if after is None else "gets another"
    article = "n" if before is None and words == "identity" else ""
    return sides.change(
        Action.ALTER,
        key,
        f"{key} {verb}{article} {words}",
        aspect=aspect,
        before=before,
        after=after,
        rewrites=rewrites,
    )


def _identity_text(column: Column) -> str | None:
    if not column.identity:
        return column.default
    options = f" ({sequence_text(column.identity_options)})" if column.identity_options is not None else ""
    return f"{column.identity} as identity{options}"


def _generated_text(column: Column) -> str | None:
    return None if column.generated is None else f"{column.generated} {column.generated_kind}"


def compare_settings(sides: Sides, key: ObjectKey, desired: Column, live: Column) -> Findings:
    """Storage, compression, statistics target and options; a new type resets the first two (manual: ALTER TABLE)."""
    retyped = (desired.type, desired.collation) != (live.type, live.collation)
    settings = (
        ("storage", desired.storage, live.storage),
        ("compression", desired.compression, live.compression),
        ("statistics", _text(desired.statistics), _text(live.statistics)),
        ("options", options_text(desired.options), options_text(live.options)),
    )
    for aspect, wanted, present in settings:
        comes_with_type = retyped and aspect in ("storage", "compression")
        if wanted == (None if comes_with_type else present):
            continue
        yield sides.change(
            Action.ALTER,
            key,
            f"{key} has {aspect} {present or 'default'} instead of {wanted or 'default'}"
            if wanted != present
            else f"{key} keeps {aspect} {wanted} with its new type",
            aspect=aspect,
            before=present,
            after=wanted,
        )


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)


def column_text(column: Column) -> str:
    """The column as people write it: "integer NOT NULL DEFAULT 1"."""
    parts = [type_text(column.type, column.collation)]
    if column.generated is not None:
        parts.append(f"GENERATED ALWAYS AS ({column.generated}) {(column.generated_kind or '').upper()}")
    elif column.identity:
        parts.append(f"GENERATED {column.identity.upper()} AS IDENTITY")
    elif column.default is not None:
        parts.append(f"DEFAULT {column.default}")
    if column.not_null:
        parts.append(not_null_text(column) or "NOT NULL")
    return " ".join(parts)
