"""From logits to nDCG@10, as both studies of states take it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.task import Task, in_order
from secondpass.evaluation.measures import Measures
from secondpass.scoring.effort import Exit
from secondpass.scoring.exits import align_with_order, going_on
from secondpass.scoring.fusion import best_first
from secondpass.scoring.sequences import Owners

MEASURE = "nDCG@10"

Floats = NDArray[np.float32]


def ndcg(task: Task, scores: Mapping[str, NDArray[np.floating[Any]]]) -> float:
    """Return nDCG@10 of the candidates, best score first."""
    run = {
        query_id: in_order(ranked, best_first(scores[query_id]).tolist())
        for query_id, ranked in task.run.items()
    }
    return float(Measures([MEASURE], task.collection.qrels).values(run)[MEASURE].mean())


def sent_on(instant: Floats, full: Floats, exit_: Exit) -> Floats:
    """Return the logits of a call that sends the best on from the join."""
    owners = Owners(np.zeros(len(instant), np.intp), np.arange(len(instant)))
    going = going_on(instant, owners, exit_)
    return align_with_order(np.where(going, full, instant), going.astype(np.int16))
