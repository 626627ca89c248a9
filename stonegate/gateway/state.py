"""Everything that lives as long as a worker does, made from one set of settings and changed by the next one."""

from __future__ import annotations

import math
import tempfile
import time
from pathlib import Path

from stonegate.database.call.session import CallSession
from stonegate.database.connect import connect
from stonegate.database.failures.explain import TOO_MANY_CONNECTIONS
from stonegate.errors import DataDirUnusable, StonegateError, UsageError
from stonegate.fleet.registry import Registry
from stonegate.gateway.board import Board
from stonegate.gateway.bodies import Room
from stonegate.gateway.call.calls import Calls
from stonegate.gateway.call.pool import PoolLimits
from stonegate.gateway.call.pools import Pools
from stonegate.gateway.call.targets import Targets
from stonegate.gateway.deploy.deployments import Deployer
from stonegate.gateway.deploy.jobs import Jobs
from stonegate.gateway.deploy.processes import Processes, kill_processes
from stonegate.gateway.deploy.results import Outcome
from stonegate.gateway.logs import LOG
from stonegate.gateway.metrics import Figures, Metrics
from stonegate.gateway.security import Guard
from stonegate.settings import MIB, Settings

#: An answer about PostgreSQL's health is good for this long: whoever may ask without a token must not cost sessions.
HEALTH_SECONDS = 1.0
_PROBE_SECONDS = 2


class Gateway:
    """The parts of a worker.

    Args:
        settings: in force.
        board: where it meets the other workers' figures.
        started: when the server started, by `time.monotonic()`; now if it is this process.

    Attributes:
        is_draining: the end was asked for.
        end_at: when it must be over, by `time.monotonic()`.
    """

    def __init__(self, settings: Settings, board: Board | None = None, started: float | None = None) -> None:
        self.settings = settings
        self.board = board or Board()
        self.started = time.monotonic() if started is None else started
        self.is_draining = False
        self.end_at = math.inf
        self.registry = Registry(settings.data_dir)
        self.pools: Pools[CallSession] = Pools(limits_of(settings))
        self.targets = Targets(self.registry, settings.server_conninfo)
        self.calls = Calls(settings, self.targets, self.pools)
        self.metrics = Metrics(self.board.inherit())
        self._inherited = self.metrics.figures.exhausted
        self.processes = Processes()
        self.fleet_processes = Processes(1)
        self.jobs = Jobs(settings.data_dir)
        self.guard = Guard(settings)
        self.bodies = Room(settings.max_body_mb * MIB)
        self.archives = Room(settings.archive_max_mib * MIB)
        self._health: tuple[float, bool] = (-HEALTH_SECONDS, False)

    def reload(self, settings: Settings) -> None:
        """Go on with other settings; connections that were made by others are made anew."""
        old, self.settings = self.settings, settings
        self.guard = Guard(settings)
        self.bodies.fit(settings.max_body_mb * MIB)
        self.archives.fit(settings.archive_max_mib * MIB)
        if settings.data_dir != old.data_dir:
            self.registry, self.jobs = Registry(settings.data_dir), Jobs(settings.data_dir)
        self.targets = Targets(self.registry, settings.server_conninfo)
        self.calls.settings, self.calls.targets = settings, self.targets
        self.pools.limits = limits_of(settings)
        if (settings.server_conninfo, settings.call_timeout) != (old.server_conninfo, old.call_timeout):
            self.pools.renew()
            self._health = (-HEALTH_SECONDS, False)

    def read_figures(self) -> Figures:
        """What this worker counted, and its pools now."""
        figures = self.metrics.figures
        figures.exhausted = self._inherited + self.pools.exhausted
        figures.pools = self.pools.gauges()
        return figures

    def sum_figures(self) -> Figures:
        """The same of all workers."""
        return self.board.sum_with_others(self.read_figures())

    @property
    def deployer(self) -> Deployer:
        """What deployments need of the settings."""
        settings = self.settings
        return Deployer(
            data_dir=settings.data_dir.absolute(),
            server=settings.server_conninfo,
            caps=settings.archive_caps,
            lock_timeout_s=settings.lock_timeout,
            statement_timeout_s=settings.statement_timeout,
            concurrency=settings.concurrency,
            max_connections=settings.max_connections,
            register_max_table_mb=settings.register_max_table_mb,
            shadow=settings.shadow_server,
        )

    async def settle(self, kind: str, outcome: Outcome) -> None:
        """After a deployment: databases that changed get new connections, and their signatures are read again."""
        for database in outcome.touched:
            self.calls.forget(database)
            await self.pools.drain(database)
        for _, status in outcome.results:
            self.metrics.count_deploy(kind, status)

    async def is_connected(self) -> bool:
        """Whether PostgreSQL answers; one that has no session left does, to the calls that have theirs."""
        asked, known = self._health
        if time.monotonic() - asked < HEALTH_SECONDS:
            return known
        self._health = (time.monotonic(), known)
        try:
            conn = await connect(self.settings.server_conninfo, connect_timeout=_PROBE_SECONDS)
            await conn.close()
            known = True
        except StonegateError as error:
            LOG.warning("PostgreSQL cannot be reached: %s", "; ".join(filter(None, (error.message, error.cause))))
            known = error.sqlstate == TOO_MANY_CONNECTIONS
        self._health = (time.monotonic(), known)
        return known

    async def close(self) -> None:
        """Close everything that is open; deployments that run may finish until `end_at`, if it is set."""
        await self.pools.close()
        for processes in (self.processes, self.fleet_processes):
            await processes.close(max(self.end_at - time.monotonic(), 0.0))
        kill_processes()
        self.board.publish(self.read_figures())


def limits_of(settings: Settings) -> PoolLimits:
    """The caps of one worker: all workers together keep to the total.

    Raises:
        UsageError: there are more workers than connections.
    """
    share = settings.max_total_connections // settings.gateway_workers
    if share < 1:
        raise UsageError(
            f"MAX_TOTAL_CONNECTIONS ({settings.max_total_connections}) is less than the number of workers "
            f"({settings.gateway_workers})"
        )
    return PoolLimits(
        per_database=min(settings.max_connections_per_pool, share),
        total=share,
        idle_timeout_s=settings.pool_idle_timeout,
        max_lifetime_s=settings.pool_max_lifetime,
        acquire_timeout_s=settings.pool_acquire_timeout,
    )


def require_directory(path: Path) -> None:
    """Refuse to start with a data directory that cannot be used.

    Raises:
        DataDirUnusable: it cannot be made, read or written.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        next(path.iterdir(), None)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise DataDirUnusable(
            f"DATA_DIR {path} cannot be used", cause=error.strerror or str(error), hint="DATA_DIR=/var/lib/stonegate"
        ) from None
