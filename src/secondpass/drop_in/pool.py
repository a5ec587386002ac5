"""Processes that score for one that asks, each with the model loaded."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np

from secondpass.checks import described, is_integer, shortened
from secondpass.drop_in.pair_scorer import Pairs, PairScorer, Rules
from secondpass.errors import EngineError, InputError
from secondpass.options.model import RerankerOptions
from secondpass.scoring.scored import Floats

# "input" and "output" are the executor, "processes" the device of each process.
Pool: TypeAlias = "dict[Any, Any]"

# The most pairs of a chunk, where nobody says.
_MOST_PAIRS = 5000

# The model of this process, which a pool has started.
_loaded: list[PairScorer] = []


def start(options: RerankerOptions, devices: Sequence[str]) -> Pool:
    """Start a process for each device; each loads the model with its share of the threads."""
    from multiprocessing import get_context

    context = get_context("spawn")
    names = context.SimpleQueue()
    for device in devices:
        names.put(device)
    threads = max(1, options.compute_threads() // len(devices))
    executor = ProcessPoolExecutor(
        len(devices),
        mp_context=context,
        initializer=_load,
        initargs=(replace(options, threads=threads), names),
    )
    return {"input": executor, "output": executor, "processes": list(devices)}


def stop(pool: Pool) -> None:
    """End the processes of a pool.

    Raises:
        InputError: it is not one.
    """
    _checked(pool)["input"].shutdown(cancel_futures=True)


def logits_of(pool: Pool, pairs: Pairs, rules: Rules, chunk_size: int | None) -> Floats:
    """Return the logits of pairs, float32 [n, labels], by the processes of a pool.

    Raises:
        InputError: `chunk_size` is not a positive integer, or the pool is not one or was stopped.
        EngineError: a process died.
    """
    if chunk_size is not None and not is_integer(chunk_size):
        raise InputError(f"chunk_size must be a positive integer, got {shortened(chunk_size)}.")
    workers = len(_checked(pool)["processes"])
    size = chunk_size or max(1, min(math.ceil(len(pairs) / workers / 10), _MOST_PAIRS))
    chunks = [pairs[start : start + size] for start in range(0, len(pairs), size)]
    try:
        return np.concatenate(list(_handed_out(pool, chunks, rules)))
    except BrokenProcessPool as error:
        raise EngineError(
            "a process of the pool ended: start pools below `if __name__ == '__main__':`, and of "
            "fewer processes where memory is short"
        ) from error


def _handed_out(pool: Pool, chunks: Sequence[Pairs], rules: Rules) -> Iterator[Floats]:
    """Hand chunks out, and return what waits for them in turn."""
    try:
        scored: Iterator[Floats] = pool["input"].map(_score, chunks, [rules] * len(chunks))
    except BrokenProcessPool:
        raise
    except RuntimeError as error:
        raise InputError(f"the pool was stopped, or this process ends: {error}") from error
    return scored


def _checked(pool: Any) -> Pool:
    if not isinstance(pool, dict) or not {"input", "processes"} <= pool.keys():
        raise InputError(
            f"pool is {described(pool)}, expected what start_multi_process_pool returns"
        )
    return pool


def _load(options: RerankerOptions, devices: Any) -> None:
    _loaded.append(PairScorer(replace(options, device=devices.get())))


def _score(pairs: Pairs, rules: Rules) -> Floats:
    return _loaded[0].logits(pairs, rules)
