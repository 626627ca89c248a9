"""OpenAPI 3.1, generated from the declarations that requests are validated by, and the page that shows it."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable
from functools import cache
from hashlib import sha256
from importlib import resources
from typing import Any

import msgspec

from stonegate import __version__
from stonegate.errors import StonegateError, every_error
from stonegate.gateway.call.request import CallRequest
from stonegate.gateway.endpoints import Endpoint
from stonegate.gateway.security import ADMIN_PREFIX, OPEN_PATHS

#: What any route may answer, by its status.
_EVERYWHERE = ("invalid_request", "unauthorized", "not_found", "internal_error")
CALL_CODES = (
    "function_not_found",
    "platform_isolation_violation",
    "payload_too_large",
    "query_failed",
    "connection_failed",
    "pool_exhausted",
    "query_timeout",
)
_ERROR = {
    "type": "object",
    "required": ["error", "message"],
    "properties": {
        name: {"type": "string"} for name in ("error", "message", "database", "cause", "hint", "sqlstate", "job_id")
    },
}


def build_openapi(endpoints: Iterable[Endpoint], *, created_status: int) -> dict[str, Any]:
    """The document."""
    endpoints = tuple(endpoints)
    forms = [each.form for each in endpoints if each.form is not None] + [CallRequest]
    _, components = msgspec.json.schema_components(forms, ref_template="#/components/schemas/{name}")
    paths: dict[str, Any] = {"/call": {"post": _call_operation()}}
    for each in endpoints:
        paths.setdefault(each.path, {})[each.method.lower()] = _operation(each, components, created_status)
    return {
        "openapi": "3.1.0",
        "info": {"title": "stonegate", "version": __version__, "description": "PostgreSQL functions over HTTP."},
        "paths": paths,
        "components": {
            "schemas": {**components, "Error": _ERROR},
            "securitySchemes": {"admin": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(each: Endpoint, components: dict[str, Any], created_status: int) -> dict[str, Any]:
    status = created_status if each.created else each.status
    properties = {name: {"type": kind} for name, kind in each.answer.items()}
    good: dict[str, Any] = {"type": "object", "properties": properties, "required": list(properties)}
    content = {each.media_type: {"schema": good if each.media_type == "application/json" else {"type": "string"}}}
    operation: dict[str, Any] = {
        "summary": each.summary,
        "operationId": re.sub(r"\W+", "_", f"{each.method.lower()}{each.path}").strip("_"),
        "parameters": _parameters(each),
        "responses": {str(status): {"description": "done", "content": content}, **_failures(each)},
    }
    if each.form is not None:
        operation["requestBody"] = {"required": True, "content": _body(each, components)}
    if each.path.startswith(ADMIN_PREFIX):
        operation["security"] = [{"admin": []}]
    return operation


def _parameters(each: Endpoint) -> list[dict[str, Any]]:
    text = {"type": "string", "minLength": 1}
    found = [
        {"name": name, "in": "path", "required": True, "schema": text} for name in re.findall(r"{(\w+)}", each.path)
    ]
    found += [
        {"name": name.removesuffix("!"), "in": "query", "required": name.endswith("!"), "schema": {"type": "string"}}
        for name in each.query
    ]
    return found


def _body(each: Endpoint, components: dict[str, Any]) -> dict[str, Any]:
    assert each.form is not None
    if not each.archive:
        return {"application/json": {"schema": {"$ref": f"#/components/schemas/{each.form.__name__}"}}}
    declared = components[each.form.__name__]
    file = {"type": "string", "contentMediaType": "application/gzip", "format": "binary"}
    schema = {
        "type": "object",
        "properties": {**declared["properties"], each.archive[0]: file},
        "required": [*declared.get("required", ()), each.archive[0]],
    }
    return {"multipart/form-data": {"schema": schema}}


def _failures(each: Endpoint) -> dict[str, Any]:
    if each.path in OPEN_PATHS:
        busy = {"description": "not ready", "content": {"application/json": {"schema": {"type": "object"}}}}
        return {"503": busy} if each.path == "/ready" else {}
    codes = [*_EVERYWHERE, *each.codes]
    if each.form is not None:
        codes += ["payload_too_large", "pool_exhausted"]
    statuses = {_STATUS[code] for code in codes if code in _STATUS}
    if each.path.startswith(ADMIN_PREFIX):
        statuses |= {401, 503}
    return {str(status): _failure(codes, status) for status in sorted(statuses)}


def _failure(codes: Iterable[str], status: int) -> dict[str, Any]:
    named = sorted({code for code in codes if _STATUS.get(code) == status})
    return {
        "description": ", ".join(named) or "unauthorized",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
    }


def _call_operation() -> dict[str, Any]:
    good = {
        "type": "object",
        "required": ["rows", "row_count", "execution_time_ms"],
        "properties": {
            "rows": {"type": "array"},
            "row_count": {"type": "integer"},
            "execution_time_ms": {"type": "number"},
        },
    }
    codes = [*_EVERYWHERE, *CALL_CODES]
    statuses = sorted({_STATUS[code] for code in codes} | {409})
    return {
        "summary": "Call a function",
        "operationId": "call",
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/CallRequest"}}},
        },
        "responses": {
            "200": {"description": "done", "content": {"application/json": {"schema": good}}},
            **{str(status): _failure(codes, status) for status in statuses},
        },
    }


_STATUS = {kind.code: kind.status for kind in every_error(StonegateError)}


@cache
def read_page(name: str) -> str:
    """A file of the package."""
    return resources.files("stonegate.gateway").joinpath("pages", name).read_text(encoding="utf-8")


def policy_of(page: str) -> bytes:
    """What a browser lets the page do: run its own script and style, known by their digests, and ask this server."""
    sources = {
        kind: [f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'" for text in _parts(page, kind)]
        for kind in ("script", "style")
    }
    parts = [f"{kind}-src {' '.join(found)}" for kind, found in sources.items() if found]
    closed = [f"{name} 'none'" for name in ("default-src", "base-uri", "form-action", "frame-ancestors")]
    return "; ".join([*closed, "connect-src 'self'", *parts]).encode()


def _parts(page: str, kind: str) -> list[str]:
    return re.findall(rf"<{kind}>(.*?)</{kind}>", page, re.DOTALL)
