"""Hazards, the function contract, and `stonegate explain`: one word each, explained once."""

from __future__ import annotations

import pytest

from stonegate.errors import UsageError, every_error
from stonegate.model.catalog import Parameter, Routine
from stonegate.model.consent import ConsentToken
from stonegate.planner.classify import hazards
from stonegate.planner.classify.contract import breaking_changes
from stonegate.planner.classify.hazards import HAZARDS
from stonegate.planner.explain import explain, explanations
from tests.planner.catalogs import routine

#: The first hazards of behaviour §5.
FIRST = [
    "deletes-data",
    "narrows-type",
    "rewrites-table",
    "access-exclusive-lock",
    "share-lock",
    "validates-rows",
    "recreates-dependents",
    "renames",
    "breaks-callers",
    "stale-body",
    "stale-stored-values",
    "unmodelled",
]


def test_every_hazard_of_the_specification_exists() -> None:
    assert set(FIRST) <= set(HAZARDS)


@pytest.mark.parametrize("code", list(HAZARDS))
def test_a_hazards_code_is_its_functions_name_and_its_text_says_the_safer_way(code: str) -> None:
    function = HAZARDS[code]
    assert getattr(hazards, code.replace("-", "_")) is function
    found = function("table users")
    assert found.code == code and "users" in found.message
    assert found.message.endswith("users") or not found.message.endswith((":", " "))
    told = explain(code)
    assert told.kind == "hazard" and told.title and told.text and told.safer_way
    assert "\n" not in told.title


def test_a_hazard_takes_details() -> None:
    assert hazards.narrows_type("column t.a", "bigint", "integer", "too big").message == (
        "column t.a may lose information on its way from bigint to integer: too big"
    )
    assert hazards.rewrites_table("table t", "id becomes bigint").message.endswith(": id becomes bigint")


# --- explain --------------------------------------------------------------------------------------------------------


def test_every_word_that_stonegate_prints_can_be_explained() -> None:
    words = {*HAZARDS, *ConsentToken, *(error.code for error in every_error())}
    assert {explanation.code for explanation in explanations()} == {str(word) for word in words}
    for word in words:
        assert explain(str(word)).title


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("drop_column:users.legacy", "drop_column"),
        ("--allow drop_column", "drop_column"),
        ("rewrites_table", "rewrites-table"),
        (" STALE_PLAN ", "stale_plan"),
    ],
)
def test_words_are_understood_as_they_are_typed(typed: str, code: str) -> None:
    assert explain(typed).code == code


def test_a_word_that_is_two_things_tells_both() -> None:
    told = explain("changed_migration")
    assert told.kind == "consent" and "As an error: " in told.text
    assert "As a consent: " in explain("stale-body").text


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("unsafe_records", "HTTP answers 500 as `migration_failed`."),
        ("syntax_error", "HTTP answers 400 as `schema_extraction_failed`."),
        ("schema_extraction_failed", "HTTP answers 400."),
        ("function_deploy_failed", "HTTP answers 500."),
    ],
)
def test_an_error_says_what_it_is_called_over_http(code: str, told: str) -> None:
    assert explain(code).text.endswith(told)


def test_an_unknown_word_is_answered_with_the_nearest_ones() -> None:
    with pytest.raises(UsageError) as caught:
        explain("rewrite-tables")
    assert caught.value.hint == "did you mean rewrites-table?"
    for part, hint in (("deletes", "deletes-data?"), ("lock", "access-exclusive-lock or lock_timeout or share-lock?")):
        with pytest.raises(UsageError) as caught:
            explain(part)
        assert caught.value.hint == f"did you mean {hint}"
    with pytest.raises(UsageError) as caught:
        explain("xyzzy")
    assert caught.value.hint is not None and "`stonegate explain` lists" in caught.value.hint


# --- the contract of a function (behaviour §10) -----------------------------------------------------------------------


def _routine(*parameters: str, returns: str = "integer", returns_set: bool = False, kind: str = "function") -> Routine:
    """Parameters as "name type", "name type = default" or "out name type"."""
    parsed = []
    for text in parameters:
        declaration, _, default = text.partition(" = ")
        words = declaration.split(" ")
        mode = words.pop(0) if words[0] in ("out", "table", "inout", "variadic") else "in"
        name = words.pop(0) if len(words) > 1 else ""
        parsed.append(Parameter(name=name, mode=mode, type=" ".join(words), default=default or None))
    return routine(parameters=tuple(parsed), returns=returns, returns_set=returns_set, kind=kind)


@pytest.mark.parametrize(
    ("desired", "live", "said"),
    [
        (_routine("a integer"), _routine("a integer"), ()),
        (_routine("a integer", "b text = 'x'"), _routine("a integer"), ()),
        (_routine("a integer", "b text"), _routine("a integer"), ("parameter b is added without a default",)),
        (_routine("b integer"), _routine("a integer"), ("parameter a is renamed to b",)),
        (_routine("a bigint"), _routine("a integer"), ("parameter a changes its type from integer to bigint",)),
        (_routine(), _routine("a integer"), ("parameter a is removed",)),
        (_routine("a integer"), _routine("integer"), ()),
        (_routine("a integer"), _routine("a integer = 1"), ("parameter a loses its default",)),
        (
            _routine("b integer", "a integer"),
            _routine("a integer", "b integer"),
            ("parameter a moves from place 1 to 2", "parameter b moves from place 2 to 1"),
        ),
        (_routine(returns="bigint"), _routine(), ("it returns bigint instead of integer",)),
        (
            _routine(returns="SETOF integer", returns_set=True),
            _routine(),
            ("it returns a set of rows instead of one value",),
        ),
        (
            _routine("table x integer", "table y text", returns="TABLE(…)"),
            _routine("table x bigint", "table z text", returns="TABLE(…)"),
            (
                "column x of the result changes from bigint to integer",
                "column z of the result is removed",
            ),
        ),
        (
            _routine("table x integer", "table y text", returns="TABLE(x, y)"),
            _routine("table x integer", "table y text", "table z text", returns="TABLE(x, y, z)"),
            ("column z of the result is removed",),
        ),
        (
            _routine("table x integer", "table y text", "table z text", returns="TABLE(x, y, z)"),
            _routine("table x integer", "table y text", returns="TABLE(x, y)"),
            (),
        ),
        (
            _routine(kind="procedure", returns=""),
            _routine(),
            ("the function becomes a procedure", "it returns nothing instead of integer"),
        ),
        (
            _routine(),
            _routine(kind="procedure", returns=""),
            ("the procedure becomes a function", "it returns integer instead of nothing"),
        ),
        (_routine(kind="procedure", returns=""), _routine(kind="procedure", returns=""), ()),
        (_routine(kind="window"), _routine(), ()),
        # places and names
        (
            _routine("b integer"),
            _routine("a integer", "b integer"),
            ("parameter a is removed", "parameter b moves from place 2 to 1"),
        ),
        (_routine("b integer"), _routine("integer", "b integer"), ("parameter b is removed",)),
        (_routine("integer", "integer"), _routine("a integer", "integer"), ("parameter a is renamed to nothing",)),
        (_routine("integer", "text"), _routine("integer", "text"), ()),
        (_routine("bigint"), _routine("integer"), ("parameter $1 changes its type from integer to bigint",)),
        (_routine("a integer = 2"), _routine("a integer = 1"), ()),
        # VARIADIC
        (_routine("a integer", "variadic b text[]"), _routine("a integer"), ()),
        (_routine("variadic a text[]"), _routine("variadic a text[]"), ()),
        (_routine("a text[]"), _routine("variadic a text[]"), ("parameter a is in instead of variadic",)),
        (_routine("variadic a text[]"), _routine("a text[]"), ("parameter a is variadic instead of in",)),
        # results
        (_routine("inout a integer"), _routine("a integer"), ()),
        (
            _routine("inout a integer", "out b integer", returns="record"),
            _routine("inout a integer"),
            ("the result has 2 columns instead of 1",),
        ),
        (
            _routine(),
            _routine(returns="SETOF integer", returns_set=True),
            ("it returns one value instead of a set of rows",),
        ),
        (_routine(returns="integer"), _routine("out x text", returns="text"), ("it returns integer instead of text",)),
        (_routine("out x text", returns="text"), _routine(returns="integer"), ("it returns text instead of integer",)),
        (
            _routine("out x integer", "out y integer", returns="record"),
            _routine("out x integer", returns="integer"),
            ("the result has 2 columns instead of 1",),
        ),
        (
            _routine("out x integer", returns="integer"),
            _routine("out x integer", "out y integer", returns="record"),
            ("column y of the result is removed", "the result has 1 columns instead of 2"),
        ),
        (_routine("out x integer"), _routine("out x integer"), ()),
        (None, _routine(), ("the function is removed",)),
    ],
)
def test_what_callers_notice(desired: Routine | None, live: Routine, said: tuple[str, ...]) -> None:
    assert breaking_changes(desired, live) == said
