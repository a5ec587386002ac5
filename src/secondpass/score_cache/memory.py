"""Scores in this process's memory."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from cachetools import LRUCache

# What an entry takes beside its value, in the dicts of the LRU, by tracemalloc, rounded up.
ENTRY_BYTES = 520


class MemoryStore:
    """At most `most_bytes`, the least recently used dropped first; shared by threads."""

    def __init__(self, most_bytes: int) -> None:
        self._entries: LRUCache[bytes, bytes] = LRUCache(most_bytes, _entry_bytes)
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[Any, ...]:
        """Another process has its own memory: its store is empty."""
        return type(self), (self._entries.maxsize,)

    def get(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """Return the values of those keys that are there, and count them as used."""
        with self._lock:
            return {key: self._entries[key] for key in keys if key in self._entries}

    def put(self, values: Mapping[bytes, bytes]) -> None:
        """Keep values, but none that is too large for the whole; one that is there is replaced."""
        with self._lock:
            for key, value in values.items():
                if _entry_bytes(value) <= self._entries.maxsize:
                    self._entries[key] = value

    def close(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()


def _entry_bytes(value: bytes) -> int:
    return ENTRY_BYTES + len(value)
