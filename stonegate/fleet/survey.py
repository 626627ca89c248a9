"""Looks at many databases without changing any: the fleet's plan by groups, its drift report, its differences."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from msgspec import Struct

from stonegate.database.deployment.grouping import Member, PlanGroups
from stonegate.database.deployment.options import ApplyOptions
from stonegate.database.deployment.reports import report_error
from stonegate.database.status import DatabaseDiff, Standing, diff_database, read_standing
from stonegate.errors import DatabaseNotFound, SourceError, StonegateError
from stonegate.fleet.targets import Grace, Renew, Target, as_it_is, log_in
from stonegate.model.plan import Mode, Plan
from stonegate.model.preflight import Finding
from stonegate.model.report import ErrorReport
from stonegate.source.lazy import LazySource

T = TypeVar("T")
OnLooked = Callable[[Target], None]


class Looking(Struct, frozen=True, kw_only=True):
    """The databases to look at.

    Attributes:
        width: how many at a time.
        on_looked: told of each that was looked at.
        renew: the target as the registry has it now, for one whose password was changed meanwhile.
    """

    targets: tuple[Target, ...]
    width: int
    on_looked: OnLooked | None = None
    renew: Renew = as_it_is


class Unread(Struct, frozen=True, kw_only=True):
    """A database that could not be looked at."""

    target: Target
    error: ErrorReport


class Looked(Struct, Generic[T], frozen=True, kw_only=True):
    """What was seen, in the order of the targets, and what was not."""

    seen: tuple[tuple[Target, T], ...]
    unread: tuple[Unread, ...]


class PlanGroup(Struct, frozen=True, kw_only=True):
    """Databases that the folder changes in the same way; the plan names one of them.

    Attributes:
        findings: by target, rows that would make the plan fail there.
    """

    plan: Plan
    targets: tuple[Target, ...]
    findings: tuple[tuple[Target, tuple[Finding, ...]], ...] = ()


class FleetPlan(Struct, frozen=True, kw_only=True):
    """The plan of a fleet, the largest group first."""

    groups: tuple[PlanGroup, ...]
    unread: tuple[Unread, ...] = ()

    @property
    def summary(self) -> str:
        """`197 identical, 3 differ: a, b, c; 2 could not be read`."""
        if not self.groups:
            return "no database could be read"
        first, others = self.groups[0], self.groups[1:]
        text = f"{len(first.targets)} identical"
        differing = [target.database for group in others for target in group.targets]
        if differing:
            text += f", {len(differing)} differ{'s' * (len(differing) == 1)}: {', '.join(differing)}"
        if self.unread:
            text += f"; {len(self.unread)} could not be read"
        return text


async def plan_fleet(
    looking: Looking, source: LazySource, options: ApplyOptions, *, preflight: bool = False
) -> FleetPlan:
    """What an apply would do to each target, planned once for all that are alike. Nothing is written to any.

    Args:
        preflight: look in each database for rows that would make the plan fail there.

    Raises:
        SourceError: the folder is wrong.
    """
    administered: dict[str | None, PlanGroups] = {}

    async def look(target: Target, conninfo: str) -> Member:
        asked = target.complete(options)
        groups = administered.setdefault(asked.admin, PlanGroups(source, asked, preflight=preflight))
        return await groups.plan_member(conninfo)

    looked = await look_at_all(looking, look)
    groups: dict[str, list[tuple[Target, Member]]] = {}
    for target, member in looked.seen:
        groups.setdefault(member.key, []).append((target, member))
    made = tuple(_group(members) for members in groups.values())
    return FleetPlan(groups=tuple(sorted(made, key=lambda group: -len(group.targets))), unread=looked.unread)


def _group(members: Sequence[tuple[Target, Member]]) -> PlanGroup:
    return PlanGroup(
        plan=members[0][1].plan.sealed(),  # of the first by name, whichever was read first
        targets=tuple(target for target, _ in members),
        findings=tuple((target, member.findings) for target, member in members if member.findings),
    )


def is_unchanged(group: PlanGroup) -> bool:
    """True for databases that are as the folder left them."""
    return group.plan.mode is Mode.UNCHANGED


async def status_fleet(looking: Looking) -> Looked[Standing]:
    """What is deployed in each target, and what somebody changed there by hand since."""

    async def look(target: Target, conninfo: str) -> Standing:
        del target
        return await read_standing(conninfo)

    return await look_at_all(looking, look)


async def diff_fleet(looking: Looking, source: LazySource, options: ApplyOptions) -> Looked[DatabaseDiff]:
    """The folder against each target, hand-made changes included.

    Raises:
        SourceError: the folder is wrong.
    """

    async def look(target: Target, conninfo: str) -> DatabaseDiff:
        return await diff_database(conninfo, source, target.complete(options))

    return await look_at_all(looking, look)


async def look_at_all(looking: Looking, look: Callable[[Target, str], Awaitable[T]]) -> Looked[T]:
    """Call `look` with each target and a conninfo of its owner; failures are values.

    What `tenant drop` takes away meanwhile is left out of one that several are in.

    Raises:
        SourceError: what is wrong with the folder is wrong for all of them.
    """
    seen: dict[int, T] = {}
    unread: dict[int, Unread] = {}
    waiting = iter(enumerate(looking.targets))
    broken: list[SourceError] = []
    grace = Grace()

    async def work() -> None:
        for index, target in waiting:
            if broken:
                return

            async def attempt(conninfo: str, target: Target = target) -> T:
                return await look(target, conninfo)

            try:
                seen[index] = await log_in(target, attempt, looking.renew)
            except SourceError as error:
                broken.append(error)
            except DatabaseNotFound as error:
                if len(looking.targets) == 1 or not await grace.was_dropped(target, looking.renew):
                    unread[index] = Unread(target=target, error=report_error(error))
            except StonegateError as error:
                unread[index] = Unread(target=target, error=report_error(error))
            if looking.on_looked is not None:
                looking.on_looked(target)

    async with asyncio.TaskGroup() as group:
        for _ in range(min(looking.width, len(looking.targets))):
            group.create_task(work())
    if broken:
        raise broken[0]
    return Looked(
        seen=tuple((looking.targets[index], seen[index]) for index in sorted(seen)),
        unread=tuple(unread[index] for index in sorted(unread)),
    )
