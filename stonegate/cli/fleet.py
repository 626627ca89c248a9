"""The fleet's side of the commands: which databases and which folder are meant, and how many at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from stonegate.cli.output import progress, warn
from stonegate.cli.render.names import count
from stonegate.cli.source import load_lazily
from stonegate.errors import FleetFailed, SourceError, UsageError
from stonegate.settings import Settings

if TYPE_CHECKING:
    from stonegate.cli.target import TargetOptions
    from stonegate.fleet.fanout import FanoutOptions
    from stonegate.fleet.records import PlatformRecord
    from stonegate.fleet.registry import Registry
    from stonegate.fleet.stored_folders import Upload
    from stonegate.fleet.survey import Looking
    from stonegate.fleet.targets import Target
    from stonegate.source.lazy import LazySource

_WILD = frozenset("*?[,")
FAILED = FleetFailed.exit_code


class Chosen(Struct, frozen=True, kw_only=True):
    """The databases of a command, at least one unless it may do without."""

    registry: Registry
    targets: tuple[Target, ...]
    platform: str

    @property
    def schema(self) -> str | None:
        """The stored folder that all of them belong to, if it is one."""
        schemas = {target.owner.schema for target in self.targets}
        return next(iter(schemas)) if len(schemas) == 1 else None

    def renew(self, target: Target) -> Target:
        """One of them with the passwords that are on record now."""
        from stonegate.fleet.targets import renew_target

        return renew_target(self.registry, target)


def open_registry(settings: Settings) -> Registry:
    """The platforms below the data directory."""
    from stonegate.fleet.registry import Registry

    return Registry(settings.data_dir)


def means_many(named: TargetOptions) -> bool:
    """True if the options speak of several databases, even where that turns out to be one."""
    several = named.tenant is not None and bool(set(named.tenant) & _WILD)
    return named.is_fleet and (named.every or several or (named.schema is not None and named.tenant is None))


def choose_targets(
    named: TargetOptions, settings: Settings, *, tenants: tuple[str, ...] | None = None, missing_ok: bool = False
) -> Chosen:
    """The databases that the options mean.

    Args:
        tenants: ids and patterns, instead of the comma list of the options.
        missing_ok: that there is none of that name, or none at all, is fine.

    Raises:
        NotFound, UsageError: see `resolve_targets`; also where there is none.
    """
    from stonegate.fleet.targets import resolve_targets

    if named.platform is None:
        raise UsageError("no platform was named", hint="--platform NAME")
    registry = open_registry(settings)
    tell_flaws(registry.platform(named.platform))
    targets = resolve_targets(
        registry,
        settings.server_conninfo,
        named.platform,
        tenant=named.tenant if tenants is None else tenants,
        schema=named.schema,
        every=named.every,
        missing_ok=missing_ok,
    )
    if not targets and not missing_ok:
        raise UsageError(
            f"the platform {named.platform} has no databases yet",
            hint=f"stonegate tenant create ID --platform {named.platform} --schema S",
        )
    return Chosen(registry=registry, targets=targets, platform=named.platform)


def tell_flaws(platform: PlatformRecord) -> None:
    """Say what was left out of the records: a database that is never deployed to would be found out too late."""
    warn(platform.flaws)


def load_fleet_source(settings: Settings, chosen: Chosen, folder: Path | None) -> LazySource:
    """The folder that was named; else `postgresql/`; where that is not there, the stored one of the databases' schema.

    Raises:
        SourceError: there is no such folder, or it cannot be read.
        UsageError: the databases are of several stored folders, and these are not the same.
    """
    _require_one_folder(chosen)
    if folder is not None or settings.folder.exists():
        return load_lazily(settings)
    if chosen.schema is None:
        raise SourceError(
            f"no such folder: {settings.folder}", hint="name it: stonegate apply FOLDER --platform P --all"
        )
    return load_stored(chosen.registry, chosen.platform, chosen.schema)


def _require_one_folder(chosen: Chosen) -> None:
    """Refuse databases of different stored folders: what one declares would be taken away with the other one."""
    names = {target.owner.schema for target in chosen.targets}
    stored = [each for each in chosen.registry.platform(chosen.platform).schemas if each.name in names]
    if len({each.digest for each in stored}) > 1:
        listed = ", ".join(sorted(each.name for each in stored))
        raise UsageError(
            f"these databases of {chosen.platform} are of different stored folders: {listed}",
            hint="one folder cannot be meant for all: --schema NAME, one after the other",
        )


def load_stored(registry: Registry, platform: str, schema: str) -> LazySource:
    """A stored folder.

    Raises:
        PlatformNotFound, SchemaNotFound, SourceError: see `read_schema`.
    """
    from stonegate.fleet.stored_folders import read_schema
    from stonegate.source.lazy import LazySource

    return LazySource.of_bytes(f"{platform}/{schema}", read_schema(registry, platform, schema))


def store_folder(settings: Settings, platform: str, schema: str, folder: Path, scope: str | None) -> Upload:
    """Keep a folder for a platform."""
    from stonegate.fleet.stored_folders import store_schema

    registry = open_registry(settings)
    return store_schema(registry, platform, schema, folder, scope=scope, caps=settings.archive_caps)


def fanout_options(settings: Settings) -> FanoutOptions:
    """How many at a time, and what a failure means."""
    from stonegate.fleet.fanout import FanoutOptions

    return FanoutOptions(
        concurrency=settings.concurrency,
        max_connections=settings.max_connections,
        canary=settings.canary,
        stop_on_error=settings.on_error == "stop",
    )


@contextlib.contextmanager
def looking_at(chosen: Chosen, settings: Settings, what: str) -> Iterator[Looking]:
    """How the databases are looked at: a line on the terminal counts them, and says what is done."""
    from stonegate.fleet.survey import Looking

    done, total, width = 0, len(chosen.targets), fanout_options(settings).width
    with progress(f"{what} {count(total, 'database')}") as tell:

        def on_looked(target: Target) -> None:
            nonlocal done
            done += 1
            tell(f"{what} {done}/{total}: {target.database}")

        yield Looking(targets=chosen.targets, width=width, on_looked=on_looked, renew=chosen.renew)
