"""nDCG@10 of each effort, with states and without, and the curve of what goes on from the join.

    .venv/bin/python -m benchmarks.states.quality --queries 12

The whole pipeline: the embedded bi-encoder's nearest 100, then the second pass, fused as a search
fuses them. The curve sends other shares on from the join, by other weights of the first stage, and
is computed from the logits of "instant" and "full" of the first codec. Our bias: the model and its
schedules were chosen on these collections.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import get_args

import numpy as np

from benchmarks.quality.task import COLLECTIONS, Task, dense_candidates, open_task
from benchmarks.states.orders import Floats, ndcg, sent_on
from secondpass import CrossEncoderReranker, Embedder
from secondpass.cli.output import progress
from secondpass.environment.machine import read_machine
from secondpass.options.effort import Effort
from secondpass.options.fusion import PAIR_FUSION
from secondpass.progress import Advance
from secondpass.scoring.effort import Exit
from secondpass.scoring.fusion import fuse
from secondpass.states.codec import STATE_PRECISIONS, StatePrecision

SHARES = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7)
PRIORS = (0.0, 0.5, 1.0, 2.0)
# A row of the table -> query id -> logits in the run's order.
Logits = dict[str, dict[str, Floats]]


def logits_of(
    reranker: CrossEncoderReranker,
    task: Task,
    codecs: Sequence[StatePrecision],
    with_texts: bool,
    advance: Advance,
) -> Logits:
    """Return the logits of every effort, from states and from texts."""
    found: Logits = defaultdict(dict)
    for query_id, ranked in task.run.items():
        query = task.collection.queries[query_id]
        texts = [task.collection.documents[one.document_id] for one in ranked]
        kinds = {f"{codec} states": reranker.passages(texts, codec) for codec in codecs}
        if with_texts:
            kinds["texts"] = texts
        for effort in get_args(Effort):
            for what, given in kinds.items():
                scores = reranker.score(query, given, effort=effort, long_query="truncate")
                found[f"{effort}, {what}"][query_id] = scores.logits
        advance(1)
    return found


def fused_ndcg(task: Task, logits: dict[str, Floats]) -> float:
    """Return nDCG@10 of the candidates after fusion with the first stage."""
    scores = {}
    for query_id, first in task.first_scores.items():
        given = logits[query_id]
        fusion = PAIR_FUSION.of(task.collection.queries[query_id])
        fused = fuse(fusion, logits=given, scores=given, first_stage_scores=first)
        assert fused is not None
        scores[query_id] = fused
    return ndcg(task, scores)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    add = parser.add_argument
    add("--data", type=Path, default=Path("../shared/data/eval"))
    add("--only", nargs="+", default=list(COLLECTIONS))
    add("--queries", type=int, default=12, help="of each collection; 0 is all")
    add("--depth", type=int, default=100)
    add("--codecs", choices=STATE_PRECISIONS, nargs="+", default=["int8"])
    add("--seed", type=int, default=0)
    add("--states-only", action="store_true", help="leave out the rows of texts without states")
    given = parser.parse_args()
    reranker, embedder = CrossEncoderReranker(activation="identity"), Embedder()
    assert reranker.model._states is not None
    layer = reranker.model._states.parted.layer
    table: dict[str, list[float]] = defaultdict(list)
    curve: dict[tuple[float, float], list[float]] = defaultdict(list)
    for name in given.only:
        task = open_task(
            given.data / name,
            depth=given.depth,
            queries=given.queries or None,
            seed=given.seed,
            find=dense_candidates(embedder, progress),
        )
        table["first stage"].append(fused_ndcg(task, _nothing(task)))
        with progress(f"{name}: queries", len(task.run)) as advance:
            logits = logits_of(reranker, task, given.codecs, not given.states_only, advance)
        for row, values in logits.items():
            table[row].append(fused_ndcg(task, values))
        instant, full = (logits[f"{one}, {given.codecs[0]} states"] for one in ("instant", "full"))
        for prior, share in product(PRIORS, SHARES):
            exit_ = Exit(layer, share, first_stage=prior)
            mixed = {id_: sent_on(instant[id_], full[id_], exit_) for id_ in task.run}
            curve[prior, share].append(fused_ndcg(task, mixed))
    print(f"\n{read_machine()}\n")
    _show_table(table, given.only, f"full, {given.codecs[0]} states")
    _show_curve(curve)


def _nothing(task: Task) -> dict[str, Floats]:
    """Return equal logits: after fusion the first stage's own order."""
    return {id_: np.zeros(len(ranked), np.float32) for id_, ranked in task.run.items()}


def _show_table(table: dict[str, list[float]], names: list[str], whole: str) -> None:
    print(f"| | {' | '.join(names)} | mean | of full | worst change |")
    print("|---" * (len(names) + 4) + "|")
    of = np.array(table[whole])
    for row, values in table.items():
        cells = " | ".join(f"{value:.4f}" for value in values)
        mean, worst = float(np.mean(values)), float((np.array(values) - of).min())
        share = 100 * mean / of.mean()
        print(f"| {row} | {cells} | {mean:.4f} | {share:.1f} % | {worst:+.4f} |")


def _show_curve(curve: dict[tuple[float, float], list[float]]) -> None:
    print("\n| first stage counts | " + " | ".join(f"{share:.0%} go on" for share in SHARES) + " |")
    print("|---" * (len(SHARES) + 1) + "|")
    for prior in PRIORS:
        means = [f"{np.mean(curve[prior, share]):.4f}" for share in SHARES]
        print(f"| {prior} | {' | '.join(means)} |")


if __name__ == "__main__":
    main()
