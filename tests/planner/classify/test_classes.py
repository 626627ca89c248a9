"""The table of behaviour §5, row by row."""

from __future__ import annotations

import pytest

from stonegate.model.consent import ConsentToken
from stonegate.model.names import ObjectKey, ObjectKind
from stonegate.model.plan import Action, Change, ChangeClass
from stonegate.planner.classify.classes import Circumstances, classify_change
from stonegate.planner.classify.type_matrix import type_change

SAFE, DATALOSS, INCOMPATIBLE = ChangeClass.SAFE, ChangeClass.DATALOSS, ChangeClass.INCOMPATIBLE
TABLE = ObjectKey(ObjectKind.TABLE, "public", "t")
COLUMN = TABLE.part(ObjectKind.COLUMN, "c")
TYPE = ObjectKey(ObjectKind.TYPE, "public", "d")


def _key(kind: ObjectKind) -> ObjectKey:
    return ObjectKey(kind, "public", "x", None, "m")


@pytest.mark.parametrize(
    ("change", "facts", "change_class", "token"),
    [
        # add table, nullable column, column with default
        (Change(action=Action.CREATE, key=TABLE), {}, SAFE, None),
        (Change(action=Action.CREATE, key=COLUMN), {}, SAFE, None),
        # widen; drop NOT NULL; change default; comments
        (
            Change(action=Action.ALTER, key=COLUMN, aspect="type"),
            {"verdict": type_change("integer", "bigint")},
            SAFE,
            None,
        ),
        (Change(action=Action.ALTER, key=COLUMN, aspect="not_null", before="NOT NULL"), {}, SAFE, None),
        (Change(action=Action.ALTER, key=COLUMN, aspect="default", after="1"), {}, SAFE, None),
        (Change(action=Action.ALTER, key=COLUMN, aspect="comment", after="x"), {}, SAFE, None),
        # add index, check, unique, FK
        *((Change(action=Action.CREATE, key=_key(kind)), {}, SAFE, None) for kind in ObjectKind),
        # removed index, view, routine, trigger
        *(
            (Change(action=Action.DROP, key=_key(kind)), {}, SAFE, None)
            for kind in (ObjectKind.INDEX, ObjectKind.VIEW, ObjectKind.ROUTINE, ObjectKind.TRIGGER, ObjectKind.TYPE)
        ),
        # constraint or policy replaced by another definition
        (Change(action=Action.RECREATE, key=_key(ObjectKind.CONSTRAINT)), {}, SAFE, None),
        (Change(action=Action.RECREATE, key=_key(ObjectKind.POLICY)), {}, SAFE, None),
        (Change(action=Action.DROP, key=_key(ObjectKind.CONSTRAINT)), {"replaced": True}, SAFE, None),
        # drop table, drop column
        (Change(action=Action.DROP, key=TABLE), {}, DATALOSS, ConsentToken.DROP_TABLE),
        (Change(action=Action.DROP, key=COLUMN), {}, DATALOSS, ConsentToken.DROP_COLUMN),
        (Change(action=Action.RECREATE, key=COLUMN), {"loses_values": True}, DATALOSS, ConsentToken.DROP_COLUMN),
        (Change(action=Action.RECREATE, key=COLUMN), {}, SAFE, None),
        # add NOT NULL column without default, set NOT NULL
        (Change(action=Action.CREATE, key=COLUMN), {"unfilled": True}, DATALOSS, ConsentToken.ADD_NOT_NULL_COLUMN),
        (
            Change(action=Action.ALTER, key=COLUMN, aspect="not_null", after="NOT NULL"),
            {},
            DATALOSS,
            ConsentToken.SET_NOT_NULL,
        ),
        (Change(action=Action.ALTER, key=COLUMN, aspect="not_null", after="NOT NULL NOT VALID"), {}, SAFE, None),
        (
            Change(action=Action.ALTER, key=TYPE, aspect="not_null", after="NOT NULL"),
            {},
            DATALOSS,
            ConsentToken.SET_NOT_NULL,
        ),
        # narrow type, and no rule at all
        (
            Change(action=Action.ALTER, key=COLUMN, aspect="type"),
            {"verdict": type_change("bigint", "integer")},
            DATALOSS,
            ConsentToken.MODIFY_COLUMN_TYPE,
        ),
        (
            Change(action=Action.ALTER, key=COLUMN, aspect="type"),
            {"verdict": type_change("integer", "text")},
            INCOMPATIBLE,
            ConsentToken.MODIFY_COLUMN_TYPE,
        ),
        # removed constraint, policy, row-level security
        (Change(action=Action.DROP, key=_key(ObjectKind.CONSTRAINT)), {}, DATALOSS, ConsentToken.DROP_CONSTRAINT),
        (Change(action=Action.DROP, key=_key(ObjectKind.POLICY)), {}, DATALOSS, ConsentToken.DROP_POLICY),
        *(
            (
                Change(action=Action.ALTER, key=TABLE, aspect=aspect),
                {"loses_protection": True},
                DATALOSS,
                ConsentToken.DROP_POLICY,
            )
            for aspect in ("row_security", "force_row_security")
        ),
        (
            Change(action=Action.ALTER, key=TYPE, aspect="constraints"),
            {"loses_protection": True},
            DATALOSS,
            ConsentToken.DROP_CONSTRAINT,
        ),
        # removed composite attribute, sequence, schema
        (Change(action=Action.DROP, key=_key(ObjectKind.ATTRIBUTE)), {}, DATALOSS, ConsentToken.DROP_ATTRIBUTE),
        (Change(action=Action.DROP, key=_key(ObjectKind.SEQUENCE)), {}, DATALOSS, ConsentToken.DROP_SEQUENCE),
        (Change(action=Action.DROP, key=_key(ObjectKind.SCHEMA)), {}, DATALOSS, ConsentToken.DROP_SCHEMA),
        # dropped enum value, domain base type
        (Change(action=Action.ALTER, key=TYPE, aspect="labels"), {"impossible": True}, INCOMPATIBLE, None),
        (Change(action=Action.ALTER, key=TYPE, aspect="labels"), {}, SAFE, None),
        (Change(action=Action.ALTER, key=TYPE, aspect="base"), {"impossible": True}, INCOMPATIBLE, None),
        # what goes with something else whose consent says all, or makes way for another
        (Change(action=Action.DROP, key=_key(ObjectKind.CONSTRAINT)), {"is_idle": True}, SAFE, None),
        (Change(action=Action.DROP, key=_key(ObjectKind.POLICY)), {"replaced": True}, SAFE, None),
        # what protects, changes and goes on protecting; NOT NULL that is another one, or goes
        (Change(action=Action.ALTER, key=TABLE, aspect="row_security"), {}, SAFE, None),
        (Change(action=Action.ALTER, key=TYPE, aspect="constraints"), {}, SAFE, None),
        (
            Change(action=Action.ALTER, key=COLUMN, aspect="not_null", before="NOT NULL NOT VALID", after="NOT NULL"),
            {},
            SAFE,
            None,
        ),
        (Change(action=Action.ALTER, key=COLUMN, aspect="not_null"), {}, SAFE, None),
        (Change(action=Action.ALTER, key=COLUMN, aspect="type"), {}, SAFE, None),
        # code is replaced freely
        (Change(action=Action.REPLACE, key=_key(ObjectKind.ROUTINE)), {}, SAFE, None),
        (Change(action=Action.RECREATE, key=_key(ObjectKind.VIEW)), {}, SAFE, None),
    ],
)
def test_the_class_of_a_change(
    change: Change, facts: dict[str, object], change_class: ChangeClass, token: ConsentToken | None
) -> None:
    classified = classify_change(change, Circumstances(**facts))  # type: ignore[arg-type]
    assert (classified.change_class, classified.token) == (change_class, token)


def test_only_incompatible_changes_without_a_token_cannot_be_forced() -> None:
    for facts in (Circumstances(), Circumstances(impossible=True)):
        change = classify_change(Change(action=Action.DROP, key=TABLE), facts)
        assert (change.token is None) == (change.change_class is not DATALOSS)
