"""What a request was and how it went: a metric, a log line and a trace, and no text of it."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from secondpass.serve.client import client, client_of
from secondpass.serve.contract import Answer
from secondpass.serve.logs import REQUESTS
from secondpass.serve.metrics import STAGES, Metrics
from secondpass.serve.tracing import NoTracing, Tracing

# A client that went away before it had its answer, as nginx says it.
GONE = 499


class Observed:
    """The outermost layer of an application: it names the client and notes each request.

    `metrics` counts, `tracing` traces; the log line goes to the logger `secondpass.request`, with
    queries and texts only where `log_text` asks for them.
    """

    def __init__(
        self,
        app: ASGIApp,
        metrics: Metrics,
        tracing: Tracing | NoTracing | None = None,
        *,
        log_text: bool = False,
    ) -> None:
        self._app, self._metrics, self._log_text = app, metrics, log_text
        self._tracing = tracing or NoTracing()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and note how it went when its response is sent or its client gone."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        who = client_of(scope)
        name = client.set(who)
        status, begun = GONE, perf_counter()

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        with self._tracing.request(scope) as trace:
            try:
                await self._app(scope, receive, watched)
            except Exception:
                status = 500
                raise
            finally:
                client.reset(name)
                seconds = perf_counter() - begun
                self._metrics.request(_route(scope), status, seconds)
                trace.end(_route(scope), status, _answers(scope))
                fields = _fields(scope, who, status, seconds)
                if self._log_text:
                    fields |= _texts(scope)
                REQUESTS.info("%s %s", scope["method"], status, extra={"fields": fields})


def _route(scope: Scope) -> str:
    """Return the route as the server has it; what a client made up is "none"."""
    return getattr(scope.get("route"), "path", None) or "none"


def _answers(scope: Scope) -> Sequence[Answer]:
    ranked = scope.get("state", {}).get("ranked")
    return () if ranked is None else tuple(ranked.answers)


def _fields(scope: Scope, who: str, status: int, seconds: float) -> dict[str, Any]:
    """Return the fields of a request's log line."""
    state = scope.get("state", {})
    fields: dict[str, Any] = {
        "request_id": state.get("request_id"),
        "client": who,
        "method": scope["method"],
        "route": _route(scope),
        "status": status,
        "ms": round(seconds * 1000, 3),
    }
    if (ranked := state.get("ranked")) is not None:
        fields["format"] = ranked.format
    if answers := _answers(scope):
        times = [answer.scores.timings for answer in answers]
        fields |= {
            "model": answers[0].model,
            "texts": sum(one.candidates for one in times),
            "scored": sum(one.reranked for one in times),
            "tokens": sum(one.tokens for one in times),
            "truncated": sum(one.truncated for one in times),
            "cached": sum(one.cached for one in times),
            "queue_ms": round(max(answer.queue_ms for answer in answers), 3),
            **{
                f"{stage}_ms": round(sum(getattr(one, f"{stage}_ms") for one in times), 3)
                for stage in STAGES
            },
        }
    return fields


def _texts(scope: Scope) -> dict[str, Any]:
    """Return what a request asked for, word by word."""
    ranked = scope.get("state", {}).get("ranked")
    jobs = () if ranked is None else ranked.jobs
    return {"asked": [{"query": job.query, "texts": list(job.texts)} for job in jobs]}
