"""The tracking rows as they should stand after the apply: the original's form with ours beside it (behaviour, §7)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from stonegate.model.names import ObjectKind, QualifiedName
from stonegate.model.plan import Action, Step
from stonegate.model.source import Migration, SourceItem, SourceTree, Verb
from stonegate.model.tracking import Record, RecordKind

_TYPE_KINDS = ((r"CREATE\s+DOMAIN", "domain"), (r"AS\s+ENUM\b", "enum"), (r"AS\s+RANGE\b", "range"))


def build_records(
    tree: SourceTree, migration_steps: tuple[Step, ...], changed: tuple[Migration, ...] = ()
) -> tuple[Record, ...]:
    """Rows for every declared type, table and routine, and for the migrations that this plan runs or baselines.

    Args:
        migration_steps: RUN and BASELINE steps.
        changed: applied files whose new checksum is recorded by consent.
    """
    return (*_object_records(tree), *_migration_records(tree, migration_steps, changed))


def _object_records(tree: SourceTree) -> Iterator[Record]:
    kinds = {
        ObjectKind.TYPE: RecordKind.TYPE,
        ObjectKind.TABLE: RecordKind.TABLE,
        ObjectKind.ROUTINE: RecordKind.ROUTINE,
    }
    for item in tree.items:
        kind = kinds.get(item.key.kind)
        if item.verb is Verb.CREATE and kind is not None:
            yield _record(item, kind)


def _record(item: SourceItem, kind: RecordKind) -> Record:
    original = item.original
    return Record(
        kind=kind,
        name=_original_name(item.key.qualified),
        identity=item.key.label,
        file=item.file,
        checksum=item.checksum,
        original_checksum=original.body_checksum if original is not None else item.original_checksum,
        detail=_type_kind(item.sql) if kind is RecordKind.TYPE else "",
        signature=original.signature if original is not None else "",
        param_types=original.param_types if original is not None else (),
        return_type=original.return_type if original is not None else "",
    )


def _original_name(name: QualifiedName) -> str:
    """The original knows bare names only; another schema is written before the name, so that two never meet."""
    return name.name if name.schema == "public" else f"{name.schema}.{name.name}"


def _type_kind(sql: str) -> str:
    return next((kind for pattern, kind in _TYPE_KINDS if re.search(pattern, sql, re.IGNORECASE)), "composite")


def _migration_records(tree: SourceTree, steps: tuple[Step, ...], changed: tuple[Migration, ...]) -> Iterator[Record]:
    actions = {step.key.name: step.action for step in steps}
    renewed = {migration.name for migration in changed}
    for migration in tree.migrations:
        if migration.name in actions or migration.name in renewed:
            yield Record(
                kind=RecordKind.MIGRATION,
                name=migration.name,
                identity=migration.name,
                file=migration.file,
                checksum=migration.checksum,
                original_checksum=migration.raw_checksum,
                baselined=actions.get(migration.name) is Action.BASELINE,
            )
