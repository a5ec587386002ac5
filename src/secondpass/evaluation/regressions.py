"""The queries that reranking made worse, with the documents that explain it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from secondpass.evaluation.collection import Collection
from secondpass.evaluation.result import HurtQuery, ShownDocument
from secondpass.evaluation.runs import Run

SHOWN = 10


def worst_regressions(
    collection: Collection,
    before: NDArray[np.float64],
    after: NDArray[np.float64],
    first: Run,
    reranked: Run,
) -> tuple[HurtQuery, ...]:
    """Return the ten queries that lost most, worst first; values are in the order of the qrels."""
    query_ids = list(collection.qrels)
    losses = after - before
    worst = [at for at in np.argsort(losses, kind="stable")[:SHOWN] if losses[at] < 0]
    return tuple(
        _shown(collection, query_ids[at], (float(before[at]), float(after[at])), (first, reranked))
        for at in worst
    )


def _shown(
    collection: Collection, query_id: str, values: tuple[float, float], runs: tuple[Run, Run]
) -> HurtQuery:
    before, after = ([one.document_id for one in run[query_id]] for run in runs)
    judged = collection.qrels[query_id]

    def show(document_id: str) -> ShownDocument:
        return ShownDocument(
            document_id=document_id,
            text=collection.documents.get(document_id, ""),
            grade=judged.get(document_id),
            first_rank=before.index(document_id) + 1,
            rank=after.index(document_id) + 1,
        )

    fallen = [
        id_ for at, id_ in enumerate(before) if judged.get(id_, 0) > 0 and after.index(id_) > at
    ]
    return HurtQuery(
        query_id=query_id,
        text=collection.queries[query_id],
        first_stage=values[0],
        reranked=values[1],
        now_first=show(after[0]),
        relevant=show(_best(fallen, judged)) if fallen else None,
    )


def _best(document_ids: Sequence[str], judged: Mapping[str, int]) -> str:
    """Return the one of the highest grade; of several the first."""
    return max(document_ids, key=lambda id_: judged[id_])
