"""Scores against sentence-transformers' (torch, fp32); tests/parity/README.md names versions."""

import json

import numpy as np
import pytest
from margins import assert_same_order

from secondpass import CrossEncoderReranker, Embedder

TOLERANCE = 1e-4
FAMILIES = [
    "albert",
    "bert",
    "bert-bf16",
    "bert-fp16",
    "bert-legacy-activation",
    "bert-modular",
    "bert-onnx",
    "deberta",
    "deberta-v2-kind",
    "distilbert",
    "electra",
    "ernie",
    "gte",
    "gte-new",
    "jina-bert",
    "modernbert",
    "modernbert-mean",
    "modernbert-modular",
    "mpnet",
    "qwen2-causal",
    "qwen3-causal",
    "qwen3-classifier",
    "qwen3-one-token",
    "roberta",
    "xlm-roberta",
    "xlm-roberta-flash",
]


def read_cases(parity, family):
    reference = json.loads((parity / family / "reference.json").read_text())
    cases = json.loads((parity / "cases.json").read_text())
    return reference, cases


@pytest.mark.parametrize("family", FAMILIES)
def test_scores_and_order_equal_the_reference(parity, family):
    reference, cases = read_cases(parity, family)
    precision = "fp32"
    reranker = CrossEncoderReranker(
        parity / family, reference["max_length"], precision=precision, threads=2
    )
    assert len(cases) == len(reference["cases"])
    for case, expected in zip(cases, reference["cases"], strict=True):
        pairs = [(case["query"], text) for text in case["documents"]]
        scores = reranker.predict(pairs)
        np.testing.assert_allclose(scores, expected["scores"], atol=TOLERANCE, rtol=0)
        hits = reranker.rank(case["query"], case["documents"], top_k=None)
        reference_scores = dict(enumerate(expected["scores"]))
        assert_same_order([hit.index for hit in hits], reference_scores, 2 * TOLERANCE)


@pytest.mark.filterwarnings("ignore:.*embedded by their beginning")
def test_embeddings_equal_the_reference(parity):
    folder = parity / "bert-embedder"
    reference = json.loads((folder / "reference.json").read_text())
    embedder = Embedder(folder, precision="fp32")
    vectors = embedder.embed(reference["texts"])
    np.testing.assert_allclose(vectors, reference["embeddings"], atol=TOLERANCE)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
