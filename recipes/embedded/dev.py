"""The development collections on the device: candidates, teachers' scores, nDCG@10, and the ensemble's weights."""

from __future__ import annotations

import itertools
import lzma
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from recipes.embedded.bert import Ragged
from recipes.embedded.mine import nearest
from recipes.embedded.teachers import NAMES, Teachers, encode, score

MOST_QUERIES = 150
# Which collections choose the weights of which kind of query.
KINDS = {
    "web": ("dl19", "noveleval", "scifact", "cranfield", "cisi", "xquad_en", "course_faq"),
    "long": ("arguana", "cisi"),
    "docs": ("stdlib", "course_faq"),
}


@dataclass
class DevSet:
    """One collection: all queries first, `candidates` [queries, n] with -1, `pools` of them by first stage."""

    name: str
    queries: Ragged
    documents: Ragged
    gains: NDArray[np.float32]
    ideal: NDArray[np.float32]
    candidates: NDArray[np.int32]
    in_pool: dict[str, NDArray[np.bool_]]
    scores: NDArray[np.float32] | None = None


def load(file: Path) -> dict[str, NDArray]:
    with lzma.open(file) as data:
        return dict(np.load(data).items())


def ragged(arrays: dict[str, NDArray], name: str) -> Ragged:
    return Ragged(arrays[f"{name}.ids"], arrays[f"{name}.lengths"])


def ndcg(
    scores: NDArray, gains: NDArray, ideal: NDArray, allowed: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return nDCG@10 [queries], linear gain as trec_eval's."""
    order = np.argsort(np.where(allowed, -scores, np.inf), 1, kind="stable")[:, :10]
    found = np.take_along_axis(np.where(allowed, gains, 0), order, 1)
    return (found / np.log2(np.arange(2, 2 + found.shape[1]))).sum(1) / np.maximum(ideal, 1e-9)


@torch.inference_mode()
def open_dev(
    arrays: dict[str, NDArray], name: str, teachers: Teachers, device: str, most: int, report
) -> DevSet:
    """Find both dense stages' candidates, score all by all teachers."""
    queries, documents = ragged(arrays, f"{name}.queries"), ragged(arrays, f"{name}.documents")
    of_queries = encode(teachers, queries.to(device), queries=True)
    of_texts = encode(teachers, documents.to(device), queries=False)
    bm25, itself = arrays[f"{name}.bm25"], arrays[f"{name}.self"]
    count = len(queries)
    judged = arrays[f"{name}.qrels"]
    ideal = np.zeros(count, np.float32)
    grades: list[dict[int, float]] = [{} for _ in range(count)]
    every: list[list[float]] = [[] for _ in range(count)]
    for row, document, grade in judged.tolist():
        every[row].append(max(grade, 0))
        if document >= 0:
            grades[row][document] = max(grade, 0)
    for row in range(count):
        top = sorted(every[row], reverse=True)[:10]
        ideal[row] = sum(gain / np.log2(2 + at) for at, gain in enumerate(top))
    pools = {"bm25": bm25}
    for model in ("bge", "minilm"):
        found = nearest(getattr(of_texts, model), getattr(of_queries, model), 101)
        pools[model] = np.array(
            [[d for d in row if d != itself[at]][:100] for at, row in enumerate(found.tolist())]
        )
        gains = np.array(
            [[grades[at].get(d, 0) for d in row] for at, row in enumerate(pools[model].tolist())],
            np.float32,
        )
        flat = -np.tile(np.arange(gains.shape[1], dtype=np.float32), (count, 1))
        report(
            f"first stage {name} {model}: {ndcg(flat, gains, ideal, np.ones_like(gains, bool)).mean():.4f} of {count}"
        )
    chosen = np.random.default_rng(5).permutation(count)[:most]
    kept = Ragged(*rows_of(queries, chosen))
    sets = [[sorted(set(pools[p][row].tolist()) - {-1}) for p in pools] for row in chosen]
    unions = [sorted(set().union(*one)) for one in sets]
    width = max(len(one) for one in unions)
    candidates = np.array([one + [-1] * (width - len(one)) for one in unions], np.int32)
    in_pool = {
        p: np.array(
            [
                [d in set(one[at]) for d in row]
                for one, row in zip(sets, candidates.tolist(), strict=True)
            ]
        )
        for at, p in enumerate(pools)
    }
    gains = np.array(
        [[grades[row].get(d, 0) for d in candidates[at].tolist()] for at, row in enumerate(chosen)],
        np.float32,
    )
    real = candidates >= 0
    rows, _ = np.nonzero(real)
    values = score(
        teachers,
        queries.to(device),
        documents.to(device),
        of_queries,
        of_texts,
        torch.as_tensor(chosen[rows], device=device),
        torch.as_tensor(candidates[real].astype(np.int64), device=device),
    )
    scores = np.zeros((*candidates.shape, len(NAMES)), np.float32)
    scores[real] = values.float().cpu().numpy()
    dev = DevSet(name, kept, documents, gains, ideal[chosen], candidates, in_pool, scores)
    for pool in pools:
        if dev.in_pool[pool].any():
            report(
                f"{name} over {pool}: "
                + ", ".join(
                    f"{teacher} {ndcg(scores[..., at], gains, dev.ideal, in_pool[pool]).mean():.4f}"
                    for at, teacher in enumerate(NAMES)
                )
            )
    return dev


def rows_of(texts: Ragged, rows: NDArray) -> tuple[NDArray, NDArray]:
    parts = [texts.ids[texts.starts[row] : texts.starts[row] + texts.lengths[row]] for row in rows]
    return np.concatenate(parts).astype(np.uint16), texts.lengths[rows].astype(np.uint16)


def spreads(sets: list[DevSet]) -> NDArray[np.float64]:
    """Return each teacher's mean deviation within a query's candidates."""
    return np.mean(
        [
            np.mean(
                [
                    scores[real].std(0)
                    for scores, real in zip(dev.scores, dev.candidates >= 0, strict=True)
                ],
                0,
            )
            for dev in sets
        ],
        0,
    )


def choose_weights(sets: list[DevSet], spread: NDArray, report) -> dict[str, NDArray[np.float64]]:
    """Return the weights with the best mean nDCG@10 over the collections of each kind, BM25's and dense candidates."""
    steps = (0.0, 0.25, 0.5, 1.0, 1.5)
    best = {}
    for kind, names in KINDS.items():
        results = []
        for weights in itertools.product(steps, steps, steps, steps):
            if not any(weights) or max(weights) not in (1.0, 1.5):
                continue
            values = []
            for dev in (one for one in sets if one.name in names):
                mixed = (dev.scores / spread * np.array(weights)).sum(-1)
                values.append(
                    np.mean(
                        [
                            ndcg(mixed, dev.gains, dev.ideal, dev.in_pool[p]).mean()
                            for p in ("bm25", "bge", "minilm")
                            if dev.in_pool[p].any()
                        ]
                    )
                )
            results.append((float(np.mean(values)), weights))
        results.sort(reverse=True)
        for value, weights in results[:4]:
            report(f"weights {kind} {dict(zip(NAMES, weights, strict=True))}: {value:.4f}")
        # The mean of the best ten: less chance.
        best[kind] = np.mean([weights for _, weights in results[:10]], 0)
        report(f"weights {kind} kept {np.round(best[kind], 2).tolist()}")
    return best
