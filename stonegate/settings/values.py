"""What the values of settings look like: each parser takes a text, and raises ValueError with the reason."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TypeAlias

Network: TypeAlias = IPv4Network | IPv6Network

#: PostgreSQL holds times in as many milliseconds.
_MOST_MILLISECONDS = 2**31 - 1


def integer(text: str, *, least: int = 0, most: int | None = None) -> int:
    """A whole number within bounds."""
    try:
        value = int(text)
    except ValueError:
        raise ValueError("not a whole number") from None
    if value < least or (most is not None and value > most):
        raise ValueError(f"not between {least} and {most}" if most is not None else f"less than {least}")
    return value


port = partial(integer, least=1, most=65535)
count = partial(integer, least=1)
at_least_four = partial(integer, least=4)


def seconds(text: str) -> float:
    """`5`, `2.5`, `5s`, `500ms` or `2min`, as seconds."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(ms|s|min)?", text)
    if found is None:
        raise ValueError("not a number of seconds (5, 2.5, 500ms, 2min)")
    value = float(found[1]) * {"ms": 0.001, "min": 60.0}.get(found[2], 1.0)
    if value * 1000 > _MOST_MILLISECONDS:
        raise ValueError(f"more than PostgreSQL counts, which is {_MOST_MILLISECONDS // 1000} s")
    return value


def boolean(text: str) -> bool:
    """`true` or `false`, `yes` or `no`, `on` or `off`, `1` or `0`."""
    words = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
    try:
        return words[text.lower()]
    except KeyError:
        raise ValueError("neither true nor false") from None


def choice(*values: str) -> Callable[[str], str]:
    """A parser of one of these words, in any case."""

    def parse(text: str) -> str:
        if text.lower() not in values:
            raise ValueError(f"not one of {', '.join(values)}")
        return text.lower()

    return parse


def status(text: str) -> int:
    """The HTTP status of what was created."""
    if text not in ("200", "201"):
        raise ValueError("neither 200 nor 201")
    return int(text)


def networks(text: str) -> tuple[Network, ...]:
    """A comma list of addresses and CIDR networks; host bits are tolerated (`192.168.1.100/24`)."""
    try:
        return tuple(ip_network(part.strip(), strict=False) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise ValueError(f"not a list of networks: {error}") from None


def hosts(text: str) -> tuple[str, ...]:
    """A comma list of host names and addresses, without ports; `*.example.com` stands for all names below that one."""
    names = tuple(part.strip().lower() for part in text.split(",") if part.strip())
    for name in names:
        if re.fullmatch(r"(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\]", name) is None:
            raise ValueError(f"not a list of host names: {name} is none (api.example.com, *.example.com, [::1])")
    return names


def level(text: str) -> str:
    """A level, or env_logger directives (`info,stonescriptdb_gateway=debug`): ours count, else the one for all."""
    levels = {"trace": "debug", "debug": "debug", "info": "info", "warn": "warning", "warning": "warning"}
    levels |= {"error": "error", "off": "critical", "critical": "critical"}
    found: dict[str, str] = {}
    for directive in filter(None, (part.strip() for part in text.split(","))):
        target, equals, level = directive.partition("=")
        word = (level if equals else target).lower()
        if word not in levels:
            raise ValueError(f"no such level: {word}")
        found[target if equals else ""] = levels[word]
    for name in ("stonegate", "stonescriptdb_gateway", ""):
        if name in found:
            return found[name]
    return "info"
