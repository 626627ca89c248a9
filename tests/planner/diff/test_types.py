"""Enums, composites, domains: what changes in place, what is made anew, and what needs a migration."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from stonegate.model.catalog import Attribute, Catalog, Column, CompositeType, EnumType, Table
from stonegate.model.consent import ConsentToken
from stonegate.model.plan import Action, ChangeClass
from tests.planner.catalogs import ACCESS, diff, full, identities, users, with_column, with_table


def _enum(*labels: str) -> EnumType:
    return EnumType(schema="public", name="mood", labels=labels, access=ACCESS)


@pytest.mark.parametrize("labels", [("a", "b", "c"), ("x", "a", "b"), ("a", "x", "b")])
def test_labels_may_be_added_anywhere(labels: tuple[str, ...]) -> None:
    [change] = diff(Catalog(enums=(_enum(*labels),)), Catalog(enums=(_enum("a", "b"),))).changes
    assert (change.aspect, change.change_class) == ("labels", ChangeClass.SAFE)


def _held(*labels: str) -> Catalog:
    """An enum, and a column that holds its values."""
    return replace(with_table(with_column(Column(name="mood", type="public.mood"))), enums=(_enum(*labels),))


@pytest.mark.parametrize("labels", [("a",), ("b", "a"), ("a", "c")])
def test_labels_that_are_removed_renamed_or_reordered_need_a_migration(labels: tuple[str, ...]) -> None:
    [change] = diff(_held(*labels), _held("a", "b")).changes
    assert (change.change_class, change.token) == (ChangeClass.INCOMPATIBLE, None)
    assert change.hint and "migration" in change.hint


@pytest.mark.parametrize("labels", [("a",), ("b", "a"), ("a", "c")])
def test_an_enum_that_no_column_holds_is_made_anew(labels: tuple[str, ...]) -> None:
    [change] = diff(Catalog(enums=(_enum(*labels),)), Catalog(enums=(_enum("a", "b"),))).changes
    assert (change.action, change.change_class) == (Action.RECREATE, ChangeClass.SAFE)


def test_a_renamed_label_is_suspected() -> None:
    [change] = diff(_held("a", "c"), _held("a", "b")).changes
    assert "ALTER TYPE public.mood RENAME VALUE 'b' TO 'c'" in (change.hint or "")


def test_a_label_that_was_added_by_hand_is_no_difference_but_a_note() -> None:
    declared = Catalog(enums=(_enum("a", "b"),))
    found = diff(declared, Catalog(enums=(_enum("a", "x", "b"),)), declared=declared)
    assert found.changes == () and found.notes


def test_a_type_that_something_unmanaged_uses_is_kept() -> None:
    mine = Table(schema="public", name="notes", columns=(Column(name="m", type="public.mood[]"),), access=ACCESS)
    live = Catalog(enums=(_enum("a"),), tables=(mine,))
    found = diff(Catalog(), live, declared=Catalog(enums=live.enums))
    assert found.changes == ()
    assert any("mood" in note and "notes.m" in note for note in found.notes)


def test_a_type_whose_users_all_let_go_is_dropped() -> None:
    used = with_column(Column(name="mood", type="public.mood"))
    live = replace(with_table(used), enums=(_enum("a"),))
    assert "drop type mood" in identities(diff(with_table(users()), live))
    retyped = with_table(with_column(Column(name="mood", type="text")))
    assert identities(diff(retyped, live)) == ["alter column users.mood type", "drop type mood"]


def test_a_composite_that_a_column_stores_cannot_be_retyped() -> None:
    def point(kind: str) -> CompositeType:
        return CompositeType(schema="public", name="p", attributes=(Attribute(name="x", type=kind),), access=ACCESS)

    [free] = diff(Catalog(composites=(point("bigint"),)), Catalog(composites=(point("integer"),))).changes
    assert free.change_class is ChangeClass.SAFE
    table = Table(schema="public", name="t", columns=(Column(name="p", type="public.p"),), access=ACCESS)
    [stored] = diff(
        Catalog(composites=(point("bigint"),), tables=(table,)),
        Catalog(composites=(point("integer"),), tables=(table,)),
    ).changes
    assert (stored.change_class, stored.token) == (ChangeClass.INCOMPATIBLE, None)
    assert "t.p" in stored.reason


def test_a_dropped_attribute_needs_consent() -> None:
    two = CompositeType(
        schema="public",
        name="p",
        attributes=(Attribute(name="x", type="integer"), Attribute(name="y", type="integer")),
        access=ACCESS,
    )
    one = replace(two, attributes=two.attributes[:1])
    [change] = diff(Catalog(composites=(one,)), Catalog(composites=(two,))).changes
    assert change.token is ConsentToken.DROP_ATTRIBUTE
    assert diff(Catalog(composites=(one,)), Catalog(composites=(two,)), declared=None).changes == ()


def test_a_domain_changes_in_place_but_for_its_base() -> None:
    [domain] = full().domains
    live = Catalog(domains=(domain,))
    changed = replace(domain, default="'x'::text", not_null=True, constraints=())
    found = {change.aspect: change for change in diff(Catalog(domains=(changed,)), live).changes}
    assert found["default"].change_class is ChangeClass.SAFE
    assert found["not_null"].token is ConsentToken.SET_NOT_NULL
    assert found["constraints"].token is ConsentToken.DROP_CONSTRAINT
    [base] = diff(Catalog(domains=(replace(domain, base="integer"),)), live).changes
    assert (base.action, base.change_class) == (Action.RECREATE, ChangeClass.SAFE)
    column = Column(name="v", type=domain.key.qualified.sql)
    tables = (Table(schema="public", name="t", columns=(column,), access=ACCESS),)
    wanted = Catalog(domains=(replace(domain, base="integer"),), tables=tables)
    [base] = diff(wanted, replace(live, tables=tables)).changes
    assert (base.aspect, base.change_class, base.token) == ("base", ChangeClass.INCOMPATIBLE, None)
