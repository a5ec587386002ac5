"""python -m recipes.embedded.label: on the device: mine candidates, score them by all teachers, choose the ensemble's weights."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch

from recipes.embedded import dev as development
from recipes.embedded.bert import Ragged
from recipes.embedded.mine import (
    BGE,
    BM25,
    CANDIDATES,
    MINILM,
    bm25_best,
    bm25_weights,
    choose,
    nearest,
)
from recipes.embedded.teachers import NAMES, Teachers, encode, score, to_numpy

BEGUN = time.monotonic()


def report(text: str) -> None:
    print(f"[{time.monotonic() - BEGUN:6.1f}] {text}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data", type=Path, required=True, help="folder of texts.npz.xz and dev.npz.xz"
    )
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--device", default="cuda")
    parser.add_argument(
        "--seconds", type=float, default=1e9, help="score no further query after this long"
    )
    parser.add_argument("--dev-queries", type=int, default=development.MOST_QUERIES)
    parser.add_argument("--dev-sets", nargs="*")
    arguments = parser.parse_args()
    torch.backends.cuda.matmul.allow_tf32 = True
    device = arguments.device
    teachers = Teachers.load(arguments.models, device)
    report("teachers loaded")
    arrays = development.load(arguments.data / "dev.npz.xz")
    names = [
        str(name)
        for name in arrays["names"]
        if not arguments.dev_sets or name in arguments.dev_sets
    ]
    sets = [
        development.open_dev(arrays, name, teachers, device, arguments.dev_queries, report)
        for name in names
    ]
    spread = development.spreads(sets)
    report(f"spreads {dict(zip(NAMES, spread.round(4).tolist(), strict=True))}")
    weights = development.choose_weights(sets, spread, report)
    np.savez_compressed(
        arguments.out / "dev_scores.npz",
        spread=spread,
        **{f"weights.{kind}": value for kind, value in weights.items()},
        **{
            f"{one.name}.{field}": getattr(one, field)
            for one in sets
            for field in ("candidates", "gains", "ideal")
        },
        **{f"{one.name}.scores": one.scores.astype(np.float16) for one in sets},
        **{f"{one.name}.in.{pool}": value for one in sets for pool, value in one.in_pool.items()},
        **{
            f"{one.name}.{field}": value
            for one in sets
            for field, value in zip(
                ("query_ids", "query_lengths"),
                (one.queries.ids.astype(np.uint16), one.queries.lengths.astype(np.uint16)),
                strict=True,
            )
        },
    )
    report("development done")
    label(arguments, teachers, device)


def label(arguments: argparse.Namespace, teachers: Teachers, device: str) -> None:
    """Write candidates [queries, CANDIDATES] and float16 scores [queries, CANDIDATES, 4] in two files."""
    arrays = development.load(arguments.data / "texts.npz.xz")
    passages, queries = (
        Ragged(arrays["passages.ids"], arrays["passages.lengths"]),
        Ragged(arrays["queries.ids"], arrays["queries.lengths"]),
    )
    report(
        f"{len(passages):,} passages of {passages.lengths.sum():,} tokens, {len(queries):,} queries of {queries.lengths.sum():,}"
    )
    on_texts, on_queries = passages.to(device), queries.to(device)
    of_texts = encode(teachers, on_texts, queries=False)
    report("passages encoded")
    of_queries = encode(teachers, on_queries, queries=True)
    report("queries encoded")
    random = np.random.default_rng(17)
    candidates = np.full((len(queries), CANDIDATES), -1, np.int32)
    for source, (first, last) in enumerate(arrays["ranges"].tolist()):
        rows = np.flatnonzero(arrays["source"] == source)
        if not len(rows):
            continue
        weights = bm25_weights(passages, first, last, device)
        words = [
            queries.ids[queries.starts[row] : queries.starts[row] + queries.lengths[row]]
            for row in rows
        ]
        at = torch.as_tensor(rows, device=device)
        pools = [
            (bm25_best(weights, words, BM25[0], device), BM25[1]),
            (nearest(of_texts.bge[first:last], of_queries.bge[at], BGE[0]), BGE[1]),
            (nearest(of_texts.minilm[first:last], of_queries.minilm[at], MINILM[0]), MINILM[1]),
        ]
        own = np.where(arrays["own"][rows] >= 0, arrays["own"][rows] - first, -1)
        chosen = choose(
            arrays["positive"][rows] - first, own, arrays["long"][rows], pools, last - first, random
        )
        candidates[rows] = np.where(chosen >= 0, chosen + first, -1)
    report("candidates mined")
    table = np.zeros((*candidates.shape, len(NAMES)), np.float16)
    done, pairs = 0, 0
    for block in np.array_split(random.permutation(len(queries)), max(1, len(queries) // 8000)):
        if time.monotonic() - BEGUN > arguments.seconds:
            candidates[block] = -1
            continue
        asked, place = np.nonzero(candidates[block] >= 0)
        asked = block[asked]
        scores = score(
            teachers,
            on_queries,
            on_texts,
            of_queries,
            of_texts,
            torch.as_tensor(asked, device=device),
            torch.as_tensor(candidates[asked, place].astype(np.int64), device=device),
        )
        table[asked, place] = to_numpy(scores)
        done, pairs = done + len(block), pairs + len(asked)
        if done // len(block) % 4 == 1:
            report(f"{done:,} of {len(queries):,} queries, {pairs:,} pairs")
    np.save(arguments.out / "candidates.npy", candidates)
    np.save(arguments.out / "scores01.npy", table[..., :2])
    np.save(arguments.out / "scores23.npy", table[..., 2:])
    report(f"{done:,} queries, {pairs:,} pairs scored")


if __name__ == "__main__":
    main()
