"""What PostgreSQL prints twice in two ways is the same; what only looks alike is not."""

from __future__ import annotations

import pytest

from stonegate.model.expressions import flatten, same_text


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
