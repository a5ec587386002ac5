"""DeBERTa's distances against worked values, its kinds of attention against torch."""

import numpy as np
import pytest

from secondpass import CrossEncoderReranker, UnsupportedModelError
from secondpass.graph.deberta import log_buckets


def test_distances_are_exact_up_to_half_the_buckets_and_logarithmic_beyond():
    # 8 buckets, exact up to 4; ceil(ln(d / 4) / ln(15 / 4) * 3) + 4 beyond: 5 gives ceil(0.506).
    distances = np.array([0, 1, 4, 5, 7, 8, 10, 15])
    assert log_buckets(distances, 8, 16).tolist() == [0, 1, 4, 5, 6, 6, 7, 7]
    assert log_buckets(-distances, 8, 16).tolist() == [0, -1, -4, -5, -6, -6, -7, -7]


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("conv_kernel_size", 3, "conv_kernel_size 3, which changes the scores"),
        ("attention_head_size", 16, "attention_head_size 16 times the heads is not the width 32"),
    ],
)
def test_what_the_graph_does_not_do_is_refused_by_key(model_copy, key, value, message):
    folder = model_copy("deberta", **{key: value})
    with pytest.raises(UnsupportedModelError, match=message):
        CrossEncoderReranker(folder, 64, precision="fp32")


@pytest.mark.parametrize("kinds", ["c2p", "p2c", ["c2p", "p2c"], ""])
def test_each_kind_of_attention_equals_sentence_transformers(model_copy, documents, kinds):
    torch = pytest.importorskip("torch", reason="needs torch: make test-extras")
    from sentence_transformers import CrossEncoder

    folder = model_copy("deberta", pos_att_type=kinds)
    options = {"model_kwargs": {"dtype": torch.float32}}
    peer = CrossEncoder(str(folder), max_length=64, device="cpu", **options)
    pairs = [("read the csv rows", text) for text in documents]
    ours = CrossEncoderReranker(folder, 64, precision="fp32").predict(pairs)
    np.testing.assert_allclose(ours, peer.predict(pairs), atol=1e-4)
