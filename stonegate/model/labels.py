"""The label of a database: whose it is, as compact JSON in its comment, so that the server alone tells the owner.

It is the first line; what people wrote there stands below.
"""

from __future__ import annotations

import json
from typing import Any

from msgspec import Struct

LABEL_VERSION = 1
_KEY = "stonegate"


class Label(Struct, frozen=True, kw_only=True):
    """Platform, schema (None for v1) and tenant (None for a platform's own database) that a database belongs to.

    Attributes:
        unfinished: it is being made; a database that stays so may be removed by whoever holds the lock on its name.
    """

    platform: str
    schema: str | None = None
    tenant: str | None = None
    unfinished: bool = False

    @property
    def text(self) -> str:
        """The line."""
        facts: dict[str, Any] = {_KEY: LABEL_VERSION, "platform": self.platform}
        facts |= {"schema": self.schema, "tenant": self.tenant}
        if self.unfinished:
            facts["unfinished"] = True
        return json.dumps(facts, ensure_ascii=False, separators=(",", ":"))


def parse_label(comment: str | None) -> Label | None:
    """The label in a comment, or None if the comment says something else."""
    if comment is None or not comment.startswith("{"):
        return None
    try:
        facts = json.loads(_first_line(comment))
    except ValueError:
        return None
    if not isinstance(facts, dict) or _KEY not in facts or not isinstance(facts.get("platform"), str):
        return None
    schema, tenant = facts.get("schema"), facts.get("tenant")
    return Label(
        platform=facts["platform"],
        schema=schema if isinstance(schema, str) else None,
        tenant=tenant if isinstance(tenant, str) else None,
        unfinished=facts.get("unfinished") is True,
    )


def with_label(comment: str | None, label: Label) -> str:
    """The comment with that label in place of the one that it has, if any; what people wrote is kept."""
    written = comment or ""
    if parse_label(comment) is not None:
        written = written.removeprefix(_first_line(written)).removeprefix("\n")
    return f"{label.text}\n{written}" if written else label.text


def _first_line(comment: str) -> str:
    return comment.partition("\n")[0]
