"""From logits and judgements to how far probabilities can be trusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.calibration.result import Row, Trust
from benchmarks.quality.task import Scores, Task
from secondpass.calibration.fit import calibration_error
from secondpass.calibration.judged import Judged
from secondpass.calibration.platt import Platt, fit_platt, relevant_from

# The shipped model's own map: its sigmoid.
SHIPPED = Platt(1.0, 0.0)
# Drawn of each collection for a map, in turn again where it has fewer, as recipes/embedded does.
PAIRS = 4000


def judged(task: Task, logits: Scores) -> Judged:
    """Return the judgements of a task's candidates; what nobody judged is not relevant."""
    grade = relevant_from(task.collection)
    rows: list[tuple[float, bool, int]] = []
    for number, (query_id, of_query) in enumerate(logits.items()):
        grades = task.collection.qrels[query_id]
        for one, logit in zip(task.run[query_id], of_query, strict=True):
            rows.append((float(logit), grades.get(one.document_id, 0) >= grade, number))
    values, relevant, query = zip(*rows, strict=True)
    return Judged(
        task.name,
        task.collection.sha256,
        np.array(values, np.float64),
        np.array(relevant, np.bool_),
        np.array(query, np.intp),
    )


def map_of(collections: Sequence[Judged], seed: int) -> Platt:
    """Return Platt's map fitted to as many pairs of each collection."""
    generator = np.random.default_rng(seed)
    drawn = [(one, np.resize(generator.permutation(len(one.logits)), PAIRS)) for one in collections]
    logits = np.concatenate([one.logits[rows] for one, rows in drawn])
    return fit_platt(logits, np.concatenate([one.relevant[rows] for one, rows in drawn]))


def trust(map_: Platt, of: Judged, seed: int) -> Trust:
    """Return how far a map can be trusted on a collection."""
    said = map_.probabilities(of.logits)
    best = _best(said, of)
    return Trust(
        calibration_error(said, of, seed=seed),
        float(said[best].mean()),
        float(of.relevant[best].mean()),
    )


def rows(known: Mapping[str, Judged], new: Sequence[Judged], seed: int) -> tuple[Row, ...]:
    """Return a row for each collection: of a known one by the map of the others."""
    made = [_row(one, SHIPPED, seed, known=False) for one in new]
    for name, one in known.items():
        others = [other for other_name, other in known.items() if other_name != name]
        made.append(_row(one, map_of(others, seed), seed, known=True))
    return tuple(made)


def _row(of: Judged, map_: Platt, seed: int, *, known: bool) -> Row:
    return Row(
        collection=of.name,
        sha256=of.sha256,
        known=known,
        queries=of.queries,
        pairs=len(of.logits),
        relevant=int(of.relevant.sum()),
        trust=trust(map_, of, seed),
    )


def _best(said: NDArray[np.float64], of: Judged) -> list[int]:
    """Return the row of each query's most probable candidate."""
    best: dict[int, int] = {}
    for at, (query, value) in enumerate(zip(of.query.tolist(), said.tolist(), strict=True)):
        if query not in best or value > said[best[query]]:
            best[query] = at
    return list(best.values())
