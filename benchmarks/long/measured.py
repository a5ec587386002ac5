"""What was found so far, and its table."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.pages import table as markdown_table
from secondpass.environment.machine import Machine
from secondpass.stats.paired import paired_difference
from secondpass.types import ModelInfo

BASE = "truncate"


@dataclass(frozen=True)
class System:
    """One long-document policy: nDCG@10 of each query, in the result's order, and what it took."""

    label: str
    ndcg: list[float]
    tokens: int
    windows: int
    dropped_tokens: int
    seconds: float


@dataclass(frozen=True)
class Result:
    """All of it. `words` is the least length of a document, `depth` the candidates of a query."""

    command: str
    collection: str
    collection_sha256: str
    candidates_sha256: str
    model: ModelInfo
    machine: Machine
    depth: int
    words: int
    stride: int | None
    seed: int
    query_ids: list[str]
    judged_queries: int
    systems: list[System]


def page(result: Result) -> str:
    """Return the table and what it rests on."""
    stride = "half a window" if result.stride is None else f"{result.stride} tokens"
    return (
        f"{result.collection}, {len(result.query_ids)} of {result.judged_queries} queries, the top "
        f"{result.depth} of BM25, documents of at least {result.words} words, stride {stride}, "
        f"{result.model.name} at {result.model.precision}, {result.model.max_length} "
        f"tokens; on {result.machine.processor}.\n\n    {result.command}\n\n{table(result)}"
    )


def table(result: Result) -> str:
    """Return the Markdown table, each system beside `truncate` on the same queries."""
    base = next(one for one in result.systems if one.label == BASE)
    head = ["scored", "nDCG@10", f"− {BASE} [95 %], p", "text tokens a query", "dropped"]
    rows = []
    for one in result.systems:
        queries = len(one.ndcg)
        rows.append(
            [
                one.label,
                f"{sum(one.ndcg) / queries:.4f}",
                "" if one is base else _against(base, one, result.seed),
                f"{one.tokens / queries:,.0f}",
                f"{one.dropped_tokens / queries:,.0f}",
            ]
        )
    return markdown_table(head, rows)


def _against(base: System, one: System, seed: int) -> str:
    found = paired_difference(base.ndcg, one.ndcg, seed=seed)
    interval = "" if found.low is None else f" [{found.low:+.4f}, {found.high:+.4f}]"
    return f"{found.mean:+.4f}{interval}, {found.p_value:.4f}"
