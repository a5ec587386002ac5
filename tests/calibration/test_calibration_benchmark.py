"""The benchmark of probabilities on collections they were not fitted on, on made-up logits."""

import json

import numpy as np
import pytest

from benchmarks.calibration.measured import SHIPPED, judged, map_of, rows, trust
from benchmarks.calibration.result import Result, table
from benchmarks.calibration.unseen import PAIRS, unseen
from benchmarks.quality.task import Task
from secondpass.calibration.judged import Judged
from secondpass.errors import InputError
from secondpass.evaluation.collection import Collection
from secondpass.evaluation.runs import Ranked

pytest.importorskip("scipy", reason="needs the measure extra")


def drawn(name, seed, *, slope=1.0, shift=0.0, queries=60, each=40):
    """Return judgements whose chance is sigmoid(slope * logit + shift)."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(-2, 2, queries * each)
    relevant = generator.random(len(logits)) < SHIPPED.probabilities(slope * logits + shift)
    return Judged(name, "0" * 64, logits, relevant, np.repeat(np.arange(queries), each))


def test_a_right_map_has_a_small_error_and_a_wrong_one_a_large():
    right = trust(SHIPPED, drawn("right", 1), 0)
    wrong = trust(SHIPPED, drawn("wrong", 1, shift=-2.0), 0)
    assert right.error.error < 0.03
    assert right.error.low <= right.error.error <= right.error.high
    assert wrong.error.low > right.error.high
    assert abs(right.best_said - right.best_right) < 0.1
    assert wrong.best_said > wrong.best_right + 0.2


def test_a_collection_has_no_part_in_the_map_that_it_is_measured_by():
    alike = {name: drawn(name, at) for at, name in enumerate(("a", "b"), start=1)}
    odd = drawn("odd", 3, shift=-3.0)
    made = {row.collection: row for row in rows({**alike, "odd": odd}, [], 0)}
    alone = trust(map_of(list(alike.values()), 0), odd, 0)
    assert made["odd"].trust == alone
    assert made["odd"].trust.error.error > 0.1
    assert all(row.known for row in made.values())


def test_each_collection_counts_the_same_in_a_map():
    small, large = drawn("s", 4, queries=5), drawn("l", 5, shift=-2.0, queries=400)
    both, swapped = map_of([small, large], 0), map_of([large, small], 0)
    assert both.intercept == pytest.approx(swapped.intercept, abs=0.15)
    assert map_of([large], 0).intercept < both.intercept < map_of([small], 0).intercept


def test_what_nobody_judged_is_not_relevant():
    collection = Collection(
        "c", {"a": "", "b": "", "c": ""}, {"q": "x", "r": "y"}, {"q": {"a": 1}, "r": {"b": 0}}
    )
    run = {"q": (Ranked("b", 2.0), Ranked("a", 1.0)), "r": (Ranked("c", 1.0),)}
    task = Task(collection, run, "", 2)
    made = judged(task, {"q": np.array([0.5, 1.5]), "r": np.array([-1.0])})
    assert made.logits.tolist() == [0.5, 1.5, -1.0]
    assert made.relevant.tolist() == [False, True, False]
    assert made.query.tolist() == [0, 0, 1]


def test_the_table_shows_what_was_not_fitted_on():
    made = rows({"known": drawn("known", 1), "other": drawn("other", 2)}, [drawn("new", 3)], 0)
    lines = table(Result("", "", None, None, None, "", 100, 0, made)).splitlines()
    assert [line.split(" | ")[0] for line in lines[2:]] == [
        "| new",
        "| known, map of the others",
        "| other, map of the others",
    ]
    shown = f"{made[0].trust.error.error:.4f} ["
    assert shown in lines[2]
    assert f"{made[1].trust.error.error:.4f} [" in lines[3]


def pairs_in(folder):
    import gzip

    (folder / "train").mkdir()
    (folder / "stdlib_questions.json").write_text(
        json.dumps({"questions": [{"question": "read csv", "answers": ["csv.reader", "nowhere"]}]})
    )
    rows = [{"query": f"q{at}", "positive": f"text {at // 2}"} for at in range(6)]
    for name in PAIRS:
        with gzip.open(folder / "train" / f"{name}.jsonl.gz", "wt") as file:
            file.write("".join(json.dumps(row) + "\n" for row in rows))


def test_new_collections_are_made_of_pairs_and_of_docstrings(tmp_path):
    pairs_in(tmp_path)
    stdlib, *others = unseen(tmp_path, 4, 0)
    assert stdlib.qrels == {"read csv": {"csv.reader": 1}}
    for one in others:
        assert len(one.documents) == 3
        assert len(one.qrels) == 4
        for query, right in one.qrels.items():
            (id_,) = right
            assert one.documents[id_] == f"text {int(query[1:]) // 2}"


def test_a_folder_without_the_files_is_named(tmp_path):
    with pytest.raises(InputError, match="squadshifts_amazon"):
        unseen(tmp_path, 4, 0)
