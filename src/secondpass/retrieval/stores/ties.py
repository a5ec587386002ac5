"""Ties by id, for searches that leave equals in no order."""

from __future__ import annotations

from collections.abc import Callable

from secondpass.retrieval.stores.contract import FoundRow


def with_last_ties(search: Callable[[int], list[FoundRow]], limit: int) -> list[FoundRow]:
    """Return at least the `limit` best, and whatever has the score of the last of them.

    Args:
        search: given a number, returns that many of the best rows, best first; of equal ones any.
        limit: at least 1.
    """
    # One row more than wanted shows whether the last place is shared.
    asked = limit + 1
    while True:
        found = sorted(search(asked), key=lambda row: -row.score)
        if len(found) < asked or found[limit - 1].score > found[-1].score:
            return found
        asked *= 2


def ties_by_id(rows: list[FoundRow], limit: int) -> list[FoundRow]:
    """Return the best `limit` rows, equal ones in the order of their ids."""
    return sorted(rows, key=lambda row: (-row.score, row.id))[:limit]
