"""Processes for deployments, started when the first one comes: the event loop only waits for them.

They hear of their work over pipes. The semaphores of Python's own pools are files of /dev/shm, where a gateway that is
killed together with its helpers, as systemd ends a unit that takes too long, leaves them for ever.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

from starlette.datastructures import UploadFile

from stonegate.collector import look_seldom_for_cycles
from stonegate.gateway.answers import Refusal
from stonegate.gateway.deploy.results import Outcome

#: Deployments at a time. More would only queue for the same disk; jobs over whole fleets have a process of their own.
AT_ONCE = 2
#: Deployments give way to calls when both want the processor.
NICENESS = 5


class ProcessGone(Exception):
    """The process ended before it answered: somebody killed it."""


class Processes:
    """Runs functions of `deployments` elsewhere."""

    def __init__(self, count: int = AT_ONCE) -> None:
        self._free = asyncio.Semaphore(count)
        #: Each does one thing at a time, so that one that is killed takes nobody else's deployment with it.
        self._idle: list[_Process] = []
        self._running: set[asyncio.Future[Outcome]] = set()
        self._is_closed = False

    async def run(self, work: Callable[..., Outcome], *arguments: Any) -> Outcome:
        """The outcome of `work(*arguments)`; once begun it goes on to its end even if the caller is gone.

        Args:
            arguments: an upload becomes its bytes when its turn has come: those who wait hold no archives in memory.

        Raises:
            Refusal: the process ended before its answer; what it had not committed was rolled back.
        """
        await self._free.acquire()
        try:
            given = [await each.read() if isinstance(each, UploadFile) else each for each in arguments]
            if self._is_closed:
                raise asyncio.CancelledError
            process = self._find_idle() or _Process()
            future = asyncio.wrap_future(process.begin(work, given))
        except BaseException:
            self._free.release()
            raise
        self._running.add(future)
        future.add_done_callback(partial(self._forget, process))
        try:
            return await asyncio.shield(future)
        except ProcessGone:
            message = "the process of the deployment ended before its answer; what it had not committed was rolled back"
            raise Refusal(500, {"error": "migration_failed", "message": message, "hint": "try again"}) from None

    def _find_idle(self) -> _Process | None:
        """One that lives; it may have been killed while it had nothing to do."""
        while self._idle:
            process = self._idle.pop()
            if process.is_alive:
                return process
            process.dismiss()
        return None

    def _forget(self, process: _Process, future: asyncio.Future[Outcome]) -> None:
        self._free.release()
        self._running.discard(future)
        # Who waited for it knows how it failed; if nobody did, it was killed at the end.
        is_gone = future.cancelled() or isinstance(future.exception(), ProcessGone)
        if is_gone or self._is_closed:
            process.dismiss()
        else:
            self._idle.append(process)

    async def close(self, timeout_s: float) -> None:
        """Let running deployments end within the time; start none of those that wait."""
        self._is_closed = True
        while self._idle:
            self._idle.pop().dismiss()
        if self._running:
            await asyncio.wait(self._running, timeout=timeout_s)


def kill_processes() -> None:
    """End all deployments of this process at once; PostgreSQL rolls back what they had begun."""
    for child in multiprocessing.active_children():
        child.kill()


class _Process:
    """One of them, which does one thing after the other."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, its_end = context.Pipe()
        with its_end:  # it has it now: where it ends, and only there, the pipe does
            self._process = context.Process(target=_serve, args=(its_end,), daemon=True)
            self._process.start()

    @property
    def is_alive(self) -> bool:
        return self._process.is_alive()

    def begin(self, work: Callable[..., Outcome], given: list[Any]) -> Future[Outcome]:
        """The outcome to come, or what was raised; `ProcessGone` if there is to be none."""
        future: Future[Outcome] = Future()
        future.set_running_or_notify_cancel()
        # A daemon: nobody who ends waits for a deployment that is not to be waited for any more.
        threading.Thread(target=self._ask, args=(future, work, given), name="deployment", daemon=True).start()
        return future

    def _ask(self, future: Future[Outcome], work: Callable[..., Outcome], given: list[Any]) -> None:
        try:
            self._pipe.send((work, given))
            outcome, error = self._pipe.recv()
        except (EOFError, OSError):
            outcome, error = None, ProcessGone()
        except Exception as failure:  # what cannot be sent, or not be read again
            outcome, error = None, failure
        if error is None:
            future.set_result(outcome)
        else:
            future.set_exception(error)

    def dismiss(self) -> None:
        """It ends when it has nothing to do any more."""
        self._pipe.close()


def _serve(pipe: Connection) -> None:
    """What runs in the process, until the other end of the pipe is closed, be it by the end of the gateway."""
    look_seldom_for_cycles()
    os.nice(NICENESS)
    # A terminal sends these to everybody; the gateway, which gets them too, waits for deployments.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with contextlib.suppress(EOFError, OSError):
        while True:
            _answer(pipe)
            gc.collect()  # what a failure holds in cycles, the archive with it, before the next one brings its own


def _answer(pipe: Connection) -> None:
    """Take the next piece of work, do it, and say what came of it; also where it cannot be read, as by another release
    of stonegate that was installed meanwhile."""
    try:
        work, given = pipe.recv()
        answer: tuple[Outcome | None, Exception | None] = work(*given), None
    except Exception as failure:  # where the pipe has ended, nothing can be sent either
        answer = None, failure
    try:
        pipe.send(answer)
    except OSError:
        raise
    except Exception as unsendable:
        pipe.send((None, RuntimeError(f"{unsendable}: {answer[1] or 'an outcome'}")))
