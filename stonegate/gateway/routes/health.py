"""Health, readiness and figures: what load balancers and Prometheus ask for."""

from __future__ import annotations

import time
from typing import Any

from stonegate import __version__
from stonegate.gateway.endpoints import Answer, Endpoint, Incoming
from stonegate.gateway.metrics import render_figures

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
    figures = gateway.sum_figures()
    return {
        "status": "healthy" if connected else "degraded",
        "version": __version__,
        "postgres_connected": connected,
        "active_pools": len(figures.pools),
        "total_connections": figures.connections,
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
    """Prometheus text, of all workers whichever is asked."""
    gateway = incoming.gateway
    figures = gateway.sum_figures()
    limit = gateway.pools.limits.total * gateway.settings.gateway_workers
    gauges = {
        "pool_connections": ("connections to all databases", figures.connections),
        "pool_connections_limit": ("most connections to all databases", limit),
        "uptime_seconds": ("seconds since the start", int(time.monotonic() - gateway.started)),
    }
    return Answer(200, render_figures(figures, gauges), "text/plain; version=0.0.4; charset=utf-8")


ENDPOINTS = (
    Endpoint(method="GET", path="/health", summary="Alive", handler=health, answer=_BODY),
    Endpoint(method="GET", path="/ready", summary="Ready for requests", handler=ready, answer=_BODY),
    Endpoint(method="GET", path="/metrics", summary="Figures for Prometheus", handler=metrics, media_type="text/plain"),
)
