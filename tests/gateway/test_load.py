"""Load: the cap as PostgreSQL counts it, nobody's answer lost or another's, a flood that others hardly notice.

`STONEGATE_LOAD_SECONDS=30` lets it last as long as it is meant to; `pytest -s` shows the figures.
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from tests.gateway.gateway import start_gateway
from tests.gateway.load import Crowd, Heard, counted_sessions, deploy
from tests.servers import Server

SECONDS = float(os.environ.get("STONEGATE_LOAD_SECONDS", "4"))
CAP = 20
CLIENTS = {f"t{number}": 4 for number in range(50)}
FLOOD = 40
#: A measurement beside other tests may be disturbed: most of a few must be as they should, or else of so many.
MOST_ROUNDS = 9
MOST_RATIO = 2
SETTINGS = {"MAX_TOTAL_CONNECTIONS": str(CAP), "POOL_ACQUIRE_TIMEOUT_SECS": "60", "RUST_LOG": "warn"}


def median(heard: Iterable[Heard]) -> float:
    """The median of the medians of several tenants."""
    return statistics.median(each.median for each in heard)


def are_enough(ratios: list[float], least: int) -> bool:
    """Whether so many measurements say what is to be known, or will not."""
    return len(ratios) >= least and (statistics.median(ratios) < MOST_RATIO or len(ratios) >= MOST_ROUNDS)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
async def test_the_cap_holds_and_no_answer_is_lost_or_crossed(
    workers: int, home: Path, server: Server, new_name: Callable[[], str]
) -> None:
    platform, ratios = new_name(), list[float]()
    with start_gateway(home, server.admin_url, GATEWAY_WORKERS=str(workers), **SETTINGS) as gateway:
        deploy(server, gateway, platform, *CLIENTS)
        crowd = Crowd(url=gateway.url, platform=platform)
        async with counted_sessions(server, platform) as sessions:
            while not are_enough(ratios, 2):
                calm = await crowd.ask(SECONDS / 4, **CLIENTS)
                rough = await crowd.ask(SECONDS / 4, **CLIENTS | {"t0": FLOOD})
                for heard in (*calm.values(), *rough.values()):
                    assert heard.all_well, (heard.statuses, heard.codes)
                del calm["t0"], rough["t0"]
                before, after = median(calm.values()), median(rough.values())
                ratios.append(after / before)
                rate = sum(len(heard.times) for heard in calm.values()) / SECONDS * 4
                print(
                    f"\n{workers} worker(s), 50 tenants x 4 clients on {CAP} connections: {rate:.0f} calls/s, median "
                    f"{before:.1f} ms; while one tenant has {FLOOD} clients: {after:.1f} ms ({ratios[-1]:.2f} x)"
                )
        print(f"at most {max(sessions)} sessions in {len(sessions)} looks")
    assert CAP / 2 < max(sessions) <= CAP
    assert statistics.median(ratios) < MOST_RATIO


@pytest.mark.slow
async def test_a_flood_does_not_double_the_median_of_another(
    home: Path, server: Server, new_name: Callable[[], str]
) -> None:
    platform, ratios = new_name(), list[float]()
    with start_gateway(home, server.admin_url, **SETTINGS | {"MAX_TOTAL_CONNECTIONS": str(CAP // 2)}) as gateway:
        deploy(server, gateway, platform, "calm", "flood")
        crowd = Crowd(url=gateway.url, platform=platform, function="work")
        while not are_enough(ratios, 3):
            alone = (await crowd.ask(0.5, calm=2))["calm"]
            both = await crowd.ask(1, calm=2, flood=FLOOD)
            assert alone.all_well and all(heard.all_well for heard in both.values())
            ratios.append(both["calm"].median / alone.median)
            print(
                f"\nmedian alone {alone.median:.1f} ms, beside {FLOOD} clients of another tenant "
                f"{both['calm'].median:.1f} ms ({ratios[-1]:.2f} x); theirs {both['flood'].median:.1f} ms"
            )
    assert statistics.median(ratios) < MOST_RATIO
