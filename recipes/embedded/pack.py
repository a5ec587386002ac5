"""python -m recipes.embedded.pack FOLDER: what the machine with the GPU needs, and no more.

Training texts and development collections as token ids, the teachers' weights: four sub-folders,
each of which fits through a limit of 60 MiB.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from recipes.embedded.pack_dev import pack_collection, pack_stdlib
from recipes.embedded.pack_models import pack_models
from recipes.embedded.ragged import save_arrays, texts_to_arrays
from recipes.embedded.settings import RECIPE, Settings, Source, read_settings
from secondpass.jsonl import read_objects
from secondpass.models.embedded import BI_ENCODER, embedded_folder

DATA = Path(__file__).parents[3] / "shared" / "data"
SHUFFLE_SEED, LONG_SEED = 13, 14
# How many negatives of its own a query may have.
OWN = 3
# A token has so many characters at most; what is behind them is not looked at.
_CHARACTERS = 8
_TEXTS_AT_A_TIME = 4096


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the folder."""
    options = parse(arguments)
    settings = read_settings(options.recipe)
    texts = options.folder / "texts"
    save_arrays(texts / "texts.npz.xz", training_arrays(options, settings))
    save_arrays(texts / "dev.npz.xz", dev_arrays(options, settings))
    if options.wheels:
        pack_models(options.wheels, options.folder)
    for file in sorted(options.folder.rglob("*.*")):
        print(f"{file.stat().st_size / 2**20:6.1f} MiB {file}")


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--wheels", type=Path, help="folder of the two wheels of teachers.txt")
    parser.add_argument(
        "--train", type=Path, nargs="+", default=[DATA / "train"], help="of SOURCE.jsonl.gz"
    )
    parser.add_argument("--dev", type=Path, default=DATA / "eval", help="folder of collections")
    parser.add_argument("--questions", type=Path, default=DATA / "stdlib_questions.json")
    parser.add_argument("--recipe", type=Path, default=RECIPE)
    dry = parser.add_argument_group("for a dry run")
    dry.add_argument("--most", type=int, default=sys.maxsize, help="queries of each source")
    dry.add_argument("--sources", nargs="+", help="only these (default: all)")
    dry.add_argument("--collections", nargs="+", help="only these; stdlib is one (default: all)")
    return parser.parse_args(arguments)


class PairTokenizer:
    """Tokenizes texts as the models do, without special tokens."""

    def __init__(self) -> None:
        self._tokenizer = Tokenizer.from_file(str(embedded_folder(BI_ENCODER) / "tokenizer.json"))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()

    def __call__(self, texts: Sequence[str], limits: int | Sequence[int]) -> list[list[int]]:
        """Return each text's ids, cut at its limit."""
        limits = [limits] * len(texts) if isinstance(limits, int) else limits
        cut = [text[: limit * _CHARACTERS] for text, limit in zip(texts, limits, strict=True)]
        ids: list[list[int]] = []
        for start in range(0, len(cut), _TEXTS_AT_A_TIME):
            block = cut[start : start + _TEXTS_AT_A_TIME]
            encoded = self._tokenizer.encode_batch(block, add_special_tokens=False)
            ids += [encoding.ids for encoding in encoded]
        return [row[:limit] for row, limit in zip(ids, limits, strict=True)]


@dataclass(slots=True)
class TrainingTexts:
    """Distinct passages, numbered as they come, and queries with what is known of them."""

    passages: dict[str, int] = field(default_factory=dict)
    queries: list[str] = field(default_factory=list)
    source: list[int] = field(default_factory=list)
    positive: list[int] = field(default_factory=list)
    own: list[list[int]] = field(default_factory=list)
    long: list[bool] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    ranges: list[tuple[int, int]] = field(default_factory=list)

    def add_source(self, name: str, rows: list[dict[str, Any]], source: Source, most: int) -> None:
        """Add a source's queries and passages."""
        first = len(self.passages)
        random.Random(SHUFFLE_SEED).shuffle(rows)
        for query, row in _distinct_queries(rows, min(source.queries, most)):
            negatives = row.get("negatives", ())[: source.negatives]
            own = [self._number(text) for text in negatives if text.strip()]
            self._add_query(query, self._number(row["positive"]), own, long=False)
        passages = [text for text, number in self.passages.items() if number >= first]
        random.Random(LONG_SEED).shuffle(passages)
        for text in passages[: min(source.long, most)]:
            self._add_query(text, self.passages[text], [], long=True)
        self.names.append(name)
        self.kinds.append(source.kind)
        self.ranges.append((first, len(self.passages)))

    def to_arrays(self, tokenize: PairTokenizer, settings: Settings) -> dict[str, NDArray[Any]]:
        """Return what texts.npz.xz holds."""
        tokens = settings.tokens
        limits = [tokens.long_query if long else tokens.query for long in self.long]
        return {
            **texts_to_arrays("passages", tokenize(list(self.passages), tokens.passage)),
            **texts_to_arrays("queries", tokenize(self.queries, limits)),
            "source": np.array(self.source, np.int16),
            "positive": np.array(self.positive, np.int32),
            "own": np.array([(own + [-1] * OWN)[:OWN] for own in self.own], np.int32),
            "long": np.array(self.long, bool),
            "ranges": np.array(self.ranges, np.int32),
            "names": np.array(self.names),
            "kinds": np.array(self.kinds),
        }

    def _number(self, text: str) -> int:
        return self.passages.setdefault(text, len(self.passages))

    def _add_query(self, text: str, positive: int, own: list[int], *, long: bool) -> None:
        self.queries.append(text)
        self.source.append(len(self.names))
        self.positive.append(positive)
        self.own.append(own)
        self.long.append(long)


def training_arrays(options: argparse.Namespace, settings: Settings) -> dict[str, NDArray[Any]]:
    """Return passages and queries; a query has its source, positive and own negatives (-1 fills).

    Passages of a source stand together, passages `ranges[n]` are those of source n.
    """
    texts = TrainingTexts()
    for file in (file for folder in options.train for file in sorted(folder.glob("*.jsonl.gz"))):
        name = file.name.removesuffix(".jsonl.gz")
        if options.sources is None or name in options.sources:
            rows = [row for _, row in read_objects(file)]
            texts.add_source(name, rows, settings.source(name), options.most)
            first, last = texts.ranges[-1]
            queries = texts.source.count(len(texts.names) - 1)
            print(f"{name}: {queries} queries, {last - first} passages", flush=True)
    return texts.to_arrays(PairTokenizer(), settings)


def dev_arrays(options: argparse.Namespace, settings: Settings) -> dict[str, NDArray[Any]]:
    """Return each collection's documents, judged queries, judgements, and BM25's candidates."""
    folders = sorted(path for path in options.dev.iterdir() if path.is_dir())
    wanted = options.collections or [*(folder.name for folder in folders), "stdlib"]
    tokenize, names = PairTokenizer(), []
    arrays: dict[str, NDArray[Any]] = {}
    for folder in folders:
        if folder.name in wanted:
            arrays |= pack_collection(folder, tokenize, settings, options.most)
            names.append(folder.name)
    if "stdlib" in wanted:
        arrays |= pack_stdlib(options.questions, tokenize, settings, options.most)
        names.append("stdlib")
    return {"names": np.array(names), **arrays}


def _distinct_queries(
    rows: Sequence[dict[str, Any]], most: int
) -> Iterator[tuple[str, dict[str, Any]]]:
    seen: set[str] = set()
    for row in rows:
        query = row["query"].strip()
        if query and query not in seen and len(seen) < most:
            seen.add(query)
            yield query, row


if __name__ == "__main__":
    main()
