"""Hard negatives: the filter by hand, and both stages on a few passages."""

from pathlib import Path

import numpy as np
import pytest

from secondpass import InputError
from secondpass.progress import silent
from secondpass.training.examples import Example, TrainingSet, positives_by_query, query_key
from secondpass.training.mining import Mining, choose, mine


class ByTable:
    """Embeds each text as a unit vector of the plane, by its cosine with (1, 0)."""

    name = "table"
    digest = "0" * 64
    dimension = 2

    def __init__(self, cosines):
        self._cosines = cosines

    def embed(self, texts, *, progress=None):
        cosines = np.array([self._cosines[text] for text in texts], np.float32)
        return np.stack([cosines, np.sqrt(1 - cosines**2)], axis=1)


def test_filter_by_hand():
    """The positive has 0.8, so 0.76 is the limit: 0.77 is too near, 0.75 and 0.1 are not."""
    passages = ["positive", "near", "under", "far", "another answer", "the query"]
    cosines = np.array([0.8, 0.77, 0.75, 0.1, 0.3, 0.2], np.float32)
    example = Example("the query", 0, (3,), "set")
    kept, too_near = choose(
        example,
        [3, 0, 1, 2, 4, 5, 2],
        passages,
        cosines,
        frozenset({"positive", "another answer"}),
        0.95,
    )
    assert kept == (3, 2)
    assert too_near == 1


def test_an_examples_own_negative_is_believed():
    example = Example("the query", 0, (1,), "set")
    cosines = np.array([0.8, 0.79, 0.79], np.float32)
    kept, too_near = choose(
        example, [1, 2], ["positive", "own", "mined"], cosines, frozenset(), 0.95
    )
    assert kept == (1,)
    assert too_near == 1


def test_a_limit_above_the_positive_takes_in_what_the_bi_encoder_has_wrong():
    """1.1 x 0.8 is 0.88: 0.85 stays, though nearer than the positive, and 0.9 does not."""
    cosines = np.array([0.8, 0.85, 0.9], np.float32)
    example = Example("the query", 0, (), "set")
    passages = ["positive", "wrong", "likely an answer"]
    assert choose(example, [1, 2], passages, cosines, frozenset(), 1.1) == ((1,), 1)


PASSAGES = ("cat food", "cat toy", "dog bone", "sea water")
COSINES = {"cat": 1.0, "cat food": 0.9, "cat toy": 0.88, "dog bone": 0.7, "sea water": 0.1}


def a_set(*examples):
    return TrainingSet("set", Path("set.jsonl"), "0" * 64, "", PASSAGES, examples)


def mined(one, *miners, tmp_path):
    mining = Mining(miners, ByTable(COSINES), tmp_path, silent)
    return mine(one, positives_by_query([one]), mining)


def test_union_of_own_bm25_and_dense(tmp_path):
    one = a_set(Example("cat", 0, (3,), "set"))
    # BM25 finds "cat toy", which 0.88 > 0.95 x 0.9 takes out again; "sea water" is the query's own.
    assert mined(one, "bm25", tmp_path=tmp_path) == (((3,),), 1)
    assert mined(one, "bm25", "dense", tmp_path=tmp_path) == (((3, 2),), 1)


def test_a_positive_of_the_same_query_is_no_negative(tmp_path):
    one = a_set(Example("cat", 0, (), "set"), Example("Cat ", 2, (), "set"))
    known = positives_by_query([one])
    assert known[query_key("CAT")] == {"cat food", "dog bone"}
    found, _ = mine(
        one, known, Mining(("dense",), ByTable(COSINES | {"Cat ": 1.0}), tmp_path, silent)
    )
    assert found == ((3,), (3,))


def test_without_any_negative_it_says_what_to_do(tmp_path):
    one = TrainingSet(
        "set", Path("set.jsonl"), "0" * 64, "", ("cat food",), (Example("cat", 0, (), "set"),)
    )
    with pytest.raises(
        InputError, match=r"set\.jsonl: no negatives could be mined from its 1 pass"
    ):
        mined(one, "bm25", "dense", tmp_path=tmp_path)
