"""Makes long documents: a passage at a random place among passages of other queries."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.quality.task import Task


@dataclass(frozen=True)
class Padding:
    """Pads every candidate alike, so that length and place say nothing of relevance.

    The filling is drawn from documents that are neither judged for the query nor among its
    candidates, until there are `words` words; the passage stands before, between or after them,
    each place as likely. The same seed, query and passage give the same document.
    """

    words: int
    seed: int

    def fillers(self, task: Task, query_id: str) -> list[str]:
        """Return the texts that may fill documents of a query."""
        taken = set(task.collection.qrels[query_id])
        taken |= {one.document_id for one in task.run[query_id]}
        documents = task.collection.documents
        return [text for id_, text in documents.items() if id_ not in taken and text.strip()]

    def pad(self, passage: str, key: str, fillers: Sequence[str]) -> str:
        """Return the long document of a passage; `key` names query and passage."""
        chance = np.random.default_rng([self.seed, _number(key)])
        chosen: list[str] = []
        words = len(passage.split())
        while words < self.words:
            chosen.append(fillers[int(chance.integers(len(fillers)))])
            words += len(chosen[-1].split())
        place = int(chance.integers(len(chosen) + 1))
        return "\n\n".join([*chosen[:place], passage, *chosen[place:]])


def _number(key: str) -> int:
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big")
