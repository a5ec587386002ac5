"""The late-join model in torch gives the scores of its graph, and is written as it was read."""

import numpy as np
import pytest
from safetensors.numpy import load_file

from secondpass import CrossEncoderReranker

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("sentence_transformers", reason="the train extra is not installed")

PAIRS = [
    ("read a file", "csv"),
    ("read", "the date and the time " * 5),
    ("a b c", ""),
    ("names of a column in the file", "row and column, file reader"),
]


@pytest.fixture(scope="module")
def module(late_join):
    from secondpass.training.late_join_module import LateJoinModule

    return LateJoinModule(late_join, 64)


def test_torch_scores_as_the_graph_does(module, late_join):
    reranker = CrossEncoderReranker(late_join, 64, precision="fp32", activation="identity")
    with torch.inference_mode():
        scores = module(module.preprocess(PAIRS))["scores"][:, 0].numpy()
    assert scores == pytest.approx(reranker.predict(PAIRS), abs=2e-4)


def test_what_is_written_is_what_was_read(module, late_join, tmp_path):
    module.save(str(tmp_path))
    before = load_file(late_join / "model.safetensors")
    after = load_file(tmp_path / "model.safetensors")
    assert after.keys() == {name for name in before if name in after}
    for name, value in after.items():
        np.testing.assert_allclose(value, before[name], atol=2e-3, rtol=1e-3)
    CrossEncoderReranker(tmp_path, 64)


def test_only_what_stands_above_the_join_learns(module):
    module(module.preprocess(PAIRS))["scores"].sum().backward()
    assert all(parameter.grad is None for parameter in module.encoder.parameters())
    assert all(parameter.grad is not None for parameter in module.head.layers.parameters())


def test_sentence_transformers_runs_it(late_join):
    from secondpass.training.load_trainable import load_trainable

    model = load_trainable(str(late_join), 64)
    reranker = CrossEncoderReranker(late_join, 64, precision="fp32", activation="identity")
    scores = model.predict(PAIRS, activation_fn=torch.nn.Identity(), show_progress_bar=False)
    assert scores == pytest.approx(reranker.predict(PAIRS), abs=2e-4)


def test_weights_of_a_checkpoint_are_read(module, late_join, tmp_path):
    from secondpass.training.late_join_module import LateJoinModule

    module.save(str(tmp_path))
    other = LateJoinModule(late_join, 64)
    torch.nn.init.zeros_(other.head.dense.weight)
    other.read(tmp_path)
    assert torch.allclose(other.head.dense.weight, module.head.dense.weight, atol=2e-3)
