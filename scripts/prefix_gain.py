"""Times a decoder with and without its prefix computed once, on random weights of Qwen3's shape.

python -m scripts.prefix_gain --layers 4 --texts 24: interleaved rounds of one rerank each, at each
precision, with the largest difference of two logits. The tokenizer is that of a tiny model, so the
counts of tokens are printed, not those of a real vocabulary.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
from safetensors.numpy import save_file

from secondpass import CrossEncoderReranker

TINY = Path(__file__).parent.parent / "tests" / "parity" / "qwen3-causal"
# Qwen3-Reranker-0.6B, but for its layers and its vocabulary.
SIZES = {
    "hidden_size": 1024,
    "intermediate_size": 3072,
    "num_attention_heads": 16,
    "num_key_value_heads": 8,
    "head_dim": 128,
}
ROUNDS = 5
QUERY = "how are the rows of a csv file read, and what closes it"


def make_model(folder: Path, layers: int, sizes: dict[str, int] | None = None) -> None:
    """Write a random model of that many layers."""
    shutil.copytree(TINY, folder)
    config = json.loads((folder / "config.json").read_text())
    config |= {**(sizes or SIZES), "num_hidden_layers": layers}
    config["layer_types"] = ["full_attention"] * layers
    (folder / "config.json").write_text(json.dumps(config))
    random = np.random.default_rng(0)
    width, feed, head = (config[key] for key in ("hidden_size", "intermediate_size", "head_dim"))
    queries, keys = (head * config[key] for key in ("num_attention_heads", "num_key_value_heads"))
    shapes: dict[str, tuple[int, ...]] = {
        "self_attn.q_proj": (queries, width),
        "self_attn.k_proj": (keys, width),
        "self_attn.v_proj": (keys, width),
        "self_attn.o_proj": (width, queries),
        "self_attn.q_norm": (head,),
        "self_attn.k_norm": (head,),
        "mlp.gate_proj": (feed, width),
        "mlp.up_proj": (feed, width),
        "mlp.down_proj": (width, feed),
        "input_layernorm": (width,),
        "post_attention_layernorm": (width,),
    }
    every = {"embed_tokens": (config["vocab_size"], width), "norm": (width,)}
    every |= {
        f"layers.{at}.{name}": shape for at in range(layers) for name, shape in shapes.items()
    }
    weights = {f"model.{name}.weight": _drawn(random, shape) for name, shape in every.items()}
    save_file(weights, folder / "model.safetensors")


def _drawn(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    if len(shape) == 1:
        return 1 + 0.3 * random.standard_normal(shape, np.float32)
    return random.standard_normal(shape, np.float32) / np.float32(shape[-1] ** 0.5)


def texts_of(count: int) -> list[str]:
    """Return texts of some 60 to 130 tokens."""
    return [f"{at} rows are read and then a lock is free, " * (3 + at % 4) for at in range(count)]


def gain(reranker: CrossEncoderReranker, texts: Sequence[str]) -> tuple[float, float, float]:
    """Return seconds with the prefix once and in each text, and the difference of logits."""
    policies = [replace(reranker.model._policy, prefixes=once) for once in (True, False)]
    seconds: list[list[float]] = [[], []]
    logits: list[np.ndarray] = [np.zeros(0), np.zeros(0)]
    for number in range(ROUNDS + 1):
        for step in range(2):
            at = (number + step) % 2
            reranker.model._policy = policies[at]
            begun = perf_counter()
            logits[at] = reranker.score(QUERY, texts).logits
            if number:  # the first is to warm
                seconds[at].append(perf_counter() - begun)
    once, each = (median(times) for times in seconds)
    return once, each, float(np.abs(logits[0] - logits[1]).max())


def main() -> None:
    """Make the model, time it, print a line for each precision."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--texts", type=int, default=24)
    parser.add_argument("--precision", nargs="+", default=["fp32", "auto"])
    arguments = parser.parse_args()
    texts = texts_of(arguments.texts)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "model"
        make_model(folder, arguments.layers)
        for precision in arguments.precision:
            with CrossEncoderReranker(folder, precision=precision, cache_dir=place) as reranker:
                prepared = reranker.model.prepare(QUERY, texts)
                head = len(prepared.sequences[0].query)
                once, each, apart = gain(reranker, texts)
                print(
                    f"{precision} ({reranker.info.arithmetic}, {reranker.info.threads} threads): "
                    f"{len(texts)} texts, {prepared.stats.tokens} tokens, prefix of {head}: "
                    f"{each:.2f} s, prefix once {once:.2f} s: {each / once:.2f} times, "
                    f"logits differ by at most {apart:.1e}"
                )


if __name__ == "__main__":
    main()
