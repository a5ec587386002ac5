"""What happens in a server, as Prometheus reads it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from secondpass.serve.batcher import Group
from secondpass.serve.contract import Answer, Job
from secondpass.serve.recent import Recent

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
STAGES = ("tokenize", "batch", "infer", "rank", "cache")

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_TOKENS = (16, 64, 256, 512, 1024, 2048, 4096, 8192)
_TEXTS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


class Metrics:
    """Counters, histograms and gauges of one server; every name begins with `secondpass_`.

    Labels are routes, statuses and stages that the server itself knows, never what a client sends.
    """

    def __init__(self) -> None:
        self.recent = Recent()
        self._registry = registry = CollectorRegistry()

        def counter(name: str, what: str, *labels: str) -> Counter:
            return Counter(f"secondpass_{name}", what, labels, registry=registry)

        def histogram(
            name: str, what: str, *labels: str, buckets: Sequence[float] = _SECONDS
        ) -> Histogram:
            return Histogram(f"secondpass_{name}", what, labels, registry=registry, buckets=buckets)

        self._requests = counter("requests", "Requests by route and status.", "route", "status")
        self._seconds = histogram("request_seconds", "From request to response.", "route")
        self._queue = histogram("queue_seconds", "What a job waited before it was scored.")
        self._stages = histogram("stage_seconds", "What a stage of a job took.", "stage")
        self._texts = counter("texts", "Texts that were asked for.")
        self._scored = counter("texts_scored", "Texts that were scored.")
        self._truncated = counter("texts_truncated", "Texts of which a part was not scored.")
        self._hits = counter("cache_hits", "Texts whose score was known.")
        self._refused = counter("refused", "Requests refused, by the error.", "reason")
        self._misses = counter("deadline_misses", "Jobs with a budget that left texts unscored.")
        self._restarts = counter("worker_restarts", "Threads that ended by an error.")
        self._batch = histogram(
            "batch_tokens", "Tokens of an engine's batch, with padding.", buckets=_TOKENS
        )
        self._tokens = counter("engine_tokens", "Tokens that the engine computed.", "kind")
        self._group_requests = histogram(
            "group_requests", "Requests that shared a group.", buckets=_TEXTS
        )
        self._group_texts = histogram("group_texts", "Texts of a group.", buckets=_TEXTS)

    def gauge(self, name: str, what: str, value: Callable[[], float]) -> None:
        """Add a number that is asked for when the metrics are read."""
        Gauge(f"secondpass_{name}", what, registry=self._registry).set_function(value)

    def request(self, route: str, status: int, seconds: float) -> None:
        """Count a response."""
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def answered(self, jobs: Sequence[Job], answers: Sequence[Answer]) -> None:
        """Count what answers say of their texts and times."""
        for job, answer in zip(jobs, answers, strict=True):
            times = answer.scores.timings
            self._texts.inc(times.candidates)
            self._scored.inc(times.reranked)
            self._truncated.inc(times.truncated)
            self._hits.inc(times.cached)
            if job.budget_ms is not None and times.reranked < times.candidates:
                self._misses.inc()
            self._queue.observe(answer.queue_ms / 1000)
            stages = {stage: getattr(times, f"{stage}_ms") for stage in STAGES}
            for stage, ms in stages.items():
                self._stages.labels(stage).observe(ms / 1000)
            self.recent.add({"queue": answer.queue_ms, **stages, "total": times.total_ms})

    def refused(self, reason: str) -> None:
        """Count a request that was refused."""
        self._refused.labels(reason).inc()

    def restarted(self, count: int) -> None:
        """Count threads that were replaced."""
        self._restarts.inc(count)

    def batches(self, sizes: Sequence[tuple[int, int]]) -> None:
        """Count the engine's batches: of each the tokens without padding and with it."""
        for tokens, padded in sizes:
            self._batch.observe(padded)
            self._tokens.labels("text").inc(tokens)
            self._tokens.labels("padding").inc(padded - tokens)

    def group(self, group: Group) -> None:
        """Count what was scored together."""
        self._group_requests.observe(group.requests)
        self._group_texts.observe(group.texts)

    def text(self) -> bytes:
        """Return all in Prometheus' text format."""
        return generate_latest(self._registry)
