"""Requests as OpenTelemetry traces, with the extra `trace`: a span a request, and one a stage."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import time_ns
from typing import TYPE_CHECKING, Any, Protocol

from secondpass.errors import MissingExtraError
from secondpass.serve.contract import Answer
from secondpass.serve.metrics import STAGES

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from starlette.types import Scope


class Trace(Protocol):
    """A request's trace while it is answered."""

    def end(self, route: str, status: int, answers: Sequence[Answer]) -> None:
        """Say how the request went."""
        ...


class NoTracing:
    """Traces nothing."""

    @contextmanager
    def request(self, scope: Scope) -> Iterator[Trace]:
        """Give a trace that nobody reads."""
        yield self

    def end(self, route: str, status: int, answers: Sequence[Answer]) -> None:
        """Say nothing."""


class Tracing:
    """Makes spans by a provider; a `traceparent` header continues the client's trace.

    A request is scored in parts, together with those of others. So a stage's span is as long as all
    parts took in it, and the spans lie one after the other, behind the wait in the queue.
    """

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("secondpass")

    @classmethod
    def to_collector(cls) -> Tracing:
        """Return a tracing that sends to the collector of the variables OTEL_EXPORTER_OTLP_*.

        Raises:
            MissingExtraError: the extra is not installed.
        """
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
        except ImportError as error:
            raise MissingExtraError("a trace of requests", "trace") from error
        resource = Resource.create()
        if str(resource.attributes["service.name"]).startswith("unknown_service"):
            resource = resource.merge(Resource({"service.name": "secondpass"}))
        provider = TracerProvider(resource=resource)
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        return cls(provider)

    @contextmanager
    def request(self, scope: Scope) -> Iterator[Trace]:
        """Give the trace of a request, which ends with this block."""
        from opentelemetry.propagate import extract
        from opentelemetry.trace import SpanKind

        carrier = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        with self._tracer.start_as_current_span(
            scope["method"],
            context=extract(carrier),
            kind=SpanKind.SERVER,
            attributes={"http.request.method": scope["method"]},
            # A message of an error may hold a text.
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            yield _Trace(self._tracer, span)

    def close(self) -> None:
        """Send what was not sent yet."""
        self._provider.shutdown()


class _Trace:
    def __init__(self, tracer: Any, span: Any) -> None:
        self._tracer, self._span, self._begun_ns = tracer, span, time_ns()

    def end(self, route: str, status: int, answers: Sequence[Answer]) -> None:
        self._span.update_name(f"{self._span.attributes['http.request.method']} {route}")
        self._span.set_attributes({"http.route": route, "http.response.status_code": status})
        if status >= 500:
            from opentelemetry.trace import StatusCode

            self._span.set_status(StatusCode.ERROR)
        for answer in answers:
            self._stages(answer)

    def _stages(self, answer: Answer) -> None:
        times = answer.scores.timings
        stages = {"queue": answer.queue_ms}
        stages |= {stage: getattr(times, f"{stage}_ms") for stage in STAGES}
        begun_ns = self._begun_ns
        for stage, ms in stages.items():
            ended_ns = begun_ns + int(ms * 1e6)
            span = self._tracer.start_span(stage, start_time=begun_ns)
            span.set_attribute("secondpass.model", answer.model)
            span.end(ended_ns)
            begun_ns = ended_ns
        self._span.set_attributes(
            {
                "secondpass.model": answer.model,
                "secondpass.texts": times.candidates,
                "secondpass.scored": times.reranked,
                "secondpass.tokens": times.tokens,
            }
        )
