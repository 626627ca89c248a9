"""This process's sessions of the superuser, one per server, for the databases that tests make and drop all the time."""

from __future__ import annotations

from typing import Any

import psycopg

_ADMINS: dict[str, psycopg.Connection[Any]] = {}


def admin_of(url: str) -> psycopg.Connection[Any]:
    """The session on the maintenance database, in autocommit; begun again if its server was stopped meanwhile."""
    if url in _ADMINS:
        try:
            _ADMINS[url].execute("SELECT")
            return _ADMINS[url]
        except psycopg.OperationalError:
            _ADMINS[url].close()
    _ADMINS[url] = psycopg.connect(url, autocommit=True)
    return _ADMINS[url]


def close_admins() -> None:
    """End them all."""
    while _ADMINS:
        _ADMINS.popitem()[1].close()
