"""Health, readiness and figures: what load balancers and Prometheus ask for."""

from __future__ import annotations

import time
from typing import Any

from stonegate import __version__
from stonegate.gateway.endpoints import Answer, Endpoint, Incoming

_BODY = {
    "status": "string",
    "version": "string",
    "postgres_connected": "boolean",
    "active_pools": "integer",
    "total_connections": "integer",
    "uptime_seconds": "integer",
}


async def _read_health(incoming: Incoming) -> dict[str, Any]:
    gateway = incoming.gateway
    connected = await gateway.is_connected()
    return {
        "status": "healthy" if connected else "degraded",
        "version": __version__,
        "postgres_connected": connected,
        "active_pools": gateway.pools.active,
        "total_connections": gateway.pools.total,
        "uptime_seconds": int(time.monotonic() - gateway.started),
    }


async def health(incoming: Incoming) -> Answer:
    """Alive, whatever PostgreSQL does."""
    return Answer(200, await _read_health(incoming))


async def ready(incoming: Incoming) -> Answer:
    """Worth sending requests to."""
    body = await _read_health(incoming)
    is_ready = body["postgres_connected"] and not incoming.gateway.is_draining
    return Answer(200 if is_ready else 503, body)


async def metrics(incoming: Incoming) -> Answer:
    """Prometheus text."""
    gateway = incoming.gateway
    gauges = {
        "pool_connections": gateway.pools.total,
        "pool_connections_peak": gateway.pools.peak,
        "pool_connections_limit": gateway.pools.limits.total,
        "pool_exhausted": gateway.pools.exhausted,
        "uptime_seconds": int(time.monotonic() - gateway.started),
    }
    text = gateway.metrics.render(gauges, gateway.pools.gauges())
    return Answer(200, text, "text/plain; version=0.0.4; charset=utf-8")


ENDPOINTS = (
    Endpoint(method="GET", path="/health", summary="Alive", handler=health, answer=_BODY),
    Endpoint(method="GET", path="/ready", summary="Ready for requests", handler=ready, answer=_BODY),
    Endpoint(method="GET", path="/metrics", summary="Figures for Prometheus", handler=metrics, media_type="text/plain"),
)
