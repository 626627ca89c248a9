"""What PostgreSQL prints twice in two ways is the same; what only looks alike is not."""

from __future__ import annotations

import pytest

from stonegate.model.expressions import flatten, same_text, stable_casts


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("CHECK (((a OR b) OR c))", "CHECK (((a OR b) OR c))"),
        ("(((a) OR (b)) OR (c))", "((a) OR (b) OR (c))"),
        ("((a) OR ((b) OR (c)))", "((a) OR (b) OR (c))"),
        ("WHERE (((x = 1) AND (y = 2))\n   AND (z = 3))", "WHERE ((x = 1) AND (y = 2) AND (z = 3))"),
    ],
)
def test_nested_chains_are_flat_ones(one: str, other: str) -> None:
    assert same_text(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("((a) OR (b)) AND (c)", "(a) OR ((b) AND (c))"),
        ("((a) AND (b)) OR (c)", "(a) AND ((b) OR (c))"),
        ("(('x OR y'::text) OR (b))", "(('x  OR y'::text) OR (b))"),
        ('(("A" OR (b)))', '(("a" OR (b)))'),
        ("f((a), (b))", "f((a) OR (b))"),
        ("((a) OR (b))", None),
    ],
)
def test_anything_else_differs(one: str, other: str | None) -> None:
    assert not same_text(one, other)


def test_text_without_chains_is_itself() -> None:
    assert flatten("nextval('a  b'::regclass)") == "nextval('a  b'::regclass)"


def test_a_cast_array_gets_its_own_type_once() -> None:
    stable = (
        "(v)::text = ANY ((ARRAY['a'::character varying, 'b, (c)'::character varying]::character varying[])::text[])"
    )
    printed = stable.replace("]::character varying[]", "]")
    assert stable_casts(printed) == stable_casts(stable) == stable
    assert stable_casts("ANY (ARRAY['a'::\"A b\"]::text[])") == 'ANY (ARRAY[\'a\'::"A b"]::"A b"[]::text[])'


def test_a_cast_array_and_an_array_of_casts_are_the_same() -> None:
    printed = "ANY ((ARRAY['a'::character varying, 'b, c'::character varying])::text[])"
    read_again = "ANY (ARRAY[('a'::character varying)::text, ('b, c'::character varying)::text])"
    assert same_text(stable_casts(printed), read_again)
    assert not same_text(stable_casts(printed), read_again.replace("b, c", "b,c"))


@pytest.mark.parametrize(
    "text",
    [
        "'(ARRAY[''a''::character varying])::text[]'::text",
        "AS $f$ SELECT (ARRAY['a'::character varying])::text[] $f$",
        "(ARRAY['a'::text])::text[]",
        "(ARRAY[a, b])::text[]",
    ],
)
def test_other_arrays_and_quoted_ones_are_left_alone(text: str) -> None:
    assert stable_casts(text) == flatten(text) == text
