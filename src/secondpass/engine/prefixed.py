"""Batches behind a prefix: its keys and values are computed once and given to each of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from secondpass.engine.compiled import CompiledGraph
from secondpass.engine.contract import Batch, Columns
from secondpass.graph.openvino import ov
from secondpass.graph.past import KEPT, PAST, STATE, no_past

# What the keys and values of prefixes may take at a time, or one of them.
_STATE_BYTES = 256 * 1024**2


class PrefixedGraph:
    """Runs a graph with the input `PAST`, which is made of the prefix of each batch."""

    def __init__(self, graph: CompiledGraph, past: ov.PartialShape) -> None:
        self._graph = graph
        self._none = no_past(past)
        self._token_bytes = 4 * int(np.prod([size.get_length() for size in past if size.is_static]))

    def run(self, batches: Sequence[Batch]) -> list[dict[str, NDArray[np.float32]]]:
        """Return the outputs of each batch by name, in order."""
        runs = [list(run) for _, run in groupby(batches, lambda one: id(one.prefix))]
        return [output for some in self._at_a_time(runs) for output in self._run(some)]

    def _run(self, runs: Sequence[Sequence[Batch]]) -> list[dict[str, NDArray[np.float32]]]:
        """Compute the prefix of each run of batches, and then the batches."""
        prefixes = [run[0].prefix for run in runs]
        begun = self._graph.run(self._of_prefix(one) for one in prefixes if one is not None)
        states = iter([output[STATE] for output in begun])
        pasts = [self._none[PAST] if one is None else next(states) for one in prefixes]
        return self._graph.run(
            {**batch.columns, **self._none, PAST: past}
            for run, past in zip(runs, pasts, strict=True)
            for batch in run
        )

    def _of_prefix(self, prefix: NDArray[np.int32]) -> Columns:
        ids = prefix[None, :]
        kept = np.array([len(prefix)], np.int32)
        return {"input_ids": ids, "attention_mask": np.ones_like(ids), **self._none, KEPT: kept}

    def _at_a_time(self, runs: Sequence[Sequence[Batch]]) -> Iterator[Sequence[Sequence[Batch]]]:
        """Cut runs into as many at a time as have their prefixes' states in memory."""
        start, held = 0, 0
        for at, run in enumerate(runs):
            prefix = run[0].prefix
            size = 0 if prefix is None else self._token_bytes * len(prefix)
            if held + size > _STATE_BYTES and at > start:
                yield runs[start:at]
                start, held = at, 0
            held += size
        if start < len(runs):
            yield runs[start:]
