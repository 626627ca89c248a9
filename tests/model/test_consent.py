"""The words of --allow, and of the gateway's `allow`."""

from __future__ import annotations

import time

import pytest

from stonegate.errors import UsageError
from stonegate.gateway.forms import MOST_CONSENTS, parse_consents
from stonegate.model.consent import Consent


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("drop_column", ["drop_column"]),
        ("drop_column, drop_table,", ["drop_column", "drop_table"]),
        ("drop_column:a.b,drop_table:c", ["drop_column:a.b", "drop_table:c"]),
        (
            "stale_body:add(integer, text, integer), drop_table",
            ["stale_body:add(integer, text, integer)", "drop_table"],
        ),
        ('drop_table:"a,b",drop_view:v', ['drop_table:"a,b"', "drop_view:v"]),
        ("changed_migration:2024/a,b.sql", ["changed_migration:2024/a,b.sql"]),
        (" , ", []),
    ],
)
def test_a_comma_list(text: str, expected: list[str]) -> None:
    assert [str(consent) for consent in Consent.parse_list(text)] == expected
    assert parse_consents([text]) == Consent.parse_list(text)


def test_each_part_of_a_list_has_to_be_a_consent() -> None:
    with pytest.raises(UsageError, match="unknown consent `drop_tabel`"):
        Consent.parse_list("drop_column:a.b, drop_tabel:c")


def test_what_is_far_too_long_is_refused_at_once() -> None:
    began = time.process_time()
    with pytest.raises(UsageError, match="unknown consent `dataloss ") as caught:
        Consent.parse_list("dataloss " * 40_000)
    assert time.process_time() - began < 2 and caught.value.hint is not None and "drop_column" in caught.value.hint
    words = ["drop_column:a,"] * (MOST_CONSENTS // len("drop_column:a,"))
    assert len(parse_consents(words)) == len(words)
    with pytest.raises(UsageError, match="longer than the 65,536 characters allowed"):
        parse_consents([*words, words[0]])
