"""Reads only what was not read before."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from zlib import crc32

import numpy as np

from secondpass.score_cache.contract import ScoreStore
from secondpass.score_cache.memory import MemoryStore
from secondpass.score_cache.rules import ScoringRules, pair_keys
from secondpass.scoring.clock import StageClock
from secondpass.scoring.readings import Readings, from_bytes, to_bytes

Read = Callable[[Sequence[str], Sequence[str], StageClock], Readings]

_CHECKSUM_BYTES = 4


class ScoreCache:
    """A store under one set of rules."""

    def __init__(self, store: ScoreStore, rules: ScoringRules) -> None:
        self._store = store
        self._rules = rules.digest()

    def read(
        self, queries: Sequence[str], texts: Sequence[str], clock: StageClock, read: Read
    ) -> Readings:
        """Return the reading of each (queries[i], texts[i]); `read` is called for unknown pairs.

        Equal pairs are read once. Readings whose logit is no finite number are not kept.
        """
        with clock.time("cache_ms"):
            keys = list(pair_keys(self._rules, queries, texts))
            rows = self._find(list(dict.fromkeys(keys)))
        missing = {key: at for at, key in enumerate(keys) if key not in rows}
        if missing:
            at = list(missing.values())
            fresh = read([queries[i] for i in at], [texts[i] for i in at], clock)
            with clock.time("cache_ms"):
                self._keep(missing, fresh)
            rows |= dict(zip(missing, to_bytes(fresh), strict=True))
        readings = from_bytes(rows[key] for key in keys)
        _count_cached(keys, missing.values(), readings, clock)
        return readings

    def knows(self, queries: Sequence[str], texts: Sequence[str]) -> list[bool]:
        """Tell of each (queries[i], texts[i]) whether its reading is kept; the store may forget."""
        keys = list(pair_keys(self._rules, queries, texts))
        rows = self._find(keys)
        return [key in rows for key in keys]

    def _find(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """Return the whole rows among what the store holds; a damaged one counts as not there."""
        held = self._store.get(keys)
        return {
            key: value[:-_CHECKSUM_BYTES]
            for key, value in held.items()
            if value == _sealed(key, value[:-_CHECKSUM_BYTES])
        }

    def _keep(self, keys: Iterable[bytes], readings: Readings) -> None:
        self._store.put(
            {
                key: _sealed(key, row)
                for key, row, kept in zip(
                    keys, to_bytes(readings), np.isfinite(readings["logit"]), strict=True
                )
                if kept
            }
        )


def open_cache(where: Path | str, most_bytes: int, rules: ScoringRules) -> ScoreCache:
    """Return a cache in memory for "memory", else in this folder."""
    if isinstance(where, str):
        return ScoreCache(MemoryStore(most_bytes), rules)
    from secondpass.score_cache.folder import FolderStore

    return ScoreCache(FolderStore(where, most_bytes), rules)


def _sealed(key: bytes, row: bytes) -> bytes:
    """Return a row with a checksum over it and its key."""
    return row + crc32(key + row).to_bytes(_CHECKSUM_BYTES, "little")


def _count_cached(
    keys: Sequence[bytes], read: Iterable[int], readings: Readings, clock: StageClock
) -> None:
    """Count the texts that were not read, and which of them were cut when they were."""
    cached = np.ones(len(keys), np.bool_)
    cached[list(read)] = False
    count, dropped = int(cached.sum()), readings["window"]["dropped_tokens"][cached]
    clock.cached += count
    clock.count(
        count,
        0,
        int(np.count_nonzero(dropped)),
        windows=0,
        dropped_tokens=int(dropped.sum()),
    )
