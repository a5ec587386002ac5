"""What every contestant gets: the same weights, the same queries, the same candidates."""

from __future__ import annotations

import json
import random
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer

from secondpass.demo.stdlib_docs import stdlib_documents

QUERIES = (
    "read a csv file whose first row names the columns",
    "run a function later in another thread and wait for its result",
    "remove a folder and everything in it",
    "parse a date with its time zone",
    "compress a stream of bytes",
    "send a request and follow redirects",
    "sort a list of tuples by the second item",
)


@dataclass(frozen=True)
class Work:
    """A folder with fp32 weights, room for what a contestant makes of them, and the texts."""

    model: str
    scratch: str
    queries: list[str]
    candidates: list[list[str]]
    calibration: list[list[str]]
    max_length: int = 512

    def save(self, file: Path) -> None:
        """Write it for the contestants' processes."""
        file.write_text(json.dumps(asdict(self)))

    @classmethod
    def load(cls, file: Path) -> Work:
        """Read it in a contestant's process."""
        return cls(**json.loads(file.read_text()))


def make_work(model: Path, scratch: Path, *, rounds: int, depth: int, seed: int) -> Work:
    """Draw `rounds` lists of `depth` candidates; other documents are kept for calibration."""
    chance = random.Random(seed)
    folder = as_float32(model, scratch / "model")
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    texts = [document.text for document in stdlib_documents()]
    # Docstrings are short; what is searched in practice is longer. From 130 tokens on they average
    # about 240 when cut at the model's limit.
    lengths = [len(encoding.ids) for encoding in tokenizer.encode_batch(texts)]
    long = [text for text, length in zip(texts, lengths, strict=True) if length >= 130]
    chance.shuffle(long)
    calibration, pool = long[:300], long[300:]
    queries = [QUERIES[at % len(QUERIES)] for at in range(rounds)]
    return Work(
        model=str(folder),
        scratch=str(scratch),
        queries=queries,
        candidates=[chance.sample(pool, depth) for _ in range(rounds)],
        calibration=[[chance.choice(QUERIES), text] for text in calibration],
    )


def token_counts(work: Work) -> list[int]:
    """Return the tokens of each pair as the model takes it, cut at `max_length`."""
    tokenizer = Tokenizer.from_file(str(Path(work.model) / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(work.max_length, strategy="only_second")
    pairs = [
        (query, text)
        for query, texts in zip(work.queries, work.candidates, strict=True)
        for text in texts
    ]
    return [len(encoding.ids) for encoding in tokenizer.encode_batch(pairs)]


def as_float32(model: Path, folder: Path) -> Path:
    """Copy a model with its weights in float32: half precision would slow torch on a CPU."""
    shutil.copytree(model, folder, copy_function=shutil.copyfile)
    tensors = load_file(model / "model.safetensors")
    plain = {
        name: value.astype(np.float32) if value.dtype == np.float16 else value
        for name, value in tensors.items()
    }
    save_file(plain, folder / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    config.pop("torch_dtype", None)
    (folder / "config.json").write_text(json.dumps(config | {"dtype": "float32"}))
    return folder
