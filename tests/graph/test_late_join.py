"""The late-join graph against the same formulas written out in numpy, one pair at a time."""

import json
import math
import shutil

import numpy as np
import pytest
from late_join_model import HEADS, JOIN, WIDTH
from safetensors.numpy import load_file, save_file

from secondpass import CrossEncoderReranker, ModelFileError
from secondpass.models.tokenizer import load_tokenizer

EPSILON = 1e-12
PAIRS = [
    ("read a file", "csv"),
    ("read", "the date and the time " * 5),
    ("a b c", ""),
    ("names of a column in the file", "row and column, file reader"),
]


def norm(x, weights, name):
    mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    scaled = (x - mean) / np.sqrt(variance + EPSILON)
    return scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"]


def dense(x, weights, name):
    return x @ weights[f"{name}.weight"].T + weights.get(f"{name}.bias", 0)


def gelu(x):
    return x * 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


def softmax(x):
    raised = np.exp(x - x.max(-1, keepdims=True))
    return raised / raised.sum(-1, keepdims=True)


def layer(x, weights, number, bias=0.0):
    name = f"encoder.layer.{number}."
    parts = [
        dense(x, weights, f"{name}attention.self.{part}").reshape(len(x), HEADS, -1).swapaxes(0, 1)
        for part in ("query", "key", "value")
    ]
    logits = parts[0] @ parts[1].swapaxes(1, 2) / math.sqrt(WIDTH / HEADS) + bias
    seen = (softmax(logits) @ parts[2]).swapaxes(0, 1).reshape(len(x), WIDTH)
    x = norm(x + dense(seen, weights, f"{name}attention.output.dense"), weights,
             f"{name}attention.output.LayerNorm")  # fmt: skip
    fed = dense(
        gelu(dense(x, weights, f"{name}intermediate.dense")), weights, f"{name}output.dense"
    )
    return norm(x + fed, weights, f"{name}output.LayerNorm")


def embed(ids, weights):
    name = "embeddings."
    x = (
        weights[f"{name}word_embeddings.weight"][ids]
        + weights[f"{name}position_embeddings.weight"][: len(ids)]
        + weights[f"{name}token_type_embeddings.weight"][0]
    )
    return norm(x, weights, f"{name}LayerNorm")


def unit(x):
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def interaction(query, text, weights, prefix):
    projected = [unit(dense(side, weights, f"{prefix}projection")) for side in (query, text)]
    gate = softmax(dense(query, weights, f"{prefix}gate")[:, 0])
    return float(gate @ (projected[0] @ projected[1].T).max(1))


def logit(query_ids, text_ids, weights):
    """One pair, the sides computed apart before the join."""
    query, text = embed(query_ids, weights), embed(text_ids, weights)
    for number in range(JOIN):
        query, text = layer(query, weights, number), layer(text, weights, number)
    cosine = unit(query.mean(0)) @ unit(text.mean(0))
    early = weights["early.weights"] @ [cosine, interaction(query, text, weights, "early.")]
    side = np.repeat([0, 1], [len(query), len(text)])
    across = (side[:, None] != side) * weights["cross_bias"][0]
    x = layer(np.concatenate([query, text + weights["text_type"]]), weights, JOIN, across)
    query, text = x[: len(query)], x[len(query) :]
    product = unit(query.mean(0)) * unit(text.mean(0))
    parts = [product.sum(), interaction(query, text, weights, ""), early]
    read = np.concatenate([product * weights["product_scale"], x[0]])
    hidden = gelu(dense(read, weights, "classifier.dense"))
    return weights["weights"] @ parts + dense(hidden, weights, "classifier.out_proj")[0]


def test_scores_equal_the_formulas(late_join):
    reranker = CrossEncoderReranker(late_join, 64, precision="fp32", activation="identity")
    weights = load_file(late_join / "model.safetensors")
    tokenizer = load_tokenizer(late_join / "tokenizer.json")
    expected = []
    for query, text in PAIRS:
        encoded = tokenizer.encode(query, text)
        ids, types = np.array(encoded.ids), np.array(encoded.type_ids)
        expected.append(logit(ids[types == 0], ids[types == 1], weights))
    assert reranker.predict(PAIRS) == pytest.approx(expected, abs=2e-4)


def test_a_missing_part_of_the_head_is_named(late_join, tmp_path):
    broken = tmp_path / "broken"
    shutil.copytree(late_join, broken)
    weights = load_file(late_join / "model.safetensors")
    del weights["early.gate.bias"], weights["early.gate.weight"]
    save_file(weights, broken / "model.safetensors")
    with pytest.raises(ModelFileError, match=r"early\.gate\.weight"):
        CrossEncoderReranker(broken, 64, precision="fp32")


def test_the_join_has_to_be_in_the_config(late_join, tmp_path):
    broken = tmp_path / "broken"
    shutil.copytree(late_join, broken)
    config = json.loads((late_join / "config.json").read_text())
    del config["join_layer"]
    (broken / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelFileError, match="join_layer"):
        CrossEncoderReranker(broken, 64, precision="fp32")
