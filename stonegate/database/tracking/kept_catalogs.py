"""Catalogs as the tracking tables keep them: compressed, with a checksum by which a fleet knows an equal one again."""

from __future__ import annotations

import zlib
from hashlib import sha256

from stonegate.database.cache import Cache
from stonegate.model.catalog import Catalog
from stonegate.model.json_form import from_json, to_json

_MOST = 12
#: Catalogs by checksum.
_KNOWN: Cache[Catalog] = Cache(_MOST)
#: Checksums and compressed forms of catalogs, by identity.
_CHECKSUMS: Cache[str] = Cache(_MOST)
_COMPRESSED: Cache[bytes] = Cache(4)


def checksum_of(catalog: Catalog) -> str:
    """sha256 (hex) of all that the catalog holds, the server's version included; from now on it is known by it."""

    checksum = _CHECKSUMS.get(id(catalog), lambda: sha256(to_json(catalog)).hexdigest(), catalog)
    _KNOWN.get(checksum, lambda: catalog)
    return checksum


def compress(catalog: Catalog) -> bytes:
    """The catalog as a deployment's row keeps it."""
    return _COMPRESSED.get(id(catalog), lambda: zlib.compress(to_json(catalog), level=1), catalog)


def known_checksums() -> list[str]:
    """The checksums of the catalogs that need not be read again."""
    return [str(key) for key in _KNOWN]


def known_catalog(checksum: str | None) -> Catalog | None:
    """The catalog with that checksum, if this process has it."""
    return None if checksum is None else _KNOWN.find(checksum)


def restore(checksum: str | None, compressed: bytes | None) -> Catalog | None:
    """The catalog of a deployment's row.

    Args:
        checksum: of the row; None in rows of an older stonegate.
        compressed: None if the row has none, or if its checksum is known.

    Returns:
        None where none is kept, or one in the form of another version.
    """
    if compressed is None:
        return known_catalog(checksum)
    try:
        document = zlib.decompress(compressed)
        # Not by the row's checksum: whoever owns the database could pass its catalog off as another's.
        return _KNOWN.get(sha256(document).hexdigest(), lambda: from_json(document, Catalog))
    except (ValueError, zlib.error):
        return None
