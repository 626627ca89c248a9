"""Settings: flags > environment > `.env` > `stonegate.toml` > defaults, declared once, each with all of its names.

An empty value counts as not set, so `ADMIN_TOKEN=${ADMIN_TOKEN}` of a compose file does no harm. `.env` and
`stonegate.toml` are those of the current directory. Secrets have no place in `stonegate.toml`, which gets committed.
"""

# ruff: noqa: RUF009 - `_setting` is dataclasses.field() with more to say

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import partial
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from stonegate.dotenv import parse_dotenv
from stonegate.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from stonegate.source.files.archive import Caps

T = TypeVar("T")
Network: TypeAlias = IPv4Network | IPv6Network

CONFIG_FILE = "stonegate.toml"
EMBEDDED = "embedded"  # the value of `shadow` that means the private PostgreSQL
ENV_FILE = ".env"
MIB = 1024 * 1024
_MOST_MILLISECONDS = 2**31 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """How one field of `Settings` is called and read.

    Attributes:
        name: of the field; flags override by it.
        env: names in the environment and in `.env`, the first one that is set counts.
        toml: "section.key" in stonegate.toml, "" for secrets.
        parse: the value of a text; raises ValueError with a reason.
        default: of the field.
        help: one line for people.
        secret: never shown, and not read from stonegate.toml.
        section: of stonegate.toml; what stands in "serve" concerns the gateway alone.
    """

    name: str = ""
    env: tuple[str, ...] = ()
    toml: str
    parse: Callable[[str], Any]
    default: object
    help: str
    secret: bool = False
    section: str = ""


# --- what values look like ------------------------------------------------------------------------------------------


def _text(text: str) -> str:
    return text


def _integer(text: str, *, least: int = 0, most: int | None = None) -> int:
    try:
        value = int(text)
    except ValueError:
        raise ValueError("not a whole number") from None
    if value < least or (most is not None and value > most):
        raise ValueError(f"not between {least} and {most}" if most is not None else f"less than {least}")
    return value


_port = partial(_integer, least=1, most=65535)
_count = partial(_integer, least=1)
_at_least_four = partial(_integer, least=4)


def _seconds(text: str) -> float:
    """`5`, `2.5`, `5s` or `500ms`."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(ms|s|min)?", text)
    if found is None:
        raise ValueError("not a number of seconds (5, 2.5, 500ms, 2min)")
    value = float(found[1]) * {"ms": 0.001, "min": 60.0}.get(found[2], 1.0)
    if value * 1000 > _MOST_MILLISECONDS:
        raise ValueError(f"more than PostgreSQL counts, which is {_MOST_MILLISECONDS // 1000} s")
    return value


def _boolean(text: str) -> bool:
    words = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
    try:
        return words[text.lower()]
    except KeyError:
        raise ValueError("neither true nor false") from None


def _choice(*values: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text.lower() not in values:
            raise ValueError(f"not one of {', '.join(values)}")
        return text.lower()

    return parse


def _status(text: str) -> int:
    if text not in ("200", "201"):
        raise ValueError("neither 200 nor 201")
    return int(text)


def _networks(text: str) -> tuple[Network, ...]:
    """A comma list of addresses and CIDR networks; host bits are tolerated (`192.168.1.100/24`)."""
    try:
        return tuple(ip_network(part.strip(), strict=False) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise ValueError(f"not a list of networks: {error}") from None


def _level(text: str) -> str:
    """A level, or env_logger directives (`info,stonescriptdb_gateway=debug`): ours count, else the one for all."""
    levels = {"trace": "debug", "debug": "debug", "info": "info", "warn": "warning", "warning": "warning"}
    levels |= {"error": "error", "off": "critical", "critical": "critical"}
    found: dict[str, str] = {}
    for directive in filter(None, (part.strip() for part in text.split(","))):
        target, equals, level = directive.partition("=")
        word = (level if equals else target).lower()
        if word not in levels:
            raise ValueError(f"no such level: {word}")
        found[target if equals else ""] = levels[word]
    for name in ("stonegate", "stonescriptdb_gateway", ""):
        if name in found:
            return found[name]
    return "info"


def _setting(default: T, parse: Callable[[str], T], toml: str, help: str, *env: str, secret: bool = False) -> T:
    """A field of `Settings` with everything that is to be known about it.

    Args:
        toml: "section.key", or "section" where the key is the field's name.
        env: its names, or none where it is STONEGATE_ and the field's name.
    """
    described = Setting(env=env, toml=toml, parse=parse, default=default, help=help, secret=secret)
    made: T = field(default=default, repr=not secret, metadata={"setting": described})
    return made


# --- the table ------------------------------------------------------------------------------------------------------

_LOCAL = "127.0.0.0/8,::1/128"
_HERE = Path()


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings. Times are seconds, sizes as their names say.

    The server (`database_url`, else the `db_*` and libpq's PG* variables) is where databases are looked up and created
    by name; it is never a target itself.
    """

    database: str | None = _setting(None, _text, "target", "target: a libpq URL, or a name on the server")
    embedded: bool = _setting(False, _boolean, "target", "target: a database of the private PostgreSQL")
    platform: str | None = _setting(None, _text, "target", "target: the databases of a platform")
    tenant: str | None = _setting(None, _text, "target", "target: one tenant of the platform")
    schema: str | None = _setting(None, _text, "target", "target: the platform's databases of one schema")

    folder: Path = _setting(_HERE / "postgresql", Path, "source", "the folder or .tar.gz")
    scope: str | None = _setting(None, _choice("main", "tenant"), "source", "main or tenant")
    archive_max_mib: int = _setting(32, _count, "source", "largest archive, compressed, MiB")
    archive_max_inflated_mib: int = _setting(128, _count, "source", "largest archive, inflated, MiB")
    archive_max_members: int = _setting(20_000, _count, "source", "most members of an archive")
    archive_max_ratio: int = _setting(1_000, _count, "source", "largest inflation of one member")

    lock_timeout: float = _setting(5.0, _seconds, "apply", "how long a statement waits for a lock")
    statement_timeout: float = _setting(0.0, _seconds, "apply", "limit of one statement of a deployment, 0 for none")
    concurrency: int = _setting(8, _count, "apply", "databases at a time")
    max_connections: int = _setting(32, _at_least_four, "apply", "most connections of a fleet apply, 4 at least")
    canary: str | None = _setting(None, _text, "apply", "the tenant, or how many tenants, to go first")
    on_error: str = _setting("continue", _choice("stop", "continue"), "apply", "after a failed database")
    shadow: str | None = _setting(None, _text, "apply", "server of the reference database: a URL, or `embedded`")
    embedded_directory: Path = _setting(
        _HERE / ".stonegate", Path, "embedded.directory", "home of the private PostgreSQL"
    )

    database_url: str | None = _setting(
        None, _text, "postgres", "the server, wins over DB_*", "DATABASE_URL", secret=True
    )
    db_host: str | None = _setting(None, _text, "postgres.host", "host or socket directory", "DB_HOST", "PGHOST")
    db_port: int | None = _setting(None, _port, "postgres.port", "port of the server", "DB_PORT", "PGPORT")
    db_user: str | None = _setting(None, _text, "postgres.user", "role that creates databases", "DB_USER", "PGUSER")
    db_password: str | None = _setting(
        None, _text, "postgres", "its password", "DB_PASSWORD", "PGPASSWORD", secret=True
    )
    db_name: str = _setting("postgres", _text, "postgres.database", "maintenance database of the server", "DB_NAME")

    gateway_host: str = _setting("0.0.0.0", _text, "serve.host", "address to listen on", "GATEWAY_HOST")
    gateway_port: int = _setting(9000, _port, "serve.port", "port to listen on", "GATEWAY_PORT")
    gateway_workers: int = _setting(
        1, _count, "serve.workers", "processes that share the connections", "GATEWAY_WORKERS"
    )
    data_dir: Path = _setting(_HERE / "data", Path, "fleet", "platforms, stored schemas and jobs", "DATA_DIR")
    log_dir: Path | None = _setting(None, Path, "serve", "log files, besides standard error", "LOG_DIR")
    log_level: str = _setting("info", _level, "serve", "error, warn, info or debug", "RUST_LOG")
    log_format: str = _setting(
        "auto", _choice("auto", "text", "json"), "serve", "auto: text on a terminal", "LOG_FORMAT"
    )
    allowed_networks: tuple[Network, ...] = _setting(
        _networks(f"{_LOCAL},192.168.0.0/16"), _networks, "serve", "who may use the gateway", "ALLOWED_NETWORKS"
    )
    trusted_proxies: tuple[Network, ...] = _setting(
        (), _networks, "serve", "peers whose X-Forwarded-For counts", "TRUSTED_PROXIES"
    )
    admin_token: str | None = _setting(None, _text, "serve", "bearer token of /admin/*", "ADMIN_TOKEN", secret=True)
    allowed_admin_ips: tuple[Network, ...] = _setting(
        _networks(_LOCAL), _networks, "serve", "who may use /admin/*", "ALLOWED_ADMIN_IPS"
    )
    max_connections_per_pool: int = _setting(
        10, _count, "serve", "most connections to one database", "MAX_CONNECTIONS_PER_POOL"
    )
    max_total_connections: int = _setting(200, _count, "serve", "most connections to all", "MAX_TOTAL_CONNECTIONS")
    pool_idle_timeout: float = _setting(
        1800.0, _seconds, "serve", "an idle connection is closed", "POOL_IDLE_TIMEOUT_SECS"
    )
    pool_max_lifetime: float = _setting(3600.0, _seconds, "serve", "a connection is replaced", "POOL_MAX_LIFETIME_SECS")
    pool_acquire_timeout: float = _setting(
        5.0, _seconds, "serve", "how long a call waits for a connection", "POOL_ACQUIRE_TIMEOUT_SECS"
    )
    call_timeout: float = _setting(25.0, _seconds, "serve", "limit of one /call", "STATEMENT_TIMEOUT_SECS")
    register_max_table_mb: int = _setting(
        256, _integer, "serve", "/register rewrites no larger table", "REGISTER_MAX_TABLE_MB"
    )
    created_status: int = _setting(201, _status, "serve", "what creations answer: 201 or 200", "CREATED_STATUS")
    call_error_status: str = _setting(
        "default", _choice("default", "sqlstate"), "serve", "status of failed calls", "CALL_ERROR_STATUS"
    )
    max_body_mb: int = _setting(16, _count, "serve", "largest JSON body, MiB", "MAX_BODY_MB")
    shutdown_delay: float = _setting(
        0.0, _seconds, "serve", "/ready says 503 so long before nobody new is accepted", "SHUTDOWN_DELAY_SECS"
    )
    shutdown_timeout: float = _setting(20.0, _seconds, "serve", "calls may finish at the end", "SHUTDOWN_TIMEOUT_SECS")

    @property
    def archive_caps(self) -> Caps:
        """The limits of an archive."""
        from stonegate.source.files.archive import Caps  # most commands start without it

        return Caps(
            compressed=self.archive_max_mib * MIB,
            inflated=self.archive_max_inflated_mib * MIB,
            members=self.archive_max_members,
            ratio=self.archive_max_ratio,
        )

    @property
    def shadow_server(self) -> str | Path | None:
        """Where reference databases are built: a conninfo, the home of a private server, None for the target's own."""
        return self.embedded_directory if self.shadow == EMBEDDED else self.shadow

    @property
    def server_conninfo(self) -> str:
        """The server's maintenance database as a libpq conninfo; libpq completes it from its PG* variables."""
        if self.database_url is not None:
            return self.database_url
        parts = {
            "host": self.db_host,
            "port": self.db_port,
            "user": self.db_user,
            "password": self.db_password,
            "dbname": self.db_name,
        }
        return " ".join(f"{key}={_quote(str(value))}" for key, value in parts.items() if value is not None)


def _quote(value: str) -> str:
    """A value of a conninfo string (manual 34.1.1.1)."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def every_setting() -> Iterator[Setting]:
    """All settings in the order of the table, with the name of their field."""
    for each in fields(Settings):
        described: Setting = each.metadata["setting"]
        section, _, key = described.toml.partition(".")
        yield replace(
            described,
            name=each.name,
            env=described.env or (f"STONEGATE_{each.name.upper()}",),
            toml="" if described.secret else f"{section}.{key or each.name}",
            section=section,
        )


# --- reading --------------------------------------------------------------------------------------------------------


def read_settings(
    flags: Mapping[str, object] | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    directory: Path = Path(),
    gateway: bool = False,
) -> Settings:
    """The settings in force.

    Args:
        flags: by field name; None is a flag that was not given.
        gateway: read those of `stonegate serve` too; a RUST_LOG that is meant for others must not stop a `plan`.
        environ: the environment; None for the process's own.
        directory: where `.env` and `stonegate.toml` are looked for.

    Raises:
        UsageError: an invalid value or an unknown key of stonegate.toml; names the setting and where it stands.
    """
    environment = os.environ if environ is None else environ
    dotenv = parse_dotenv(_read_text(directory / ENV_FILE), ENV_FILE)
    config = _read_config(directory / CONFIG_FILE)
    values: dict[str, Any] = {}
    for setting in every_setting():
        if setting.section == "serve" and not gateway:
            continue
        layers = (
            *((name, environment.get(name), "the environment") for name in setting.env),
            *((name, dotenv.get(name), ENV_FILE) for name in setting.env),
            (setting.toml, config.get(setting.toml), CONFIG_FILE),
        )
        for name, text, place in layers:
            if text:
                values[setting.name] = _parse(setting, name, text.strip(), place)
                break
    values |= {name: value for name, value in (flags or {}).items() if value is not None}
    return Settings(**values)


def _parse(setting: Setting, name: str, text: str, place: str) -> object:
    try:
        return setting.parse(text)
    except ValueError as error:
        shown = "" if setting.secret else f" ({text})"
        raise UsageError(
            f"setting {name} in {place} is invalid: {error}{shown}", hint=f"{name}: {setting.help}"
        ) from None


def _read_config(path: Path) -> dict[str, str]:
    """stonegate.toml as texts by "section.key"."""
    known = [setting.toml for setting in every_setting() if setting.toml]
    try:
        document = tomllib.loads(_read_text(path))
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path.name} cannot be read as TOML", cause=str(error)) from None
    found: dict[str, str] = {}
    for section, content in document.items():
        keys = content.items() if isinstance(content, dict) else ((None, content),)
        for key, value in keys:
            name = section if key is None else f"{section}.{key}"
            if name not in known:
                raise UsageError(f"{path.name}: no such setting: {name}", hint=_suggest(name, known))
            found[name] = _as_text(name, value, path)
    return found


def _suggest(name: str, known: list[str]) -> str:
    section, _, key = name.partition(".")
    inside = [each.partition(".")[2] for each in known if each.startswith(f"{section}.")]
    if not inside:
        return "sections: " + ", ".join(f"[{each}]" for each in dict.fromkeys(each.split(".")[0] for each in known))
    return did_you_mean(key, inside, f"[{section}] has {', '.join(inside)}")


def _as_text(name: str, value: object, path: Path) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str() | int() | float():
            return str(value)
        case list() if all(isinstance(part, str) for part in value):
            return ",".join(value)
        case _:
            raise UsageError(f"setting {name} in {path.name} is invalid: a text, number or boolean is expected")


def _read_text(path: Path) -> str:
    """The file's text, "" if there is none."""
    try:
        return path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {path.name}", cause=str(error)) from None
