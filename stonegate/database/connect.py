"""Opens connections the same way everywhere."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import lru_cache
from typing import Any, Final, TypeAlias

import psycopg
from psycopg import AsyncConnection
from psycopg.conninfo import make_conninfo
from psycopg.rows import TupleRow

from stonegate.database.conninfo import parse_conninfo, with_defaults
from stonegate.database.failures.explain import explain_failure
from stonegate.database.login import explain_login
from stonegate.errors import ConnectionFailed, UsageError
from stonegate.model.names import LONGEST_NAME

#: One session on a database, whatever its rows are made into.
Session: TypeAlias = AsyncConnection[Any]
#: What the queries of `sql/` are written for (server_version_num); 14 lacks columns of the catalog that they read.
OLDEST: Final = 150000
#: Used where neither the conninfo nor a PG* variable says otherwise: a dead peer is noticed within a minute (seconds).
_DEFAULTS: Final = {
    "connect_timeout": "10",
    "keepalives": "1",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",
    "client_encoding": "UTF8",
}
#: How texts are read and values printed, whatever the database's and the role's own settings are: a folder means the
#: same in every database, and equal objects print alike (pg_dump begins with these, too). The order of day and month in
#: ambiguous dates stays the server's.
FORM: Final = {
    "DateStyle": "ISO",
    "IntervalStyle": "postgres",
    "TimeZone": "UTC",
    "array_nulls": "on",
    "backslash_quote": "safe_encoding",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "quote_all_identifiers": "off",
    "row_security": "on",
    "standard_conforming_strings": "on",
    "transform_null_equals": "off",
    "xmlbinary": "base64",
    "xmloption": "content",
}
#: What a database sets for its applications, and which would cut short or refuse our work.
_LIMITS: Final = {
    "default_transaction_deferrable": "off",
    "default_transaction_isolation": "read committed",
    "default_transaction_read_only": "off",
    "idle_in_transaction_session_timeout": "0",
    "idle_session_timeout": "0",
    "statement_timeout": "0",
}
#: Operators and functions that somebody made in the schemas of the database's own search_path, `public` as a rule, must
#: not stand in for the server's in our queries, which may be a superuser's (CVE-2018-1058). No startup option, since
#: RESET search_path in a migration means the database's own.
_NO_NAMES: Final = "SET search_path = ''"
#: The server notices within seconds that this process is gone, even in the middle of a long statement. Otherwise what a
#: killed apply had begun would keep its locks until it is done.
_END_WITH_CLIENT: Final = "SET client_connection_check_interval = '2s'"
_MISSET: Final = "correct it in the URL, the service file or PGCONNECT_TIMEOUT"
_LEAVING: Final = 5.0  # seconds that a busy server may take to end a session
#: Servers before this version know no transaction_timeout, and refuse it at login (server_version_num).
HAS_TRANSACTION_TIMEOUT: Final = 170000


async def connect(
    conninfo: str,
    *,
    autocommit: bool = True,
    application_name: str = "stonegate",
    options: str = "",
    connect_timeout: int | None = None,
    as_caller: bool = False,
    lock_timeout_s: float | None = None,
) -> AsyncConnection[TupleRow]:
    """A connection with TCP keepalives, UTF-8, the settings of `FORM` and an empty search_path.

    Args:
        conninfo: a libpq URL or key=value string; PG* variables and service files complete it (manual 34.1).
        autocommit: False starts a transaction with the first statement.
        application_name: unless the conninfo or PGAPPNAME names one.
        options: further command-line options for the session ("-c lock_timeout=5s").
        connect_timeout: seconds; overrides the conninfo.
        as_caller: a session in which functions are called: but for the time zone, UTC, it has the settings that the
            database and the role give to applications, the search_path too.
        lock_timeout_s: seconds that a statement waits for a lock, 0 for ever; None as the server has it. Whoever reads
            a catalog wants one: printing a view waits for those who lock its tables.

    Raises:
        DatabaseNotFound: the server is there, the database is not.
        ConnectionFailed: anything else that kept us out; PostgreSQL's words are in `cause`. Or the server is too old.
        UsageError: the conninfo cannot be read.
    """
    if lock_timeout_s is not None:
        options = f"{options} -c lock_timeout={round(lock_timeout_s * 1000)}".strip()
    environment = tuple(sorted(item for item in os.environ.items() if item[0].startswith("PG")))
    full = _complete(conninfo, application_name, options, connect_timeout, as_caller, environment)
    try:
        conn = await AsyncConnection.connect(full, autocommit=True)
    except psycopg.OperationalError as failure:
        raise await explain_login(failure, full, with_defaults(parse_conninfo(conninfo))) from failure
    except psycopg.ProgrammingError as failure:  # psycopg's own: a connect_timeout that is no number
        raise UsageError("the connection cannot be set up as asked", cause=str(failure), hint=_MISSET) from failure
    try:
        if 0 < conn.info.server_version < OLDEST:  # 0 where a pooler does not say
            raise _too_old(conn)
        if not as_caller:
            await settle(conn)
        await conn.set_autocommit(autocommit)
    except BaseException as failure:
        await conn.close()
        if isinstance(failure, psycopg.OperationalError):  # somebody ended the session, or drops the database
            raise await explain_login(failure, full, with_defaults(parse_conninfo(conninfo))) from failure
        raise
    return conn


async def answers_yes(conn: Session, query: str, parameters: Sequence[object] = ()) -> bool:
    """The one value of a query, which is true or false; False without a row."""
    row = await (await conn.execute(query.encode(), parameters or None)).fetchone()
    return row is not None and bool(row[0])


async def settle(conn: Session) -> None:
    """Put in force what the settings at login cannot say, and RESET ALL takes away; in autocommit."""
    settings = [_NO_NAMES]
    if conn.info.server_version >= HAS_TRANSACTION_TIMEOUT:
        settings.append("SET transaction_timeout = 0")
    try:
        await conn.execute("; ".join((*settings, _END_WITH_CLIENT)).encode())
    except psycopg.errors.DataError:  # on systems that cannot watch a socket (manual 20.3.3)
        await conn.execute("; ".join(settings).encode())


@asynccontextmanager
async def using(conn: Session, *, database: str | None = None) -> AsyncIterator[Session]:
    """The connection for the length of a block, and closed at its end.

    Args:
        database: what messages call the database, where it is not that of the connection.

    Raises:
        StonegateError: what PostgreSQL said in the block; see `explain_failure`.
    """
    try:
        yield conn
    except psycopg.Error as error:
        raise explain_failure(error, database=database or conn.info.dbname) from error
    finally:
        await conn.close()


async def leave(conn: Session) -> None:
    """Close the connection and wait until its process on the server has ended, which closes the socket.

    A database that is renamed, copied or dropped must not be in use, and PostgreSQL looks again only after a tenth of a
    second (CountOtherDBBackends).
    """
    if conn.closed:
        return
    with socket.socket(fileno=os.dup(conn.fileno())) as line:
        line.setblocking(False)
        await conn.close()
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(_LEAVING):
                while await asyncio.get_running_loop().sock_recv(line, 4096):
                    pass


@lru_cache(maxsize=1024)
def _complete(
    conninfo: str,
    application_name: str,
    options: str,
    connect_timeout: int | None,
    as_caller: bool,
    environment: tuple[tuple[str, str], ...],  # what with_defaults reads from it: part of the cache's key
) -> str:
    """The conninfo with our defaults; kept, since taking it apart costs a tenth of a connection."""
    params = parse_conninfo(conninfo)
    known = with_defaults(params)
    _require_whole_name(known.get("dbname") or "")
    params.setdefault("fallback_application_name", application_name)
    # A service file ranks below the conninfo: what it may say is not ours to override, but for time zone and encoding.
    if "service" not in known:
        params |= {key: value for key, value in _DEFAULTS.items() if not known.get(key)}
    params["client_encoding"] = "UTF8"
    limits, form = ({}, {"TimeZone": FORM["TimeZone"]}) if as_caller else (_LIMITS, FORM)
    params["options"] = " ".join(filter(None, (_in_words(limits), known.get("options"), _in_words(form), options)))
    if connect_timeout is not None:
        params["connect_timeout"] = str(connect_timeout)
    return make_conninfo("", **params)


def _require_whole_name(database: str) -> None:
    """PostgreSQL cuts longer names without a word, and then two databases are one."""
    size = len(database.encode())
    if size > LONGEST_NAME:
        raise UsageError(
            f'the database name "{database}" has {size} bytes, PostgreSQL takes {LONGEST_NAME}',
            hint="choose a shorter name",
        )


def _in_words(settings: Mapping[str, str]) -> str:
    """The settings as command-line options of the session."""
    return " ".join("-c " + f"{name}={value}".replace(" ", r"\ ") for name, value in settings.items())


def _too_old(conn: AsyncConnection[TupleRow]) -> ConnectionFailed:
    version = (conn.info.parameter_status("server_version") or "").partition(" ")[0]
    return ConnectionFailed(
        f"the server on {conn.info.host}:{conn.info.port} is PostgreSQL {version}",
        cause=f"stonegate works with PostgreSQL {OLDEST // 10000} and later",
        hint="upgrade the server (pg_upgrade), or name another one",
        database=conn.info.dbname,
    )
