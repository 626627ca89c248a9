"""Bytes as they are sent, and what every broken request leaves unharmed."""

from __future__ import annotations

import contextlib
import json
import socket
import time

from tests.gateway.gateway import Gateway

HEAD = b"POST /call HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
PART = b'--x\r\nContent-Disposition: form-data; name="platform"\r\n\r\n'


def talk(gateway: Gateway, *pieces: bytes, pause: float = 0.0, is_read: bool = False) -> bytes:
    """Send bytes as they are; everything that comes back until the other side closes.

    Args:
        is_read: the other side must take all of them.
    """
    with socket.create_connection(gateway.address, timeout=15) as connection:
        received = b""
        with contextlib.suppress(*(() if is_read else (ConnectionResetError, BrokenPipeError))):
            for piece in pieces:
                connection.sendall(piece)
                time.sleep(pause)
        with contextlib.suppress(ConnectionResetError):
            while chunk := connection.recv(65536):
                received += chunk
        return received


def is_well(gateway: Gateway, shop: str) -> None:
    """It answers as if nothing had happened."""
    assert gateway.call(shop, "add", [1, 2]).json()["rows"] == [{"add": 3}]


def body_of(shop: str) -> bytes:
    """A call."""
    return json.dumps({"platform": shop, "function": "add", "params": [1, 2]}).encode()
