"""The description holds: whatever schemathesis sends, the answer is a declared one; values of every type survive."""

from __future__ import annotations

import datetime
import json
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.gateway.gateway import Gateway, bearer

FEW = settings(
    max_examples=15,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
    derandomize=True,
    database=None,
)
#: Beyond the declared ones no 5xx may come; 500 only as these codes.
DECLARED_FAILURES = {"query_failed", "migration_failed", "function_deploy_failed", "extension_install_failed"}

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "int2": st.integers(-(2**15), 2**15 - 1),
    "int4": st.integers(-(2**31), 2**31 - 1),
    "int8": st.integers(-(2**63), 2**63 - 1),
    "float8": st.floats(allow_nan=False, allow_infinity=False),
    "bool": st.booleans(),
    "text": TEXTS,
    "uuid": st.uuids().map(str),
    "date": st.dates(min_value=datetime.date(1, 1, 1)).map(str),
    "timestamp": st.datetimes(min_value=datetime.datetime(1000, 1, 1)).map(
        lambda moment: moment.isoformat(timespec="microseconds").rstrip("0").rstrip(".")
    ),
    "ints": st.lists(st.integers(-(2**31), 2**31 - 1) | st.none()),
    "texts": st.lists(TEXTS | st.none()),
    "jsonb": st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXTS,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
        max_leaves=8,
    ).filter(lambda value: value is not None and not isinstance(value, str)),
    "mood": st.sampled_from(["sad", "ok", "very happy"]),
}


@pytest.mark.contract
@pytest.mark.parametrize("name", VALUES)
def test_values_survive_the_round_trip(gateway: Gateway, shop: str, name: str) -> None:
    with gateway.client() as client:

        @settings(FEW, max_examples=40)
        @given(VALUES[name])
        def survive(sent: Any) -> None:
            body = {"platform": shop, "function": f"echo_{name}", "params": [sent]}
            answer = client.post("/call", json=body)
            assert answer.status_code == 200, answer.text
            assert answer.json()["rows"] == [{f"echo_{name}": sent}]

        survive()


@pytest.mark.contract
@pytest.mark.slow
def test_every_answer_is_declared(gateway: Gateway, shop: str) -> None:
    with gateway.client() as client:
        document = client.get("/openapi.json").json()
        schema = schemathesis.openapi.from_dict(document)
        for found in schema.get_all_operations():
            operation = found.ok()

            @FEW
            @given(operation.as_strategy())
            def conform(case: Any) -> None:
                check_answer(gateway.url, document, case)

            conform()


def check_answer(url: str, document: dict[str, Any], case: Any) -> None:
    """Send the case; the status and the keys of the answer are as declared."""
    answer = case.call(base_url=url, headers=bearer(), timeout=60)
    responses = document["paths"][case.operation.path][case.method.lower()]["responses"]
    assert str(answer.status_code) in responses, (case.operation.path, answer.status_code, answer.text[:500])
    if answer.status_code < 400:
        return
    body = json.loads(answer.text)
    if case.operation.path != "/ready":
        assert {"error", "message"} <= body.keys()
    if answer.status_code == 500:
        assert body["error"] in DECLARED_FAILURES, answer.text
