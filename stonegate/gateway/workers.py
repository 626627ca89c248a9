"""Several processes that serve one socket: started, started again when they die, told of signals, ended together."""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import time
from collections.abc import Callable
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from typing import Any, Final

from stonegate.gateway.logs import LOG

#: What a worker ends with that will never serve, so that it is not started again.
CANNOT_START: Final = 6
#: A worker that dies at once is not started again at once (seconds).
_PAUSE: Final = 1.0
_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Workers:
    """The parent of all workers.

    Args:
        count: how many.
        listener: the socket; closed here once the end begins, so that nobody is left waiting in its queue.
        target: what a worker runs, called with its number and the socket first.
        arguments: the others, which must be such that they can be sent to a process.
        may_reload: asked at SIGHUP; workers hear of it only if it says True.
    """

    def __init__(
        self,
        count: int,
        listener: socket.socket,
        target: Callable[..., None],
        arguments: tuple[Any, ...],
        may_reload: Callable[[], bool],
    ) -> None:
        self._count = count
        self._listener = listener
        self._target = target
        self._arguments = arguments
        self._may_reload = may_reload
        self._context = multiprocessing.get_context("spawn")
        self._alive: dict[int, SpawnProcess] = {}
        self._born: dict[int, float] = {}
        self._due: dict[int, float] = {}  # when workers that died are started again
        self._is_ending = False
        self._exit_code = 0

    def run(self) -> int:
        """Until SIGTERM or SIGINT, and all workers have ended; the exit code. A second signal kills them."""
        heard, told = socket.socketpair()
        with heard, told:
            heard.setblocking(False)
            told.setblocking(False)
            signal.set_wakeup_fd(told.fileno(), warn_on_full_buffer=False)
            for number in _SIGNALS:
                signal.signal(number, lambda *_: None)
            for worker in range(self._count):
                self._start(worker)
            while self._alive or (self._due and not self._is_ending):
                self._wait(heard)
            signal.set_wakeup_fd(-1)
        return self._exit_code

    def _start(self, worker: int) -> None:
        arguments = (worker, self._listener, *self._arguments)
        process = self._context.Process(target=self._target, args=arguments, name=f"worker-{worker}")
        # It inherits the mask, and lifts it when it can hear: until then the signal would end it.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
        process.start()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
        self._alive[worker] = process
        self._born[worker] = time.monotonic()
        LOG.info("worker %d started as process %d", worker, process.pid)

    def _wait(self, heard: socket.socket) -> None:
        """For a signal, for a worker's end, or until one is to be started again."""
        timeout = max(min(self._due.values()) - time.monotonic(), 0.0) if self._due else None
        ready = wait([heard, *(process.sentinel for process in self._alive.values())], timeout)
        if heard in ready:
            for number in heard.recv(64):
                self._hear(number)
        for worker, process in list(self._alive.items()):
            if process.sentinel in ready:
                self._bury(worker, process)
        for worker, due in list(self._due.items()):
            if due <= time.monotonic() and not self._is_ending:
                del self._due[worker]
                self._start(worker)

    def _hear(self, number: int) -> None:
        if number == signal.SIGHUP:
            if not self._is_ending and self._may_reload():
                self._tell(signal.SIGHUP)
        elif number in _SIGNALS:
            if self._is_ending:
                LOG.warning("a second signal: the workers are killed")
                self._exit_code = 128 + number
                self._tell(signal.SIGKILL)
            else:
                self._end()

    def _end(self) -> None:
        self._is_ending = True
        self._listener.close()
        self._tell(signal.SIGTERM)

    def _tell(self, number: signal.Signals) -> None:
        for process in self._alive.values():
            if process.pid is not None and process.exitcode is None:
                os.kill(process.pid, number)

    def _bury(self, worker: int, process: SpawnProcess) -> None:
        process.join()
        del self._alive[worker]
        if self._is_ending:
            if process.exitcode not in (0, -signal.SIGTERM) and self._exit_code == 0:
                self._exit_code = 1
            return
        LOG.error("worker %d ended with code %s", worker, process.exitcode)
        if process.exitcode == CANNOT_START:
            self._exit_code = CANNOT_START
            self._end()
            return
        now = time.monotonic()
        self._due[worker] = now if now - self._born[worker] > _PAUSE else now + _PAUSE
