"""A scorer that scores only what was not scored before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Generic
from zlib import crc32

import numpy as np

from secondpass.options.effort import Effort
from secondpass.score_cache.contract import ScoreStore
from secondpass.score_cache.entries import from_bytes, to_bytes
from secondpass.score_cache.memory import MemoryStore
from secondpass.score_cache.rules import ScoringRules, pair_keys
from secondpass.scorer import L, P, Pricing, Scorer
from secondpass.scoring.scored import Scored
from secondpass.scoring.stats import Stats, ms_since

_CHECKSUM_BYTES = 4


@dataclass(frozen=True, slots=True)
class LookedUp(Generic[P]):
    """A request's keys, the entries that were found, and the texts that were not, prepared.

    `unknown` has the position of each key that was not found, once. `prepared` is None where all
    were; `keys` is None where the cache was not asked.
    """

    keys: list[bytes] | None
    known: dict[bytes, bytes]
    unknown: dict[bytes, int]
    prepared: P | None
    stats: Stats


class CachedScorer(Generic[P, L]):
    """A scorer and a store of its scores, under one set of rules.

    Equal texts of a request are scored once. With early exits a score depends on the other texts,
    so the store is used at full effort only. A logit that is not a finite number is not kept.
    """

    def __init__(self, scorer: Scorer[P, L], store: ScoreStore, rules: ScoringRules) -> None:
        self._scorer = scorer
        self._store = store
        self._rules = rules.digest()

    def most_texts(self, effort: Effort = "full") -> int:
        """Return how many texts the scorer takes at a time."""
        return self._scorer.most_texts(effort)

    def pricing(self) -> Pricing:
        """Return what a deadline has to know of a text that is not known."""
        return self._scorer.pricing()

    def knows(self, query: str, texts: Sequence[str]) -> list[bool]:
        """Tell of each text whether its score is kept; the store may forget."""
        keys = list(pair_keys(self._rules, query, texts))
        entries = self._find(keys)
        return [key in entries for key in keys]

    def prepare(self, query: str, texts: Sequence[str], effort: Effort = "full") -> LookedUp[P]:
        """Look the texts up, and prepare those that are not known."""
        if effort != "full":
            return LookedUp(None, {}, {}, self._scorer.prepare(query, texts, effort), Stats())
        started = perf_counter()
        keys = list(pair_keys(self._rules, query, texts))
        known = self._find(list(dict.fromkeys(keys)))
        unknown = {key: position for position, key in enumerate(keys) if key not in known}
        stats = Stats(cache_ms=ms_since(started))
        wanted = [texts[position] for position in unknown.values()]
        prepared = self._scorer.prepare(query, wanted) if wanted else None
        return LookedUp(keys, known, unknown, prepared, stats)

    def score(self, prepared: Sequence[LookedUp[P]]) -> list[L | None]:
        """Score what is not known."""
        logits = iter(
            self._scorer.score([one.prepared for one in prepared if one.prepared is not None])
        )
        return [None if one.prepared is None else next(logits) for one in prepared]

    def finish(self, prepared: LookedUp[P], logits: L | None) -> Scored:
        """Keep what was scored, and return it with what was known."""
        fresh = Scored.of([])
        if prepared.prepared is not None and logits is not None:
            fresh = self._scorer.finish(prepared.prepared, logits)
        if prepared.keys is None:
            return fresh
        started = perf_counter()
        self._keep(prepared.unknown, fresh)
        rows = {key: row for row, key in enumerate([*prepared.unknown, *prepared.known])}
        table = Scored.joined([fresh, from_bytes(prepared.known.values())])
        found = table.take([rows[key] for key in prepared.keys])
        cached = np.ones(len(prepared.keys), np.bool_)
        cached[list(prepared.unknown.values())] = False
        spent = prepared.stats + Stats(cache_ms=ms_since(started))
        return replace(found, cached=cached, stats=found.stats + spent)

    def close(self) -> None:
        """Close the scorer and the store."""
        self._scorer.close()
        self._store.close()

    def _find(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """Return the whole entries of the store; a damaged one counts as not there."""
        return {
            key: value[:-_CHECKSUM_BYTES]
            for key, value in self._store.get(keys).items()
            if value == _sealed(key, value[:-_CHECKSUM_BYTES])
        }

    def _keep(self, keys: Iterable[bytes], fresh: Scored) -> None:
        finite = np.isfinite(fresh.logits)
        entries = {
            key: _sealed(key, entry)
            for key, entry, kept in zip(keys, to_bytes(fresh), finite, strict=True)
            if kept
        }
        if entries:
            self._store.put(entries)


def open_store(where: Path | str, most_bytes: int) -> ScoreStore:
    """Return a store in memory for "memory", else in this folder."""
    if isinstance(where, str):
        return MemoryStore(most_bytes)
    from secondpass.score_cache.folder import FolderStore

    return FolderStore(where, most_bytes)


def _sealed(key: bytes, entry: bytes) -> bytes:
    """Return an entry with a checksum over it and its key."""
    return entry + crc32(key + entry).to_bytes(_CHECKSUM_BYTES, "little")
