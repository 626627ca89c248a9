"""Opens connections the same way everywhere, names targets without their passwords, and words connection failures."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final
from urllib.parse import quote

import psycopg
from psycopg import AsyncConnection, pq
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import TupleRow

from stonegate.errors import (
    ConnectionFailed,
    DatabaseNotFound,
    LockTimeout,
    MigrationFailed,
    StonegateError,
    UsageError,
)

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
_SECRETS: Final = frozenset({"password", "sslpassword", "oauth_client_secret"})
_LOCK_NOT_AVAILABLE: Final = "55P03"
_INVALID_CATALOG_NAME: Final = "3D000"
#: Class 08 and the shutdown codes: the server, or the way to it, went away (manual, appendix A).
_CONNECTION_STATES: Final = ("08", "57P")

#: What libpq and the server say at login, which comes without an SQLSTATE, and what to type next.
_LOGIN_HINTS: Final = (
    (
        r"unsupported startup parameter",
        "this is a pooler: stonegate needs a direct connection to PostgreSQL",
    ),
    (r"[Cc]onnection refused|No such file or directory", "is PostgreSQL running there? Check host and port"),
    (r"could not translate host name|failed to resolve host", "check the host name"),
    (r"timeout", "is the host reachable from here? Check host, port and firewall"),
    (r"password authentication failed|no password supplied|SASL", "check user and password (PGPASSWORD or ~/.pgpass)"),
    (r"pg_hba\.conf|Peer authentication|Ident authentication", "allow this user and address in pg_hba.conf"),
    (r"role .* does not exist", "create the role, or name another user"),
    (r"too many connections for database", "ALTER DATABASE … CONNECTION LIMIT lets in more"),
    (r"too many connections for role", "lower --concurrency, or ALTER ROLE … CONNECTION LIMIT lets in more"),
    (r"too many (?:clients|connections)|remaining connection slots", "lower --concurrency or raise max_connections"),
    (r"starting up|shutting down|in recovery", "the server is not ready: try again in a moment"),
    (r"permission denied for database", "GRANT CONNECT ON DATABASE to this user"),
    (r"not currently accepting connections", "the database is closed (ALLOW_CONNECTIONS false)"),
    (r"certificate|SSL", "check sslmode and the certificates"),
)


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
    """A connection with TCP keepalives, UTF-8 and the settings of `FORM`; the search_path is as the database has it.

    Args:
        conninfo: a libpq URL or key=value string; PG* variables and service files complete it (manual 34.1).
        autocommit: False starts a transaction with the first statement.
        application_name: unless the conninfo or PGAPPNAME names one.
        options: further command-line options for the session ("-c lock_timeout=5s").
        connect_timeout: seconds; overrides the conninfo.
        as_caller: a session in which functions are called: but for the time zone, UTC, it has the settings that the
            database and the role give to applications.
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
        conn = await AsyncConnection.connect(full, autocommit=autocommit)
    except psycopg.OperationalError as failure:
        raise _explain_login(failure, _known(_parse(conninfo))) from failure
    if 0 < conn.info.server_version < OLDEST:  # 0 where a pooler does not say
        error = _too_old(conn)
        await conn.close()
        raise error
    return conn


def describe(conninfo: str) -> str:
    """The target as a URL without passwords: what messages, logs and reports call it.

    Raises:
        UsageError: the conninfo cannot be read.
    """
    given = _parse(conninfo)
    if "service" in given and "host" not in given:
        return f"service={given['service']}" + (f" dbname={given['dbname']}" if given.get("dbname") else "")
    known = _known(given)
    user = f"{quote(known['user'], safe='')}@" if known.get("user") else ""
    host, port = _place(known)
    where = quote(host, safe="") if host.startswith(("/", "@")) else f"[{host}]" if ":" in host else host
    return f"postgresql://{user}{where}:{port}/{quote(known.get('dbname') or '', safe='')}"


def with_database(conninfo: str, name: str) -> str:
    """The same server and login with another database.

    Raises:
        UsageError: the conninfo cannot be read.
    """
    return make_conninfo("", **(_parse(conninfo) | {"dbname": name}))


def database_of(conninfo: str) -> str | None:
    """The database that the conninfo, or the service that it names, asks for; None if neither does.

    PG* variables name a server, never a target (behaviour, §8), so PGDATABASE does not count.

    Raises:
        UsageError: the conninfo cannot be read, or no file describes the service.
    """
    params = _parse(conninfo)
    if name := params.get("dbname"):
        return name
    if "service" not in params:
        return None
    service = _find_service(params["service"])
    if service is None:
        raise UsageError(
            f"no connection service is called {params['service']}",
            hint="describe it in ~/.pg_service.conf or PGSERVICEFILE; or add dbname=NAME, if a file of the system does",
        )
    return service.get("dbname")


def wrap_error(
    error: psycopg.Error,
    message: str,
    *,
    kind: type[StonegateError] = MigrationFailed,
    file: str | None = None,
    line: int | None = None,
    hint: str | None = None,
    database: str | None = None,
) -> StonegateError:
    """The stonegate error for what psycopg raised.

    Args:
        error: without an SQLSTATE it means that the connection broke.
        message: one sentence that names the object.
        kind: the class unless the SQLSTATE says better: ConnectionFailed, LockTimeout, DatabaseNotFound.
        hint: what to type next; else PostgreSQL's own hint.
    """
    state = error.sqlstate
    if state == _LOCK_NOT_AVAILABLE:
        kind = LockTimeout
    elif state == _INVALID_CATALOG_NAME:
        kind = DatabaseNotFound
    elif (state is None and isinstance(error, psycopg.OperationalError)) or (state or "").startswith(
        _CONNECTION_STATES
    ):
        kind = ConnectionFailed
    return kind(
        message,
        file=file,
        line=line,
        cause=words_of(error),
        hint=hint or error.diag.message_hint,
        sqlstate=state,
        database=database,
    )


def words_of(error: psycopg.Error) -> str:
    """PostgreSQL's own words: the primary message, the detail, and where inside functions it happened."""
    diag = error.diag
    if diag.message_primary is None:
        return str(error).strip() or type(error).__name__
    parts = [diag.message_primary]
    if diag.message_detail:
        parts.append(f"DETAIL: {diag.message_detail}")
    if diag.context:
        parts.append(f"CONTEXT: {diag.context}")
    return "\n".join(parts)


@lru_cache(maxsize=1024)
def _complete(
    conninfo: str,
    application_name: str,
    options: str,
    connect_timeout: int | None,
    as_caller: bool,
    environment: tuple[tuple[str, str], ...],  # what _known reads from it: part of the cache's key
) -> str:
    """The conninfo with our defaults; kept, since taking it apart costs a tenth of a connection."""
    params = _parse(conninfo)
    known = _known(params)
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


def _in_words(settings: Mapping[str, str]) -> str:
    """The settings as command-line options of the session."""
    return " ".join("-c " + f"{name}={value}".replace(" ", r"\ ") for name, value in settings.items())


def _parse(conninfo: str) -> dict[str, str]:
    try:
        return {key: str(value) for key, value in conninfo_to_dict(conninfo).items() if value is not None}
    except psycopg.ProgrammingError as error:
        # libpq quotes the part that it could not read, which may be the password.
        raise UsageError(
            "the database URL cannot be read",
            cause=re.sub(r'".*"', '"…"', str(error).strip()),
            hint="postgresql://user@host:5432/database, or host=… port=… dbname=… user=…",
        ) from None


def _known(params: dict[str, str]) -> dict[str, str]:
    """The parameters completed by PG* variables and libpq's defaults; for a service file by that alone."""
    defaults = {
        option.keyword.decode(): option.val.decode() for option in pq.Conninfo.get_defaults() if option.val is not None
    }
    if service := params.get("service") or os.environ.get("PGSERVICE"):
        defaults |= _read_service(service) | {"service": service}
    known = defaults | params
    if not known.get("dbname") and known.get("user"):
        known["dbname"] = known["user"]
    return {key: value for key, value in known.items() if value != "" or key in params}


def _place(known: dict[str, str]) -> tuple[str, str]:
    return known.get("host") or known.get("hostaddr") or "localhost", known.get("port") or "5432"


def _explain_login(error: psycopg.OperationalError, known: dict[str, str]) -> ConnectionFailed | DatabaseNotFound:
    """The failure by libpq's text, which is all that it gives at login."""
    host, port = _place(known)
    database = known.get("dbname")
    words = str(error).strip()
    for secret in _SECRETS & known.keys():
        if len(known[secret]) > 1:
            words = words.replace(known[secret], "…")
    if error.sqlstate == _INVALID_CATALOG_NAME or re.search(r'database ".*" does not exist', words):
        return DatabaseNotFound(
            f'database "{database}" does not exist on {host}:{port}',
            cause=words,
            hint="`stonegate apply` creates it; a tenant's: stonegate tenant create, or platform adopt if renamed",
            sqlstate=_INVALID_CATALOG_NAME,
            database=database,
        )
    hints = (hint for pattern, hint in _LOGIN_HINTS if re.search(pattern, words))
    return ConnectionFailed(
        f'cannot connect to database "{database}" on {host}:{port}',
        cause=words,
        hint=next(hints, "check the database URL"),
        sqlstate=error.sqlstate,
        database=database,
    )


def _too_old(conn: AsyncConnection[TupleRow]) -> ConnectionFailed:
    version = (conn.info.parameter_status("server_version") or "").partition(" ")[0]
    return ConnectionFailed(
        f"the server on {conn.info.host}:{conn.info.port} is PostgreSQL {version}",
        cause=f"stonegate works with PostgreSQL {OLDEST // 10000} and later",
        hint="upgrade the server (pg_upgrade), or name another one",
        database=conn.info.dbname,
    )


def _read_service(name: str) -> dict[str, str]:
    """The parameters of a connection service; {} if there is none."""
    return _find_service(name) or {}


def _find_service(name: str) -> dict[str, str] | None:
    """The parameters of one section of the connection service file (manual 34.17); None if there is none."""
    for path in _service_files():
        if path.is_file() and (found := _parse_service(path.read_text(encoding="utf-8"), name)) is not None:
            return found
    return None


def _service_files() -> Iterator[Path]:
    user_file = os.environ.get("PGSERVICEFILE")
    yield Path(user_file) if user_file else Path("~/.pg_service.conf").expanduser()
    if system := os.environ.get("PGSYSCONFDIR"):
        yield Path(system) / "pg_service.conf"


def _parse_service(text: str, name: str) -> dict[str, str] | None:
    found: dict[str, str] | None = None
    for line in map(str.strip, text.splitlines()):
        if line.startswith("["):
            if found is not None:
                break
            found = {} if line == f"[{name}]" else None
        elif found is not None and "=" in line and not line.startswith("#"):
            key, value = line.split("=", 1)
            found.setdefault(key.strip(), value.strip())
    return found
