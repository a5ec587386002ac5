"""The routes and the layer by which a server is seen from outside."""

from __future__ import annotations

import msgspec
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from secondpass.serve.metrics import CONTENT_TYPE, Metrics
from secondpass.serve.observed import Observed
from secondpass.serve.tracing import Tracing


def observing_routes(metrics: Metrics) -> list[Route]:
    """Return `/metrics` for Prometheus, and `/recent` with the last jobs' percentiles."""

    async def read(_: Request) -> Response:
        return Response(metrics.text(), headers={"content-type": CONTENT_TYPE})

    async def recent(_: Request) -> Response:
        return Response(
            msgspec.json.encode(metrics.recent.percentiles()), media_type="application/json"
        )

    return [Route("/metrics", read), Route("/recent", recent)]


def observing_layer(
    metrics: Metrics, tracing: Tracing | None = None, *, log_text: bool = False
) -> Middleware:
    """Return the layer that stands before everything else."""
    return Middleware(Observed, metrics=metrics, tracing=tracing, log_text=log_text)
