"""Checksums: of one item by its canonical token form, whose version is stored beside it, and of a whole folder."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

from stonegate.model.source import ExtensionItem, Folder, Migration, Seeder, SourceItem
from stonegate.model.tokens import canonical_form

#: Raised whenever `canonical_form` changes what it keeps; recorded in `checksum_version` of the tracking tables.
CHECKSUM_VERSION = 1


def checksum(sql: str) -> str:
    """sha256 (hex) of the canonical token form of one statement (behaviour, §2)."""
    return sha256(canonical_form(sql).encode()).hexdigest()


def fingerprint(
    extensions: Iterable[ExtensionItem],
    items: Iterable[SourceItem],
    migrations: Iterable[Migration],
    seeders: Iterable[Seeder],
) -> str:
    """sha256 (hex) over (kind, path, checksum) of everything that a folder declares (behaviour, §2)."""
    total = sha256()
    entries = [
        *((Folder.EXTENSIONS.value, each.file, each.line, each.checksum) for each in extensions),
        *((each.key.kind.value, each.file, each.line, each.checksum) for each in items),
        *((Folder.MIGRATIONS.value, each.file, 0, each.checksum) for each in migrations),
        *((Folder.SEEDERS.value, each.file, each.line, each.checksum) for each in seeders),
    ]
    for kind, path, _, checked in sorted(entries, key=lambda entry: (entry[1], entry[2])):
        total.update(f"{kind}\0{path}\0{checked}\n".encode())
    return total.hexdigest()
