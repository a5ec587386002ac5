"""The reranker's score and the first stage's as one: z(logit) + weight * z(first stage)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.task import Scores

Values = NDArray[np.float64]


def standardised(values: Values) -> Values:
    """Return the values with mean 0 and standard deviation 1; equal values are all 0."""
    spread = values.std()
    return (values - values.mean()) / spread if spread > 0 else np.zeros_like(values)


def fused(logits: Scores, first: Scores, weight: float) -> Scores:
    """Fuse each query's scores, over its own candidates. A query without logits stays without."""
    return {
        query_id: standardised(values) + weight * standardised(first[query_id])
        for query_id, values in logits.items()
    }
