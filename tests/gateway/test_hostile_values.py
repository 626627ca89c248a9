"""Values that hostile clients send: SQL, broken text, depth, size, fields of other types; each has its refusal."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from stonegate.errors import UsageError
from stonegate.gateway.call.request import CallRequest, LargeCallRequest
from stonegate.gateway.endpoints import decode_json
from stonegate.gateway.forms import (
    CreateDatabase,
    CreateTenant,
    MigrateAll,
    MigrateStored,
    RegisterPlatform,
    SchemaForm,
)
from tests.gateway.folders import release
from tests.gateway.gateway import Gateway

pytestmark = pytest.mark.contract

INJECTIONS = ("'; DROP TABLE notes; --", '"; DROP TABLE notes; --', "$1", "\\'; SELECT 1", "x' OR '1'='1", "%s", "$$;")


def test_sql_in_every_string(gateway: Gateway, shop: str, new_name: Callable[[], str]) -> None:
    for text in INJECTIONS:
        assert gateway.call(shop, "echo_text", [text]).json()["rows"] == [{"echo_text": text}]
        assert gateway.call(shop, "echo_texts", [[text]]).json()["rows"] == [{"echo_texts": [text]}]
        assert gateway.call(shop, "echo_any", [text]).json()["rows"] == [{"echo_any": text}]
        assert gateway.call(shop, "echo_point2", [{"label": text, text: text}]).json()["rows"][0]["label"] == text
        for function in ("echo_int4", "echo_ints", "echo_mood", "echo_interval", "echo_shape", "echo_tsvector"):
            assert gateway.call(shop, function, [text]).status_code in (200, 500)
        assert gateway.call(shop, "echo_text", {text: text}).status_code == 400
        assert gateway.call(shop, f"add{text}", [1]).status_code == 400
        assert gateway.call(f"{shop}{text}", "add", [1]).status_code in (400, 403, 503)
        assert gateway.call(shop, "add", [1], tenant_id=text).status_code in (400, 503)
        assert gateway.call(shop, "add", [1], schema_name=text, uuid=text).status_code in (400, 503)
        name = new_name()
        body = {"platform": name, "db_user": f"{name}{text}", "db_password": text}
        answer = gateway.post("/platform/register", body)
        assert answer.status_code in (201, 400), answer.text
        if answer.status_code == 201 and text in INJECTIONS[:2]:
            assert gateway.upload("/register", release(1), platform=name, tenant_id=f"t{text}").status_code == 200
            assert gateway.call(name, "version_of", tenant_id=f"t{text}").json()["row_count"] == 1
        answer = gateway.upload("/migrate", release(1), platform=name, allow=f"drop_table:{text}")
        assert answer.status_code in (200, 400, 404), answer.text
    assert gateway.call(shop, "notes_like", ["x"]).json()["rows"] == [{"notes_like": 0}]


@pytest.mark.parametrize(
    ("params", "status"),
    [
        (b'["\xff"]', 400),
        (b'[{"a": "\xff"}]', 400),
        (b'["a\\u0000b"]', 400),
        (b'["\\ud800"]', 400),
        (b'["a\x00b"]', 400),
        (b"[" + b"[" * 200_000 + b"]" * 200_001, 400),
        (b"[" + b'{"a":' * 200_000 + b"1" + b"}" * 200_000 + b"]", 400),
        (b"[NaN]", 400),
        (b"[01]", 400),
        (b"[1,]", 400),
        (b"['a']", 400),
        (b"[" + b"1," * 20_000 + b"1]", 400),
        (b'{"v": "first", "v": "last"}', 200),
    ],
    ids=range(13),
)
@pytest.mark.parametrize(
    "function", ["echo_text", "echo_jsonb", "echo_texts", "echo_jsonbs", "echo_points", "echo_any"]
)
def test_parameters_that_are_no_values(gateway: Gateway, shop: str, function: str, params: bytes, status: int) -> None:
    body = b'{"platform": "nobody", "platform": "%b", "function": "%b", "params": %b}'
    with gateway.client() as client:
        answer = client.post("/call", content=body % (shop.encode(), function.encode(), params))
    allowed = {status, 500} if function not in ("echo_text", "echo_any") else {status}
    assert answer.status_code in allowed, answer.text[:300]
    assert answer.status_code == 200 or answer.json()["error"] in ("invalid_request", "query_failed"), answer.text[:300]


@pytest.mark.parametrize("name", ["ints", "texts", "jsonb", "jsonbs", "points", "bytea", "byteas", "any", "shape"])
def test_values_that_are_deep_or_huge(gateway: Gateway, shop: str, name: str) -> None:
    with gateway.client() as client:
        for value in (
            b"[" * 900 + b"1" + b"]" * 900,
            b"[" * 7 + b"1" + b"]" * 7,
            b'[{"a":' * 400 + b"1" + b"}]" * 400,
            b"9" * 100_000,
            b"-1e-99999",
            b"1e99999",
            b"[" + b"9" * 5000 + b"]",
            b"[[1],[2,3]]",
            b"[[[]]]",
            b"[null,[1]]",
        ):
            body = b'{"platform": "%b", "function": "echo_%b", "params": [%b]}' % (shop.encode(), name.encode(), value)
            began = time.monotonic()
            answer = client.post("/call", content=body)
            assert answer.status_code in (200, 400, 500), answer.text[:300]
            assert answer.status_code != 500 or answer.json()["error"] == "query_failed", (
                value[:50],
                answer.text[:300],
            )
            assert time.monotonic() - began < 10


@pytest.mark.parametrize("charset", ["utf-7", "unicode_escape", "undefined", "idna", '"UTF-16"', "latin-1"])
def test_forms_are_utf_8(gateway: Gateway, charset: str) -> None:
    """Python has codecs for texts that no log and no file could hold, and some that fail with errors of their own."""
    part = b'--x\r\nContent-Disposition: form-data; name="platform"\r\n\r\na+2AA-\\ud800\r\n--x--\r\n'
    with gateway.client() as client:
        for named, status in ((charset, "must be UTF-8"), ("UTF-8", "the file schema is missing")):
            kind = {"Content-Type": f"multipart/form-data; boundary=x; charset={named}"}
            answer = client.post("/register", content=part, headers=kind)
            assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request"), answer.text
            assert status in answer.json()["message"]


@pytest.mark.parametrize("login", [{"db_user": "a\x00b"}, {"db_user": "a", "db_password": "a\x00b"}])
def test_roles_without_what_postgresql_has_not(gateway: Gateway, login: dict[str, str]) -> None:
    answer = gateway.post("/platform/register", {"platform": "nobody", **login})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request"), answer.text


@pytest.mark.parametrize(
    "field",
    [
        {"tenant_id": 10**400}, {"tenant_id": -1}, {"tenant_id": True}, {"tenant_id": 1.5}, {"tenant_id": ["a"]},
        {"timeout_ms": 10**400}, {"timeout_ms": -1}, {"timeout_ms": "1"}, {"uuid": {}}, {"schema_name": 5},
        {"function": None}, {"function": ["add"]}, {"platform": None}, {"params": 5}, {"params": True},
    ],
)  # fmt: skip
def test_fields_of_other_types(gateway: Gateway, shop: str, field: dict[str, Any]) -> None:
    answer = gateway.post("/call", {"platform": shop, "function": "add", "params": [1], **field})
    assert (answer.status_code, answer.json()["error"]) in ((400, "invalid_request"), (503, "connection_failed"))


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        *((kind, name) for kind in (CallRequest, LargeCallRequest) for name in ("tenant_id", "uuid", "schema_name")),
        *((kind, "platform") for kind in (CallRequest, LargeCallRequest, CreateTenant, RegisterPlatform)),
        *(
            (CreateTenant, "tenant_id"),
            (RegisterPlatform, "db_user"),
            (RegisterPlatform, "db_password"),
            (SchemaForm, "name"),
            (MigrateAll, "schema_name"),
        ),
        *((kind, name) for kind in (CreateDatabase, MigrateStored) for name in ("database_id", "uuid", "schema_name")),
    ],
)
def test_names_are_no_longer_than_is_looked_through_in_no_time(kind: type[msgspec.Struct], field: str) -> None:
    fields = {"platform": "p", "function": "f", "tenant_id": "t", "schema_name": "s"}
    most = 1000 if field == "db_password" else 255
    decoded = decode_json(msgspec.json.encode(fields | {field: "-" * most}), kind)
    assert getattr(decoded, field) == "-" * most
    with pytest.raises(UsageError, match=f"length <= {most} - at `[$].{field}`"):
        decode_json(msgspec.json.encode(fields | {field: "-" * (most + 1)}), kind)
