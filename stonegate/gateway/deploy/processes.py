"""Processes for deployments, started when the first one comes: the event loop only waits for them."""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from typing import Any

from starlette.datastructures import UploadFile

from stonegate.collector import look_seldom_for_cycles
from stonegate.errors import UsageError
from stonegate.gateway.answers import Refusal
from stonegate.gateway.deploy.results import Outcome
from stonegate.gateway.orphans import when_orphaned

#: Deployments at a time. More would only queue for the same disk; jobs over whole fleets have a process of their own.
AT_ONCE = 2
#: Deployments give way to calls when both want the processor.
NICENESS = 5

_working = threading.Lock()


class Processes:
    """Runs functions of `deployments` elsewhere."""

    def __init__(self, count: int = AT_ONCE) -> None:
        self._free = asyncio.Semaphore(count)
        #: Each has one process, so that one that is killed takes nobody else's deployment with it.
        self._idle: list[ProcessPoolExecutor] = []
        self._running: set[asyncio.Future[Outcome]] = set()
        self._is_closed = False

    async def run(self, work: Callable[..., Outcome], *arguments: Any) -> Outcome:
        """The outcome of `work(*arguments)`; once begun it goes on to its end even if the caller is gone.

        Args:
            arguments: an upload becomes its bytes when its turn has come: those who wait hold no archives in memory.

        Raises:
            Refusal: the process was killed; what it did in PostgreSQL was rolled back.
        """
        await self._free.acquire()
        try:
            given = [await each.read() if isinstance(each, UploadFile) else each for each in arguments]
            if self._is_closed:
                raise asyncio.CancelledError
            executor, future = self._submit(work, given)
        except BaseException:
            self._free.release()
            raise
        self._running.add(future)
        future.add_done_callback(partial(self._forget, executor))
        try:
            return await asyncio.shield(future)
        except BrokenProcessPool:
            message = "the process of the deployment was killed; its transaction was rolled back"
            raise Refusal(500, {"error": "migration_failed", "message": message, "hint": "try again"}) from None

    def _submit(
        self, work: Callable[..., Outcome], given: list[Any]
    ) -> tuple[ProcessPoolExecutor, asyncio.Future[Outcome]]:
        loop = asyncio.get_running_loop()
        while self._idle:
            executor = self._idle.pop()
            try:
                return executor, loop.run_in_executor(executor, _carry_out, work, *given)
            except BrokenProcessPool:  # it was killed while it had nothing to do
                executor.shutdown(wait=False)
        executor = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"), initializer=_start_process)
        return executor, loop.run_in_executor(executor, _carry_out, work, *given)

    def _forget(self, executor: ProcessPoolExecutor, future: asyncio.Future[Outcome]) -> None:
        self._free.release()
        self._running.discard(future)
        # Who waited for it knows how it failed; if nobody did, it was killed at the end.
        is_broken = future.cancelled() or isinstance(future.exception(), BrokenProcessPool)
        if is_broken or self._is_closed:
            executor.shutdown(wait=False)
        else:
            self._idle.append(executor)

    async def close(self, timeout_s: float) -> None:
        """Let running deployments end within the time; start none of those that wait."""
        self._is_closed = True
        while self._idle:
            self._idle.pop().shutdown(wait=False)
        if self._running:
            await asyncio.wait(self._running, timeout=timeout_s)


def require_processes() -> None:
    """See that deployments will be able to start, rather than fail one by one.

    Raises:
        UsageError: there are no semaphores here (sem_open), by which their queues are guarded.
    """
    try:
        multiprocessing.get_context("spawn").Lock()
    except OSError as error:
        raise UsageError(
            "deployments run in processes of their own, which need a /dev/shm that can be written",
            cause=str(error),
            hint="mount a tmpfs there; Docker and Kubernetes do so by themselves",
        ) from error


def kill_processes() -> None:
    """End all deployments of this process at once; PostgreSQL rolls back what they had begun."""
    for child in multiprocessing.active_children():
        child.kill()


def _start_process() -> None:
    """Called first in every process for deployments: what it does ends with it, or when the gateway says so."""
    look_seldom_for_cycles()
    os.nice(NICENESS)
    # A terminal sends these to everybody; the gateway, which gets them too, waits for deployments.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    when_orphaned(_end_when_idle)


def _carry_out(work: Callable[..., Outcome], *arguments: Any) -> Outcome:
    try:
        with _working:
            return work(*arguments)
    finally:
        gc.collect()  # what a failure holds in cycles, the archive with it, before the next one brings its own


def _end_when_idle() -> None:
    with _working:
        os._exit(0)
