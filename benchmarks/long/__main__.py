"""Measure nDCG@10 of each rule for long documents, on documents made by padding passages.

    make long

Our bias: we chose the rules, and padding with unrelated passages is the case windows are made for:
only one place of a document answers. Where a whole document is about its subject, they gain less.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from benchmarks.long.measured import Result, System, page
from benchmarks.long.padding import Padding
from benchmarks.quality.task import Task, in_order, open_task
from benchmarks.run import Benchmark, command, main
from secondpass import CrossEncoderReranker
from secondpass.cli.output import progress
from secondpass.environment.machine import read_machine
from secondpass.evaluation.measures import Measures
from secondpass.evaluation.rerank import candidate_texts
from secondpass.options.long_documents import LONG_DOCUMENTS

PASSAGES = "passages alone"
TABLE = "long table"
MEASURE = "nDCG@10"


@dataclass
class Running:
    """One system while it runs."""

    label: str
    reranker: CrossEncoderReranker
    ndcg: list[float]
    tokens: int = 0
    windows: int = 0
    dropped_tokens: int = 0
    seconds: float = 0.0

    def rank(self, task: Task, query_id: str, texts: Sequence[str]) -> None:
        """Rerank a query's documents and measure the order."""
        started = perf_counter()
        ranking = self.reranker.rank(task.collection.queries[query_id], texts, None)
        self.seconds += perf_counter() - started
        self.tokens += ranking.timings.tokens
        self.windows += ranking.timings.windows
        self.dropped_tokens += ranking.timings.dropped_tokens
        run = {query_id: in_order(task.run[query_id], (hit.index for hit in ranking))}
        measures = Measures((MEASURE,), {query_id: task.collection.qrels[query_id]})
        self.ndcg.append(float(measures.values(run)[MEASURE][0]))

    def found(self) -> System:
        """Return what it gave so far."""
        return System(**{name: value for name, value in vars(self).items() if name != "reranker"})


def _measure(arguments: argparse.Namespace) -> Iterator[Result]:
    """Score query by query, every system in turn."""
    task = open_task(
        arguments.data / arguments.collection,
        depth=arguments.depth,
        queries=arguments.queries,
        seed=arguments.seed,
    )
    padding = Padding(arguments.words, arguments.seed)
    systems = _systems(arguments)
    done: list[str] = []
    with progress(f"{task.name}, {arguments.words} words", len(task.run)) as advance:
        for query_id, ranked in task.run.items():
            passages = candidate_texts(task.collection, ranked)
            fillers = padding.fillers(task, query_id)
            padded = [
                padding.pad(text, f"{query_id} {one.document_id}", fillers)
                for text, one in zip(passages, ranked, strict=True)
            ]
            for one in systems:
                one.rank(task, query_id, passages if one.label == PASSAGES else padded)
            done.append(query_id)
            yield _result(task, arguments, systems, done)
            advance(1)


def _systems(arguments: argparse.Namespace) -> list[Running]:
    def load(**options: object) -> CrossEncoderReranker:
        named = [arguments.model] if arguments.model else []
        return CrossEncoderReranker(*named, max_length=arguments.max_length, **options)

    strides: Mapping[str, object] = {"stride": arguments.stride}
    systems = [
        Running(rule, load(long_documents=rule, **(strides if rule in _WINDOWED else {})), [])
        for rule in LONG_DOCUMENTS
    ]
    return [*systems, Running(PASSAGES, systems[0].reranker, [])]


_WINDOWED = ("max", "mean-top-k")


def _result(
    task: Task, arguments: argparse.Namespace, systems: Sequence[Running], done: Sequence[str]
) -> Result:
    return Result(
        command=command("long"),
        collection=task.name,
        collection_sha256=task.collection.sha256,
        candidates_sha256=task.candidates_sha256,
        model=systems[0].reranker.info,
        machine=read_machine(),
        depth=arguments.depth,
        words=arguments.words,
        stride=arguments.stride,
        seed=arguments.seed,
        query_ids=list(done),
        judged_queries=task.judged_queries,
        systems=[one.found() for one in systems],
    )


def _add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--data", type=Path, default=Path("../shared/data/eval"), help="holds the collections")
    add("--collection", default="dl19")
    add("--queries", type=int, default=25, help="random sample of this many")
    add("--depth", type=int, default=20, help="candidates of a query, of BM25")
    add("--words", type=int, default=1000, help="the fewest words of a padded document")
    add("--stride", type=int, help="tokens between windows, by default half a window")
    add("--max-length", type=int, default=512)
    add("--model", help="hub name or folder; by default the embedded one")
    add("--seed", type=int, default=0)


BENCHMARK = Benchmark(
    "long", __doc__ or "", Result, _add_options, _measure, lambda result: {TABLE: page(result)}
)

if __name__ == "__main__":
    main(BENCHMARK)
