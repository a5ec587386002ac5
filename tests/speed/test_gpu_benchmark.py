"""The GPU benchmark on the CPU: tiny shapes, no claim about time."""

import pytest

pytest.importorskip("sentence_transformers", reason="needs the torch extra: make test-extras")

from scripts.gpu_speed import SHAPES, TINY, measure, pairs_of


def test_both_score_the_same_pairs_and_are_timed():
    found = measure(TINY[0], "cpu", turns=1, count=20, sizes=(8,))
    assert found["arithmetic"] == "f32"
    assert found["largest_difference"] < 0.05
    assert all(speed > 0 for speed in found["pairs_a_second"].values())
    assert all(len(taken) == 1 for taken in found["seconds"].values())


def test_the_operations_are_those_of_the_layers():
    """Of one row of two tokens: four square products, two of the feed-forward, two of attention."""
    tiny = TINY[0]
    linear = 2 * 2 * (4 * 32 * 32 + 2 * 32 * 64)
    assert tiny.flops([2]) == tiny.layers * (linear + 4 * 4 * 32)
    assert tiny.flops([2, 2]) == 2 * tiny.flops([2])


@pytest.mark.parametrize("shape", [*SHAPES, *TINY])
def test_pairs_have_the_tokens_that_are_counted(shape):
    pairs, lengths = pairs_of(30, 64, shape.words)
    made = [len(query.split()) + len(text.split()) + 3 for query, text in pairs]
    assert made == lengths
    assert max(lengths) <= 64
