"""After the migrations ran: what may still be needed, and what nobody was asked about (§5)."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from stonegate.errors import MigrationBlocked, PlanChanged
from stonegate.model.catalog import Catalog, Column, Sequence, Table, View
from stonegate.model.consent import Consent, ConsentToken
from stonegate.model.names import ObjectKey, ObjectKind
from stonegate.model.plan import EVERYTHING, Action, Change, ChangeClass, Mode, Phase, Plan, PlanSource, Step
from stonegate.planner.confirm import confirm
from stonegate.planner.consent import Allowed
from tests.planner.catalogs import ACCESS, OPTIONS

USERS = ObjectKey(ObjectKind.TABLE, "public", "users")
NUMBERS = ObjectKey(ObjectKind.SEQUENCE, "public", "numbers")
VIEW = ObjectKey(ObjectKind.VIEW, "public", "names")
EMAIL, LOWERED = (USERS.part(ObjectKind.COLUMN, name) for name in ("email", "lowered"))
BEFORE = Catalog(
    sequences=(Sequence(schema="public", name="numbers", options=OPTIONS, access=ACCESS),),
    views=(View(schema="public", name="names", access=ACCESS, definition="SELECT 1"),),
    tables=(
        Table(
            schema="public",
            name="users",
            access=ACCESS,
            columns=(
                Column(name="email", type="text"),
                Column(name="lowered", type="text", generated="lower(email)"),
            ),
        ),
    ),
)
ADDED = Change(action=Action.CREATE, key=USERS.part(ObjectKind.COLUMN, "phone"))


def plan(*changes: Change, uncertain: tuple[str, ...] = ()) -> Plan:
    steps = (Step(id="s", action=each.action, phase=Phase.CHANGES, key=each.key, changes=(each,)) for each in changes)
    source = PlanSource(digest="", fingerprint="", path="")
    return Plan(mode=Mode.CHANGE, source=source, steps=tuple(steps), uncertain=uncertain)


@pytest.mark.parametrize(
    ("planned", "found"),
    [
        (plan(ADDED), ADDED),
        (plan(uncertain=("users.phone",)), ADDED),
        (plan(uncertain=("users",)), ADDED),
        (plan(uncertain=(EVERYTHING,)), ADDED),
        (plan(), Change(action=Action.ALTER, key=USERS, aspect="owner")),
        (plan(Change(action=Action.RECREATE, key=VIEW)), Change(action=Action.CREATE, key=VIEW)),
        (plan(Change(action=Action.RECREATE, key=USERS)), ADDED),
        (plan(Change(action=Action.RECREATE, key=EMAIL)), Change(action=Action.ALTER, key=EMAIL, aspect="default")),
        (plan(uncertain=("users",)), Change(action=Action.CREATE, key=LOWERED)),  # it is computed again
        (plan(uncertain=("names",)), Change(action=Action.CREATE, key=VIEW)),
    ],
)
def test_what_was_planned_or_announced_is_needed(planned: Plan, found: Change) -> None:
    confirm(planned, (found,), BEFORE, Allowed())


@pytest.mark.parametrize(
    "planned",
    [
        plan(),
        plan(replace(ADDED, key=EMAIL)),
        plan(Change(action=Action.ALTER, key=ADDED.key, aspect="type")),
        plan(Change(action=Action.ALTER, key=USERS)),
        plan(Change(action=Action.RECREATE, key=VIEW)),
        plan(uncertain=("orders", "names")),
    ],
)
def test_what_nobody_knew_of_is_a_surprise(planned: Plan) -> None:
    with pytest.raises(PlanChanged) as caught:
        confirm(planned, (ADDED,), BEFORE, Allowed(force=True))
    assert caught.value.details == ("create column users.phone",)


@pytest.mark.parametrize(("key", "token"), [(USERS, "drop_table"), (EMAIL, "drop_column"), (NUMBERS, "drop_sequence")])
def test_what_a_migration_took_away_unseen_needs_consent(key: ObjectKey, token: str) -> None:
    made, unsure = Change(action=Action.CREATE, key=key), plan(uncertain=(EVERYTHING,))
    with pytest.raises(MigrationBlocked) as caught:
        confirm(unsure, (ADDED, made), BEFORE, Allowed())
    assert caught.value.hint == f"--allow {token}:{key.label}"
    [said] = caught.value.details
    assert "would be made anew, without what was in it" in said
    confirm(unsure, (ADDED, made), BEFORE, Allowed(consents=(Consent.parse(token),)))
    confirm(plan(made), (made,), BEFORE, Allowed())
    confirm(unsure, (made,), Catalog(), Allowed())
    confirm(unsure, (replace(made, action=Action.ALTER),), BEFORE, Allowed())


def test_what_is_needed_still_asks_for_its_consent() -> None:
    token, loss = ConsentToken.DROP_COLUMN, ChangeClass.DATALOSS
    dropped = Change(action=Action.DROP, key=EMAIL, change_class=loss, token=token, reason="it goes")
    with pytest.raises(MigrationBlocked) as caught:
        confirm(plan(dropped), (dropped,), BEFORE, Allowed())
    assert caught.value.details == ("it goes (--allow drop_column:users.email)",)
    confirm(plan(dropped), (dropped,), BEFORE, Allowed(force=True))
