"""The torch engine on an architecture without a builder; needs the extra: make test-extras."""

import numpy as np
import pytest
from torch_model import make_deberta

from secondpass import CrossEncoderReranker, InputError, UnsupportedModelError

pytest.importorskip("sentence_transformers", reason="needs the torch extra: make test-extras")

QUERY = "read the csv rows"


@pytest.fixture(scope="module")
def deberta(parity, tmp_path_factory):
    return make_deberta(parity / "bert", tmp_path_factory.mktemp("deberta"))


def test_scores_equal_sentence_transformers(deberta, documents):
    from sentence_transformers import CrossEncoder

    pairs = [(QUERY, text) for text in documents]
    expected = CrossEncoder(str(deberta), max_length=64, device="cpu").predict(pairs)
    reranker = CrossEncoderReranker(deberta, 64)
    assert reranker.info.engine.startswith("torch")
    assert reranker.info.precision == "fp32"
    np.testing.assert_allclose(reranker.predict(pairs), expected, atol=1e-4)


def test_int8_and_unknown_devices_are_refused(deberta):
    with pytest.raises(UnsupportedModelError, match="'int8'"):
        CrossEncoderReranker(deberta, 64, precision="int8")
    with pytest.raises(InputError, match="'tpu9'"):
        CrossEncoderReranker(deberta, 64, device="tpu9")
