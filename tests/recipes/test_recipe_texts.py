"""Texts go into a pack and come out of it as they were."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recipes.embedded.ragged import (
    Ragged,
    load_arrays,
    save_arrays,
    texts_from_arrays,
    texts_to_arrays,
)

TEXTS = st.lists(st.lists(st.integers(0, 30521), max_size=9), min_size=1, max_size=9)


@given(TEXTS)
def test_packed_texts_are_unpacked_as_they_were(texts):
    assert texts_from_arrays(texts_to_arrays("a", texts), "a").unpacked() == texts


@given(TEXTS, st.randoms())
def test_chosen_texts_stand_in_the_order_asked_for(texts, random):
    order = [random.randrange(len(texts)) for _ in range(4)]
    chosen = Ragged.packed(texts).chosen(np.array(order))
    assert chosen.unpacked() == [texts[number] for number in order]


def test_a_file_holds_what_was_saved(tmp_path):
    arrays = texts_to_arrays("a", [[1, 2], [], [3]]) | {"names": np.array(["x", "yz"])}
    save_arrays(tmp_path / "a.npz.xz", arrays)
    loaded = load_arrays(tmp_path / "a.npz.xz")
    assert loaded.keys() == arrays.keys()
    assert all(np.array_equal(loaded[name], arrays[name]) for name in arrays)


def test_a_pack_holds_queries_with_their_positives(tmp_path, shared):
    pytest.importorskip("ir_measures", reason="the measure extra is not installed")
    from recipes.embedded.pack import PairTokenizer, main

    train = ["--train", str(shared / "data" / "train"), "--dev", str(shared / "data" / "eval")]
    main([str(tmp_path), *train, "--sources", "pubmedqa", "--collections", "noveleval", *MOST])
    arrays = load_arrays(tmp_path / "texts" / "texts.npz.xz")
    passages, queries = (texts_from_arrays(arrays, name) for name in ("passages", "queries"))
    assert len(queries) == 8
    assert arrays["long"].tolist() == [False] * 4 + [True] * 4
    for query, positive in zip(queries.unpacked()[4:], arrays["positive"][4:], strict=True):
        assert query == passages[positive].tolist()[: len(query)]
    assert all(len(ids) <= 64 for ids in queries.unpacked()[:4])
    assert PairTokenizer()(["a cat", "a cat sat"], [1, 2]) == [[1037], [1037, 4937]]


MOST = ["--most", "4"]
