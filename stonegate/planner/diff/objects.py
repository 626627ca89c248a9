"""Schemas, extensions, default privileges, and what the model holds as text only."""

from __future__ import annotations

from msgspec.structs import replace

from stonegate.model.catalog import Access, Extension, OtherObject, Schema
from stonegate.model.expressions import same_text
from stonegate.model.names import ObjectKey, ObjectKind, in_list
from stonegate.model.plan import Action
from stonegate.planner.classify.classes import IMPOSSIBLE, USUAL
from stonegate.planner.dictionaries import option_change
from stonegate.planner.diff.access import compare_access, compare_comment, compare_default_privileges, compare_owner
from stonegate.planner.diff.findings import Findings, Note, Unmanaged
from stonegate.planner.diff.sides import Sides
from stonegate.planner.reach import reached


def compare_schemas(sides: Sides) -> Findings:
    """CREATE, DROP, and access of schemas."""
    live = {schema.name: schema for schema in sides.live.schemas}
    desired = {schema.name: schema for schema in sides.desired.schemas}
    for name, schema in desired.items():
        present = live.get(name)
        if present is None:
            yield sides.change(Action.CREATE, schema.key, f"schema {schema.key.label} is new")
        else:
            yield from compare_access(sides, schema.key, schema.access, present.access)
    for name, schema in live.items():
        if name not in desired:
            yield from _removed_schema(sides, schema)


def _removed_schema(sides: Sides, schema: Schema) -> Findings:
    if not sides.was_declared(schema.key):
        yield Unmanaged(schema.key)
        return
    staying = tuple(
        str(key)
        for key in sides.live.objects
        if key.schema == schema.name and (key.kind is ObjectKind.OTHER or not sides.was_declared(key))
    ) + tuple(str(extension.key) for extension in sides.live.extensions if _stays_in(sides, extension, schema))
    if staying:
        yield Note(f"{schema.key} is no longer declared, and kept: it still holds {in_list(staying)}")
        return
    yield sides.change(Action.DROP, schema.key, f"schema {schema.key.label} is no longer declared")


def _stays_in(sides: Sides, extension: Extension, schema: Schema) -> bool:
    """False for an extension that stands elsewhere, and for one that is moved out of the schema now."""
    if extension.schema != schema.name:
        return False
    wanted = next((each for each in sides.desired.extensions if each.name == extension.name), extension)
    return wanted.schema == schema.name or not sides.states(extension.name, "schema")


def compare_extensions(sides: Sides) -> Findings:
    """Extensions are created, updated to a pinned version, moved to a stated schema, and never dropped (§4)."""
    live = {extension.name: extension for extension in sides.live.extensions}
    desired = {extension.name for extension in sides.desired.extensions}
    for extension in sides.desired.extensions:
        present = live.get(extension.name)
        if present is None:
            yield sides.change(
                Action.CREATE, extension.key, f"extension {extension.key.label} is new", after=extension.version
            )
            if sides.states(extension.name, "comment"):
                yield from compare_comment(sides, extension.key, extension.comment, None)
        else:
            yield from _compare_extension(sides, extension, present)
    for name, extension in live.items():
        if name in desired:
            continue
        if sides.last_declared(extension.key) is not None:
            yield Note(f"{extension.key} is no longer declared, and kept: drop it in a migration")
        elif name != "plpgsql":
            yield Unmanaged(extension.key)


def _compare_extension(sides: Sides, desired: Extension, live: Extension) -> Findings:
    for aspect, wanted, present in (
        ("version", desired.version, live.version),
        ("schema", desired.schema, live.schema),
    ):
        if wanted == present:
            continue
        if not sides.states(desired.name, aspect):
            yield Note(
                f"{desired.key} has {aspect} {present}, a new database would get {wanted}: state it to change it"
            )
            continue
        yield sides.change(
            Action.ALTER,
            desired.key,
            f"{desired.key} has {aspect} {present} instead of {wanted}",
            aspect=aspect,
            before=present,
            after=wanted,
        )
    yield from _compare_extension_comment(sides, desired, live)


def _compare_extension_comment(sides: Sides, desired: Extension, live: Extension) -> Findings:
    """An extension brings a comment: without a declared one this is what it has.

    Another version of it or of the server may bring another text, and only its owner may change that of an old one.
    """
    if sides.states(desired.name, "comment"):
        yield from compare_comment(sides, desired.key, desired.comment, live.comment)
    elif desired.version == live.version and desired.comment != live.comment:
        if sides.declared is not None and sides.declared.server // 10000 == sides.desired.server // 10000:
            yield from compare_comment(sides, desired.key, desired.comment, live.comment)
        else:
            yield Note(f"the comment on {desired.key} is kept: the folder has none")


def compare_all_default_privileges(sides: Sides) -> Findings:
    """Entries of ALTER DEFAULT PRIVILEGES: ensured, never removed."""
    live = {entry.key: entry for entry in sides.live.default_privileges}
    desired = {entry.key: entry for entry in sides.desired.default_privileges}
    former = sides.declared.default_privileges if sides.declared is not None else ()
    declared = {entry.key: entry for entry in former}
    for key, entry in desired.items():
        yield from compare_default_privileges(sides, entry, live.get(key), declared.get(key))
    for key, entry in live.items():
        if key not in desired:
            yield Unmanaged(key)
            if key in declared:
                nothing = replace(entry, granted=(), revoked=())
                yield from compare_default_privileges(sides, nothing, entry, declared[key])


def compare_others(sides: Sides) -> Findings:
    """What is held as text: created, dropped and made again where the text is a statement, else for a migration."""
    live = {other.key: other for other in sides.live.others}
    desired = {other.key: other for other in sides.desired.others}
    for key, other in desired.items():
        present = live.get(key)
        if present is None:
            yield sides.change(
                Action.CREATE,
                key,
                f"{key.label} is new",
                after=other.definition,
                hint=None if other.creatable else _migration(key),
                facts=USUAL if other.creatable else IMPOSSIBLE,
            )
        else:
            yield from _compare_other(sides, other, present)
    for key, other in live.items():
        if key in desired:
            continue
        if not sides.was_declared(key) and not _is_of_declared(sides, other):
            yield Unmanaged(key)
        else:
            yield sides.change(
                Action.DROP,
                key,
                f"{key.label} is no longer declared" if sides.was_declared(key) else f"{key.label} is not declared",
                before=other.definition,
                hint=None if other.drop else _migration(key),
                facts=USUAL if other.drop else IMPOSSIBLE,
            )


def _is_of_declared(sides: Sides, other: OtherObject) -> bool:
    """True for the state of a trigger or constraint that the last deployment declared, which had none to speak of then,
    and for what it did not say of an index of a partition; whoever moves one to another tablespace knows why."""
    if other.kind == "index storage" and not other.identity.startswith("tablespace "):
        return any(sides.had_part(edge.on) for edge in sides.live.needs.get(other.key, ()))
    return other.about is not None and sides.had_part(other.about)


def _compare_other(sides: Sides, desired: OtherObject, live: OtherObject) -> Findings:
    same = same_text(desired.definition, live.definition)
    if not same and _changes_in_place(sides, desired, live):
        yield sides.change(
            Action.ALTER,
            desired.key,
            f"{desired.key.label} has other options",
            aspect="options",
            before=live.definition,
            after=desired.definition,
        )
    elif not same or (desired.creatable, desired.drop) != (live.creatable, live.drop):
        possible = desired.creatable and bool(live.drop)
        yield sides.change(
            Action.RECREATE,
            desired.key,
            f"{desired.key.label} has another definition",
            before=live.definition,
            after=desired.definition,
            hint=None if possible else _migration(desired.key),
            facts=USUAL if possible else IMPOSSIBLE,
        )
        return
    if set(desired.parts) != set(live.parts):
        yield sides.change(
            Action.ALTER,
            desired.key,
            f"{desired.key.label} differs in {_part_text(desired, live)}",
            aspect="parts",
            before=_parts_text(live),
            after=_parts_text(desired),
        )
    last = sides.last_declared(desired.key)
    yield from compare_owner(
        sides,
        desired.key,
        Access(owner=desired.owner),
        Access(owner=live.owner),
        Access(owner=last.owner) if isinstance(last, OtherObject) else None,
    )
    yield from compare_comment(sides, desired.key, desired.comment, live.comment)


def _changes_in_place(sides: Sides, desired: OtherObject, live: OtherObject) -> bool:
    """True for a dictionary under generated columns, for which it cannot be made anew; else all that was computed with
    it is, too."""
    return option_change(desired, live) is not None and any(
        (column := sides.live.column(user)) is not None and column.generated is not None and sides.desired.column(user)
        for user in reached((live.key,), lambda key: sides.live.dependents.get(key, ()))
    )


def _parts_text(thing: OtherObject) -> str | None:
    return "; ".join(part.sql for part in thing.parts) or None


def _part_text(desired: OtherObject, live: OtherObject) -> str:
    """What differs, by the statements that would make it so."""
    return in_list(
        tuple(part.sql for part in desired.parts if part not in live.parts)
        + tuple(part.undo for part in live.parts if part not in desired.parts)
    )


def _migration(key: ObjectKey) -> str:
    return f"write a migration that brings {key.label} to its declared definition"
