"""`platform.json` in the original's form: read tolerantly, changed in place, unknown keys left as they are.

    {"name", "created_at", "db_user", "db_password", "schemas": [name, …],
     "databases": [{"id", "database_name", "schema_name", "created_at"}, …],
     "stonegate": {"databases": [{"id" | null, "database_name", "created_at"}, …], "schemas": {…}, "next_password": …}}

What the original has no place for stands under "stonegate": databases of v1, which have no schema, facts about stored
folders, and the password that a rotation is about to set.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, TypeAlias

from msgspec import Struct

from stonegate.fleet.names import Owner

Document: TypeAlias = dict[str, Any]

OURS = "stonegate"


class DatabaseRecord(Struct, frozen=True, kw_only=True):
    """One database of a platform; `created_at` is RFC 3339, "" where nobody wrote it down."""

    owner: Owner
    database: str
    created_at: str = ""

    @property
    def id(self) -> str:
        """The tenant or database id; `main` for the platform's own database."""
        return "main" if self.owner.tenant is None else self.owner.tenant

    @property
    def document(self) -> dict[str, str | None]:
        """How the endpoints list it (http-contract)."""
        return {
            "id": self.id,
            "database_name": self.database,
            "schema_name": self.owner.schema,
            "created_at": self.created_at,
        }


class Login(Struct, frozen=True, kw_only=True):
    """The role of a platform; `passwords` in the order to be tried: during a rotation there are two."""

    user: str
    passwords: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Login(user={self.user!r})"


class StoredSchema(Struct, frozen=True, kw_only=True):
    """A stored folder: which half of it counts ("main", "tenant" or None), and the digest that it was uploaded with."""

    name: str
    scope: str | None = None
    digest: str | None = None


class PlatformRecord(Struct, frozen=True, kw_only=True):
    """One platform as its file has it; `flaws` are sentences about entries of databases that are left out."""

    name: str
    created_at: str = ""
    login: Login | None = None
    schemas: tuple[StoredSchema, ...] = ()
    databases: tuple[DatabaseRecord, ...] = ()
    flaws: tuple[str, ...] = ()

    def find(self, owner: Owner) -> DatabaseRecord | None:
        """The record of exactly that owner."""
        return next((record for record in self.databases if record.owner == owner), None)

    def schema(self, name: str) -> StoredSchema | None:
        """The stored folder of that name."""
        return next((schema for schema in self.schemas if schema.name == name), None)


def now() -> str:
    """The time as RFC 3339 in UTC."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


# --- reading --------------------------------------------------------------------------------------------------------


def parse_record(document: Document, fallback_name: str) -> PlatformRecord:
    """The platform of a document; whatever has another form than expected is left out.

    Args:
        fallback_name: the directory's name, where the file says none.
    """
    name = _text(document.get("name")) or fallback_name
    databases: dict[str, DatabaseRecord] = {}
    flaws = []
    for place, record in _parse_databases(document, name):
        if record is None:
            flaws.append(f"platform.json of {name}: {place} has no database_name and is left out")
        elif databases.setdefault(record.database, record) is not record:
            flaws.append(f"platform.json of {name}: {place} names {record.database} once more and is left out")
    return PlatformRecord(
        name=name,
        created_at=_text(document.get("created_at")) or "",
        login=_parse_login(document),
        schemas=tuple(_parse_schemas(document)),
        databases=tuple(databases.values()),
        flaws=tuple(flaws),
    )


def _parse_login(document: Document) -> Login | None:
    user = _text(document.get("db_user"))
    if user is None:
        return None
    candidates = (document.get("db_password"), ours(document).get("next_password"))
    return Login(user=user, passwords=tuple(password for password in map(_text, candidates) if password))


def _parse_schemas(document: Document) -> Iterator[StoredSchema]:
    facts = ours(document).get("schemas")
    facts = facts if isinstance(facts, dict) else {}
    for name, _ in _entries(document.get("schemas"), ("name", "schema_name")):
        fact = facts.get(name)
        fact = fact if isinstance(fact, dict) else {}
        yield StoredSchema(name=name, scope=_text(fact.get("scope")), digest=_text(fact.get("digest")))


def _parse_databases(document: Document, platform: str) -> Iterator[tuple[str, DatabaseRecord | None]]:
    """Each entry by its place in the document, and what it records if it names a database."""
    listed = document.get("databases")
    parts = [{key: entry} for key, entry in listed.items()] if isinstance(listed, dict) else listed
    for number, part in enumerate(parts if isinstance(parts, list) else ()):
        one = part if isinstance(listed, dict) else [part]
        key, entry = next(_entries(one, ("id", "database_id", "uuid", "database_name")), ("", {}))
        owner = Owner(platform=platform, schema=_text(entry.get("schema_name")), tenant=_text(entry.get("id")) or key)
        yield f"databases[{number}]", _record(owner, entry)
    own = ours(document).get("databases")
    for number, part in enumerate(own if isinstance(own, list) else ()):
        entry = part if isinstance(part, dict) else {}
        owner = Owner(platform=platform, tenant=_text(entry.get("id")))
        yield f"{OURS}.databases[{number}]", _record(owner, entry)


def _record(owner: Owner, entry: dict[str, Any]) -> DatabaseRecord | None:
    database = _text(entry.get("database_name"))
    if database is None:
        return None
    return DatabaseRecord(owner=owner, database=database, created_at=_text(entry.get("created_at")) or "")


def _entries(value: object, keys: tuple[str, ...]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(name, entry) of a list of names, a list of objects, or an object by name: files of all ages are read."""
    if isinstance(value, dict):
        for name, entry in value.items():
            yield str(name), entry if isinstance(entry, dict) else {}
        return
    for entry in value if isinstance(value, list) else ():
        if isinstance(entry, str):
            yield entry, {}
        elif isinstance(entry, dict):
            name = next((text for key in keys if (text := _text(entry.get(key))) is not None), None)
            if name is not None:
                yield name, entry


def ours(document: Document) -> dict[str, Any]:
    """What the original has no place for."""
    own = document.get(OURS)
    return own if isinstance(own, dict) else {}


def _text(value: object) -> str | None:
    """A text that says something; numbers are ids that somebody did not quote."""
    if isinstance(value, bool) or value is None:
        return None
    return str(value) or None if isinstance(value, (str, int)) else None


# --- changing -------------------------------------------------------------------------------------------------------


def new_document(name: str) -> Document:
    """The file of a platform without anything."""
    return {
        "name": name,
        "created_at": now(),
        "db_user": None,
        "db_password": None,
        "schemas": [],
        "databases": [],
    }


def add_database(document: Document, record: DatabaseRecord) -> None:
    """Write the record into the document, in place of one with the same database name."""
    remove_database(document, record.database)
    entry = {
        "id": record.owner.tenant,
        "database_name": record.database,
        "schema_name": record.owner.schema,
        "created_at": record.created_at or now(),
    }
    if record.owner.schema is None:
        del entry["schema_name"]
        own = _own(document)
        own["databases"] = [*(own.get("databases") or ()), entry]
        return
    databases = document.get("databases")
    if isinstance(databases, dict):
        databases[record.database if record.id in databases else record.id] = entry
        return
    document["databases"] = [*(databases if isinstance(databases, list) else ()), entry]


def remove_database(document: Document, database: str) -> None:
    """Take the database of that name out of the document."""
    databases = document.get("databases")
    if isinstance(databases, dict):
        kept = {key: entry for key, entry in databases.items() if not _is_of(entry, database)}
        document["databases"] = kept
    elif isinstance(databases, list):
        document["databases"] = [entry for entry in databases if not _is_of(entry, database)]
    own = ours(document).get("databases")
    if isinstance(own, list):
        _own(document)["databases"] = [entry for entry in own if not _is_of(entry, database)]


def add_schema(document: Document, schema: StoredSchema) -> None:
    """Note that a folder of that name is stored."""
    known = document.get("schemas")
    names = [name for name, _ in _entries(known, ("name", "schema_name"))]
    if schema.name not in names:
        if isinstance(known, dict):
            known[schema.name] = {}
        elif isinstance(known, list) and known and isinstance(known[0], dict):
            key = "schema_name" if "schema_name" in known[0] else "name"
            known.append({key: schema.name})
        else:
            document["schemas"] = [*names, schema.name]
    own = _own(document)
    facts = own.get("schemas")
    facts = facts if isinstance(facts, dict) else {}
    own["schemas"] = facts | {schema.name: {"scope": schema.scope, "digest": schema.digest}}


def set_login(document: Document, user: str, password: str) -> None:
    """Write the platform's role and its password; a rotation that was under way is over."""
    document["db_user"], document["db_password"] = user, password
    _own(document).pop("next_password", None)


def set_next_password(document: Document, password: str) -> None:
    """Announce the password that the role is about to get: from now on readers try both."""
    _own(document)["next_password"] = password


def _own(document: Document) -> dict[str, Any]:
    if not isinstance(document.get(OURS), dict):
        document[OURS] = {}
    own: dict[str, Any] = document[OURS]
    return own


def _is_of(entry: object, database: str) -> bool:
    return isinstance(entry, dict) and _text(entry.get("database_name")) == database
