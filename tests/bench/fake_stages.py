"""A clock and two stages whose delays are known."""

from __future__ import annotations

from secondpass.bench.stages import QueryTimes
from secondpass.types import Hit, Ranking, RetrievedDocument, Timings


class FakeClock:
    """Time passes only where it is told to."""

    def __init__(self, seconds: float = 100.0) -> None:
        self.seconds = seconds

    def now(self):
        return self.seconds

    def sleep(self, seconds):
        assert seconds > 0
        self.seconds += seconds

    def stop(self):
        pass


class FakeFirst:
    """Embeds in 2 ms and searches in 3 ms."""

    def __init__(self, clock, documents: int = 1000) -> None:
        self.clock = clock
        self.documents = documents

    def search(self, query, limit=10):
        return self.search_vector(self.embed_query(query), limit)

    def embed_query(self, query):
        self.clock.sleep(0.002)
        return query

    def search_vector(self, vector, limit=10):
        self.clock.sleep(0.003)
        return [
            RetrievedDocument(f"d{at}", f"{vector} {at}", {}, 1 - at / 1000)
            for at in range(min(limit, self.documents))
        ]


class FakeSecond:
    """Takes 1 ms a candidate, and what `delays_ms` says instead for its first calls."""

    def __init__(self, clock, delays_ms=()):
        self.clock = clock
        self.delays_ms = list(delays_ms)
        self.asked = []

    def rank(self, query, texts, top_k=10):
        self.asked.append((query, len(texts), top_k))
        spent_ms = self.delays_ms.pop(0) if self.delays_ms else float(len(texts))
        self.clock.sleep(spent_ms / 1000)
        hits = tuple(Hit(at, 0.5, text, False) for at, text in enumerate(texts[:top_k]))
        return Ranking(hits, Timings(0.1, 0.2, 0.3, 0.4, spent_ms, len(texts), 7 * len(texts), 1))


def times(**given):
    """Return one query's times; every stage that is not given takes 1 ms."""
    stages = dict.fromkeys(
        ("embed_ms", "search_ms", "tokenize_ms", "batch_ms", "infer_ms", "rank_ms"), 1.0
    )
    sums = {"dense_ms": 2.0, "rerank_ms": 4.0, "pipeline_ms": 6.0}
    counts = {"candidates": 100, "tokens": 9000, "truncated": 0}
    return QueryTimes(**(stages | sums | counts | given))
