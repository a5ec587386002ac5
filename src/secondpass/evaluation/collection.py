"""A judged collection: documents, queries and judgements, wherever they come from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from secondpass.errors import InputError
from secondpass.evaluation.qrels import Qrels

Texts = Mapping[str, str]


@dataclass(frozen=True)
class Collection:
    """What an evaluation needs. The queries of `qrels` are those that are evaluated.

    `pool` names the only documents that may answer a query, where it was judged in such pools.
    `folder` is where its files lie. `sampled_from` is how many queries are judged, where only some
    of them are evaluated.
    """

    name: str
    documents: Texts
    queries: Texts
    qrels: Qrels
    pool: Mapping[str, frozenset[str]] | None = None
    folder: Path | None = None
    sampled_from: int | None = None

    @property
    def highest_grade(self) -> int:
        """Return the highest grade of any judgement."""
        return max(grade for judged in self.qrels.values() for grade in judged.values())

    @property
    def judgements(self) -> int:
        """Return how many documents were judged, over all queries."""
        return sum(map(len, self.qrels.values()))

    @property
    def judged_missing(self) -> int:
        """Return how many judgements are of documents that are not here and cannot be found."""
        return sum(id_ not in self.documents for judged in self.qrels.values() for id_ in judged)

    @cached_property
    def corpus_sha256(self) -> str:
        """Return a hash over ids and texts of the documents, in order."""
        return _sha256(self.documents.items())

    @cached_property
    def sha256(self) -> str:
        """Return a hash over the documents, and over the evaluated queries and their judgements."""
        queries = ((id_, self.queries.get(id_, "")) for id_ in self.qrels)
        judgements = (
            (id_, document, str(grade))
            for id_, judged in self.qrels.items()
            for document, grade in judged.items()
        )
        return _sha256([(self.corpus_sha256,), *queries, *judgements])

    def sample(self, queries: int, seed: int) -> Collection:
        """Return the collection with a seeded choice of its judged queries, in their order."""
        if queries >= len(self.qrels):
            return self
        ids = list(self.qrels)
        chosen = np.random.default_rng(seed).choice(len(ids), queries, replace=False)
        return replace(
            self,
            qrels={ids[at]: self.qrels[ids[at]] for at in sorted(chosen)},
            sampled_from=len(ids),
        )


def checked_collection(collection: Collection) -> Collection:
    """Return the collection if there is something to evaluate.

    Raises:
        InputError: it has no documents, or no judged query.
    """
    if not collection.documents:
        raise InputError(
            f"{collection.name}: the corpus has no documents, at least 1 is needed; is its file "
            "empty or cut off?"
        )
    if not any(query_id in collection.queries for query_id in collection.qrels):
        raise InputError(
            f"{collection.name}: none of the {len(collection.qrels)} judged queries is among the "
            f"{len(collection.queries)} queries; do the ids belong together?"
        )
    return collection


def _sha256(rows: Iterable[tuple[str, ...]]) -> str:
    digest = hashlib.sha256()
    for row in rows:
        for field in row:
            data = field.encode("utf-8", "surrogatepass")
            # The length goes first, so that no two different rows give the same bytes.
            digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()
