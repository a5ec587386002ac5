"""python -m benchmarks.nothing_twice: the same searches with and without, one after the other.

Every round runs all variants, so a busy moment meets them all; ratios are of medians, with the
quartiles of the rounds' own ratios. The texts are the docstrings of the running Python.
"""

from __future__ import annotations

import itertools
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles

import click
import numpy as np

from secondpass import CrossEncoderReranker, Embedder, Index
from secondpass.demo.stdlib_docs import stdlib_documents
from secondpass.types import Timings

QUERIES = (
    "how do I read a csv file",
    "wait for a thread to finish",
    "parse a date with a time zone",
    "sort a list by a key",
    "make a temporary folder",
)

Runs = dict[str, list[float]]


@click.command()
@click.option("--depth", default=100, show_default=True)
@click.option("--documents", default=2000, show_default=True)
@click.option("--rounds", default=5, show_default=True, help="Passes over the five queries.")
def main(depth: int, documents: int, rounds: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        index = Index.create(Path(folder) / "index", Embedder())
        index.add(itertools.islice(stdlib_documents(), documents))
        found = {query: index.search(query, depth) for query in QUERIES}
        texts = {query: [document.text for document in found[query]] for query in QUERIES}
        rows = {
            "stored token ids": measure_ids(texts, rounds),
            "cache in memory": measure_cache(texts, rounds, lambda _: "memory"),
            "cache in a folder": measure_cache(
                texts, rounds, lambda at: str(Path(folder) / f"scores-{at}")
            ),
            "logits, alone and together": {"largest difference": [difference(texts)]},
        }
    for name, runs in rows.items():
        print(json.dumps({"what": name, "depth": depth} | summary(runs)))


def measure_ids(texts: dict[str, list[str]], rounds: int) -> Runs:
    """Time a rerank of strings and of the same texts with their ids."""
    reranker = CrossEncoderReranker()
    runs: Runs = {name: [] for name in ("tokenise", "tokenise, ids", "rerank", "rerank, ids")}
    for at, query in enumerate(list(texts) * (rounds + 1)):
        plain = reranker.rank(query, [str(text) for text in texts[query]]).timings
        brought = reranker.rank(query, texts[query]).timings
        if at >= len(texts):  # the first round compiles each shape
            for name, timings in (("", plain), (", ids", brought)):
                runs[f"tokenise{name}"].append(timings.tokenise_ms)
                runs[f"rerank{name}"].append(timings.total_ms)
    return runs


def measure_cache(texts: dict[str, list[str]], rounds: int, where: Callable[[int], str]) -> Runs:
    """Time a query's first rerank and its second, with a new cache every round."""
    runs: Runs = {"first": [], "repeated": []}
    for at in range(rounds + 1):
        reranker = CrossEncoderReranker(cache=where(at))
        for query, candidates in texts.items():
            strings = [str(text) for text in candidates]
            first, again = (reranker.rank(query, strings).timings for _ in range(2))
            check(first, again)
            if at:
                runs["first"].append(first.total_ms)
                runs["repeated"].append(again.total_ms)
    return runs


def check(first: Timings, again: Timings) -> None:
    if again.cached != again.candidates or again.tokens:
        raise SystemExit(f"the second call read something: {again}")
    if first.cached > first.candidates - first.cached:
        raise SystemExit(f"most of the first call was known before: {first}")


def difference(texts: dict[str, list[str]]) -> float:
    """Return by how much a logit depends on who shares its batch."""
    reranker = CrossEncoderReranker(activation="identity")
    pairs = [(query, str(text)) for query, some in texts.items() for text in some[:20]]
    together = reranker.predict(pairs)
    alone = np.concatenate([reranker.predict([pair]) for pair in pairs])
    return float(np.abs(together - alone).max())


def summary(runs: Runs) -> dict[str, object]:
    """Return medians, and for each pair of variants the ratio of the second to the first."""
    medians = {name: round(median(values), 4) for name, values in runs.items()}
    names = list(runs)
    ratios = {}
    for before, after in zip(names[::2], names[1::2], strict=False):
        each = [new / old for old, new in zip(runs[before], runs[after], strict=True)]
        low, _, high = quantiles(each, n=4)
        ratios[f"{after} / {before}"] = {
            "of medians": round(medians[after] / medians[before], 4),
            "quartiles": [round(low, 4), round(high, 4)],
        }
    return {"median": medians, "ratio": ratios, "runs": len(runs[names[0]])}


if __name__ == "__main__":
    main()
