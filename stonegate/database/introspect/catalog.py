"""Reads a database's whole schema in one round trip into the model's Catalog."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache
from hashlib import sha256
from typing import Final

import msgspec
import psycopg
from psycopg.pq import TransactionStatus

from stonegate.database.cache import Cache
from stonegate.database.connect import FORM, Session
from stonegate.database.introspect.access_lists import spell_out_privileges
from stonegate.database.introspect.stamp import stamp_expression
from stonegate.database.sql import compose
from stonegate.model.catalog import Catalog, Dependency, OtherObject, Routine
from stonegate.model.expressions import stable_casts

_ROUTINES: Final = "introspect/read_routines"
_DIGEST: Final = "introspect/digest_routines"
#: The statements of the one round trip; each returns some members of one JSON document.
_STATEMENTS: Final = (
    "introspect/read_database",
    "introspect/read_types",
    "introspect/read_relations",
    _ROUTINES,
    "introspect/read_dependencies",
)
_FIND_OTHERS: Final = "introspect/find_others"
_READ_OTHERS: Final = "introspect/read_others"

#: To be raised when Python makes another catalog of the same answers.
_MADE: Final = "1"

#: Deparsed texts are fully qualified only with an empty search_path, and no operator or function that somebody made in
#: `public` stands in for one of the server's.
_NO_NAMES: Final = "SET LOCAL search_path = ''"
#: This is for the planner: joins stand in a good order as written, and a fresh database's catalogs, which have no
#: statistics, must not lead it into nested loops.
_SETTINGS: Final = (
    "SET LOCAL jit = off",
    "SET LOCAL enable_nestloop = off",
    "SET LOCAL enable_mergejoin = off",
    "SET LOCAL join_collapse_limit = 1",
    "SET LOCAL from_collapse_limit = 1",
)


#: What precedes texts that somebody wrote, where PostgreSQL printed none.
_WRITTEN: Final = (b'"body":', b'"comment":')
_REST_OF_STRING: Final = re.compile(rb'(?:[^"\\]|\\.)*"')

#: Catalogs by the bytes that they were read from.
_CATALOGS: Cache[Catalog] = Cache(12)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A catalog and the change stamp of just before it was read: what is committed in between moves the stamp."""

    stamp: str
    catalog: Catalog


@dataclass(frozen=True, slots=True, kw_only=True)
class _Others:
    """The document of read_others."""

    others: tuple[OtherObject, ...]
    dependencies: tuple[Dependency, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Routines:
    """The document of read_routines."""

    routines: tuple[Routine, ...]


#: What deparsing says when another session drops an object between our finding and our printing it.
#: Printing a view locks its tables, which may meet that session's DROP … CASCADE half-way.
_VANISHED: Final = (
    psycopg.errors.InternalError_,
    psycopg.errors.UndefinedTable,
    psycopg.errors.UndefinedObject,
    psycopg.errors.DeadlockDetected,
)
_ATTEMPTS: Final = 5


@cache
def introspection() -> str:
    """How this version reads catalogs: a hash, in 32 hex digits, of the queries, how answers are printed, and what is
    made of them.

    Catalogs that were read in different ways differ in attributes that nobody changed.
    """
    printed = (f"{name} = {value}" for name, value in FORM.items())
    texts = (_MADE, *printed, _NO_NAMES, *_SETTINGS, *map(compose, (*_STATEMENTS, _FIND_OTHERS, _READ_OTHERS)))
    return sha256("\n".join(texts).encode()).hexdigest()[:32]


async def read_catalog(conn: Session) -> Catalog:
    """The state of the database that `conn` is connected to; not in pipeline mode.

    One round trip, inside the caller's transaction or outside of any; settings are as before afterwards. A second one
    reads objects of the kinds that the model holds as text only, where there are any. Printing a view waits for an
    exclusive lock on its tables: the session's lock_timeout decides how long.

    Raises:
        psycopg.Error: as PostgreSQL reports it.
    """
    return (await _read(conn)).catalog


async def read_stamped(conn: Session) -> Reading:
    """The same with the change stamp.

    Raises:
        psycopg.Error: as PostgreSQL reports it.
    """
    return await _read(conn, with_stamp=True)


async def digest_routines(conn: Session) -> tuple[str, str]:
    """The change stamp, and a digest that databases with equal routines have in common; "" where there is none."""
    stamp, digest = await _fetch(conn, (compose(_DIGEST),), first=(f"SELECT {stamp_expression()}",))
    return stamp.decode(), digest.decode()


async def read_routines(conn: Session) -> tuple[str, str, bytes]:
    """The change stamp, the digest of the routines, and these as a JSON document.

    The digest is "" where there is none, or where somebody changed routines while they were read.
    """
    queries = (compose(_DIGEST), compose(_ROUTINES), compose(_DIGEST))
    stamp, digest, member, again = await _fetch(conn, queries, first=(f"SELECT {stamp_expression()}",))
    return stamp.decode(), digest.decode() if digest == again else "", b"{" + member + b"}"


def decode_routines(document: bytes) -> tuple[Routine, ...]:
    """The routines of that document."""
    return msgspec.json.decode(_spell_out(document), type=_Routines).routines


async def _read(conn: Session, *, with_stamp: bool = False) -> Reading:
    for _ in range(_ATTEMPTS - 1):
        try:
            return await _read_once(conn, with_stamp=with_stamp)
        except _VANISHED:
            if conn.info.transaction_status != TransactionStatus.IDLE:
                raise
        except msgspec.DecodeError:
            # The text of something that was gone already is NULL, which leaves a hole in the document.
            continue
    return await _read_once(conn, with_stamp=with_stamp)


async def _read_once(conn: Session, *, with_stamp: bool) -> Reading:
    stamp = f"SELECT {stamp_expression()}" if with_stamp else "SELECT ''"
    queries = (*map(compose, _STATEMENTS), compose(_FIND_OTHERS))
    found_stamp, *members, found_others = await _fetch(conn, queries, first=(stamp,))
    document = b"{" + b",".join(members) + b"}"
    others = b""
    if found_others == b"t":
        (others,) = await _fetch(conn, (compose(_READ_OTHERS),))
    key = sha256(document + others).digest()
    return Reading(stamp=found_stamp.decode(), catalog=_CATALOGS.get(key, lambda: _decode(document, others)))


def _decode(document: bytes, others: bytes) -> Catalog:
    catalog = msgspec.json.decode(_spell_out(document), type=Catalog)
    if not others:
        return catalog
    rest = msgspec.json.decode(_spell_casts(others), type=_Others)
    return replace(catalog, others=rest.others, dependencies=catalog.dependencies + rest.dependencies)


def _spell_out(document: bytes) -> bytes:
    return _spell_casts(spell_out_privileges(document))


def _spell_casts(document: bytes) -> bytes:
    """The document with its deparsed texts as they are to be read again; see `stable_casts`."""
    pieces: list[bytes] = []
    done = 0
    while (place := document.find(b"ARRAY[", done)) >= 0:
        start = document.rfind(b'"', done, place)
        while document[start - 1] == ord("\\"):  # in a string every quote has a backslash before it, its first has none
            start = document.rfind(b'"', done, start)
        rest = _REST_OF_STRING.match(document, place)
        end = rest.end() if rest is not None else len(document)
        text = document[start:end]
        if (b"]::" in text or b"])::" in text) and not document.endswith(_WRITTEN, 0, start):
            text = msgspec.json.encode(stable_casts(msgspec.json.decode(text, type=str)))
        pieces += document[done:start], text
        done = end
    return b"".join((*pieces, document[done:])) if pieces else document


async def _fetch(conn: Session, queries: tuple[str, ...], *, first: tuple[str, ...] = ()) -> list[bytes]:
    """The single values that the queries return, as UTF-8, the planner's settings in force for all but the first."""
    # Several statements in one message are one transaction of their own; in an open one a savepoint undoes SET LOCAL.
    if conn.autocommit and conn.info.transaction_status == TransactionStatus.IDLE:
        script = (_NO_NAMES, *first, *_SETTINGS, *queries)
    else:
        own = (_NO_NAMES, *first, *_SETTINGS, *queries)
        script = ("SAVEPOINT introspect", *own, "ROLLBACK TO introspect", "RELEASE introspect")
    values: list[bytes] = []
    async with conn.cursor() as cursor:
        await cursor.execute(";\n".join(script).encode())
        while True:
            # The bytes as they came: psycopg would turn them into str first.
            if cursor.pgresult is not None and cursor.pgresult.ntuples:
                values.append(cursor.pgresult.get_value(0, 0) or b"")
            if not cursor.nextset():
                break
    encoding = conn.info.encoding
    return values if encoding == "utf-8" else [value.decode(encoding).encode() for value in values]
