"""Measure reading only the sentences nearest to the query, within a budget of tokens.

    python -m benchmarks.selection --out benchmarks/selection/results/DATE.json

Every query is read by all systems in a random order, so a busy moment meets them all. Compute
counts tokens times the layers that read them; what exits and the choice of words cost is in the
time only. The bi-encoder's token vectors cannot be had of `Embedder`, so a sentence's embedding
stands for them, and its six layers over every token are counted: an index that kept them would
save that.

Our bias: BM25 chose the candidates, and so each has the words by which sentences are chosen.
"""

from __future__ import annotations

import argparse
import random
import shlex
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.long.padding import Padding
from benchmarks.pages import add_page_options, measure_or_show, parse_with_pages
from benchmarks.quality.task import Task, open_task
from benchmarks.selection.markdown import page
from benchmarks.selection.measured import Measured, Result, Set, read, write
from benchmarks.selection.reading import Read, Reader
from benchmarks.selection.systems import BASES, System, for_long, for_passages
from secondpass.cli.output import progress
from secondpass.evaluation.measures import Measures
from secondpass.evaluation.rerank import candidate_texts
from secondpass.evaluation.runs import Ranked
from secondpass.facts.machine import read_machine

MARKER = "selection"
MEASURE = "nDCG@10"
LONG, PADDED = "long", "dl19"


def main() -> None:
    """Measure, or show what was measured."""
    measure_or_show(_arguments(), _run, read, page, MARKER)


def _run(arguments: argparse.Namespace) -> None:
    """Read one query of every set, then the next, and write the result after each query.

    So a run that is stopped has seen about as much of every set.
    """
    reader = Reader(arguments.max_length)
    reader.warm_up(("balanced", "fast"))
    sets = [Measuring(name, arguments, reader) for name in arguments.sets]
    if arguments.resume and arguments.out.exists():
        for one in sets:
            one.go_on(read(arguments.out).sets)
    with progress("queries", sum(one.queries - one.done for one in sets)) as advance:
        for at in range(arguments.queries):
            for one in sets:
                if one.done <= at < one.queries:
                    one.read(at)
                    write(_result(arguments, reader, sets), arguments.out)
                    advance(1)


class Measuring:
    """One set while it is measured."""

    def __init__(self, name: str, arguments: argparse.Namespace, reader: Reader) -> None:
        self._words = arguments.words if name == LONG else None
        self._depth = arguments.long_depth if name == LONG else arguments.depth
        self._task: Task = open_task(
            arguments.data / (PADDED if name == LONG else name),
            depth=self._depth,
            queries=arguments.queries,
            seed=arguments.seed,
        )
        self._name = f"{self._task.name}, padded" if self._words else self._task.name
        self._seed, self._reader = arguments.seed, reader
        self._chance = random.Random(arguments.seed)
        self._systems = _named(for_long() if name == LONG else for_passages(), arguments.systems)
        self._reads: dict[System, list[Read]] = {system: [] for system in self._systems}
        self._ndcg: dict[System, list[float]] = {system: [] for system in self._systems}

    @property
    def queries(self) -> int:
        return len(self._task.run)

    @property
    def done(self) -> int:
        return len(self._reads[self._systems[0]])

    def go_on(self, found: Sequence[Set]) -> None:
        """Take over what an earlier run found of the same queries, candidates and systems."""
        earlier = next((one for one in found if one.name == self._name), None)
        if earlier is None:
            return
        if (earlier.candidates_sha256, [one.system for one in earlier.measured]) != (
            self._task.candidates_sha256,
            self._systems,
        ):
            sys.exit(f"{self._name} was measured otherwise before: leave --resume out")
        for one in earlier.measured:
            self._ndcg[one.system] = list(one.ndcg)
            self._reads[one.system] = [
                Read([], *each)
                for each in zip(one.layer_tokens, one.selecting_layer_tokens, one.ms, strict=True)
            ]

    def read(self, at: int) -> None:
        """Read the candidates of query number `at` with every system, in a random order."""
        query_id = list(self._task.run)[at]
        alone = candidate_texts(self._task.collection, self._task.run[query_id])
        texts = alone if self._words is None else self._padded(query_id, alone)
        question = self._reader.open(self._task.collection.queries[query_id], texts, alone)
        for system in self._chance.sample(self._systems, len(self._systems)):
            read = question.read(system)
            self._reads[system].append(read)
            self._ndcg[system].append(_ndcg(self._task, query_id, read.order))

    def _padded(self, query_id: str, alone: Sequence[str]) -> list[str]:
        padding = Padding(self._words or 0, self._seed)
        fillers = padding.fillers(self._task, query_id)
        return [
            padding.pad(text, f"{query_id} {one.document_id}", fillers)
            for text, one in zip(alone, self._task.run[query_id], strict=True)
        ]

    def found(self) -> Set:
        """Return what was found so far."""
        return Set(
            name=self._name,
            collection_sha256=self._task.collection.sha256,
            candidates_sha256=self._task.candidates_sha256,
            depth=self._depth,
            words=self._words,
            judged_queries=self._task.judged_queries,
            query_ids=list(self._task.run)[: self.done],
            measured=[self._measured(system) for system in self._systems],
        )

    def _measured(self, system: System) -> Measured:
        reads = self._reads[system]
        return Measured(
            **asdict(system),
            ndcg=self._ndcg[system],
            layer_tokens=[one.layer_tokens for one in reads],
            selecting_layer_tokens=[one.selecting_layer_tokens for one in reads],
            ms=[one.ms for one in reads],
        )


def _named(systems: Sequence[System], labels: Sequence[str]) -> list[System]:
    return [one for one in systems if not labels or one.label in labels or one in BASES]


def _ndcg(task: Task, query_id: str, order: Sequence[int]) -> float:
    ids = [task.run[query_id][index].document_id for index in order]
    run = {query_id: tuple(Ranked(id_, -float(at)) for at, id_ in enumerate(ids))}
    measures = Measures((MEASURE,), {query_id: task.collection.qrels[query_id]})
    return float(measures.values(run)[MEASURE][0])


def _result(arguments: argparse.Namespace, reader: Reader, sets: Sequence[Measuring]) -> Result:
    return Result(
        command=shlex.join(["python", "-m", "benchmarks.selection", *sys.argv[1:]]),
        model=asdict(reader.reranker.info),
        machine=asdict(read_machine()),
        seed=arguments.seed,
        sets=[found for one in sets if (found := one.found()).query_ids],
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.selection", description=(__doc__ or "").splitlines()[0]
    )
    add = parser.add_argument
    add("--data", type=Path, default=Path("../shared/data/eval"), help="holds the collections")
    add(
        "--sets",
        nargs="+",
        default=["dl19", "scifact", "arguana", "cisi", "cranfield", LONG],
        help=f"collections; {LONG!r} is {PADDED} with its passages padded",
    )
    add(
        "--systems", nargs="*", default=[], metavar="LABEL", help="these alone, as a table has them"
    )
    add("--queries", type=int, default=20, help="a seeded choice of so many of each set")
    add("--depth", type=int, default=100, help="candidates of a query, of BM25")
    add("--long-depth", type=int, default=20, help="candidates where they are padded")
    add("--words", type=int, default=1000, help="a padded document has at least so many")
    add("--max-length", type=int, default=512)
    add("--seed", type=int, default=0)
    add("--resume", action="store_true", help="go on where the run that wrote --out stopped")
    add_page_options(parser, out="the result as JSON, written after each query")
    return parse_with_pages(parser)


if __name__ == "__main__":
    main()
