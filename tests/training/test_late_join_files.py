"""A late-join model taken apart and put together again is the same model."""

import json

import numpy as np
import pytest
from late_join_model import JOIN
from safetensors.numpy import load_file, save_file

from secondpass import CrossEncoderReranker
from secondpass.training.late_join_files import assemble, is_below


@pytest.fixture
def parts(late_join, tmp_path):
    """The file of what stands above the join, and the folder made of it and the base."""
    trained = tmp_path / "trained.safetensors"
    write_trained(late_join, trained)
    folder = tmp_path / "whole"
    assemble(late_join, trained, folder, join_layer=JOIN)
    return trained, folder


def write_trained(folder, file):
    """Write the file that `assemble` needs beside the base, from a whole model's folder."""
    join_layer = json.loads((folder / "config.json").read_text())["join_layer"]
    stored = load_file(folder / "model.safetensors")
    above = {name: value for name, value in stored.items() if not is_below(name, join_layer)}
    save_file(above, file, metadata={"format": "pt"})


def test_only_what_was_trained_is_kept_apart(parts):
    names = load_file(parts[0]).keys()
    assert not [name for name in names if name.startswith(("embeddings.", "encoder.layer.0."))]
    assert [name for name in names if name.startswith(f"encoder.layer.{JOIN}.")]
    assert {"weights", "early.weights", "text_type", "gate.bias"} <= names


def test_the_whole_has_every_tensor_and_scores_alike(parts, late_join):
    before, after = (load_file(f / "model.safetensors") for f in (late_join, parts[1]))
    kept = {name for name in before if not name.startswith(("pooler.", "classifier.weight"))}
    assert kept - after.keys() <= {"classifier.bias"}
    for name, value in after.items():
        np.testing.assert_allclose(value, before[name], rtol=1e-3, atol=1e-6)
    pairs = [("read a file", "csv"), ("read", "the date and the time")]
    scores = [
        CrossEncoderReranker(f, 64, precision="fp32", activation="identity").predict(pairs)
        for f in (late_join, parts[1])
    ]
    # float16 on the way.
    assert scores[0] == pytest.approx(scores[1], rel=5e-3)


def test_config_and_tokenizer_are_those_of_a_pair_model(parts):
    config = json.loads((parts[1] / "config.json").read_text())
    assert (config["model_type"], config["join_layer"]) == ("late-join-bert", JOIN)
    assert config["id2label"] == {"0": "LABEL_0"}
    tokenizer = json.loads((parts[1] / "tokenizer.json").read_text())
    types = [next(iter(part.values()))["type_id"] for part in tokenizer["post_processor"]["pair"]]
    assert types == [0, 0, 0, 1, 1, 1]
