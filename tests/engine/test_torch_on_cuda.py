"""What the torch engine does on CUDA, as far as a CPU can run it."""

import numpy as np
import pytest
from torch_model import make_rembert

from secondpass import CrossEncoderReranker
from secondpass.engine import torch as engine
from secondpass.engine.contract import Policy
from secondpass.models.folder import find_folder
from secondpass.models.spec import read_cross_encoder_spec
from secondpass.scoring.batches import make_batches

torch = pytest.importorskip("torch", reason="needs the torch extra: make test-extras")
pytest.importorskip("sentence_transformers", reason="needs the torch extra: make test-extras")

PAIRS = [("read the csv rows", text) for text in ("csv", "", "rows are read " * 9, "a lock")]


@pytest.fixture(scope="module")
def rembert(parity, tmp_path_factory):
    return make_rembert(parity / "bert", tmp_path_factory.mktemp("rembert"))


@pytest.mark.parametrize(
    ("device", "precision", "can", "expected"),
    [
        ("cuda", "auto", True, "bf16"),
        ("cuda:1", "auto", True, "bf16"),
        ("cuda", "auto", False, "f16"),
        ("cuda", "fp32", True, "f32"),
        ("cpu", "auto", True, "f32"),
        ("mps", "auto", True, "f32"),
    ],
)
def test_a_card_computes_in_what_it_can(monkeypatch, device, precision, can, expected):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **options: can)
    assert engine.arithmetic(device, precision) == expected


@pytest.mark.parametrize("kind", ["bf16", "f16"])
def test_a_narrow_type_keeps_the_scores_near_and_is_said(rembert, monkeypatch, kind):
    exact = CrossEncoderReranker(rembert, 64).predict(PAIRS)
    monkeypatch.setattr(engine, "arithmetic", lambda device, precision: kind)
    reranker = CrossEncoderReranker(rembert, 64)
    assert reranker.info.arithmetic == kind
    found = reranker.predict(PAIRS)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, exact, atol=0.05)
    assert not np.array_equal(found, exact)


def test_batches_are_by_tokens_and_larger_on_a_card(rembert):
    assert CrossEncoderReranker(rembert, 64)._models[0]._policy.max_tokens == Policy().max_tokens
    given = CrossEncoderReranker(rembert, 64, max_batch_tokens=96)
    assert given._models[0]._policy.max_tokens == 96
    assert engine._ON_CUDA.max_tokens > Policy().max_tokens


def test_copies_are_pinned_and_not_waited_for(rembert, monkeypatch):
    """The path of a card, with its two calls noted and done on the CPU."""
    spec = read_cross_encoder_spec(find_folder(rembert))
    loaded = engine.TorchEngine(spec, device="cpu", threads=1)
    pairs = list(loaded._features.trial)
    batches = make_batches(pairs, Policy(max_tokens=64), padding_id=0, length_limit=64)
    expected = loaded.run(batches)
    calls = []
    to = torch.Tensor.to
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda one: calls.append("pinned") or one)

    def noted(tensor, *args, **options):
        if "non_blocking" in options:
            calls.append(options["non_blocking"])
        return to(tensor, *args, **options)

    monkeypatch.setattr(torch.Tensor, "to", noted)
    loaded._on_cuda = True
    for found, wanted in zip(loaded.run(batches), expected, strict=True):
        np.testing.assert_array_equal(found, wanted)
    assert calls.count("pinned") == calls.count(True) == 3 * len(batches)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA")
def test_on_a_card_the_scores_are_near_those_of_the_cpu(rembert):
    exact = CrossEncoderReranker(rembert, 64).predict(PAIRS)
    whole = CrossEncoderReranker(rembert, 64, device="cuda", precision="fp32")
    np.testing.assert_allclose(whole.predict(PAIRS), exact, atol=1e-3)
    narrow = CrossEncoderReranker(rembert, 64, device="cuda")
    np.testing.assert_allclose(narrow.predict(PAIRS), exact, atol=0.05)
