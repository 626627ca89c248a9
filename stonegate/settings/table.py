"""All settings in one table: the names that each has, how it is read, and what it is for."""

# ruff: noqa: RUF009 - `_setting` is dataclasses.field() with more to say

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from stonegate.settings import values
from stonegate.settings.values import Network

if TYPE_CHECKING:
    from stonegate.source.files.archive import Caps

T = TypeVar("T")

EMBEDDED = "embedded"  # the value of `shadow` that means the private PostgreSQL
MIB = 1024 * 1024


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


def _setting(default: T, parse: Callable[[str], T], toml: str, help: str, *env: str, secret: bool = False) -> T:
    """A field of `Settings` with everything that is to be known about it.

    Args:
        toml: "section.key", or "section" where the key is the field's name.
        env: its names, or none where it is STONEGATE_ and the field's name.
    """
    described = Setting(env=env, toml=toml, parse=parse, default=default, help=help, secret=secret)
    made: T = field(default=default, repr=not secret, metadata={"setting": described})
    return made


_LOCAL = "127.0.0.0/8,::1/128"
_HERE = Path()


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings. Times are seconds, sizes as their names say.

    The server (`database_url`, else the `db_*` and libpq's PG* variables) is where databases are looked up and created
    by name; it is never a target itself.
    """

    database: str | None = _setting(None, str, "target", "target: a libpq URL, or a name on the server")
    embedded: bool = _setting(False, values.boolean, "target", "target: a database of the private PostgreSQL")
    platform: str | None = _setting(None, str, "target", "target: the databases of a platform")
    tenant: str | None = _setting(None, str, "target", "target: one tenant of the platform")
    schema: str | None = _setting(None, str, "target", "target: the platform's databases of one schema")

    folder: Path = _setting(_HERE / "postgresql", Path, "source", "the folder or .tar.gz")
    scope: str | None = _setting(None, values.choice("main", "tenant"), "source", "main or tenant")
    archive_max_mib: int = _setting(32, values.count, "source", "largest archive, compressed, MiB")
    archive_max_inflated_mib: int = _setting(128, values.count, "source", "largest archive, inflated, MiB")
    archive_max_members: int = _setting(20_000, values.count, "source", "most members of an archive")
    archive_max_ratio: int = _setting(1_000, values.count, "source", "largest inflation of one member")

    lock_timeout: float = _setting(5.0, values.seconds, "apply", "how long a statement waits for a lock")
    statement_timeout: float = _setting(
        0.0, values.seconds, "apply", "limit of one statement of a deployment, 0 for none"
    )
    concurrency: int = _setting(8, values.count, "apply", "databases at a time")
    max_connections: int = _setting(32, values.at_least_four, "apply", "most connections of a fleet apply, 4 at least")
    canary: str | None = _setting(None, str, "apply", "the tenant, or how many tenants, to go first")
    on_error: str = _setting("continue", values.choice("stop", "continue"), "apply", "after a failed database")
    shadow: str | None = _setting(None, str, "apply", "server of the reference database: a URL, or `embedded`")
    embedded_directory: Path = _setting(
        _HERE / ".stonegate", Path, "embedded.directory", "home of the private PostgreSQL"
    )

    database_url: str | None = _setting(
        None, str, "postgres", "the server, wins over DB_*", "DATABASE_URL", secret=True
    )
    db_host: str | None = _setting(None, str, "postgres.host", "host or socket directory", "DB_HOST", "PGHOST")
    db_port: int | None = _setting(None, values.port, "postgres.port", "port of the server", "DB_PORT", "PGPORT")
    db_user: str | None = _setting(None, str, "postgres.user", "role that creates databases", "DB_USER", "PGUSER")
    db_password: str | None = _setting(None, str, "postgres", "its password", "DB_PASSWORD", "PGPASSWORD", secret=True)
    db_name: str = _setting("postgres", str, "postgres.database", "maintenance database of the server", "DB_NAME")

    gateway_host: str = _setting("0.0.0.0", str, "serve.host", "address to listen on", "GATEWAY_HOST")
    gateway_port: int = _setting(9000, values.port, "serve.port", "port to listen on", "GATEWAY_PORT")
    gateway_workers: int = _setting(
        1, values.count, "serve.workers", "processes that share the connections", "GATEWAY_WORKERS"
    )
    data_dir: Path = _setting(_HERE / "data", Path, "fleet", "platforms, stored schemas and jobs", "DATA_DIR")
    log_dir: Path | None = _setting(None, Path, "serve", "log files, besides standard error", "LOG_DIR")
    log_level: str = _setting("info", values.level, "serve", "error, warn, info or debug", "RUST_LOG")
    log_format: str = _setting(
        "auto", values.choice("auto", "text", "json"), "serve", "auto: text on a terminal", "LOG_FORMAT"
    )
    allowed_networks: tuple[Network, ...] = _setting(
        values.networks(f"{_LOCAL},192.168.0.0/16"),
        values.networks,
        "serve",
        "who may use the gateway",
        "ALLOWED_NETWORKS",
    )
    trusted_proxies: tuple[Network, ...] = _setting(
        (), values.networks, "serve", "peers whose X-Forwarded-For counts", "TRUSTED_PROXIES"
    )
    allowed_hosts: tuple[str, ...] = _setting(
        (), values.hosts, "serve", "names by which the gateway may be called; any if not set", "ALLOWED_HOSTS"
    )
    admin_token: str | None = _setting(None, str, "serve", "bearer token of /admin/*", "ADMIN_TOKEN", secret=True)
    allowed_admin_ips: tuple[Network, ...] = _setting(
        values.networks(_LOCAL), values.networks, "serve", "who may use /admin/*", "ALLOWED_ADMIN_IPS"
    )
    max_connections_per_pool: int = _setting(
        10, values.count, "serve", "most connections to one database", "MAX_CONNECTIONS_PER_POOL"
    )
    max_total_connections: int = _setting(
        200, values.count, "serve", "most connections to all", "MAX_TOTAL_CONNECTIONS"
    )
    pool_idle_timeout: float = _setting(
        1800.0, values.seconds, "serve", "an idle connection is closed", "POOL_IDLE_TIMEOUT_SECS"
    )
    pool_max_lifetime: float = _setting(
        3600.0, values.seconds, "serve", "a connection is replaced", "POOL_MAX_LIFETIME_SECS"
    )
    pool_acquire_timeout: float = _setting(
        5.0, values.seconds, "serve", "how long a call waits for a connection", "POOL_ACQUIRE_TIMEOUT_SECS"
    )
    call_timeout: float = _setting(25.0, values.seconds, "serve", "limit of one /call", "STATEMENT_TIMEOUT_SECS")
    register_max_table_mb: int = _setting(
        256, values.integer, "serve", "/register rewrites no larger table", "REGISTER_MAX_TABLE_MB"
    )
    created_status: int = _setting(201, values.status, "serve", "what creations answer: 201 or 200", "CREATED_STATUS")
    call_error_status: str = _setting(
        "default", values.choice("default", "sqlstate"), "serve", "status of failed calls", "CALL_ERROR_STATUS"
    )
    max_body_mb: int = _setting(16, values.count, "serve", "largest body of `/call`, MiB", "MAX_BODY_MB")
    max_answer_mb: int = _setting(
        64, values.integer, "serve", "most that a /call answers, MiB; 0 is no limit", "MAX_ANSWER_MB"
    )
    shutdown_delay: float = _setting(
        0.0, values.seconds, "serve", "/ready says 503 so long before nobody new is accepted", "SHUTDOWN_DELAY_SECS"
    )
    shutdown_timeout: float = _setting(
        20.0, values.seconds, "serve", "calls may finish at the end", "SHUTDOWN_TIMEOUT_SECS"
    )

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
    def names_server(self) -> bool:
        """True if any setting says where the server is, or as whom to log in there."""
        return any(part is not None for part in (self.database_url, self.db_host, self.db_port, self.db_user))

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
