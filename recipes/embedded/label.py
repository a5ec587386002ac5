"""python -m recipes.embedded.label: on the device, candidates and the teachers' scores of them.

Writes candidates.npy [queries, candidates], its float16 scores [queries, candidates, 4] in two
files (the first two teachers, the other two), and dev_scores.npz: the same of the development
collections, and the ensemble's weights.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from recipes.embedded.dev import score_collection
from recipes.embedded.ensemble import choose_weights, spreads
from recipes.embedded.mine import (
    Candidates,
    bm25_best,
    bm25_weights,
    choose,
    nearest,
    sources,
)
from recipes.embedded.progress import Progress
from recipes.embedded.ragged import Arrays, Ragged, load_arrays, texts_from_arrays
from recipes.embedded.settings import RECIPE, TEACHERS, Mining, Settings, read_settings
from recipes.embedded.teachers import Side, Teachers, encode, score

QUERIES_AT_A_TIME = 8000


def main(arguments: list[str] | None = None) -> None:
    """Score the development collections, then the training queries until time is up."""
    options = parse(arguments)
    settings, progress = read_settings(options.recipe), Progress()
    torch.backends.cuda.matmul.allow_tf32 = True
    teachers = Teachers.read(options.models, options.device)
    progress("teachers loaded")
    options.out.mkdir(parents=True, exist_ok=True)
    label_dev(options, settings, teachers, progress)
    label_training(options, settings, teachers, progress)


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pack", type=Path, required=True, help="texts.npz.xz and dev.npz.xz")
    parser.add_argument("--models", type=Path, required=True, help="folder of .safetensors files")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--recipe", type=Path, default=RECIPE)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--minutes", type=float, default=math.inf, help="begin no block later")
    return parser.parse_args(arguments)


def label_dev(
    options: argparse.Namespace, settings: Settings, teachers: Teachers, progress: Progress
) -> None:
    """Write dev_scores.npz."""
    arrays = load_arrays(options.pack / "dev.npz.xz")
    tables = [
        score_collection(arrays, str(name), teachers, settings.dev, options.device, progress)
        for name in arrays["names"]
    ]
    spread = spreads(tables)
    named = dict(zip(TEACHERS, spread.round(4).tolist(), strict=True))
    progress(f"spreads {named}")
    weights = choose_weights(tables, spread, settings.dev.kinds, progress)
    kept = {"spread": spread} | {f"weights.{kind}": value for kind, value in weights.items()}
    for table in tables:
        kept |= table.to_arrays()
    np.savez_compressed(options.out / "dev_scores.npz", **kept)
    progress("development done")


def label_training(
    options: argparse.Namespace, settings: Settings, teachers: Teachers, progress: Progress
) -> None:
    """Write candidates.npy, scores01.npy and scores23.npy."""
    arrays = load_arrays(options.pack / "texts.npz.xz")
    passages, queries = (texts_from_arrays(arrays, name) for name in ("passages", "queries"))
    progress(f"{described(passages, 'passages')}, {described(queries, 'queries')}")
    text_side = encode(teachers, passages, options.device, queries=False)
    progress("passages encoded")
    query_side = encode(teachers, queries, options.device, queries=True)
    progress("queries encoded")
    random = np.random.default_rng(settings.mining.seed)
    candidates = mine_candidates(arrays, query_side, text_side, settings.mining, random)
    progress("candidates mined")
    order = random.permutation(len(queries))
    seconds = 60 * options.minutes
    scores = score_candidates(teachers, query_side, text_side, candidates, order, seconds, progress)
    np.save(options.out / "candidates.npy", candidates)
    np.save(options.out / "scores01.npy", scores[..., :2])
    np.save(options.out / "scores23.npy", scores[..., 2:])


def described(texts: Ragged, name: str) -> str:
    """Return how many texts and tokens there are, for the log."""
    return f"{len(texts):,} {name} of {texts.lengths.sum():,} tokens"


def mine_candidates(
    arrays: Arrays, queries: Side, texts: Side, mining: Mining, random: np.random.Generator
) -> NDArray[np.int32]:
    """Return each query's candidates [queries, candidates] out of its own source, -1 filled."""
    candidates = np.full((len(arrays["source"]), mining.candidates), -1, np.int32)
    for first, last, rows in sources(arrays["ranges"], arrays["source"]):
        own = arrays["own"][rows]
        chosen = choose(
            arrays["positive"][rows] - first,
            np.where(own >= 0, own - first, -1),
            arrays["long"][rows],
            source_pools(queries, texts, mining, first, last, rows),
            last - first,
            mining,
            random,
        )
        candidates[rows] = np.where(chosen >= 0, chosen + first, -1)
    return candidates


def source_pools(
    queries: Side,
    texts: Side,
    mining: Mining,
    first: int,
    last: int,
    rows: NDArray[np.intp],
) -> list[Candidates]:
    """Return what each first stage finds for a source's queries in passages first to last."""
    device = texts.bge.device
    weights = bm25_weights(texts.ragged, first, last, device)
    tokens = [queries.ragged[row] for row in rows]
    places = torch.as_tensor(rows, device=device)
    return [
        (bm25_best(weights, tokens, mining.bm25.depth, device), mining.bm25.weight),
        (
            nearest(texts.bge[first:last], queries.bge[places], mining.bge.depth),
            mining.bge.weight,
        ),
        (
            nearest(texts.minilm[first:last], queries.minilm[places], mining.minilm.depth),
            mining.minilm.weight,
        ),
    ]


def score_candidates(
    teachers: Teachers,
    queries: Side,
    texts: Side,
    candidates: NDArray[np.int32],
    order: NDArray[np.intp],
    seconds: float,
    progress: Progress,
) -> NDArray[np.float16]:
    """Return the teachers' scores [queries, candidates, 4] of queries in this order.

    After so many seconds no block of queries is begun: those left lose their candidates.
    """
    scores = np.zeros((*candidates.shape, len(TEACHERS)), np.float16)
    done = pairs = 0
    blocks = np.array_split(order, max(1, len(order) // QUERIES_AT_A_TIME))
    for number, block in enumerate(blocks):
        if progress.seconds > seconds:
            candidates[block] = -1
            continue
        places, columns = np.nonzero(candidates[block] >= 0)
        rows = block[places]
        scores[rows, columns] = _scored(teachers, queries, texts, rows, candidates[rows, columns])
        done, pairs = done + len(block), pairs + len(rows)
        if number % 4 == 0:
            progress(f"{done:,} of {len(order):,} queries, {pairs:,} pairs")
    progress(f"{done:,} queries, {pairs:,} pairs scored")
    return scores


def _scored(
    teachers: Teachers,
    queries: Side,
    texts: Side,
    query_rows: NDArray[np.intp],
    text_rows: NDArray[np.int32],
) -> NDArray[np.float16]:
    device = texts.bge.device
    values = score(
        teachers,
        queries,
        texts,
        torch.as_tensor(query_rows, device=device),
        torch.as_tensor(text_rows.astype(np.int64), device=device),
    )
    return values.to(torch.float16).cpu().numpy()


if __name__ == "__main__":
    main()
