"""What a store of scores is. Imports nothing of ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol


class ScoreStore(Protocol):
    """Bytes by 32-byte key, bounded in bytes, the longest unused dropped first.

    May forget anything at any time, and may be called by several threads at once.
    """

    def get(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """Return the values of those keys that are there."""
        ...

    def put(self, values: Mapping[bytes, bytes]) -> None:
        """Keep values; one that is there is replaced."""
        ...

    def close(self) -> None:
        """Free what the store holds; from then on nothing is found or kept."""
        ...
