"""The torch engine on an architecture without a builder; needs the extra: make test-extras."""

import numpy as np
import pytest
from torch_model import make_rembert

from secondpass import CrossEncoderReranker, InputError, UnsupportedModelError

pytest.importorskip("sentence_transformers", reason="needs the torch extra: make test-extras")

QUERY = "read the csv rows"


@pytest.fixture(scope="module")
def rembert(parity, tmp_path_factory):
    return make_rembert(parity / "bert", tmp_path_factory.mktemp("rembert"))


def test_scores_equal_sentence_transformers(rembert, documents):
    from sentence_transformers import CrossEncoder

    pairs = [(QUERY, text) for text in documents]
    expected = CrossEncoder(str(rembert), max_length=64, device="cpu").predict(pairs)
    reranker = CrossEncoderReranker(rembert, 64)
    assert reranker.info.engine.startswith("torch")
    assert reranker.info.precision == "fp32"
    np.testing.assert_allclose(reranker.predict(pairs), expected, atol=1e-4)


def test_int8_and_unknown_devices_are_refused(rembert):
    with pytest.raises(UnsupportedModelError, match="'int8'"):
        CrossEncoderReranker(rembert, 64, precision="int8")
    with pytest.raises(InputError, match="'tpu9'"):
        CrossEncoderReranker(rembert, 64, device="tpu9")


@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_a_device_that_torch_lacks_here_is_an_error_of_ours(rembert, device):
    import torch

    if device == "cuda" and torch.cuda.is_available():
        pytest.skip("this machine has it")
    with pytest.raises(InputError, match=f"device '{device}' is not usable by torch"):
        CrossEncoderReranker(rembert, 64, device=device)


def test_an_activation_that_the_folder_names_is_never_called(rembert, tmp_path, monkeypatch):
    """sentence-transformers would import any dotted name of torch's and call it.

    A class of torch.nn passes the check of the folder, and is not called either.
    """
    import json
    import shutil

    import torch

    called = []
    monkeypatch.setattr(torch.nn, "Planted", lambda: called.append(1), raising=False)
    folder = tmp_path / "model"
    shutil.copytree(rembert, folder)
    config = json.loads((folder / "config.json").read_text())
    config["sentence_transformers"] = {"activation_fn": "torch.nn.Planted"}
    (folder / "config.json").write_text(json.dumps(config))
    CrossEncoderReranker(folder, 64, activation="sigmoid").rank(QUERY, ["csv"])
    assert called == []


def test_a_model_that_cannot_score_two_lengths_together_is_refused_at_load(parity, tmp_path):
    """A decoder without a padding token: one text works, a batch does not."""
    import json
    import shutil

    from transformers import LlamaConfig, LlamaForSequenceClassification

    config = LlamaConfig(
        vocab_size=600,
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        intermediate_size=64,
        num_labels=1,
    )
    LlamaForSequenceClassification(config).save_pretrained(tmp_path)
    shutil.copy(parity / "bert" / "tokenizer.json", tmp_path)
    (tmp_path / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", "unk_token": "[UNK]"})
    )
    with pytest.raises(UnsupportedModelError, match=r"two texts of different length.*pad_token_id"):
        CrossEncoderReranker(tmp_path, 64)
