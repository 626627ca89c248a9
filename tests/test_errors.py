"""Every failure has a code of its own, a status and an exit code that fit, and a sentence for people."""

from __future__ import annotations

import ast
import inspect
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from stonegate import errors
from stonegate.errors import SourceError, SourceErrors, StonegateError, SyntaxFailure, every_error

EVERY = tuple(every_error())
#: The codes and statuses that clients of the original branch on (the HTTP contract, "Errors").
CONTRACT = {
    "invalid_request": 400,
    "schema_extraction_failed": 400,
    "extension_not_available": 400,
    "unauthorized": 403,
    "platform_isolation_violation": 403,
    "database_not_found": 404,
    "platform_not_found": 404,
    "schema_not_found": 404,
    "function_not_found": 404,
    "not_found": 404,
    "method_not_allowed": 405,
    "database_already_exists": 409,
    "platform_already_registered": 409,
    "migration_in_progress": 409,
    "drift": 409,
    "changed_migration": 409,
    "missing_seed": 409,
    "plan_changed": 409,
    "verification_failed": 409,
    "lock_timeout": 409,
    "table_too_large": 409,
    "payload_too_large": 413,
    "migration_blocked": 409,
    "migration_failed": 500,
    "function_deploy_failed": 500,
    "extension_install_failed": 500,
    "query_failed": 500,
    "internal_error": 500,
    "connection_failed": 503,
    "pool_exhausted": 503,
    "query_timeout": 504,
}


def test_codes_are_unique() -> None:
    counted = Counter(error.code for error in EVERY)
    assert [code for code, count in counted.items() if count > 1] == []


def test_every_class_of_the_module_is_walked() -> None:
    defined = {value for _, value in inspect.getmembers(errors, inspect.isclass) if issubclass(value, StonegateError)}
    assert defined == set(EVERY)


@pytest.mark.parametrize("error", EVERY, ids=lambda error: error.code)
def test_facts_are_sound(error: type[StonegateError]) -> None:
    assert error.code.replace("_", "").isalpha()
    assert error.code.islower()
    assert 400 <= error.status <= 599
    assert 2 <= error.exit_code <= 7
    assert error.__doc__, "a docstring is what `stonegate explain` prints"


@pytest.mark.parametrize(("code", "status"), CONTRACT.items())
def test_status_is_that_of_the_contract(code: str, status: int) -> None:
    assert {error.code: error.status for error in EVERY}[code] == status


def test_as_dict_is_flat_and_leaves_out_what_is_unknown() -> None:
    error = SourceError("no such thing", file="tables/a.pssql", line=3, hint="write it", details=("one", "two"))
    assert error.place == "tables/a.pssql:3"
    assert error.as_dict() == {
        "error": "schema_extraction_failed",
        "message": "tables/a.pssql:3: no such thing; one; two",
        "hint": "write it",
    }


def _hints() -> Iterator[str]:
    """The beginnings and ends of all hints that stand in the code as they are."""
    for file in Path(errors.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.keyword) and node.arg == "hint":
                found = node.value.values if isinstance(node.value, ast.JoinedStr) else [node.value]
                yield from (part.value for part in found if isinstance(part, ast.Constant) and part.value)


def test_hints_are_no_sentences() -> None:
    hints = tuple(_hints())
    assert len(hints) > 150
    assert [hint for hint in hints if re.match(r"[A-Z][a-z]", hint) and ":" not in hint] == []
    assert [hint for hint in hints if hint.endswith(".") and len(hint) > 1] == []


def test_a_failure_without_a_place_has_none() -> None:
    error = StonegateError("broken", cause="so says PostgreSQL", sqlstate="XX000", database="shop")
    assert error.place is None
    assert error.as_dict() == {
        "error": "internal_error",
        "message": "broken",
        "database": "shop",
        "cause": "so says PostgreSQL",
        "sqlstate": "XX000",
    }


def test_several_errors_are_told_at_once_with_their_places() -> None:
    broken = SyntaxFailure("syntax error", excerpt="x\n^", file="tables/a.pssql", line=1, column=2)
    both = SourceErrors((broken, SourceError("the folder is empty")))
    assert both.message == "2 errors in the folder"
    assert both.details == ("tables/a.pssql:1:2: syntax error", "the folder is empty")
    assert both.errors[0] is broken
