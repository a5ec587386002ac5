"""What both stages give for the first queries, so that a record can be checked for order."""

from __future__ import annotations

import json

from secondpass.evaluation.first_stages.select import FirstStage
from secondpass.evaluation.runs import Ranked, Run
from secondpass.models.digest import text_sha256
from secondpass.verify.outputs import Outputs, RankedQuery, StageOutput

QUERIES = 5


def observe(stage: FirstStage, reranked: Run, depth: int) -> Outputs:
    """Keep the top `depth` of the first few queries by id, and a hash of each whole run.

    A fusion with a dense stage in it is as exact as the bi-encoder is, so it counts as its work.
    """
    first = stage.run
    chosen = sorted(reranked)[:QUERIES]
    return Outputs(
        (
            StageOutput(
                "first stage",
                "bi-encoder" if stage.dense else None,
                tuple(_ranked(query, first[query][:depth]) for query in chosen),
                run_sha256=_sha256({query: first[query] for query in reranked}),
            ),
            StageOutput(
                "rerank",
                "cross-encoder",
                tuple(_ranked(query, reranked[query][:depth]) for query in chosen),
                reranks="first stage",
                run_sha256=_sha256(reranked),
            ),
        )
    )


def _ranked(query: str, ranked: tuple[Ranked, ...]) -> RankedQuery:
    ids, scores = zip(*ranked, strict=True) if ranked else ((), ())
    return RankedQuery(query, ids, scores)


def _sha256(run: Run) -> str:
    return text_sha256(json.dumps(run, sort_keys=True, allow_nan=False))
