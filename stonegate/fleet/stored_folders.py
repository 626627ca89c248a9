"""The folders that are stored for a platform, each in a directory beside its `platform.json`."""

from __future__ import annotations

import shlex
from pathlib import Path

from msgspec import Struct

from stonegate.errors import PlatformIsolationViolation, SchemaNotFound, SourceError
from stonegate.fleet.files import locked, remove_leftovers, replace_tree
from stonegate.fleet.names import directory_name, word_of
from stonegate.fleet.records import Document, PlatformRecord, StoredSchema, add_schema
from stonegate.fleet.registry import LOCK_FILE, Registry
from stonegate.planner.lint import lint
from stonegate.planner.order.tree import order_tree
from stonegate.source.files.archive import Caps, unpack
from stonegate.source.files.tree import SourceBytes, pack_tree, read_archive, read_tree
from stonegate.source.parse import parse_tree


class Upload(Struct, frozen=True, kw_only=True):
    """A folder as it was stored, and what `stonegate check` says about it."""

    read: SourceBytes
    warnings: tuple[str, ...]


def store_schema(
    registry: Registry,
    platform: str,
    schema: str,
    source: Path | bytes,
    *,
    scope: str | None = None,
    caps: Caps | None = None,
) -> Upload:
    """Keep a folder (a path) or archive (its bytes) for a platform, in place of one of that name.

    Raises:
        PlatformNotFound: no such platform.
        PlatformIsolationViolation: another stored folder has the same names of databases.
        SourceError: it cannot be read, or something in it cannot be parsed or put in order; nothing was stored.
        UsageError: the schema's name makes no directory.
    """
    registry.platform(platform)
    data = source if isinstance(source, bytes) else _pack(source, scope)
    label = schema if isinstance(source, bytes) else str(source)
    read = read_archive(data, label, scope=scope, caps=caps)
    tree = parse_tree(label, read)
    order_tree(tree)  # what has none could never be deployed
    raw = unpack(data, label, caps or Caps())
    home = registry.home(platform)

    def store(document: Document) -> None:
        _require_own_name(registry.platform(platform), schema)
        remove_leftovers(home)
        replace_tree(home / directory_name(schema, "schema"), raw.files, raw.directories)
        add_schema(document, StoredSchema(name=schema, scope=scope, digest=read.digest))

    with locked(home / LOCK_FILE):  # until the records say, too, which half of it counts
        registry.change(platform, store)
    return Upload(read=read, warnings=lint(tree))


def read_schema(registry: Registry, platform: str, schema: str) -> SourceBytes:
    """The files of a stored folder, all of one upload.

    Raises:
        PlatformNotFound, SchemaNotFound: nothing of that name.
        SourceError: the folder is damaged.
    """
    home = registry.home(platform)
    path = home / directory_name(schema, "schema")
    with locked(home / LOCK_FILE, shared=True):
        record = registry.platform(platform)
        stored = record.schema(schema)
        if not path.is_dir() or (stored is None and path.name in _directories(record)):
            upload = f"stonegate platform upload {shlex.quote(platform)} --schema {shlex.quote(schema)} FOLDER"
            known = ", ".join(each.name for each in record.schemas) or "none"
            raise SchemaNotFound(
                f"the platform {platform} has no stored folder {schema}"
                if stored is None
                else f"the stored folder {schema} of the platform {platform} is not in the data directory any more",
                hint=f"stored: {known}; {upload}" if stored is None else f"restore it from a copy, or {upload}",
            )
        return read_tree(path, scope=None if stored is None else stored.scope)


def stored_schemas(registry: Registry, platform: str) -> tuple[StoredSchema, ...]:
    """The stored folders of a platform; one that lies there without being listed counts too."""
    record = registry.platform(platform)
    listed = {schema.name: schema for schema in record.schemas}
    home = registry.home(platform)
    there = sorted(path.name for path in home.iterdir() if path.is_dir() and not path.name.startswith("."))
    unlisted = {name: StoredSchema(name=name) for name in there if name not in _directories(record)}
    return tuple((listed | unlisted)[name] for name in sorted(listed | unlisted))


def _require_own_name(record: PlatformRecord, schema: str) -> None:
    """Refuse a new folder whose tenants would have the names of another one's, and that may lie where that one does."""
    twins = [each.name for each in record.schemas if word_of(each.name) == word_of(schema)]
    if twins and schema not in twins:
        raise PlatformIsolationViolation(
            f"the stored folder {twins[0]} of platform {record.name} has the database names that {schema} would have",
            hint="names of platforms, schemas and tenants must differ in letters and digits",
        )


def _directories(record: PlatformRecord) -> dict[str, str]:
    """The directories of the folders that are listed, and whose they are."""
    return {directory_name(schema.name, "schema"): schema.name for schema in record.schemas}


def _pack(path: Path, scope: str | None) -> bytes:
    """A folder as an archive, an archive as it is."""
    if path.is_file():
        try:
            return path.read_bytes()
        except OSError as error:
            raise SourceError(f"cannot read {path}", cause=error.strerror or str(error)) from error
    return pack_tree(path, scope=scope)
