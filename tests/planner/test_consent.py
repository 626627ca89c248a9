"""What a consent allows, and what none allows: --allow, --force and --allow-drift, each for what it says (§5)."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from stonegate.errors import UsageError
from stonegate.model.consent import NAMED_ONLY, Consent, ConsentToken
from stonegate.model.names import ObjectKey, ObjectKind
from stonegate.model.plan import Action, Blocked, Change, ChangeClass, Hazard, Phase, Step
from stonegate.planner.consent import Allowed, free_of_consent, unmatched, with_consents

COLUMN = ObjectKey(kind=ObjectKind.COLUMN, schema="public", name="users", member="legacy")
OTHER = replace(COLUMN, member="email")
LOSS = Change(
    action=Action.DROP, key=COLUMN, change_class=ChangeClass.DATALOSS, token=ConsentToken.DROP_COLUMN, reason="gone"
)
IMPOSSIBLE = Change(action=Action.ALTER, key=COLUMN, change_class=ChangeClass.INCOMPATIBLE)
FORCED = replace(LOSS, change_class=ChangeClass.INCOMPATIBLE)
SAFE = Change(action=Action.ALTER, key=COLUMN)


def allowed(*consents: str, force: bool = False, drift: bool = False) -> Allowed:
    """As the command line has it."""
    return Allowed(consents=tuple(map(Consent.parse, consents)), force=force, drift=drift)


@pytest.mark.parametrize(
    ("given", "permitted", "named"),
    [
        (Allowed(), False, False),
        (allowed("drop_column"), True, False),
        (allowed("drop_column:users.legacy"), True, True),
        (allowed("drop_column: public.users.legacy "), True, True),
        (allowed("drop_column:users.email"), False, False),
        (allowed("drop_table"), False, False),
        (allowed("drop_table:users.legacy"), False, False),
        (allowed("drop_table", "drop_column:users.legacy"), True, True),
        (allowed(force=True), True, False),
        (allowed(drift=True), False, False),
    ],
)
def test_a_consent_is_for_one_token_and_one_object_or_all(given: Allowed, permitted: bool, named: bool) -> None:
    assert given.permits(ConsentToken.DROP_COLUMN, COLUMN.label) == permitted
    assert given.names(ConsentToken.DROP_COLUMN, COLUMN.label) == named
    for change in (LOSS, FORCED):
        assert (given.refusal(change) is None) == permitted
    assert given.refusal(SAFE) is None
    assert given.refusal(IMPOSSIBLE) is not None  # no consent can do it, and no force


def test_a_refusal_says_what_to_type() -> None:
    refused = allowed().refusal(LOSS, "tables/users.sql", 3)
    assert refused == Blocked(
        object="users.legacy",
        change_class=ChangeClass.DATALOSS,
        reason="gone",
        allow="--allow drop_column:users.legacy",
        file="tables/users.sql",
        line=3,
    )
    refused = allowed(force=True).refusal(IMPOSSIBLE)
    assert refused is not None and refused.allow is None and "write a migration" in (refused.hint or "")
    assert refused.reason == IMPOSSIBLE.identity
    unmodelled = replace(IMPOSSIBLE, hazards=(Hazard(code="unmodelled", message=""),))
    refused = allowed().refusal(unmodelled)
    assert refused is not None and "does not alter them" in (refused.hint or "")
    refused = allowed().refusal(IMPOSSIBLE)
    assert refused is not None and "no consent can do this" in (refused.hint or "")
    refused = allowed().refusal(replace(unmodelled, hint="so"))
    assert refused is not None and refused.hint == "so"


def test_what_was_done_by_hand_is_undone_by_its_own_consent_alone() -> None:
    for given, expected in (
        (allowed(), False),
        (allowed(force=True), False),
        (allowed("drop_column"), False),
        (allowed("drift:users.email"), False),
        (allowed("drift:users.legacy"), True),
        (allowed("drift"), True),
        (allowed(drift=True), True),
    ):
        assert given.overwrites(SAFE) == expected


def test_the_consents_that_a_change_uses_are_told_as_they_were_given() -> None:
    wide_and_narrow = allowed("drop_column", "drop_column:users.legacy", "drop_column:users.email")
    for given, change, used in (
        (wide_and_narrow, LOSS, ["drop_column:users.legacy"]),
        (allowed("drop_column"), LOSS, ["drop_column"]),
        (allowed(force=True), LOSS, ["drop_column:users.legacy"]),
        (allowed(), LOSS, []),
        (wide_and_narrow, SAFE, []),
        (wide_and_narrow, replace(LOSS, change_class=ChangeClass.SAFE), []),
        (allowed(force=True), IMPOSSIBLE, []),
        (allowed(drift=True), replace(SAFE, overwrites=True), ["drift:users.legacy"]),
        (allowed("drift", force=True), replace(LOSS, overwrites=True), ["drift", "drop_column:users.legacy"]),
    ):
        assert [str(consent) for consent in given.consents_for(change)] == used
    step = Step(id="s", action=Action.ALTER, phase=Phase.CHANGES, key=COLUMN, changes=(LOSS, LOSS, SAFE))
    earlier = (Consent(token=ConsentToken.STALE_BODY),)
    (told,) = with_consents([replace(step, consents=earlier)], wide_and_narrow)
    assert list(map(str, told.consents)) == ["stale_body", "drop_column:users.legacy"]


def test_what_the_same_plan_makes_needs_no_consent() -> None:
    (free,) = free_of_consent([LOSS], frozenset({COLUMN.owner}))
    assert (free.change_class, free.token) == (ChangeClass.SAFE, None)
    assert free_of_consent([LOSS, IMPOSSIBLE], frozenset({replace(COLUMN.owner, name="other")})) == (LOSS, IMPOSSIBLE)
    assert free_of_consent([IMPOSSIBLE], frozenset({COLUMN.owner})) == (IMPOSSIBLE,)


def test_consents_that_match_nothing_are_pointed_out_where_one_is_missing() -> None:
    refused = allowed().refusal(LOSS)
    assert refused is not None
    named = Consent.parse("drop_column:users.legcay")
    assert unmatched([named], [], [refused]) == ("--allow drop_column:users.legcay matches nothing in this plan",)
    step = Step(id="s", action=Action.ALTER, phase=Phase.CHANGES, key=COLUMN, consents=(named,))
    assert unmatched([named], [step], [refused]) == ()
    assert unmatched([Consent.parse("drop_column"), Consent.parse("drop_table:users")], [], [refused]) == ()
    assert unmatched([named], [], []) == ()
    for asked, given in (("stale_body:f()", "stale_body:g()"), ("changed_migration:1.sql", "changed_migration:2.sql")):
        assert unmatched([Consent.parse(given)], [], [replace(refused, allow=f"--allow {asked}")]) == ()


NO_CONSENTS = ["", "drop", "DROP_TABLE", "drop_table:", "drop_table: ", "drop_table:public.", ":users"]


@pytest.mark.parametrize("text", [*NO_CONSENTS, *sorted(NAMED_ONLY)])
def test_what_is_no_consent(text: str) -> None:
    with pytest.raises(UsageError):
        Consent.parse(text)


def test_an_applied_migration_may_say_what_is_of_no_use() -> None:
    assert Consent.parse("drop_view", in_file=True) == Consent(token=ConsentToken.DROP_VIEW)
    for text in ("drop_view:", "drop_view: public. "):
        with pytest.raises(UsageError, match="names no object"):
            Consent.parse(text, in_file=True)
