"""The place of an operation when nothing forces another (behaviour, §6: the phases are tie-breakers)."""

from __future__ import annotations

from stonegate.model.catalog import LIKE_TYPES, is_remark
from stonegate.model.names import ObjectKind
from stonegate.planner.steps.operations import Operation, Part, Verb

_CREATE_RANK: dict[ObjectKind, int] = {
    ObjectKind.SCHEMA: 0,
    ObjectKind.EXTENSION: 1,
    ObjectKind.TYPE: 20,
    ObjectKind.SEQUENCE: 25,
    ObjectKind.TABLE: 30,
    ObjectKind.COLUMN: 50,
    ObjectKind.ATTRIBUTE: 21,
    ObjectKind.CONSTRAINT: 54,
    ObjectKind.INDEX: 56,
    ObjectKind.VIEW: 60,
    ObjectKind.MATERIALIZED_VIEW: 61,
    ObjectKind.ROUTINE: 70,
    ObjectKind.TRIGGER: 80,
    ObjectKind.POLICY: 82,
    ObjectKind.OTHER: 84,
    ObjectKind.DEFAULT_PRIVILEGES: 2,
}
_LATE_DROP_RANK: dict[ObjectKind, int] = {
    ObjectKind.OTHER: 89,
    ObjectKind.TRIGGER: 90,
    ObjectKind.POLICY: 90,
    ObjectKind.MATERIALIZED_VIEW: 91,
    ObjectKind.VIEW: 91,
    ObjectKind.ROUTINE: 92,
    ObjectKind.INDEX: 93,
    ObjectKind.CONSTRAINT: 93,
    ObjectKind.COLUMN: 50,
    ObjectKind.TABLE: 94,
    ObjectKind.SEQUENCE: 95,
    ObjectKind.ATTRIBUTE: 21,
    ObjectKind.TYPE: 96,
    ObjectKind.SCHEMA: 97,
}
_BY_PART = {Part.CALLING: 75, Part.FOREIGN_KEYS: 58, Part.TRIGGERS: 80, Part.POLICIES: 82}
_LIKE_TYPE = 22
#: Behind the routines and what calls them, before triggers.
RUNNING = 76
_LAST = 100
# A remark is taken back while the thing is as it was, and made when all is there.
_REMARK_TAKEN_BACK, _REMARK_MADE = 5, 88
_ATTACHED = frozenset(
    {"owner", "comment", "privileges", "sequence_comment", "sequence_privileges", "enabled", "options", "name"}
)


def rank(operation: Operation) -> int:
    """The smaller one goes first."""
    kind = operation.key.kind
    if operation.closing:
        return _LAST
    match operation.verb:
        case Verb.DROP | Verb.CREATE if is_remark(operation.key):
            return _REMARK_TAKEN_BACK if operation.verb is Verb.DROP else _REMARK_MADE
        case Verb.DROP:
            return 10 if operation.early else _LATE_DROP_RANK.get(kind, 90)
        case Verb.CREATE:
            if operation.part in _BY_PART:
                return _BY_PART[operation.part]
            if kind is ObjectKind.CONSTRAINT and operation.definition.startswith("FOREIGN KEY"):
                return 58
            if kind is ObjectKind.OTHER and operation.key.name.startswith(LIKE_TYPES):
                return _LIKE_TYPE
            return _CREATE_RANK.get(kind, 85)
        case Verb.ALTER if operation.is_rename:
            return 53
        case Verb.ALTER:
            if operation.change.aspect in _ATTACHED and kind not in (ObjectKind.CONSTRAINT, ObjectKind.INDEX):
                # REVOKE on a table takes the right on its columns as well (manual: REVOKE), so those are given after.
                return 87 if kind is ObjectKind.COLUMN and operation.change.aspect == "privileges" else 86
            return {ObjectKind.TABLE: 52}.get(kind, _CREATE_RANK.get(kind, 85))
