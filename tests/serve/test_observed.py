"""What a request leaves behind: a metric, a log line and a trace, and none of its text."""

from __future__ import annotations

import asyncio
import io
import json
import logging

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from secondpass.scoring.scores import plain_scores
from secondpass.serve.client import client
from secondpass.serve.contract import Answer, Job
from secondpass.serve.logs import REQUESTS, JsonLines, log_to
from secondpass.serve.metrics import Metrics
from secondpass.serve.observing import observing_layer, observing_routes
from secondpass.serve.tracing import Tracing

SECRET = "a text that nobody else may read"


class Ranked:
    format = "cohere v2"

    def __init__(self, jobs, answers):
        self.jobs, self.answers = jobs, answers


async def rerank(request: Request) -> PlainTextResponse:
    await request.body()
    answer = Answer("tiny", plain_scores([0.5, 0.25], total_ms=12.5), queue_ms=3.5)
    request.state.request_id = "id 1"
    request.state.ranked = Ranked([Job(query=SECRET, texts=[SECRET])], [answer])
    return PlainTextResponse(client.get())


async def failing(request: Request) -> PlainTextResponse:
    raise ValueError(SECRET)


@pytest.fixture
def metrics():
    return Metrics()


@pytest.fixture
def lines():
    """The log lines of the requests, as they are written."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    REQUESTS.addHandler(handler)
    REQUESTS.setLevel(logging.INFO)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    REQUESTS.removeHandler(handler)


def asked(metrics, *requests, **layer):
    app = Starlette(
        routes=[
            *observing_routes(metrics),
            Route("/v2/rerank", rerank, methods=["POST"]),
            Route("/failing", failing),
        ],
        middleware=[observing_layer(metrics, **layer)],
    )

    async def run():
        transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=("10.0.0.7", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://server") as http:
            return [await http.request(method, path, **more) for method, path, more in requests]

    return asyncio.run(run())


POST = ("POST", "/v2/rerank", {"json": {"query": SECRET}})


def test_requests_are_counted_by_route_and_status(metrics, lines):
    made_up = ("GET", f"/{'x' * 99}", {})
    *_, read = asked(metrics, POST, POST, made_up, ("GET", "/failing", {}), ("GET", "/metrics", {}))
    assert read.headers["content-type"].startswith("text/plain; version=0.0.4")
    text = read.text
    assert 'secondpass_requests_total{route="/v2/rerank",status="200"} 2.0' in text
    assert 'secondpass_requests_total{route="none",status="404"} 1.0' in text
    assert 'secondpass_requests_total{route="/failing",status="500"} 1.0' in text
    assert 'secondpass_request_seconds_count{route="/v2/rerank"} 2.0' in text
    assert "xxx" not in text
    assert SECRET not in text


def test_each_request_has_one_log_line_without_its_text(metrics, lines):
    asked(metrics, POST, ("GET", "/failing", {}))
    line, failed = lines()
    assert line["route"] == "/v2/rerank"
    assert line["status"] == 200
    assert line["request_id"] == "id 1"
    assert line["format"] == "cohere v2"
    assert line["model"] == "tiny"
    assert (line["texts"], line["scored"], line["queue_ms"]) == (2, 2, 3.5)
    assert line["client"] == "10.0.0.7"
    assert failed["status"] == 500
    assert SECRET not in json.dumps([line, failed])


def test_the_text_is_logged_where_that_is_asked_for(metrics, lines):
    asked(metrics, POST, ("GET", "/metrics", {}), log_text=True)
    line, read = lines()
    assert line["asked"] == [{"query": SECRET, "texts": [SECRET]}]
    assert read["asked"] == []


def test_a_client_is_its_key_and_else_its_address(metrics):
    keyed = ("POST", "/v2/rerank", {"headers": {"authorization": "Bearer secret"}})
    other = ("POST", "/v2/rerank", {"headers": {"authorization": "Bearer other"}})
    first, again, second, plain = (one.text for one in asked(metrics, keyed, keyed, other, POST))
    assert first == again != second
    assert "secret" not in first
    assert plain == "10.0.0.7"


def test_the_last_jobs_times_can_be_asked_for(metrics):
    (empty,) = asked(metrics, ("GET", "/recent", {}))
    assert empty.json() == {}
    for total in (1.0, 2.0, 90.0):
        metrics.recent.add({"queue": 0.0, "total": total})
    (recent,) = asked(metrics, ("GET", "/recent", {}))
    assert recent.json()["total"] == {"p50": 2.0, "p95": 90.0, "p99": 90.0}


def test_a_trace_goes_on_from_the_clients_and_has_a_span_a_stage(metrics):
    trace = pytest.importorskip("opentelemetry.sdk.trace")
    export = pytest.importorskip("opentelemetry.sdk.trace.export")
    memory = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter")
    kept = memory.InMemorySpanExporter()
    provider = trace.TracerProvider()
    provider.add_span_processor(export.SimpleSpanProcessor(kept))
    parent = f"00-{'a' * 32}-{'b' * 16}-01"
    traced = ("POST", "/v2/rerank", {"headers": {"traceparent": parent}})
    tracing = Tracing(provider)
    asked(metrics, traced, ("GET", "/failing", {}), tracing=tracing)
    tracing.close()
    spans = {span.name: span for span in kept.get_finished_spans()}
    request = spans["POST /v2/rerank"]
    assert f"{request.context.trace_id:032x}" == "a" * 32
    assert request.attributes["http.response.status_code"] == 200
    assert request.attributes["secondpass.texts"] == 2
    queue = spans["queue"]
    assert queue.parent.span_id == request.context.span_id
    assert queue.end_time - queue.start_time == 3_500_000
    assert {"tokenize", "batch", "infer", "rank", "cache"} <= spans.keys()
    failed = spans["GET /failing"]
    assert not failed.status.is_ok
    assert SECRET not in "".join(span.to_json() for span in spans.values())


def test_all_log_lines_are_json():
    loggers = [logging.getLogger(name) for name in ("secondpass", "uvicorn")]
    before = [(one, one.handlers, one.level, one.propagate) for one in loggers]
    stream = io.StringIO()
    try:
        log_to(stream)
        logging.getLogger("secondpass.serve").warning("a %s thing", "strange")
        logging.getLogger("uvicorn.error").info("not written")
        try:
            raise KeyError("reason")
        except KeyError:
            logging.getLogger("uvicorn.error").exception("it failed")
    finally:
        for one, handlers, level, propagate in before:
            one.handlers, one.propagate = handlers, propagate
            one.setLevel(level)
    strange, failed = map(json.loads, stream.getvalue().splitlines())
    assert strange["message"] == "a strange thing"
    assert strange["level"] == "warning"
    assert "KeyError" in failed["error"]
