"""Declared extensions: a file name with `-- version:` and `-- schema:` comments, or an explicit CREATE EXTENSION."""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import PurePosixPath

from stonegate.model.source import ExtensionItem, SourceFile
from stonegate.source.syntax.grammar import Statement

#: What people call an extension → its name in PostgreSQL.
_ALIASES = {
    "pgvector": "vector",
    "pg_vector": "vector",
    "uuid": "uuid-ossp",
    "uuid_ossp": "uuid-ossp",
    "uuidossp": "uuid-ossp",
    "uuid-oosp": "uuid-ossp",
    "trgm": "pg_trgm",
    "pgtrgm": "pg_trgm",
    "pg-trgm": "pg_trgm",
    "trigram": "pg_trgm",
    "crypto": "pgcrypto",
    "pg_crypto": "pgcrypto",
    "gist": "btree_gist",
    "btree-gist": "btree_gist",
    "btree-gin": "btree_gin",
    "postgis-topology": "postgis_topology",
    "postgis-raster": "postgis_raster",
    "postgis-tiger-geocoder": "postgis_tiger_geocoder",
    "timescale": "timescaledb",
    "pgcron": "pg_cron",
    "pg_stat_statement": "pg_stat_statements",
    "pgstattuples": "pgstattuple",
}
_DIRECTIVE = re.compile(r"^\s*(?:--)?\s*(version|schema)\s*[:=]\s*(['\"]?)([^'\";\s]+)\2\s*;?\s*$", re.I | re.M)
_CREATE = re.compile(r"\bcreate\s+extension\b", re.IGNORECASE)


def extension_name(written: str) -> str:
    """The extension's name in PostgreSQL for what a file or statement calls it."""
    name = written.strip()
    return _ALIASES.get(name.lower(), name)


def is_note(file: SourceFile) -> bool:
    """Whether a file in extensions/ holds no SQL: its name is the declaration, its text at most version and schema."""
    return file.path.lower().endswith(".txt") and _CREATE.search(file.text) is None


def by_file_name(file: SourceFile) -> ExtensionItem:
    """The extension that a file without CREATE EXTENSION declares."""
    options = _directives(file)
    name = extension_name(PurePosixPath(file.path).stem.lower())
    return _item(name, options.get("version"), options.get("schema"), file, 1)


def by_statement(statement: Statement) -> ExtensionItem:
    """The extension that a CREATE EXTENSION declares; comments fill in what the statement leaves out."""
    options = _directives(statement.file)
    for entry in statement.node.get("options", ()):
        option = entry["DefElem"]
        if option["defname"] in ("schema", "new_version"):
            options[option["defname"].removeprefix("new_")] = option["arg"]["String"]["sval"]
    name = extension_name(statement.node["extname"])
    return _item(name, options.get("version"), options.get("schema"), statement.file, statement.line)


def _directives(file: SourceFile) -> dict[str, str]:
    return {match[1].lower(): match[3] for match in _DIRECTIVE.finditer(file.text)}


def _item(name: str, version: str | None, schema: str | None, file: SourceFile, line: int) -> ExtensionItem:
    form = "\0".join((name, version or "", schema or ""))
    return ExtensionItem(
        name=name,
        version=version,
        schema=schema,
        file=file.path,
        line=line,
        checksum=sha256(form.encode()).hexdigest(),
    )
