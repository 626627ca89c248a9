"""The clients of the benchmarks, in a process of their own: each sends one canned request after the other.

A client is a protocol of a few lines on uvloop, so that it costs little beside what it measures: it counts bytes
until the answer is complete, notes the time and sends the next request.

    python -m tests.bench.load HOST PORT SECONDS CLIENTS < requests      (a JSON list; clients take them in turn)
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from typing import Any

import uvloop

#: What happens before is not counted: connections are opened, statements prepared, caches filled (seconds).
WARM_UP = 0.7


class Client(asyncio.Protocol):
    """One connection with one request on its way."""

    def __init__(self, request: bytes, times: list[float], window: tuple[float, float]) -> None:
        self._request = request
        self._times = times
        self._begin, self._end = window
        self._missing = 0  # bytes of the answer that are still to come
        self._head = b""
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        """Begin."""
        self._transport = transport
        self._ask()

    def _ask(self) -> None:
        self._asked = time.perf_counter()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """A piece of the answer."""
        if self._missing:
            self._missing -= len(data)
        else:
            self._head += data
            end = self._head.find(b"\r\n\r\n")
            if end < 0:
                return
            assert self._head.startswith(b"HTTP/1.1 200"), self._head
            place = self._head.index(b"content-length: ") + 16
            length = int(self._head[place : self._head.index(b"\r", place)])
            self._missing = length - (len(self._head) - end - 4)
            self._head = b""
        if not self._missing:
            now = time.perf_counter()
            if self._begin <= now < self._end:
                self._times.append(now - self._asked)
            if now < self._end:
                self._ask()
            else:
                self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        """The end, or a failure."""
        if error is None and self._end <= time.perf_counter():
            self.done.set_result(None)
        else:
            self.done.set_exception(error or ConnectionError("the server hung up"))


async def run(host: str, port: int, seconds: float, clients: int, requests: list[bytes]) -> list[float]:
    """The seconds that each answer took."""
    loop = asyncio.get_running_loop()
    begin = time.perf_counter() + WARM_UP
    times: list[float] = []
    made: list[Client] = []
    for number in range(clients):
        request = requests[number % len(requests)]
        window = (begin, begin + seconds)
        _, client = await loop.create_connection(lambda r=request, w=window: Client(r, times, w), host, port)  # type: ignore[misc]
        made.append(client)
    await asyncio.gather(*(client.done for client in made))
    return times


def main() -> None:
    """Print how many answers came, their latencies (milliseconds), and what the clients themselves cost."""
    host, port, seconds, clients = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
    requests = [request.encode() for request in json.load(sys.stdin)]
    times = sorted(uvloop.run(run(host, port, seconds, clients, requests)))
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(
        json.dumps(
            {
                "rate": len(times) / seconds,
                "p50": times[len(times) // 2] * 1000,
                "p99": times[int(len(times) * 0.99)] * 1000,
                "cpu_us": (used.ru_utime + used.ru_stime) / (len(times) * (1 + WARM_UP / seconds)) * 1e6,
            }
        )
    )


if __name__ == "__main__":
    main()
