"""One folder applied to many databases: a quick look at all, a canary, then several at a time, a result for each."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from stonegate.database.deployment.one_database import apply_database
from stonegate.database.deployment.options import ApplyOptions
from stonegate.database.deployment.reports import failed_report
from stonegate.database.deployment.unchanged import probe_unchanged
from stonegate.database.progress import OnProgress, Progress
from stonegate.database.server.capacity import count_locks, databases_at_once, read_capacity
from stonegate.errors import StonegateError, UsageError
from stonegate.fleet.ending import Patience, Stop, pauses, run_until_forced
from stonegate.fleet.names import MAIN
from stonegate.fleet.outcomes import (
    Slimmer,
    given_up,
    hands_on,
    is_bad_password,
    is_failure,
    is_missing,
    nobody_listens,
    not_attempted,
    server_is_gone,
    with_earlier,
)
from stonegate.fleet.targets import Grace, Renew, Target, as_it_is
from stonegate.model.names import ObjectKind
from stonegate.model.report import ApplyReport, FleetReport, Status
from stonegate.model.source import SourceTree
from stonegate.source.lazy import LazySource

CANARY_TRIES = 3
BUILDER_CONNECTIONS = 2


class State(StrEnum):
    """Where one database of the fleet is."""

    RUNNING = "running"
    WAITING = "waiting"
    DONE = "done"


class FleetEvent(Struct, frozen=True, kw_only=True):
    """One database moved on.

    Attributes:
        progress: while it runs.
        reason: while it waits for a server that went away, what the last try met.
        report: when it is done.
    """

    target: Target
    state: State
    progress: Progress | None = None
    reason: str | None = None
    report: ApplyReport | None = None


OnEvent = Callable[[FleetEvent], None]


class FanoutOptions(Struct, frozen=True, kw_only=True):
    """How many at a time, and what a failure means.

    Attributes:
        concurrency: databases at a time.
        max_connections: sessions at a time, 4 at least; a deployment opens a second one for moments, and the one that
            builds the reference two more.
        canary: a tenant, or a number of tenants, that must succeed before the others start; None for one that goes
            first, but whose failure stops nobody.
        stop_on_error: no database is started after one has failed.
    """

    concurrency: int = 8
    max_connections: int = 32
    canary: str | None = None
    stop_on_error: bool = False

    @property
    def width(self) -> int:
        """Databases at a time, so that their sessions are within `max_connections`."""
        return max(1, min(self.concurrency, (self.max_connections - BUILDER_CONNECTIONS) // 2))


async def apply_fleet(
    targets: Sequence[Target],
    source: LazySource,
    options: ApplyOptions | None = None,
    fan: FanoutOptions | None = None,
    *,
    on_event: OnEvent | None = None,
    stop: Stop | None = None,
    renew: Renew = as_it_is,
) -> FleetReport:
    """Bring every target to what the folder declares. Run again, it goes on: finished ones cost one round trip.

    Args:
        targets: what `resolve_targets` found.
        options: of each apply; a missing database is never created, and the administrator of the server installs
            untrusted extensions and builds the reference.
        on_event: told of every step of every database.
        stop: lets the caller end the run early.
        renew: the target as the registry has it now, for one whose password was changed meanwhile.

    Returns:
        A result for each target, in their order, whatever happened to the others.

    Raises:
        SourceError: the folder is wrong; nothing was attempted.
        UsageError: the canary names nobody.
    """
    run = _Run(targets, source, options or ApplyOptions(), fan or FanoutOptions(), on_event, stop or Stop(), renew)
    return await run.go()


class _Run:
    """The state of one fan-out."""

    def __init__(
        self,
        targets: Sequence[Target],
        source: LazySource,
        options: ApplyOptions,
        fan: FanoutOptions,
        on_event: OnEvent | None,
        stop: Stop,
        renew: Renew,
    ) -> None:
        self.targets = targets
        self.source = source
        self.options = options
        self.fan = fan
        self.on_event = on_event
        self.stop = stop
        self.renew = renew
        self.reports: dict[int, ApplyReport] = {}
        self.begun: set[int] = set()
        self.slimmer = Slimmer()
        self.patience = Patience()
        self.grace = Grace()
        self.waiting = deque(_canaries_first(targets, fan.canary))
        self.order = {index: place for place, index in enumerate(self.waiting)}
        self.looked_at: set[int] = set()
        self.seem_changed = True  # those that follow, because the last one was

    async def go(self) -> FleetReport:
        """All phases; those whose turn never comes are reported too."""
        await run_until_forced(self._phases(), self.stop)
        why = self.stop.reason or "stopped"
        for index, target in enumerate(self.targets):
            if index not in self.reports:
                broken_off = index in self.begun
                self._finish(index, (given_up if broken_off else not_attempted)(target.database, why))
        return FleetReport(results=tuple(self.reports[index] for index in range(len(self.targets))))

    async def _phases(self) -> None:
        await self._look()
        if self.waiting and self.stop.reason is None:
            # The folder is parsed once, before anything is touched: if it is wrong, that is all there is to say.
            await asyncio.to_thread(self.source.ordered)
            await self._try_canaries()
            width = await self._fitting_width() if self.waiting and self.stop.reason is None else 1
            await self._work(self._deploy_next, width)

    # --- the quick look ---------------------------------------------------------------------------------------------

    async def _look(self) -> None:
        """Recognise unchanged databases, several at a time, until the first that is not, which is the next then."""
        found: list[int] = []

        async def look_at_next() -> bool:
            if found or not self.waiting:
                return False
            index = self.waiting.popleft()
            if index in self.looked_at or not await self._is_done(index):
                self.looked_at.add(index)
                found.append(index)
            return True

        if await look_at_next():  # alone: where a release changes them all, each look is one for nothing
            await self._work(look_at_next, self.fan.width)
        self.waiting.extendleft(sorted(found, key=self.order.__getitem__, reverse=True))

    async def _is_done(self, index: int) -> bool:
        target = self.targets[index]
        for conninfo in target.conninfos:
            try:
                report = await probe_unchanged(conninfo, target.database, self.source, self.options)
            except StonegateError:
                return False  # the apply finds out why, and waits where that may help
            self.patience.restore()
            if report is not None:
                self._finish(index, report)
            return report is not None
        return False

    # --- canaries ---------------------------------------------------------------------------------------------------

    async def _try_canaries(self) -> None:
        """One after the other until as many as wanted have succeeded; unchanged and dropped ones are none."""
        wanted = _number_of_canaries(self.fan.canary)
        failures = 0
        while wanted > 0 and self.waiting and self.stop.reason is None:
            report = await self._deploy(self.waiting.popleft())
            if not is_failure(report):
                wanted -= report.status not in (Status.UNCHANGED, Status.DROPPED)
            elif not hands_on(report):
                if self.fan.canary is not None:
                    self.stop.ask(f"the canary {report.database} failed")
                failures += 1
                if failures == CANARY_TRIES:
                    return  # nothing was changed anywhere: every database gets its own result
            if wanted > 0 and self.stop.reason is None:
                await self._look()

    async def _fitting_width(self) -> int:
        """As many at a time as the server has sessions and locks for."""
        try:
            capacity = await read_capacity(self.targets[self.waiting[0]].server)
        except StonegateError:
            return self.fan.width
        width = databases_at_once(_locks(self.source.tree()), capacity, self.fan.width)
        return max(1, min(width, capacity.sessions // 2))

    # --- work -------------------------------------------------------------------------------------------------------

    async def _work(self, step: Callable[[], Awaitable[bool]], width: int) -> None:
        """Repeat `step` in `width` tasks until it says that nothing is left."""

        async def repeat() -> None:
            while self.stop.reason is None and await step():
                pass

        async with asyncio.TaskGroup() as group:
            for _ in range(width):
                group.create_task(repeat())

    async def _deploy_next(self) -> bool:
        if not self.waiting:
            return False
        await self._deploy(self.waiting.popleft())
        return True

    async def _deploy(self, index: int) -> ApplyReport:
        target = self.targets[index]
        self.begun.add(index)
        self._tell(FleetEvent(target=target, state=State.RUNNING))
        report = await self._attempt(target)
        if len(self.targets) > 1 and is_missing(report) and await self.grace.was_dropped(target, self.renew):
            report = replace(report, status=Status.DROPPED, error=None)
        self.seem_changed = report.status is not Status.UNCHANGED
        if is_failure(report) and self.fan.stop_on_error:
            self.stop.ask(f"{report.database} failed")
        return self._finish(index, report)

    async def _attempt(self, target: Target) -> ApplyReport:
        """Apply, again while the server is away for a moment, and with the other password while one is changed."""
        on_progress: OnProgress | None = None
        if self.on_event is not None:

            def on_progress(progress: Progress) -> None:
                self._tell(FleetEvent(target=target, state=State.RUNNING, progress=progress))

        options = replace(target.complete(self.options), create_database=False)
        pause, lost = pauses(), False
        committed: ApplyReport | None = None  # earlier attempts of which only what follows the commit is left
        known = target.conninfos
        conninfos = deque(known)
        while True:
            report = await _apply(conninfos[0], self.source, options, on_progress, seems_changed=self.seem_changed)
            error = report.error
            is_gone = error is not None and server_is_gone(error)
            if not is_gone:
                self.patience.restore()
            if error is not None and is_bad_password(error):
                conninfos.popleft()
                if not conninfos and (renewed := self.renew(target).conninfos) != known:
                    known = renewed
                    conninfos.extend(renewed)
                if conninfos:
                    continue
            if error is None or not is_gone or self.stop.reason is not None:
                break
            if not self.patience.is_left(nobody_listens=nobody_listens(error)):
                break
            lost = lost or "lost during the commit" in error.message
            if committed is not None:
                committed = with_earlier(report, committed)
            elif report.steps:
                committed = report
            self._tell(FleetEvent(target=target, state=State.WAITING, reason=error.cause or error.message))
            await asyncio.sleep(next(pause))
        if lost and error is None:
            note = "the connection was lost during the commit of an earlier attempt, which may have been this apply's"
            report = replace(report, warnings=(*report.warnings, note))
        if committed is not None:
            report = with_earlier(report, committed)
        return report if report.database else replace(report, database=target.database)

    def _finish(self, index: int, report: ApplyReport) -> ApplyReport:
        slim = self.reports[index] = self.slimmer.slim(report)
        self._tell(FleetEvent(target=self.targets[index], state=State.DONE, report=slim))
        return slim

    def _tell(self, event: FleetEvent) -> None:
        if self.on_event is not None:
            self.on_event(event)


async def _apply(
    conninfo: str, source: LazySource, options: ApplyOptions, on_progress: OnProgress | None, *, seems_changed: bool
) -> ApplyReport:
    started = time.monotonic()
    try:
        return await apply_database(conninfo, source, options, on_progress, seems_changed=seems_changed)
    except StonegateError as error:
        return failed_report(error, error.database or "", started)


def _canaries_first(targets: Sequence[Target], canary: str | None) -> list[int]:
    """The order of work: the named canary first, else as given."""
    order = list(range(len(targets)))
    if canary is None:
        return order
    named = [i for i in order if canary in (targets[i].owner.tenant or MAIN, targets[i].database)]
    if _is_number(canary):
        if named:
            raise UsageError(
                f"{canary} is a tenant, and may be a number of tenants too",
                hint=f"--canary {targets[named[0]].database} for that tenant, --canary 0{canary} for so many",
            )
        return order
    if not named:
        raise UsageError(f"the canary {canary} is none of the {len(targets)} databases", hint="--canary TENANT, or N")
    return [*named, *(index for index in order if index not in named)]


def _is_number(canary: str) -> bool:
    return canary.isascii() and canary.isdigit()


def _number_of_canaries(canary: str | None) -> int:
    return int(canary) if canary is not None and _is_number(canary) else 1


def _locks(tree: SourceTree) -> int:
    """How many locks a deployment of everything in the folder takes at most."""
    keys = {item.key for item in tree.items}
    tables = sum(key.kind is ObjectKind.TABLE for key in keys)
    others = sum(key.kind in (ObjectKind.VIEW, ObjectKind.MATERIALIZED_VIEW, ObjectKind.SEQUENCE) for key in keys)
    indexes = sum(key.kind is ObjectKind.INDEX for key in keys)
    return count_locks(tables, others + indexes)
