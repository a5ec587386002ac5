"""Measure the torch engine on a GPU beside sentence-transformers, in under four minutes.

    python -m scripts.gpu_speed --out gpu.json
    python -m scripts.gpu_speed --dry-run          # tiny shapes on the CPU

Random weights of true shapes and pairs of random words, of 20 to 512 tokens. Each setting of
sentence-transformers (type, batch size) is tried once, and its best one is measured beside ours,
in turns in one process, each turn a call on the same pairs. The matrix rate is that of a product
of two large matrices in the same type, measured here; the share is what a model's products take of
it, counted over the tokens without padding.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

QUERY_WORDS = 8


@dataclass(frozen=True)
class Shape:
    """An encoder's size."""

    name: str
    layers: int
    width: int
    heads: int
    feed: int
    words: int = 30_522

    def flops(self, lengths: Sequence[int]) -> float:
        """Return the operations of all layers' products over rows of these lengths."""
        tokens = float(sum(lengths))
        squares = float(sum(length * length for length in lengths))
        linear = 2 * tokens * (4 * self.width**2 + 2 * self.width * self.feed)
        return self.layers * (linear + 4 * squares * self.width)


SHAPES = (
    Shape("MiniLM-L6", 6, 384, 12, 1536),
    Shape("BERT-base (bge-reranker-base)", 12, 768, 12, 3072),
    Shape("BERT-large (bge-reranker-v2-m3)", 24, 1024, 16, 4096),
)
TINY = (Shape("tiny", 2, 32, 4, 64, words=200),)


def save(shape: Shape, folder: Path) -> None:
    """Write a seeded random cross-encoder of a shape, with a tokenizer of one token a word."""
    import torch
    import transformers
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    vocabulary = {
        word: at for at, word in enumerate(("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"))
    }
    vocabulary |= {f"w{at}": at for at in range(len(vocabulary), shape.words)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, "[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
        model_max_length=512,
    ).save_pretrained(folder)
    torch.manual_seed(7)
    config = transformers.BertConfig(
        vocab_size=shape.words,
        hidden_size=shape.width,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        intermediate_size=shape.feed,
        num_labels=1,
    )
    transformers.BertForSequenceClassification(config).save_pretrained(folder)


def pairs_of(count: int, longest: int, words: int) -> tuple[list[tuple[str, str]], list[int]]:
    """Return pairs, and how many tokens each has with its special tokens."""
    random = np.random.default_rng(11)
    least = QUERY_WORDS + 4
    lengths = random.integers(min(20, longest // 2), longest + 1, count).clip(least, longest)

    def text(size: int) -> str:
        return " ".join(f"w{at}" for at in random.integers(5, words, size))

    query = text(QUERY_WORDS)
    pairs = [(query, text(int(length) - QUERY_WORDS - 3)) for length in lengths]
    return pairs, [int(length) for length in lengths]


def seconds(call: Callable[[], Any]) -> float:
    """Return how long a call takes; what it launched is waited for."""
    import torch

    started = time.perf_counter()
    call()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - started


def matrix_rate(device: str, kind: Any, size: int) -> float:
    """Return the operations a second of a product of two square matrices, the best of some."""
    import torch

    left, right = (torch.randn(size, size, device=device, dtype=kind) for _ in range(2))
    left @ right
    return 2 * float(size) ** 3 / min(seconds(lambda: left @ right) for _ in range(10))


def peers(folder: Path, device: str, kinds: Sequence[Any], sizes: Sequence[int]) -> Any:
    """Yield sentence-transformers' settings: a label, and what scores pairs."""
    import torch
    from sentence_transformers import CrossEncoder

    for kind in kinds:
        model = CrossEncoder(
            str(folder),
            device=device,
            model_kwargs={"dtype": kind, "attn_implementation": "sdpa"},
            activation_fn=torch.nn.Identity(),
        )
        for size in sizes:
            label = f"{str(kind).removeprefix('torch.')}, batch of {size}"
            yield label, lambda pairs, model=model, size=size: model.predict(pairs, batch_size=size)


def measure(
    shape: Shape, device: str, turns: int, count: int, sizes: Sequence[int]
) -> dict[str, Any]:
    """Return the figures of one shape."""
    import torch

    from secondpass import CrossEncoderReranker
    from secondpass.engine import load
    from secondpass.engine.torch import TorchEngine, arithmetic

    longest = 64 if shape in TINY else 512
    pairs, lengths = pairs_of(count, longest, shape.words)
    narrow = torch.bfloat16 if arithmetic(device, "auto") != "f16" else torch.float16
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        save(shape, folder)
        # On a CPU OpenVINO would run it.
        with patch.object(load, "selected", return_value="torch"):
            ours = CrossEncoderReranker(folder, longest, device=device, activation="identity")
        assert isinstance(ours.models[0].engine, TorchEngine)
        tried = {}
        for label, score in peers(folder, device, (narrow, torch.float16), sizes):
            score(pairs[: max(sizes)])
            tried[label] = (seconds(lambda score=score: score(pairs)), score)
        best = min(tried, key=lambda label: tried[label][0])
        peer = tried[best][1]
        ours.predict(pairs)
        taken: dict[str, list[float]] = {"ours": [], "peer": []}
        for _ in range(turns):
            taken["ours"].append(seconds(lambda: ours.predict(pairs)))
            taken["peer"].append(seconds(lambda: peer(pairs)))
        computed = ours.info.arithmetic
        apart = float(np.abs(ours.predict(pairs) - peer(pairs)).max())
    rate = matrix_rate(device, narrow, 256 if shape in TINY else 8192)
    median = {name: statistics.median(of) for name, of in taken.items()}
    return {
        "shape": shape.name,
        "arithmetic": computed,
        "peer": best,
        "pairs_a_second": {name: count / of for name, of in median.items()},
        "share_of_matrix_rate": {
            name: shape.flops(lengths) / of / rate for name, of in median.items()
        },
        "matrix_flops_a_second": rate,
        "seconds": taken,
        "peer_tried_seconds": {label: of for label, (of, _) in tried.items()},
        "largest_difference": apart,
    }


def main() -> None:
    """Measure every shape and print a line of each."""
    import torch

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="where the figures go, as JSON")
    parser.add_argument("--dry-run", action="store_true", help="tiny shapes on the CPU")
    parser.add_argument("--minutes", type=float, default=3.5, help="no shape is begun after it")
    given = parser.parse_args()
    if not given.dry_run and not torch.cuda.is_available():
        parser.error("torch finds no CUDA device; --dry-run runs tiny shapes on the CPU")
    device = "cpu" if given.dry_run else "cuda"
    card = "none" if given.dry_run else torch.cuda.get_device_name()
    print(f"device {device}, card {card}, torch {torch.__version__}")
    started, figures = time.perf_counter(), []
    for shape in TINY if given.dry_run else SHAPES:
        if time.perf_counter() - started > 60 * given.minutes * 0.6:
            print(f"{shape.name}: left out, {given.minutes} minutes are over")
            continue
        count, sizes = (60, (16,)) if given.dry_run else (3000, (64, 128, 256))
        found = measure(shape, device, 2 if given.dry_run else 5, count, sizes)
        figures.append(found)
        speed, share = found["pairs_a_second"], found["share_of_matrix_rate"]
        print(
            f"{shape.name}: {speed['ours']:,.0f} pairs/s, {share['ours']:.0%} of the matrix rate; "
            f"sentence-transformers ({found['peer']}) {speed['peer']:,.0f}, {share['peer']:.0%}; "
            f"scores differ by {found['largest_difference']:.2g}"
        )
    if given.out:
        result = {"card": card, "torch": torch.__version__, "figures": figures}
        given.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
