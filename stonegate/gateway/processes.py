"""Processes for deployments, started when the first one comes: the event loop only waits for them."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from stonegate.gateway.answers import Refusal
from stonegate.gateway.deployments import start_process
from stonegate.gateway.results import Outcome

#: Deployments at a time. More would only queue for the same disk; jobs over whole fleets have a process of their own.
AT_ONCE = 2


class Processes:
    """Runs functions of `deployments` elsewhere."""

    def __init__(self, count: int = AT_ONCE) -> None:
        self._count = count
        self._executor: ProcessPoolExecutor | None = None

    async def run(self, work: Callable[..., Outcome], *arguments: Any) -> Outcome:
        """The outcome of `work(*arguments)`; it goes on to its end even if the caller is gone.

        Raises:
            Refusal: the process was killed; what it did in PostgreSQL was rolled back.
        """
        executor = self._executor
        if executor is None:
            executor = self._executor = ProcessPoolExecutor(
                self._count, mp_context=multiprocessing.get_context("spawn"), initializer=start_process
            )
        loop = asyncio.get_running_loop()
        try:
            return await asyncio.shield(loop.run_in_executor(executor, work, *arguments))
        except BrokenProcessPool:
            if self._executor is executor:
                self._executor = None
            executor.shutdown(wait=False)
            message = "the process of the deployment was killed; its transaction was rolled back"
            raise Refusal(500, {"error": "migration_failed", "message": message, "hint": "try again"}) from None

    def close(self) -> None:
        """Let running deployments end; start none of those that wait."""
        if self._executor is not None:
            self._executor.shutdown(wait=True, cancel_futures=True)
            self._executor = None
