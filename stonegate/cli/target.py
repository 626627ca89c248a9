"""The target of a command: one database, or none; several are the fleet's business (behaviour, §8)."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import asdict, replace

from stonegate.cli import options
from stonegate.cli.output import progress
from stonegate.cli.source import load_lazily, name_after
from stonegate.errors import UsageError
from stonegate.model.names import in_list
from stonegate.settings import Settings

if TYPE_CHECKING:
    from stonegate.cli.fleet import Chosen
    from stonegate.database.embedded.server import EmbeddedServer
    from stonegate.model.labels import Label
    from stonegate.source.lazy import LazySource


class SingleTargetOptions(Struct, frozen=True, kw_only=True):
    """What the command line says about the target of a command that works on one database."""

    database: options.Database = None
    embedded: options.Embedded = False
    platform: options.Platform = None
    tenant: options.Tenant = None
    schema: options.Schema = None

    @property
    def named(self) -> TargetOptions:
        """The same among those of all commands."""
        return TargetOptions(**asdict(self))


class TargetOptions(SingleTargetOptions, frozen=True, kw_only=True):
    """What the command line says about the target; all of it replaces all of `[target]` in stonegate.toml.

    But for a name alone: that is one of the private server which stonegate.toml names, unless some setting names
    another server.
    """

    every: options.Every = False

    @property
    def given(self) -> bool:
        """True if there is any."""
        return self != TargetOptions()

    @property
    def is_fleet(self) -> bool:
        """True if the registry has to say which databases are meant."""
        return self.platform is not None


class DatabaseTarget(Struct, frozen=True, kw_only=True):
    """One database; `conninfo` may hold a password, `name` is for people.

    Attributes:
        admin: the same database as who may create any extension, where that is another login.
        label: whose it is; None for one of no platform.
        may_create: an apply makes the database if it is missing; those of platforms are made by `tenant create`.
        chosen: what it was chosen as among the databases of a platform; None for one of no platform.
    """

    conninfo: str
    name: str
    admin: str | None = None
    label: Label | None = None
    may_create: bool = True
    chosen: Chosen | None = None


def choose(named: TargetOptions, settings: Settings) -> TargetOptions:
    """The options in force: those of the command line, or else those of the environment and stonegate.toml.

    Raises:
        UsageError: options that exclude each other, or need another one.
    """
    chosen = named
    if not named.given:
        chosen = TargetOptions(
            database=settings.database,
            embedded=settings.embedded,
            platform=settings.platform,
            tenant=settings.tenant,
            schema=settings.schema,
            every=settings.platform is not None and settings.tenant is None and settings.schema is None,
        )
    _require_name(chosen.database)
    only_name = named.given and named == TargetOptions(database=named.database) and not _is_conninfo(named.database)
    if only_name and settings.embedded and not (settings.names_server or "PGSERVICE" in os.environ):
        chosen = replace(named, embedded=True)
    kinds = [_is_conninfo(chosen.database), chosen.embedded, chosen.is_fleet]
    if sum(kinds) > 1 or (chosen.is_fleet and chosen.database is not None):
        raise UsageError("two targets were named", hint="choose one of -d URL, --embedded and --platform")
    if not chosen.is_fleet and (chosen.tenant is not None or chosen.schema is not None or chosen.every):
        raise UsageError(
            "--tenant, --schema and --all need --platform", hint=f"--platform {settings.platform or 'NAME'}"
        )
    if chosen.tenant is not None and chosen.every:
        raise UsageError("--tenant names some databases, --all means every one", hint="leave one of them out")
    return chosen


def resolve_target(named: TargetOptions, settings: Settings, folder: Path | None) -> DatabaseTarget | None:
    """The database that the options name; None if they name none. The embedded server is started if need be.

    Args:
        folder: for the default name on the embedded server; None for a command that has no folder.

    Raises:
        UsageError: the options make no sense, or a URL names a server but no database.
        ConnectionFailed: the embedded server does not start.
    """
    chosen = choose(named, settings)
    if chosen.is_fleet:
        from stonegate.cli.fleet import choose_targets

        return _one_of(choose_targets(chosen, settings))
    if chosen.embedded:
        return _embedded_target(chosen.database, settings, folder)
    if chosen.database is None:
        return None
    from stonegate.database.conninfo import database_of, with_database

    if not _is_conninfo(chosen.database):
        return DatabaseTarget(conninfo=with_database(settings.server_conninfo, chosen.database), name=chosen.database)
    name = database_of(chosen.database)
    if name is None:
        raise UsageError(
            "-d names a server, but no database",
            hint="add the name: postgresql://host/NAME, or dbname=NAME",
        )
    return DatabaseTarget(conninfo=chosen.database, name=name)


def require_target(named: TargetOptions, settings: Settings, folder: Path | None) -> DatabaseTarget:
    """As `resolve_target`, for commands that cannot do without.

    Raises:
        UsageError: no target was named.
    """
    target = resolve_target(named, settings, folder)
    if target is None:
        raise UsageError("no database was named", hint="-d URL, --embedded, or [target] in stonegate.toml")
    return target


def choose_fleet(named: TargetOptions, settings: Settings) -> Chosen | None:
    """The databases that the options name, if they speak of several; None for one or none.

    Raises:
        UsageError: the options make no sense.
        NotFound: the registry has no such platform, schema or tenant.
    """
    chosen = choose(named, settings)
    if not chosen.is_fleet:
        return None
    from stonegate.cli.fleet import choose_targets, means_many

    return choose_targets(chosen, settings) if means_many(chosen) else None


def load_target_source(settings: Settings, target: DatabaseTarget, folder: Path | None) -> LazySource:
    """The folder for one database: as `load_fleet_source` chooses it for one that belongs to a stored folder.

    Args:
        folder: the one that was named.

    Raises:
        SourceError: the stored one cannot be read.
    """
    if target.chosen is None or target.chosen.schema is None:
        return load_lazily(settings)
    from stonegate.cli.fleet import load_fleet_source

    return load_fleet_source(settings, target.chosen, folder)


def _one_of(chosen: Chosen) -> DatabaseTarget:
    """The target of a command that works on one database."""
    match chosen.targets:
        case [target]:
            from stonegate.fleet.adoption import label_of

            return DatabaseTarget(
                conninfo=target.conninfo,
                name=target.database,
                admin=target.admin,
                label=label_of(target.owner),
                may_create=False,
                chosen=chosen,
            )
        case _:
            names = in_list([target.database for target in chosen.targets], 5)
            raise UsageError(
                f"{len(chosen.targets)} databases are meant, and this works on one: {names}",
                hint="--tenant ID, with --schema NAME if that is not enough; or --tenant and the name of the database",
            )


def _is_conninfo(text: str | None) -> bool:
    """True for a URL or key=value string; anything else is the name of a database."""
    return text is not None and ("://" in text or "=" in text)


def _require_name(database: str | None) -> None:
    """Refuse what is neither the name of a database nor a URL, before a database is made that is called so."""
    if database is None or _is_conninfo(database):
        return
    if not database.strip():
        # libpq would take the role's name, or what DATABASE_URL says: often `postgres`.
        raise UsageError("the name of the database is empty", hint="-d URL, or -d NAME; is a variable not set?")
    if database.startswith("-"):
        raise UsageError(f"{database} is an option, and no name of a database", hint="-d URL, or -d NAME")
    if "/" in database:
        raise UsageError(
            "the target is neither a URL nor, with a / in it, the name of a database",  # it may hold a password
            hint="postgresql://user@host:5432/database; a database with such a name: dbname='NAME'",
        )


# --- the embedded server --------------------------------------------------------------------------------------------


def start_server(settings: Settings) -> EmbeddedServer:
    """The private server, started unless it runs."""
    from stonegate.database.embedded.server import start_embedded

    with progress(f"waiting for the private PostgreSQL in {settings.embedded_directory}"):
        return start_embedded(settings.embedded_directory)


def _embedded_target(name: str | None, settings: Settings, folder: Path | None) -> DatabaseTarget:
    from stonegate.database.conninfo import with_database

    server = start_server(settings)
    if name is None:
        if folder is None and settings.folder.exists():
            folder = settings.folder
        name = name_after(folder) if folder is not None else _only_database(server.url)
    return DatabaseTarget(conninfo=with_database(server.url, name), name=name)


def _only_database(server: str) -> str:
    """The one database of the private server, for commands that have no folder to tell it by."""
    from stonegate.database.server.databases import read_databases

    names: Sequence[str] = asyncio.run(read_databases(server))
    match names:
        case [name]:
            return name
        case []:
            raise UsageError("the private PostgreSQL has no database yet", hint="stonegate apply FOLDER --embedded")
        case _:
            raise UsageError(
                f"the private PostgreSQL has several databases: {', '.join(names)}",
                hint=f"choose one: --embedded -d {names[0]}",
            )
