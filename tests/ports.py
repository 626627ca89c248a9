"""Ports for servers that the tests start."""

from __future__ import annotations

import random
import socket

#: Below those that systems give to outgoing connections, of which some tests open thousands: a server that is stopped
#: and started again finds its own free.
PORTS = range(10_000, 32_768)
_CHANCE = random.SystemRandom()  # neither workers nor property tests repeat each other's


def find_free_port() -> int:
    """A port of 127.0.0.1 that nobody has; another one may take it before its server is there."""
    while True:
        port = _CHANCE.choice(PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
