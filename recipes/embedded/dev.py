"""The development collections on the device: candidates of three first stages, teachers' scores."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from recipes.embedded.dev_table import DENSE_POOLS, POOLS, DevTable
from recipes.embedded.mine import nearest
from recipes.embedded.ndcg import ideal_gain, ndcg
from recipes.embedded.ragged import Arrays, texts_from_arrays
from recipes.embedded.settings import TEACHERS, Dev
from recipes.embedded.teachers import Side, Teachers, encode, score

Report = Callable[[str], None]
# A document's number -> its grade, of one query.
Grades = dict[int, float]
Numbers = NDArray[np.int32]


def score_collection(
    arrays: Arrays, name: str, teachers: Teachers, dev: Dev, device: str, report: Report
) -> DevTable:
    """Find both dense stages' candidates, choose queries, and score all by all teachers."""
    queries = texts_from_arrays(arrays, f"{name}.queries")
    documents = texts_from_arrays(arrays, f"{name}.documents")
    query_side = encode(teachers, queries, device, queries=True)
    text_side = encode(teachers, documents, device, queries=False)
    grades, ideal = judgements(arrays[f"{name}.qrels"], len(queries))
    pools = {"bm25": arrays[f"{name}.bm25"]} | {
        model: dense_pool(text_side, query_side, model, arrays[f"{name}.self"], dev.depth)
        for model in DENSE_POOLS
    }
    for model in DENSE_POOLS:
        value = _first_stage_ndcg(pools[model], grades, ideal)
        report(f"first stage {name} {model}: {value:.4f} of {len(queries)}")
    chosen = np.random.default_rng(dev.seed).permutation(len(queries))[: dev.queries]
    candidates, in_pool = united(pools, chosen)
    table = DevTable(
        name,
        queries.chosen(chosen),
        candidates,
        _gains(candidates, [grades[row] for row in chosen]),
        ideal[chosen],
        in_pool,
        _scores(teachers, query_side, text_side, chosen, candidates),
    )
    report_teachers(table, report)
    return table


def judgements(qrels: Numbers, queries: int) -> tuple[list[Grades], NDArray[np.float32]]:
    """Return each query's grades, and its ideal gain, which counts documents not here (-1) too."""
    grades: list[Grades] = [{} for _ in range(queries)]
    every: list[list[float]] = [[] for _ in range(queries)]
    for row, document, grade in qrels.tolist():
        every[row].append(grade)
        if document >= 0:
            grades[row][document] = max(grade, 0)
    return grades, np.array([ideal_gain(judged) for judged in every], np.float32)


def dense_pool(
    texts: Side, queries: Side, model: str, own_documents: Numbers, depth: int
) -> Numbers:
    """Return a bi-encoder's best documents [queries, depth], without a query's own document."""
    found = nearest(getattr(texts, model), getattr(queries, model), depth + 1)
    rows = zip(found.tolist(), own_documents.tolist(), strict=True)
    kept = [[document for document in row if document != own][:depth] for row, own in rows]
    # Where all documents were found, those without the query's own are one fewer.
    width = min(map(len, kept))
    return np.array([row[:width] for row in kept], np.int32)


def united(
    pools: dict[str, Numbers], chosen: NDArray[np.intp]
) -> tuple[Numbers, dict[str, NDArray[np.bool_]]]:
    """Return the chosen queries' candidates of all pools, -1 filled, and which pool has which."""
    sets = {pool: [set(pools[pool][row].tolist()) - {-1} for row in chosen] for pool in POOLS}
    unions = [sorted(set().union(*found)) for found in zip(*sets.values(), strict=True)]
    width = max(map(len, unions))
    candidates = np.array([row + [-1] * (width - len(row)) for row in unions], np.int32)
    in_pool = {
        pool: np.array(
            [
                [document in found for document in row]
                for found, row in zip(sets[pool], candidates.tolist(), strict=True)
            ]
        )
        for pool in POOLS
    }
    return candidates, in_pool


def report_teachers(table: DevTable, report: Report) -> None:
    """Report each teacher's nDCG@10 over each first stage."""
    for pool in table.pools:
        values = (
            f"{teacher} {table.ndcg(table.scores[..., column], pool):.4f}"
            for column, teacher in enumerate(TEACHERS)
        )
        report(f"{table.name} over {pool}: {', '.join(values)}")


def _first_stage_ndcg(pool: Numbers, grades: Sequence[Grades], ideal: NDArray[np.float32]) -> float:
    gains = _gains(pool, grades)
    places = np.tile(np.arange(pool.shape[1], dtype=np.float32), (len(pool), 1))
    return float(ndcg(-places, gains, ideal, np.ones_like(gains, bool)).mean())


def _gains(candidates: Numbers, grades: Sequence[Grades]) -> NDArray[np.float32]:
    rows = zip(candidates.tolist(), grades, strict=True)
    return np.array([[judged.get(document, 0) for document in row] for row, judged in rows], "f4")


def _scores(
    teachers: Teachers, queries: Side, texts: Side, chosen: NDArray[np.intp], candidates: Numbers
) -> NDArray[np.float32]:
    real, device = candidates >= 0, texts.bge.device
    values = score(
        teachers,
        queries,
        texts,
        torch.as_tensor(chosen[np.nonzero(real)[0]], device=device),
        torch.as_tensor(candidates[real].astype(np.int64), device=device),
    )
    scores = np.zeros((*candidates.shape, len(TEACHERS)), np.float32)
    scores[real] = values.cpu().numpy()
    return scores
