"""Constraints and indexes: compared by definition before name."""

from __future__ import annotations

from msgspec.structs import replace

from stonegate.model.catalog import Constraint, Index, Table
from stonegate.model.plan import Action, ChangeClass
from stonegate.planner.diff import Diff
from tests.planner.catalogs import TABLE, between, check, diff, identities, index, users, with_table


def _checks(*checks: Constraint) -> Table:
    return users(constraints=checks)


def test_made_up_names_are_no_difference() -> None:
    desired = _checks(check("users_check", "(age > id)", "age", "id"), check("users_check1", "(id > age)", "age", "id"))
    live = _checks(check("users_check", "(id > age)", "age", "id"), check("users_check7", "(age > id)", "age", "id"))
    assert between(desired, live) == Diff()


def test_a_name_of_somebodys_own_is_given() -> None:
    mine, made_up = check("positive", "(age > 0)", "age"), check("users_age_check", "(age > 0)", "age")
    [change] = between(_checks(mine), _checks(made_up)).changes
    assert (change.aspect, change.before, change.after) == ("name", "users_age_check", "positive")
    assert [hazard.code for hazard in change.hazards] == ["renames"]
    # The folder dropped the name that the last deployment declared …
    [change] = between(_checks(made_up), _checks(mine)).changes
    assert (change.before, change.after) == ("positive", "users_age_check")
    # … or never knew it: then it stays.
    found = between(_checks(made_up), _checks(mine), declared=None)
    assert found.changes == () and "users_age_check" in found.notes[0]


def test_names_that_changed_places_are_compared_by_name() -> None:
    desired = _checks(check("x", "(age > 0)", "age"), check("y", "(age > 1)", "age"))
    live = _checks(check("x", "(age > 1)", "age"), check("y", "(age > 0)", "age"))
    assert identities(between(desired, live)) == [
        "recreate constraint users.x",
        "recreate constraint users.y",
    ]


def test_a_comment_asks_for_the_declared_name() -> None:
    live = _checks(check("users_age_check5", "(age > 0)", "age"))
    desired = _checks(check("users_age_check", "(age > 0)", "age", comment="never negative"))
    assert identities(between(desired, live)) == [
        "alter constraint users.users_age_check comment",
        "alter constraint users.users_age_check5 name",
    ]


def test_a_name_that_something_keeps_is_refused() -> None:
    mine, others_own = index("wanted", "age"), index("wanted", "id", "public.others", columns=("id",))
    key = Constraint(name="wanted", kind="unique", definition="UNIQUE (age)", columns=("age",), index="wanted")
    former = replace(key, name="former", index="former")
    other = replace(users(), name="others", indexes=(others_own,), constraints=())
    for with_it, without in (
        (users(indexes=(mine,)), users(indexes=())),
        (users(constraints=(key,)), users(constraints=())),
        (users(constraints=(key,)), users(constraints=(former,))),
    ):
        live = with_table(other, with_table(without))
        desired = with_table(replace(other, indexes=()), with_table(with_it))
        [change] = diff(desired, live, declared=desired).changes
        assert (change.change_class, change.token) == (ChangeClass.INCOMPATIBLE, None)
        assert change.reason.endswith("index wanted of table others, which the folder does not declare, has its name")
        assert change.hint == "rename or drop index wanted of table others in a migration"
        # It goes, or gets another name: then nothing stands in the way.
        for freed in (replace(other, indexes=()), replace(other, indexes=(replace(others_own, name="elsewhere"),))):
            found = diff(with_table(freed, desired), live, declared=live).changes
            assert all(change.change_class is not ChangeClass.INCOMPATIBLE for change in found)


def test_another_definition_under_the_same_name_replaces_it() -> None:
    [change] = between(_checks(check("c", "(age > 1)", "age")), _checks(check("c", "(age > 0)", "age"))).changes
    assert (change.action, change.change_class) == (Action.RECREATE, ChangeClass.SAFE)
    assert [hazard.code for hazard in change.hazards] == ["validates-rows"]


def test_not_valid_becomes_valid_but_only_the_folder_takes_it_back() -> None:
    valid = check("c", "(age > 0)", "age")
    pending = replace(valid, definition=f"{valid.definition} NOT VALID")
    [change] = between(_checks(valid), _checks(pending)).changes
    assert (change.aspect, change.after) == ("validated", "valid")
    [change] = between(_checks(pending), _checks(valid)).changes
    assert (change.aspect, change.after) == ("validated", "NOT VALID")
    kept = between(_checks(pending), _checks(valid), declared=with_table(_checks(pending)))
    assert kept.changes == () and kept.notes


def test_another_primary_key_takes_the_place_of_the_old_one() -> None:
    old = Constraint(name="users_pkey", kind="primary key", definition="PRIMARY KEY (id)", columns=("id",))
    new = Constraint(name="pk", kind="primary key", definition="PRIMARY KEY (id, age)", columns=("id", "age"))
    found = {
        change.identity: change for change in between(users(constraints=(new,)), users(constraints=(old,))).changes
    }
    assert found["drop constraint users.users_pkey"].change_class is ChangeClass.SAFE
    assert {hazard.code for hazard in found["create constraint users.pk"].hazards} == {
        "access-exclusive-lock",
        "validates-rows",
    }


def _indexes(*indexes: Index) -> Table:
    return users(indexes=indexes)


def test_indexes_match_by_shape() -> None:
    live = _indexes(index("users_age_idx3", "age"), index("mine", "email"))
    same = _indexes(index("users_age_idx", "age"), index("mine", "email"))
    assert between(same, live) == Diff()
    renamed = between(_indexes(index("users_age_idx", "age"), index("yours", "email")), live)
    assert identities(renamed) == ["alter index mine name"]
    changed = between(_indexes(index("users_age_idx3", "age DESC"), index("mine", "email")), live)
    assert identities(changed) == ["recreate index users_age_idx3"]
    assert changed.changes[0].table == TABLE


def test_an_invalid_index_is_rebuilt() -> None:
    live = _indexes(index("mine", "email", valid=False))
    [change] = between(_indexes(index("mine", "email")), live).changes
    assert (change.action, change.change_class) == (Action.RECREATE, ChangeClass.SAFE)
    other = between(
        _indexes(index("users_email_idx", "email")), _indexes(index("users_email_idx1", "email", valid=False))
    )
    assert identities(other) == ["create index users_email_idx", "drop index users_email_idx1"]


def test_new_indexes_say_whom_they_lock_out() -> None:
    found = between(_indexes(index("a", "age"), index("b", "email", unique=True)), _indexes())
    assert [[hazard.code for hazard in change.hazards] for change in found.changes] == [
        ["share-lock"],
        ["share-lock", "validates-rows"],
    ]


def test_replica_identity_by_index_is_said_once() -> None:
    marked = replace(index("a", "age"), replica_identity=True)
    desired = users(indexes=(marked,), replica_identity="i")
    assert identities(between(desired, _indexes(index("a", "age")))) == ["alter index a replica_identity"]
    assert identities(between(desired, _indexes())) == ["create index a"]
    assert identities(between(_indexes(index("a", "age")), desired)) == ["alter table users replica_identity"]
