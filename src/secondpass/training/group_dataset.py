"""The mixture as a data set of torch, in the form that sentence-transformers' losses read."""

from __future__ import annotations

from typing import Any

from secondpass.training.mixture import Mixture


class GroupDataset:
    """Item n is group n: a query, its texts with the positive first, and their labels.

    The positive's label is given, the negatives' is 0.
    """

    def __init__(self, mixture: Mixture, length: int, positive: float) -> None:
        self._mixture = mixture
        self._positive = positive
        self._length = length

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, number: int) -> dict[str, Any]:
        group = self._mixture[number]
        texts = [group.positive, *group.negatives]
        return {
            "query": group.query,
            "texts": texts,
            "labels": [self._positive, *[0.0] * len(group.negatives)],
        }
