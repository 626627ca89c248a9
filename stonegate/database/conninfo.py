"""What a libpq URL or conninfo names, and what completes it: PG* variables, service files (manual 34.1)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import pq
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from stonegate.errors import UsageError

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*", re.IGNORECASE)


def describe(conninfo: str) -> str:
    """The target as a URL without passwords: what messages, logs and reports call it.

    Raises:
        UsageError: the conninfo cannot be read.
    """
    given = parse_conninfo(conninfo)
    if "service" in given and "host" not in given:
        return f"service={given['service']}" + (f" dbname={given['dbname']}" if given.get("dbname") else "")
    known = with_defaults(given)
    user = f"{quote(known['user'], safe='')}@" if known.get("user") else ""
    host, port = place_of(known)
    where = quote(host, safe="") if host.startswith(("/", "@")) else f"[{host}]" if ":" in host else host
    return f"postgresql://{user}{where}:{port}/{quote(known.get('dbname') or '', safe='')}"


def with_database(conninfo: str, name: str) -> str:
    """The same server and login with another database.

    Raises:
        UsageError: the conninfo cannot be read.
    """
    return make_conninfo("", **(parse_conninfo(conninfo) | {"dbname": name}))


def with_login(conninfo: str, user: str, password: str) -> str:
    """The same server and database for another role.

    Raises:
        UsageError: the conninfo cannot be read.
    """
    given = parse_conninfo(conninfo)
    # A password file or a client certificate is the administrator's, never the platform's.
    kept = {key: value for key, value in given.items() if key not in ("passfile", "sslcert", "sslkey", "sslpassword")}
    return make_conninfo("", **(kept | {"user": user, "password": password}))


def database_of(conninfo: str) -> str | None:
    """The database that the conninfo, or the service that it names, asks for; None if neither does.

    PG* variables name a server, never a target (behaviour, §8), so PGDATABASE does not count.

    Raises:
        UsageError: the conninfo cannot be read, or no file describes the service.
    """
    params = parse_conninfo(conninfo)
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


def parse_conninfo(conninfo: str) -> dict[str, str]:
    """Its parameters by name, as far as they are given.

    Raises:
        UsageError: it cannot be read.
    """
    _require_escapes(conninfo)
    try:
        return {key: str(value) for key, value in conninfo_to_dict(conninfo).items() if value is not None}
    except psycopg.ProgrammingError as error:
        # libpq quotes the part that it could not read, which may be the password.
        raise UsageError(
            "the database URL cannot be read",
            cause=re.sub(r'".*"', '"…"', str(error).strip()),
            hint="postgresql://user@host:5432/database, or host=… port=… dbname=… user=…",
        ) from None


def checked_shadow(shadow: str | Path | None) -> str | Path | None:
    """The server of the reference databases as it was named; a mistyped one is refused before anybody needs it.

    Args:
        shadow: a conninfo, the home of a private server, or None for the target's own.

    Raises:
        UsageError: the conninfo cannot be read.
    """
    if isinstance(shadow, str):
        try:
            parse_conninfo(shadow)
        except UsageError as error:
            hint = "--shadow takes postgresql://user@host:5432/database, or the word embedded"
            raise UsageError("the shadow server's URL cannot be read", cause=error.cause, hint=hint) from None
    return shadow


def _require_escapes(conninfo: str) -> None:
    """libpq takes what follows the first @ or / of a password for the host or the database, which messages name."""
    scheme, found, rest = conninfo.partition("://")
    if found and _SCHEME.fullmatch(scheme) and scheme not in ("postgresql", "postgres"):
        raise UsageError(
            "the database URL cannot be read",
            cause=f"it begins with {scheme}://; PostgreSQL's begin with postgresql:// or postgres://",
            hint="postgresql://user@host:5432/database",
        )
    authority, _, path = rest.partition("?")[0].partition("/")
    if scheme in ("postgresql", "postgres") and (authority.count("@") > 1 or "@" in path):
        raise UsageError(
            "the database URL cannot be read",
            cause="a @ too many; or a / stands in front of it, in the user or the password",
            hint="in a URL write %40 for @ in a name or password, %2F for /, %25 for %; or use ~/.pgpass",
        )


def with_defaults(params: dict[str, str]) -> dict[str, str]:
    """The parameters completed by PG* variables and libpq's defaults; for a service file by that alone."""
    defaults = {
        option.keyword.decode(): option.val.decode() for option in pq.Conninfo.get_defaults() if option.val is not None
    }
    if service := params.get("service") or os.environ.get("PGSERVICE"):
        defaults |= (_find_service(service) or {}) | {"service": service}
    known = defaults | params
    if not known.get("dbname") and known.get("user"):
        known["dbname"] = known["user"]
    return {key: value for key, value in known.items() if value != "" or key in params}


def place_of(known: Mapping[str, str]) -> tuple[str, str]:
    """Host and port of completed parameters."""
    return known.get("host") or known.get("hostaddr") or "localhost", known.get("port") or "5432"


def _find_service(name: str) -> dict[str, str] | None:
    """The parameters of one section of the connection service file (manual 34.17); None if there is none.

    Raises:
        UsageError: a file cannot be read.
    """
    for path in _service_files():
        try:
            text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
        except OSError as error:
            cause = error.strerror or str(error)
            raise UsageError(f"the connection service file {path} cannot be read", cause=cause) from None
        if (found := _parse_service(text, name)) is not None:
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
