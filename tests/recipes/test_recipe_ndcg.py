"""nDCG@10 of many queries at once is that of ir_measures."""

import numpy as np
import pytest

from recipes.embedded.ndcg import ideal_gain, ndcg
from secondpass.evaluation.measures import Measures
from secondpass.evaluation.runs import Ranked

QUERIES, CANDIDATES = 30, 25


def test_ndcg_agrees_with_ir_measures_on_random_runs():
    pytest.importorskip("ir_measures", reason="the measure extra is not installed")
    random = np.random.default_rng(8)
    grades = random.choice([0, 0, 0, 1, 2, 3], (QUERIES, CANDIDATES))
    grades[:, 0] = 1
    scores = random.normal(size=grades.shape)
    allowed = random.random(grades.shape) < 0.8
    # Some judged documents are not among the candidates.
    missing = random.integers(0, 4, (QUERIES, 3))
    qrels = {
        f"q{query}": {f"d{n}": int(grade) for n, grade in enumerate(judged)}
        | {f"m{n}": int(grade) for n, grade in enumerate(missing[query])}
        for query, judged in enumerate(grades)
    }
    run = {
        f"q{query}": tuple(
            Ranked(f"d{n}", float(scores[query, n]))
            for n in np.argsort(-scores[query])
            if allowed[query, n]
        )
        for query in range(QUERIES)
    }
    expected = Measures(["nDCG@10"], qrels).values(run)["nDCG@10"]
    ideal = np.array([ideal_gain(judged.values()) for judged in qrels.values()])
    np.testing.assert_allclose(ndcg(scores, grades, ideal, allowed), expected, atol=1e-9)


def test_equal_scores_stay_in_their_order():
    gains = np.array([[0.0, 1.0]])
    value = ndcg(np.zeros((1, 2)), gains, np.array([1.0]), np.ones((1, 2), bool))
    assert value[0] == pytest.approx(1 / np.log2(3))
