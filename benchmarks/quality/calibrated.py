"""Is the score a probability? Expected calibration error of sigmoid(logit)."""

from __future__ import annotations

import numpy as np

from benchmarks.quality.measured import Measured
from benchmarks.quality.result import Calibration
from secondpass.evaluation.calibration_error import expected_calibration_error
from secondpass.evaluation.collection import Collection


def calibration(measured: Measured, label: str) -> Calibration:
    """Measure one system on one collection; what was not judged counts as not relevant."""
    logits, relevant = [], []
    collection = measured.task.collection
    for query_id, scores in measured.scores[label].items():
        judged = collection.qrels[query_id]
        logits.extend(scores)
        relevant.extend(
            judged.get(one.document_id, 0) >= relevant_from(collection)
            for one in measured.task.run[query_id]
        )
    probabilities = 1 / (1 + np.exp(-np.array(logits, np.float64)))
    truth = np.array(relevant)
    return Calibration(
        label=label,
        collection=measured.task.name,
        error=expected_calibration_error(probabilities, truth),
        mean_probability=float(probabilities.mean()),
        relevant_share=float(truth.mean()),
        pairs=truth.size,
    )


def relevant_from(collection: Collection) -> int:
    """Return the least grade that counts: TREC's 2 where grades go to 3 and above, else 1."""
    return 2 if collection.highest_grade >= 3 else 1
