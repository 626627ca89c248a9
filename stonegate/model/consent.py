"""What the user allows, in the words of `--allow` (behaviour, §5)."""

from __future__ import annotations

import re
from enum import StrEnum

from msgspec import Struct

from stonegate.errors import UsageError
from stonegate.model.mistyped import did_you_mean


class ConsentToken(StrEnum):
    """The words after `--allow` (behaviour, §5 and §4)."""

    DROP_TABLE = "drop_table"
    DROP_COLUMN = "drop_column"
    ADD_NOT_NULL_COLUMN = "add_not_null_column"
    SET_NOT_NULL = "set_not_null"
    MODIFY_COLUMN_TYPE = "modify_column_type"
    DROP_CONSTRAINT = "drop_constraint"
    DROP_POLICY = "drop_policy"
    DROP_ATTRIBUTE = "drop_attribute"
    DROP_SEQUENCE = "drop_sequence"
    DROP_SCHEMA = "drop_schema"
    DROP_INDEX = "drop_index"
    DROP_VIEW = "drop_view"
    DROP_TRIGGER = "drop_trigger"
    DROP_ROUTINE = "drop_routine"
    DROP_TYPE = "drop_type"
    DELETE_ROWS = "delete_rows"
    CHANGED_MIGRATION = "changed_migration"
    MISSING_SEED = "missing_seed"
    STALE_BODY = "stale_body"
    DRIFT = "drift"


#: What nobody declared is dropped by its name alone (behaviour, §4 "Tables").
NAMED_ONLY = frozenset(
    {
        ConsentToken.DROP_INDEX,
        ConsentToken.DROP_VIEW,
        ConsentToken.DROP_TRIGGER,
        ConsentToken.DROP_ROUTINE,
        ConsentToken.DROP_TYPE,
    }
)


#: Commas between parentheses or quotes are part of a name.
_BETWEEN_COMMAS = re.compile(r'(?:"[^"]*"|\([^()]*\)|[^,])+')
_BEGINS_CONSENT = re.compile(r"\s*[a-z_]+\s*(?::|\Z)")


class Consent(Struct, frozen=True, kw_only=True, order=True):
    """What the user allowed: a token, for every object or for one (`drop_column:users.legacy`)."""

    token: ConsentToken
    object: str | None = None

    @classmethod
    def parse(cls, text: str, *, in_file: bool = False) -> Consent:
        """The consent written as `token` or `token:object`.

        Args:
            in_file: it stands in a migration, which may be an applied one: what is of no use there is no error.

        Raises:
            UsageError: no such token, or no object where it takes one: a colon alone must not allow everything.
        """
        token, colon, label = text.strip().partition(":")
        label = label.strip().removeprefix("public.")
        if token not in frozenset(ConsentToken):
            hint = did_you_mean(token, ConsentToken, f"one of: {', '.join(ConsentToken)}")
            raise UsageError(f"unknown consent `{token}`", hint=hint)
        if not label and (colon or (token in NAMED_ONLY and not in_file)):
            hint = f"{token}:NAME" if token in NAMED_ONLY else f"{token}:NAME, or {token} for all"
            raise UsageError(f"the consent `{text.strip()}` names no object", hint=hint)
        return cls(token=ConsentToken(token), object=label or None)

    @classmethod
    def parse_list(cls, text: str) -> tuple[Consent, ...]:
        """The consents of a comma list; a comma may belong to an object, too: `stale_body:add(integer, integer)`.

        Raises:
            UsageError: as `parse`.
        """
        parts: list[str] = []
        for part in filter(str.strip, _BETWEEN_COMMAS.findall(text)):
            if parts and ":" in parts[-1] and not _BEGINS_CONSENT.match(part):
                parts[-1] += f",{part}"
            else:
                parts.append(part)
        return tuple(map(cls.parse, parts))

    def covers(self, token: ConsentToken, label: str) -> bool:
        """True if this consent allows `token` on the object with that label."""
        return self.token is token and self.object in (None, label)

    def __str__(self) -> str:
        return self.token.value if self.object is None else f"{self.token.value}:{self.object}"
