"""The student's logits become probabilities, and schedules of exits are simulated."""

import json

import numpy as np
import pytest

from recipes.embedded.dev_table import POOLS, DevTable, tables_from_arrays
from recipes.embedded.exit_schedules import cost, places, simulate, standardized
from recipes.embedded.fit import main
from recipes.embedded.ragged import Ragged

QUERIES, CANDIDATES = 20, 30
EVERYWHERE = np.ones((QUERIES, CANDIDATES), bool)


def table(name, random):
    gains = (random.random((QUERIES, CANDIDATES)) < 0.2).astype(np.float32)
    gains[:, 0] = 1
    return DevTable(
        name,
        Ragged.packed([[1, 2]] * QUERIES),
        np.tile(np.arange(CANDIDATES, dtype=np.int32), (QUERIES, 1)),
        gains,
        np.array([(1 / np.log2(np.arange(2, 12)))[: int(min(10, n))].sum() for n in gains.sum(1)]),
        dict.fromkeys(POOLS, EVERYWHERE),
        random.normal(size=(QUERIES, CANDIDATES, 4)).astype(np.float32),
    )


def test_a_table_is_written_as_it_is_read():
    before = table("cisi", np.random.default_rng(1))
    (after,) = tables_from_arrays(before.to_arrays())
    assert after.name == "cisi"
    assert after.queries.unpacked() == before.queries.unpacked()
    assert np.array_equal(after.candidates, before.candidates)
    assert after.in_pool.keys() == before.in_pool.keys()
    np.testing.assert_allclose(after.scores, before.scores, atol=2e-3)


def test_the_map_and_the_exits_lines_are_fitted(tmp_path, capsys):
    pytest.importorskip("scipy", reason="the measure extra is not installed")
    random = np.random.default_rng(2)
    arrays, logits = {}, {}
    for name in ("cisi", "arguana"):
        judged = table(name, random)
        arrays |= judged.to_arrays()
        end = 4 * judged.gains + random.normal(size=judged.gains.shape)
        # The end is the last layer's plus 1.5 of the early head's; exit 0 is half of it, plus 3.
        early = random.normal(size=end.shape)
        heads = {"0": end / 2 + 3, "early": early, "end": end - 1.5 * early}
        logits |= {f"{name}.{head}": value for head, value in heads.items()}
    np.savez(tmp_path / "dev_scores.npz", **arrays)
    np.savez(tmp_path / "student_dev.npz", **logits)
    main([str(tmp_path), str(tmp_path)])
    fit = json.loads((tmp_path / "fit.json").read_text())
    assert fit["slope"] > 0
    assert fit["lines"].keys() == {"0", "4"}
    scale, offset = fit["lines"]["0"]
    assert scale == pytest.approx(2 * fit["slope"])
    assert offset == pytest.approx(fit["intercept"] - 6 * fit["slope"])
    assert "cisi: expected calibration error" in capsys.readouterr().out


def test_who_all_stay_to_the_end_are_ranked_by_it():
    random = np.random.default_rng(3)
    judged = table("cisi", random)
    exits = {0: random.normal(size=judged.gains.shape)}
    end = random.normal(size=judged.gains.shape)
    expected = judged.ndcg(end, "bge")
    assert simulate(judged, exits, end, [], 0) == pytest.approx(expected)
    assert simulate(judged, exits, end, [(0, 1.0)], 0) == pytest.approx(expected)


def test_a_perfect_exit_loses_nothing():
    judged = table("cisi", np.random.default_rng(4))
    gains = judged.gains.astype(float)
    assert simulate(judged, {0: gains}, gains, [(0, 0.4)], 0) == pytest.approx(1)
    assert simulate(judged, {0: -gains}, gains, [(0, 0.4)], 0) < 1


def test_a_schedules_cost_is_the_share_of_layers_it_runs():
    assert cost([]) == 1
    assert cost([(0, 0.5), (2, 0.4), (4, 0.2)]) == pytest.approx((0.5 + 0.4 + 0.2) / 3)


def test_places_and_standard_scores_leave_out_what_is_not_allowed():
    values, allowed = np.array([[1.0, 9.0, 3.0]]), np.array([[True, False, True]])
    assert places(values, allowed).tolist() == [[1, 2, 0]]
    assert standardized(values, allowed).tolist() == [[-1.0, -9.0, 1.0]]
