"""The contract's two tables as data, and what every answer of every test is held against: its row, or the envelope."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import NoneType
from typing import Any, Final

import httpx

#: Rows and codes that answers have shown since the test began.
SEEN: set[str] = set()

#: The shape of a value: a type, several types, a set of possible values, [shape of the elements], {key: shape}.
Shape = Any

TEXT_OR_NONE: Final = (str, NoneType)
NUMBER: Final = (int, float)


@dataclass(frozen=True, slots=True)
class Row:
    """One endpoint: the status of its success and the keys that clients may rely on."""

    status: int
    body: Mapping[str, Shape]


_SEEDERS: Final = [{"table": str, "inserted": int, "skipped": int}]
_HEALTH: Final = {
    "status": {"healthy", "degraded"},
    "version": str,
    "postgres_connected": bool,
    "active_pools": int,
    "total_connections": int,
    "uptime_seconds": int,
}
_MIGRATED: Final = {
    "status": {"completed", "completed_with_warnings", "dry_run"},
    "databases_updated": [str],
    "migrations_applied": int,
    "functions_updated": int,
    "functions_skipped": int,
    "tables_created": int,
    "seeder_validations": [{"table": str, "expected": int, "found": int}],
    "schema_validation": {"safe_changes": [str], "dataloss_changes": [str], "incompatible_changes": [str]},
    "verification": {
        "passed": bool,
        "extensions_verified": bool,
        "types_verified": bool,
        "tables_verified": bool,
        "functions_verified": bool,
        "seeders_verified": bool,
        "error_log": TEXT_OR_NONE,
    },
    "results": [{"database": str, "status": str, "error": TEXT_OR_NONE}],
    "execution_time_ms": int,
}
_MADE: Final = {
    "status": {"created"},
    "platform": str,
    "schema_name": str,
    "database_name": str,
    "extensions_installed": int,
    "types_deployed": int,
    "tables_created": int,
    "functions_deployed": int,
    "seeders": _SEEDERS,
    "execution_time_ms": int,
}
_LISTED: Final = {"platforms": [{"name": str, "schemas": int, "databases": int}], "count": int}

ROWS: Final = {
    "POST /register": Row(
        200,
        {
            "status": {"ready"},
            "database": str,
            "created": bool,
            "extensions_installed": int,
            "types_deployed": int,
            "tables_created": int,
            "migrations_applied": int,
            "migrations_baselined": int,
            "functions_deployed": int,
            "functions_skipped": int,
            "seeders": _SEEDERS,
            "execution_time_ms": int,
        },
    ),
    "POST /migrate": Row(200, _MIGRATED),
    "POST /call": Row(200, {"rows": [dict], "row_count": int, "execution_time_ms": NUMBER}),
    "GET /health": Row(200, _HEALTH),
    "GET /ready": Row(200, _HEALTH),
    "GET /metrics": Row(200, {}),
    "GET /admin/databases": Row(
        200,
        {
            "platform": str,
            "databases": [{"name": str, "type": {"main", "tenant"}, "size_mb": (int, float, NoneType)}],
            "count": int,
        },
    ),
    "POST /admin/create-tenant": Row(201, {"status": {"created"}, "database": str, "message": str}),
    "POST /platform/register": Row(
        201, {"status": {"registered"}, "platform": str, "message": str, "has_dedicated_credentials": bool}
    ),
    "POST /platform/{platform}/schema": Row(
        201,
        {
            "status": {"registered"},
            "platform": str,
            "schema_name": str,
            "has_tables": bool,
            "has_functions": bool,
            "has_migrations": bool,
            "checksum": str,
        },
    ),
    "GET /platform/{platform}/schemas": Row(
        200,
        {
            "platform": str,
            "schemas": [
                {"name": str, "has_tables": bool, "has_functions": bool, "has_migrations": bool, "has_seeders": bool}
            ],
            "count": int,
        },
    ),
    "GET /platform/{platform}/databases": Row(
        200,
        {
            "platform": str,
            "databases": [{"id": str, "database_name": str, "schema_name": TEXT_OR_NONE, "created_at": str}],
            "count": int,
        },
    ),
    "GET /platforms": Row(200, _LISTED),
    "GET /admin/platforms": Row(200, _LISTED),
    "POST /database/create": Row(201, _MADE),
    "POST /admin/database/create": Row(201, _MADE),
    "POST /v2/migrate": Row(200, {**_MIGRATED, "platform": str, "schema_name": str}),
    "POST /v2/migrate-all": Row(202, {"job_id": str, "status": {"queued", "running"}, "total_databases": int}),
    "GET /v2/migrate-all/{job}": Row(
        200,
        {
            "status": {"queued", "running", "completed", "failed", "partial", "interrupted"},
            "results": [
                {
                    "database": str,
                    "status": str,
                    "migrations_applied": int,
                    "functions_updated": int,
                    "error": TEXT_OR_NONE,
                }
            ],
            "succeeded": int,
            "failed": int,
        },
    ),
    "GET /openapi.json": Row(200, {"openapi": {"3.1.0"}, "paths": dict}),
    "GET /docs": Row(200, {}),
}

CODES: Final = {
    "invalid_request": {400},
    "schema_extraction_failed": {400},
    "extension_not_available": {400},
    "unauthorized": {401, 403, 503},
    "platform_isolation_violation": {403},
    "database_not_found": {404},
    "platform_not_found": {404},
    "schema_not_found": {404},
    "function_not_found": {404},
    "not_found": {404},
    "method_not_allowed": {405},
    "database_already_exists": {409},
    "platform_already_registered": {409},
    "migration_in_progress": {409},
    "drift": {409},
    "changed_migration": {409},
    "missing_seed": {409},
    "plan_changed": {409},
    "verification_failed": {409},
    "lock_timeout": {409},
    "table_too_large": {409},
    "migration_blocked": {409},
    "payload_too_large": {413},
    "migration_failed": {500},
    "function_deploy_failed": {500},
    "extension_install_failed": {500},
    "query_failed": {500},
    "internal_error": {500},
    "connection_failed": {503},
    "pool_exhausted": {503},
    "query_timeout": {504},
}

#: What the envelope may hold; beside it failed deployments keep the keys of their row.
ENVELOPE: Final = ("error", "message", "database", "cause", "hint", "sqlstate")
_PATTERNS: Final = {name: re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(name)) + r"\Z") for name in ROWS}
#: Not JSON by their nature.
_OTHER_TYPES: Final = {"GET /metrics": "text/plain", "GET /docs": "text/html"}


def check(response: httpx.Response, *, created: int = 201, by_sqlstate: bool = False) -> None:
    """Hold an answer against the tables, and note what it showed.

    Args:
        created: the gateway's CREATED_STATUS.
        by_sqlstate: its CALL_ERROR_STATUS is `sqlstate`.
    """
    response.read()
    request = response.request
    asked = f"{request.method} {request.url.path}"
    assert len(response.headers["x-request-id"]) > 0
    if response.status_code >= 400 and asked != "GET /ready":
        _check_failure(response, by_sqlstate=by_sqlstate)
        return
    name = next((name for name, pattern in _PATTERNS.items() if pattern.match(asked)), None)
    if name is None or request.method == "HEAD":
        return
    row = ROWS[name]
    if name in _OTHER_TYPES:
        assert response.headers["content-type"].startswith(_OTHER_TYPES[name])
    else:
        assert response.headers["content-type"] == "application/json"
        check_shape(response.json(parse_int=_parse_int), row.body, name)
    expected = created if row.status == 201 else row.status
    assert response.status_code == expected or name == "GET /ready", (name, response.status_code)
    SEEN.add(name)


def _parse_int(digits: str) -> int | str:
    """Python's own limit is less than PostgreSQL's."""
    return int(digits) if len(digits) < 4000 else digits


def _check_failure(response: httpx.Response, *, by_sqlstate: bool) -> None:
    assert response.headers["content-type"] == "application/json"
    if response.request.method == "HEAD":
        return
    body = response.json()
    code = body["error"]
    assert code in CODES, body
    if not (by_sqlstate and code in ("query_failed", "query_timeout")):
        assert response.status_code in CODES[code], body
    assert body["message"], body
    for key in ENVELOPE:
        assert isinstance(body.get(key, ""), str), (key, body)
    if code == "pool_exhausted":
        assert int(response.headers["retry-after"]) > 0
    SEEN.add(code)


def check_shape(value: object, shape: Shape, where: str) -> None:
    """The value has the shape; more keys than declared are no fault."""
    match shape:
        case set():
            assert value in shape, (where, value)
        case dict():
            assert isinstance(value, dict), (where, value)
            for key, inner in shape.items():
                assert key in value, f"{where}: {key} is missing in {value}"
                check_shape(value[key], inner, f"{where} {key}")
        case [inner]:
            assert isinstance(value, list), (where, value)
            for each in value:
                check_shape(each, inner, f"{where}[]")
        case _:
            types = shape if isinstance(shape, tuple) else (shape,)
            assert type(value) in types, (where, value)
            assert not isinstance(value, int) or value >= 0, (where, value)  # all of them count something
