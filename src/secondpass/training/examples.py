"""What is trained on: passages, and the queries that one of them answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Example:
    """One query. `positive` and `given`, its own negatives, are rows of the set's passages."""

    query: str
    positive: int
    given: tuple[int, ...]
    source: str


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """One file or folder. `unused_fields` names what its lines hold beside the known fields."""

    name: str
    path: Path
    sha256: str
    licence: str
    passages: tuple[str, ...]
    examples: tuple[Example, ...]
    unused_fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """What one draw shows the model: one positive above its negatives."""

    query: str
    positive: str
    negatives: tuple[str, ...]
    source: str


def query_key(query: str) -> str:
    """Return what two spellings of one query share: its words in lower case."""
    return " ".join(query.casefold().split())


def positives_by_query(sets: Iterable[TrainingSet]) -> Mapping[str, frozenset[str]]:
    """Return every text that is a positive of a query anywhere, by `query_key`."""
    found: dict[str, set[str]] = {}
    for one in sets:
        for example in one.examples:
            found.setdefault(query_key(example.query), set()).add(one.passages[example.positive])
    return {key: frozenset(texts) for key, texts in found.items()}
