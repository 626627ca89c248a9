"""The checksum of one item: sha256 of its canonical token form, and the version of that form stored beside it."""

from __future__ import annotations

from hashlib import sha256

from stonegate.model.tokens import canonical_form

#: Raised whenever `canonical_form` changes what it keeps; recorded in `checksum_version` of the tracking tables.
CHECKSUM_VERSION = 1


def checksum(sql: str) -> str:
    """sha256 (hex) of the canonical token form of one statement (behaviour, §2)."""
    return sha256(canonical_form(sql).encode()).hexdigest()
