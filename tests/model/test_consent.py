"""The words of --allow, and of the gateway's `allow`."""

from __future__ import annotations

import pytest

from stonegate.errors import UsageError
from stonegate.gateway.forms import parse_consents
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
