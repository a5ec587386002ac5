"""The student on the development collections."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recipes.embedded.dev_table import DevTable, tables_from_arrays
from recipes.embedded.layouts import DeviceTexts, batch_tokens, batches, pair
from recipes.embedded.ragged import load_arrays, texts_from_arrays
from recipes.embedded.settings import FIRST_STAGE
from recipes.embedded.student import Student

# Each head's logits [queries, candidates].
Logits = dict[str, NDArray[np.float32]]
_QUICK_POOLS = ("bm25", "minilm")


def score(
    student: Student,
    queries: DeviceTexts,
    texts: DeviceTexts,
    query_rows: NDArray[np.intp],
    text_rows: NDArray[np.integer],
    tokens: int,
) -> dict[str, Tensor]:
    """Return each head's logits of pairs, in their order; nothing waits for the device."""
    device = queries.ids.device
    asking = queries.known_lengths[query_rows] + 2
    lengths = asking + texts.known_lengths[text_rows] + 2
    order, logits = [], []
    for chosen in batches(lengths, tokens):
        rows = (torch.tensor(side[chosen], device=device) for side in (query_rows, text_rows))
        longest = int(lengths[chosen].max())
        sequences = pair(queries, texts, *rows, twice=True, longest=longest)
        logits.append(student(*sequences, int(asking[chosen].max())))
        order.append(chosen)
    back = torch.tensor(np.concatenate(order).argsort(), device=device)
    return {name: torch.cat([batch[name] for batch in logits])[back] for name in logits[0]}


class StudentDev:
    """The development collections with their candidates."""

    def __init__(
        self, pack: Path, labels: Path, device: str, report: Callable[[str], None]
    ) -> None:
        arrays = load_arrays(pack / "dev.npz.xz")
        self._device, self._report = device, report
        with np.load(labels / "dev_scores.npz") as scores:
            self._tables = tables_from_arrays(dict(scores.items()))
        self._documents = {
            table.name: DeviceTexts(texts_from_arrays(arrays, f"{table.name}.documents"), device)
            for table in self._tables
        }

    @torch.compiler.set_stance("force_eager")
    @torch.inference_mode()
    def evaluate(
        self, student: Student, queries: int, *, quick: bool = False
    ) -> tuple[float, dict[str, NDArray[np.float16]]]:
        """Return the mean nDCG@10 over collections, and all logits under "COLLECTION.HEAD".

        Of a collection it is the mean of two: the last score's over all first stages, and that of
        the score fused with the first stage's, as a search fuses them. `quick` leaves out what only
        bge found, and so the second.
        """
        student.eval()
        kept: dict[str, NDArray[np.float16]] = {}
        means = []
        for table in self._tables:
            table = _without_bge(table.first(queries)) if quick else table.first(queries)
            logits = self._logits(student, table)
            kept |= {f"{table.name}.{head}": v.astype(np.float16) for head, v in logits.items()}
            values = {
                head: [table.ndcg(found, pool) for pool in table.pools]
                for head, found in logits.items()
            }
            if FIRST_STAGE in table.pools:
                fused = table.fused(logits["end"], FIRST_STAGE)
                values["fused"] = [table.ndcg(fused, FIRST_STAGE)]
            judged = [values[name] for name in ("end", "fused") if name in values]
            means.append(np.mean([np.mean(found) for found in judged]))
            self._report(f"  {table.name}: {_described(values)}")
        student.train()
        self._report(f"mean {np.mean(means):.4f}")
        return float(np.mean(means)), kept

    def _logits(self, student: Student, table: DevTable) -> Logits:
        rows, columns = np.nonzero(table.real)
        found = table.candidates[rows, columns].astype(np.int64)
        logits = score(
            student,
            DeviceTexts(table.queries, self._device),
            self._documents[table.name],
            rows,
            found,
            batch_tokens(self._device),
        )
        tables = {head: np.zeros(table.candidates.shape, np.float32) for head in logits}
        for head, values in logits.items():
            tables[head][rows, columns] = values.float().cpu().numpy()
        return tables


def _without_bge(table: DevTable) -> DevTable:
    in_pool = {pool: table.in_pool[pool] for pool in _QUICK_POOLS}
    kept = np.any(list(in_pool.values()), 0)
    in_pool["bge"] = np.zeros_like(kept)
    candidates = np.where(kept, table.candidates, -1)
    return DevTable(
        table.name, table.queries, candidates, table.gains, table.ideal, in_pool, table.scores
    )


def _described(values: dict[str, list[float]]) -> str:
    heads = (
        f"{head} {' '.join(f'{value:.4f}' for value in found)}" for head, found in values.items()
    )
    return "; ".join(heads)
