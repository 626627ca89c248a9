"""The tables of the contract, the code that implements them and the tests that show them name the same things."""

from __future__ import annotations

import ast
from pathlib import Path

from stonegate.errors import StalePlan, every_error
from stonegate.gateway.app import ENDPOINTS
from stonegate.gateway.openapi import build_openapi
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


def test_the_gateway_has_the_rows_of_the_table() -> None:
    declared = {f"{each.method} {each.path}": 201 if each.created else each.status for each in ENDPOINTS}
    declared |= {"POST /call": 200, "GET /openapi.json": 200, "GET /docs": 200}
    assert declared == {name: row.status for name, row in ROWS.items()}


def test_the_description_has_the_keys_of_the_table() -> None:
    paths = build_openapi(ENDPOINTS, created_status=201)["paths"]
    for name, row in ROWS.items():
        method, _, path = name.partition(" ")
        if path in ("/openapi.json", "/docs", "/metrics"):
            continue
        (content,) = paths[path][method.lower()]["responses"][str(row.status)]["content"].values()
        properties = content["schema"]["properties"]
        for key, shape in row.body.items():
            assert properties[key]["type"] == described(shape), (name, key)
        assert set(content["schema"]["required"]) == set(properties)


def described(shape: object) -> str:
    """The JSON type of a shape of the table."""
    match shape:
        case tuple():
            return "number"
        case dict():
            return "object"
        case list():
            return "array"
        case set():
            return "string"
    return {str: "string", int: "integer", bool: "boolean"}[shape]  # type: ignore[index]


def test_the_errors_are_those_of_the_table() -> None:
    kinds = [kind for kind in every_error() if kind not in NEVER_OVER_HTTP]
    assert {kind.public_code() for kind in kinds} == set(CODES)
    for kind in kinds:
        assert kind.status in CODES[kind.public_code()], kind


def test_every_row_and_every_code_is_shown_by_a_test() -> None:
    shown = set().union(*map(shown_in, Path(__file__).parent.glob("test_*.py")))
    assert shown == {*ROWS, *CODES}
