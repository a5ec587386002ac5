"""A model is read once, and a copy of it elsewhere is the same."""

import pickle

import pytest

from secondpass import CrossEncoder, loaded_model
from secondpass.errors import UnsupportedModelError


@pytest.fixture
def reads(monkeypatch):
    """Return what was read of a model, in order."""
    found = []

    def counted(name):
        real = getattr(loaded_model, name)

        def read(*args, **options):
            found.append(name)
            return real(*args, **options)

        monkeypatch.setattr(loaded_model, name, read)

    for name in ("read_cross_encoder_spec", "model_tokenizer", "load_engine"):
        counted(name)
    return found


ONCE = ["read_cross_encoder_spec", "model_tokenizer", "load_engine"]


@pytest.mark.parametrize("name", [None, "bert", "bert-onnx"])
def test_the_files_are_read_once(reads, parity, name):
    CrossEncoder(name and str(parity / name))
    assert reads == ONCE


def test_a_model_that_is_refused_is_read_once(reads, parity):
    with pytest.raises(UnsupportedModelError, match="holds an fp32 graph only"):
        CrossEncoder(str(parity / "bert-onnx"), precision="int8")
    assert reads == ONCE


def test_a_graph_of_int8_stays_so_in_a_copy_and_on_its_device():
    model = CrossEncoder()
    again = pickle.loads(pickle.dumps(model))
    assert (model.info.precision, again.info) == ("int8", model.info)
    assert model.to("cpu") is model


def test_a_graph_of_float32_is_computed_in_float32(parity):
    info = CrossEncoder(str(parity / "bert-onnx")).info
    assert (info.precision, info.arithmetic) == ("fp32", "f32")
