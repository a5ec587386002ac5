"""Judged candidates of queries, from a collection or from a table of labelled pairs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondpass.checks import finite_number, shortened
from secondpass.errors import Argument, InputError
from secondpass.evaluation.collection import Collection
from secondpass.evaluation.first_stages.bm25 import bm25_run
from secondpass.evaluation.rerank import TextScorer, rescore
from secondpass.ingest.tables import TABLES, read_rows, suffix_of
from secondpass.jsonl import Where
from secondpass.models.digest import file_sha256

# With fewer of a kind the error's interval is wider than what a calibration gains.
LEAST_PAIRS = 50
# Queries with a relevant candidate: a fold has at least two.
LEAST_QUERIES = 10

_WORDS = {"true": 1.0, "false": 0.0, "yes": 1.0, "no": 0.0}


@dataclass(frozen=True, slots=True)
class Judged:
    """Logits of (query, candidate) pairs [n], whether each is relevant, and the query of each.

    `depth` is how many candidates a query had at most, None where they were given.
    """

    name: str
    sha256: str
    logits: NDArray[np.float64]
    relevant: NDArray[np.bool_]
    query: NDArray[np.intp]
    depth: int | None = None

    @property
    def queries(self) -> int:
        """Return how many queries have a candidate."""
        return len(np.unique(self.query))


@dataclass(frozen=True, slots=True)
class Labelled:
    """The pairs of a file, by query: each text and whether it is relevant."""

    name: str
    sha256: str
    texts: Mapping[str, tuple[tuple[str, bool], ...]]


def require_enough(name: str, relevant: int, others: int, queries: int) -> None:
    """Raise unless there are enough labels to fit and to check.

    `relevant` and `others` count candidates, `queries` those that have a relevant one.

    Raises:
        InputError: there are not; the message says how many there are and are needed.
    """
    if relevant < LEAST_PAIRS or others < LEAST_PAIRS or queries < LEAST_QUERIES:
        raise InputError(
            f"{name} has {relevant} relevant candidates, {others} others, and {queries} "
            f"queries with a relevant one: a calibration needs at least {LEAST_PAIRS}, "
            f"{LEAST_PAIRS} and {LEAST_QUERIES}; give more labels"
        )


def _require_enough_of(name: str, of_queries: Iterable[Sequence[bool]]) -> None:
    """Raise as `require_enough`, by the labels of each query's candidates."""
    counts = [(sum(labels), len(labels)) for labels in of_queries]
    relevant = sum(right for right, _ in counts)
    others = sum(count for _, count in counts) - relevant
    require_enough(name, relevant, others, sum(right > 0 for right, _ in counts))


def is_table(name: str) -> bool:
    """Tell whether a name is a file of pairs and no collection."""
    path = Path(name)
    return path.is_file() and suffix_of(path) in TABLES


def read_labelled(file: Path, relevant_from: float = 1) -> Labelled:
    """Read JSON Lines, CSV, TSV or Parquet with `query`, `text` and `label`.

    A label is a grade, of which those from `relevant_from` on count, or true or false.

    Raises:
        InputError: a row lacks one of them, or a pair has two labels; the message names the line.
    """
    texts: dict[str, dict[str, bool]] = {}
    for where, row in read_rows(file):
        query, text = (_text(row, name, where) for name in ("query", "text"))
        relevant = _label(row, where) >= relevant_from
        if texts.setdefault(query, {}).setdefault(text, relevant) != relevant:
            raise InputError(
                f"{where}: query {shortened(query)} and text {shortened(text)} have another label "
                "above"
            )
    whole = {query: tuple(of_query.items()) for query, of_query in texts.items()}
    return Labelled(file.name, file_sha256(file), whole)


def _text(row: Mapping[str, Any], name: str, where: Where) -> str:
    value = row.get(name)
    if not isinstance(value, str) or (name == "query" and not value.strip()):
        raise InputError(f"{where}: {name!r} is {shortened(value)}, expected some text")
    return value


def _label(row: Mapping[str, Any], where: Where) -> float:
    value = row.get("label")
    if isinstance(value, bool):
        return float(value)
    if isinstance(value, str):
        value = _WORDS.get(value.strip().lower(), _number(value))
    number = finite_number(value)
    if number is None:
        raise InputError(
            f"{where}: 'label' is {shortened(row.get('label'))}, expected a grade such as 0 or 1"
        )
    return number


def _number(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def judge_labelled(labelled: Labelled, model: TextScorer, advance: Callable[[int], None]) -> Judged:
    """Score every pair of a file; `advance` is called for each query.

    Raises:
        InputError: there are too few labels, which is known before anything is scored.
    """
    labels = ([right for _, right in pairs] for pairs in labelled.texts.values())
    _require_enough_of(labelled.name, labels)

    def scored() -> Iterator[tuple[list[float], list[bool]]]:
        for query, pairs in labelled.texts.items():
            scores = model.score(query, [text for text, _ in pairs])
            yield scores.logits.tolist(), [relevant for _, relevant in pairs]
            advance(1)

    return _judged(labelled.name, labelled.sha256, scored(), None)


def judge_collection(
    collection: Collection,
    model: TextScorer,
    *,
    depth: int,
    relevant_from: float,
    advance: Callable[[int], None],
) -> Judged:
    """Score BM25's top `depth` of each judged query; what is not judged is not relevant.

    Raises:
        InputError: there are too few labels, which is known before anything is scored, or every
            query is refused.
        MissingExtraError: bm25s is not installed.
    """
    run = bm25_run(collection, limit=depth)

    def labels(query_id: str, ids: Iterable[str]) -> list[bool]:
        grades = collection.qrels[query_id]
        return [grades.get(id_, 0) >= relevant_from for id_ in ids]

    _require_enough_of(
        collection.name,
        (labels(id_, (one.document_id for one in run.get(id_, ()))) for id_ in collection.qrels),
    )
    found = rescore(collection, run, model, depth, advance)
    if not found.complete:
        raise KeyboardInterrupt

    def scored() -> Iterator[tuple[list[float], list[bool]]]:
        for query_id, logits in found.logits.items():
            ids = (one.document_id for one in found.scores[query_id])
            yield list(logits), labels(query_id, ids)

    return _judged(collection.name, collection.sha256, scored(), depth)


def _judged(
    name: str, sha256: str, scored: Iterator[tuple[list[float], list[bool]]], depth: int | None
) -> Judged:
    logits: list[float] = []
    relevant: list[bool] = []
    query: list[int] = []
    for number, (of_query, right) in enumerate(scored):
        logits += of_query
        relevant += right
        query += [number] * len(right)
    if not logits:
        raise InputError(Argument("on"), f" {shortened(name)} has no judged pair to score")
    return Judged(
        name, sha256, np.array(logits), np.array(relevant), np.array(query, np.intp), depth
    )
