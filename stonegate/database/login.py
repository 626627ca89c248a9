"""What a server, or libpq, that lets nobody in means by it.

A failed login has no SQLSTATE (psycopg has nothing but libpq's text), and the server's part of the text is in the
language of its lc_messages. What the English words do not explain is asked for once more, by its code.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import Mapping
from typing import Final

import psycopg
from psycopg import pq

from stonegate.database.conninfo import parse_conninfo, place_of
from stonegate.database.failures.explain import BAD_PASSWORD, INVALID_CATALOG_NAME, LETS_NOBODY_IN, TOO_MANY_CONNECTIONS
from stonegate.errors import ConnectionFailed, DatabaseNotFound

_SECRETS: Final = frozenset({"password", "sslpassword", "oauth_client_secret"})

#: Words of libpq and of the system where no server runs at the address.
NOBODY_LISTENS: Final = "[Cc]onnection refused|No such file or directory"
_CLOSED: Final = "not currently accepting connections"
_MISSING: Final = r'database ".*" does not exist'
_FULL: Final = "too many (?:clients|connections)|remaining connection slots"
#: The codes of refusals that somebody tells from others.
_STATES: Final = ((_MISSING, INVALID_CATALOG_NAME), (_CLOSED, LETS_NOBODY_IN), (_FULL, TOO_MANY_CONNECTIONS))
_MAKING: Final = (
    "is the name right? `stonegate apply` creates a database, `stonegate tenant create` that of a tenant; one that was "
    "renamed is recorded by `stonegate platform adopt`, one that is gone for good forgotten by `… forget`"
)
#: What libpq and the server say at login, which comes without an SQLSTATE, and what to type next.
_HINTS: Final = (
    (_MISSING, _MAKING),
    (
        r"unsupported startup parameter",
        "this is a pooler: stonegate needs a direct connection to PostgreSQL",
    ),
    (NOBODY_LISTENS, "is PostgreSQL running there? Check host and port"),
    (r"Servname not supported|invalid port number", "the port is a number: 5432, if not said otherwise"),
    (r"could not translate host name|failed to resolve host", "check the host name"),
    (r"timeout", "is the host reachable from here? Check host, port and firewall"),
    (r"password authentication failed|no password supplied|SASL", "check user and password (PGPASSWORD or ~/.pgpass)"),
    (r"pg_hba\.conf|Peer authentication|Ident authentication", "allow this user and address in pg_hba.conf"),
    (r"role .* does not exist", "create the role, or name another user"),
    (r"too many connections for database", "ALTER DATABASE … CONNECTION LIMIT lets in more"),
    (r"too many connections for role", "lower --concurrency, or ALTER ROLE … CONNECTION LIMIT lets in more"),
    (_FULL, "lower --concurrency or raise max_connections"),
    (r"starting up|shutting down|in recovery", "the server is not ready: try again in a moment"),
    (r"permission denied for database", "GRANT CONNECT ON DATABASE to this user"),
    (_CLOSED, "the database is closed: ALTER DATABASE … ALLOW_CONNECTIONS true lets sessions in"),
    (r"certificate|SSL", "check sslmode and the certificates"),
)
#: The same of a server that does not speak English.
_STATE_HINTS: Final = {
    INVALID_CATALOG_NAME: _MAKING,
    TOO_MANY_CONNECTIONS: "lower --concurrency, or raise max_connections or the CONNECTION LIMIT of database or role",
    LETS_NOBODY_IN: "the database is closed: ALTER DATABASE … ALLOW_CONNECTIONS true lets sessions in",
    BAD_PASSWORD: "check user and password (PGPASSWORD or ~/.pgpass)",
    "28000": "check the user, and pg_hba.conf, which allows users and addresses",
    "42501": "GRANT CONNECT ON DATABASE to this user",
    "57P03": "the server is not ready: try again in a moment",
    "22023": "correct it in the URL's options, the service file or PGOPTIONS",
}
_ASKING: Final = 10.0  # seconds
#: The first libpq whose trace begins with the login, not behind it.
_TRACES_LOGINS: Final = 180000
_REFUSAL: Final = re.compile(rb'ErrorResponse\t.* C "(\w{5})" M "([^"\n]*)')  # the message, up to a quote
#: By the words that they came with; no more than so many.
_ANSWERS: Final[dict[str, str]] = {}
_MOST_ANSWERS: Final = 10_000


async def explain_login(
    error: psycopg.OperationalError, conninfo: str, known: Mapping[str, str]
) -> ConnectionFailed | DatabaseNotFound:
    """What kept us out.

    Args:
        error: of `AsyncConnection.connect`, or of what is sent right behind it.
        conninfo: what it was given.
        known: the parameters in it, and those of the environment and of service files.
    """
    host, port = place_of(known)
    database = known.get("dbname")
    words = str(error).strip()
    for secret in _SECRETS & known.keys():
        if len(known[secret]) > 1:
            words = words.replace(known[secret], "…")
    state = error.sqlstate or next((state for pattern, state in _STATES if re.search(pattern, words)), None)
    hint = next((hint for pattern, hint in _HINTS if re.search(pattern, words)), None)
    if hint is None:
        state = state or await _ask_for_state(conninfo, str(error))
        hint = _STATE_HINTS.get(state or "") or _misset_variable(words, conninfo) or "check the database URL"
    if state == INVALID_CATALOG_NAME:
        missing = f'database "{database}" does not exist on {host}:{port}'
        cause = words if "\n" in words else None  # several addresses were tried; of one the message says it all
        return DatabaseNotFound(missing, cause=cause, hint=_MAKING, sqlstate=state, database=database)
    if re.search(NOBODY_LISTENS, words) and not (known.get("host") or known.get("hostaddr")):
        hint = (
            "no server was named, and none is here: DATABASE_URL or DB_HOST says where it is, for one database -d URL "
            "too; that of a private one: `stonegate embedded url`"
        )
    failed = f'cannot connect to database "{database}" on {host}:{port}'
    return ConnectionFailed(failed, cause=words, hint=hint, sqlstate=state, database=database)


def _misset_variable(words: str, conninfo: str) -> str | None:
    """What to correct where libpq refuses the value of an environment variable that the conninfo leaves in force."""
    given = parse_conninfo(conninfo)
    variables = {each.keyword.decode(): each.envvar.decode() for each in pq.Conninfo.get_defaults() if each.envvar}
    for keyword, name in (variables | {"servicefile": "PGSERVICEFILE"}).items():
        value = os.environ.get(name)
        if value and keyword not in given and (f'"{value}"' in words or f"{keyword}={value}" in words):
            return f"correct {name} in the environment, or unset it"
    return None


async def _ask_for_state(conninfo: str, words: str) -> str | None:
    """The SQLSTATE of a refusal in words that mean nothing to us; None if the server does not say them again.

    libpq hands it to nobody, but shows it to whoever watches a login (manual 34.12, PQtrace).
    """
    if words not in _ANSWERS:
        if sys.platform != "linux" or pq.version() < _TRACES_LOGINS:
            return None
        trace = os.memfd_create("login")  # in memory: passwords are in it, too
        try:
            async with asyncio.timeout(_ASKING):
                await _watch_login(conninfo, trace)
            refusals = _REFUSAL.findall(os.pread(trace, os.fstat(trace).st_size, 0))
        except (OSError, psycopg.Error):
            return None
        finally:
            os.close(trace)
        # It may have another reason by now, as one that was full and is starting up.
        codes = [code for code, message in refusals if message.decode("utf-8", "replace") in words]
        if not codes:
            return None
        if len(_ANSWERS) >= _MOST_ANSWERS:
            _ANSWERS.clear()
        _ANSWERS[words] = codes[-1].decode("ascii")
    return _ANSWERS[words]


async def _watch_login(conninfo: str, trace: int) -> None:
    """Log in, and out, with a record of what is said meanwhile.

    Raises:
        OSError, psycopg.Error: it cannot be tried.
    """
    conn = pq.PGconn.connect_start(conninfo.encode())
    try:
        conn.trace(trace)
        while (polled := conn.connect_poll()) in (pq.PollingStatus.READING, pq.PollingStatus.WRITING):
            await _wait_for(conn.socket, is_writing=polled == pq.PollingStatus.WRITING)
    finally:
        conn.untrace()
        conn.finish()


async def _wait_for(descriptor: int, *, is_writing: bool) -> None:
    loop = asyncio.get_running_loop()
    ready = loop.create_future()
    watch, unwatch = (loop.add_writer, loop.remove_writer) if is_writing else (loop.add_reader, loop.remove_reader)
    watch(descriptor, _answer, ready)
    try:
        await ready
    finally:
        unwatch(descriptor)


def _answer(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)
