"""Who gets in: networks, proxies and the admin's token; whatever is not open by name is closed (http-contract)."""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final, TypeAlias

from stonegate.errors import Unauthorized, UsageError
from stonegate.gateway.answers import Refusal, Scope
from stonegate.settings import Network, Settings

Address: TypeAlias = IPv4Address | IPv6Address

#: For load balancers, which have no address of ours.
OPEN_PATHS: Final = frozenset({"/health", "/ready"})
ADMIN_PREFIX: Final = "/admin"
_PORT: Final = re.compile(rb":[0-9]*\Z")
#: As some proxies write an address into X-Forwarded-For, and RFC 7239 has it (6): 10.0.0.1:80, [::1], [::1]:80.
_WITH_PORT: Final = re.compile(rb"(?:\[([0-9A-Fa-f:.]+)\](?::[0-9]+)?|([0-9.]+):[0-9]+)\Z")
#: What a page may send to another site without asking first (Fetch standard, "CORS-safelisted request-header").
_UNASKED: Final = frozenset({b"", b"text/plain", b"application/x-www-form-urlencoded", b"multipart/form-data"})


class Guard:
    """The rules of one set of settings."""

    def __init__(self, settings: Settings) -> None:
        self._allowed = settings.allowed_networks
        self._admins = settings.allowed_admin_ips
        self._proxies = settings.trusted_proxies
        self._hosts = frozenset(name.encode() for name in settings.allowed_hosts)
        self._domains = tuple(name[1:].encode() for name in settings.allowed_hosts if name.startswith("*."))
        self._token = settings.admin_token.encode() if settings.admin_token else None
        self._lets_in = lru_cache(maxsize=4096)(self._is_allowed)

    def check(self, scope: Scope) -> None:
        """Let the request pass.

        Raises:
            Refusal: the address is not allowed, or a page of another site asks (403), the host is not one of ours
                (400), the token is missing or wrong (401), or none is set (503).
        """
        path: str = scope["path"]
        if path in OPEN_PATHS:
            return
        if self._hosts:
            self._check_host(scope["headers"])
        if scope["method"] == "POST":
            _refuse_pages(scope["headers"])
        is_admin = path == ADMIN_PREFIX or path.startswith(ADMIN_PREFIX + "/")
        client = self._client(scope)
        if client is None or not self._lets_in(client, is_admin):
            raise _refused(403, "this address may not use the gateway", "ALLOWED_NETWORKS, ALLOWED_ADMIN_IPS")
        if is_admin:
            self._check_token(scope)

    def name_client(self, scope: Scope) -> str | None:
        """The address that counts for the request, for the log: never one that a client only says it has."""
        peer = scope.get("client")
        if not self._proxies or not peer:
            return peer[0] if peer else None
        client = self._client(scope)
        return peer[0] if client is None else str(client)

    def _is_allowed(self, client: Address, is_admin: bool) -> bool:
        if client.is_loopback:
            return True
        return _contains(self._allowed, client) and (not is_admin or _contains(self._admins, client))

    def _client(self, scope: Scope) -> Address | None:
        """The address of the client: the peer's, or behind trusted proxies the last one that is no proxy."""
        peer = scope.get("client")
        address = parse_address(peer[0]) if peer else None
        if address is None or not _contains(self._proxies, address):
            return address
        forwarded = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
        for part in reversed(b",".join(forwarded).split(b",") if forwarded else []):
            written = _WITH_PORT.match(part.strip())
            address = parse_address((part.strip() if written is None else written[1] or written[2]).decode("latin-1"))
            if address is None or not _contains(self._proxies, address):
                return address
        return address

    def _check_host(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """A name that is not ours leads here by DNS rebinding: to the browser the page and the gateway are one site."""
        host = next((value for name, value in headers if name == b"host"), b"").strip().lower()
        host = _PORT.sub(b"", host)
        if host not in self._hosts and not host.endswith(self._domains):
            message = "the gateway has another name than the request's Host says"
            raise Refusal(400, {"error": UsageError.code, "message": message, "hint": "ALLOWED_HOSTS"})

    def _check_token(self, scope: Scope) -> None:
        if self._token is None:
            raise _refused(503, "the administrator's routes are closed: ADMIN_TOKEN is not set", "set ADMIN_TOKEN")
        given = [value for name, value in scope["headers"] if name == b"authorization"]
        scheme, _, token = (given[0] if len(given) == 1 else b"").partition(b" ")
        matches = hmac.compare_digest(token.strip(), self._token)
        if not matches or scheme.lower() != b"bearer":
            raise Refusal(
                401,
                {
                    "error": Unauthorized.code,
                    "message": "the token is missing or wrong",
                    "hint": "Authorization: Bearer …",
                },
                [(b"www-authenticate", b"Bearer")],
            )


def _refuse_pages(headers: Iterable[tuple[bytes, bytes]]) -> None:
    """Refuse what a page of another site sends through the browser of somebody whose address is allowed.

    The page cannot read the answer, but a body of JSON that says to be plain text would be carried out. With the type
    application/json the browser asks first, and gets no leave. Clients that are no browsers send no Origin.

    Raises:
        Refusal: it is such a request.
    """
    for name, _ in headers:
        if name == b"origin":
            break
    else:
        return
    known = dict(headers)
    if known.get(b"sec-fetch-site") in (b"same-origin", b"none"):
        return  # a proxy in between may have written another Host
    kind = known.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if kind in _UNASKED and known[b"origin"].partition(b"://")[2].lower() != known.get(b"host", b"").lower():
        raise _refused(403, "a page of another site may not use the gateway", "Content-Type: application/json")


def _refused(status: int, message: str, hint: str) -> Refusal:
    return Refusal(status, {"error": Unauthorized.code, "message": message, "hint": hint})


@lru_cache(maxsize=4096)
def parse_address(text: str) -> Address | None:
    """The address; IPv4 inside of IPv6 is IPv4, and a zone, which may be any text, is left out. None for all else."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        return address.ipv4_mapped or IPv6Address(int(address))
    return address


def _contains(networks: Iterable[Network], address: Address) -> bool:
    return any(address in network for network in networks)
