"""The tables of the contract, the code that implements them and the tests that show them name the same things."""

from __future__ import annotations

import ast
from pathlib import Path

from stonegate.errors import StalePlan, StonegateError, every_error
from stonegate.gateway.answers import public_code
from stonegate.gateway.app import ENDPOINTS
from tests.gateway.contract import CODES, ROWS

#: A saved plan can be stale; over HTTP plans are made anew until one fits.
NEVER_OVER_HTTP = {StalePlan}


def shown_in(path: Path) -> set[str]:
    """The arguments of all `shows(…)` in a file. The marker itself holds a test to them (see `conftest.py`)."""
    calls = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    return {
        argument.value
        for call in calls
        if isinstance(call.func, ast.Attribute) and call.func.attr == "shows"
        for argument in call.args
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    }


def public(kind: type[StonegateError]) -> str:
    """What clients read as `error`."""
    return public_code(kind.__new__(kind))


def test_the_gateway_has_the_rows_of_the_table() -> None:
    declared = {f"{each.method} {each.path}": 201 if each.created else each.status for each in ENDPOINTS}
    declared |= {"POST /call": 200, "GET /openapi.json": 200, "GET /docs": 200}
    assert declared == {name: row.status for name, row in ROWS.items()}


def test_the_errors_are_those_of_the_table() -> None:
    kinds = [kind for kind in every_error() if kind not in NEVER_OVER_HTTP]
    assert {public(kind) for kind in kinds} == set(CODES)
    for kind in kinds:
        assert kind.status in CODES[public(kind)], kind


def test_every_row_and_every_code_is_shown_by_a_test() -> None:
    shown = set().union(*map(shown_in, Path(__file__).parent.glob("test_*.py")))
    assert shown == {*ROWS, *CODES}
