"""The table of scored texts: one row a text, a few dozen bytes whatever its length."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from secondpass.engine.contract import NO_EXIT
from secondpass.scoring.stats import NO_STATS, Stats

Floats = NDArray[np.float32]

# What the column `scored_by` says: the one model there is, or which model of a cascade.
ScoredBy = Literal["first", "second"]
SCORED_BY: tuple[ScoredBy | None, ...] = (None, "first", "second")
ONLY_MODEL, FIRST_MODEL, SECOND_MODEL = range(3)


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """Columns of n texts in input order, and what scoring them took.

    logits: the model's output before its activation, [n]; of several labels [n, labels].
    exit_layer: the layer after which the text left by an early exit, `NO_EXIT` if it did not.
    scored_by: an index into `SCORED_BY`.
    cached: whether the score was known before: from a cache, or of an equal text of the call.
    tokens, dropped_tokens: how many of the text's tokens were scored, and how many were not.
    span: [n, 2], the characters [start, end) of the best window; -1 where that is the whole text.
    spans: the characters of the sentences that were selected; None where none were.
    """

    logits: Floats
    exit_layer: NDArray[np.int16]
    scored_by: NDArray[np.int8]
    cached: NDArray[np.bool_]
    tokens: NDArray[np.int64]
    dropped_tokens: NDArray[np.int64]
    span: NDArray[np.int32]
    spans: NDArray[np.object_]
    stats: Stats = NO_STATS

    @classmethod
    def of(
        cls, logits: Floats | Sequence[float], stats: Stats = NO_STATS, **columns: Any
    ) -> Scored:
        """Return a table of these logits; a column that is not given says nothing of its texts."""
        count = len(logits)
        blank: dict[str, NDArray[Any]] = {
            "exit_layer": np.full(count, NO_EXIT, np.int16),
            "scored_by": np.zeros(count, np.int8),
            "cached": np.zeros(count, np.bool_),
            "tokens": np.zeros(count, np.int64),
            "dropped_tokens": np.zeros(count, np.int64),
            "span": np.full((count, 2), -1, np.int32),
            "spans": np.full(count, None, np.object_),
        }
        return cls(np.asarray(logits, np.float32), **(blank | columns), stats=stats)

    @classmethod
    def joined(cls, blocks: Iterable[Scored]) -> Scored:
        """Return the blocks as one table, in their order; their stats add."""
        given = list(blocks)
        if len(given) == 1:
            return given[0]
        tables = given or [cls.of([])]
        columns: dict[str, Any] = {
            name: np.concatenate([getattr(one, name) for one in tables]) for name in COLUMNS
        }
        return cls(**columns, stats=sum((one.stats for one in given), NO_STATS))

    def __len__(self) -> int:
        return len(self.logits)

    def take(self, positions: NDArray[np.intp] | Sequence[int]) -> Scored:
        """Return the rows at these positions, in this order, with the stats of all."""
        rows = np.asarray(positions, np.intp)
        return replace(self, **{name: getattr(self, name)[rows] for name in COLUMNS})

    def with_rows(self, positions: NDArray[np.intp], rows: Scored) -> Scored:
        """Return the table with other rows at these positions; the stats add."""
        columns = {name: getattr(self, name).copy() for name in COLUMNS}
        for name, column in columns.items():
            column[positions] = getattr(rows, name)
        return replace(self, **columns, stats=self.stats + rows.stats)

    def padded(self, count: int) -> Scored:
        """Return the table with `count` rows, those that were not scored at its end."""
        if len(self) == count:
            return self
        unscored = Scored.of(np.full(count - len(self), np.nan, np.float32))
        return Scored.joined([self, unscored])


COLUMNS = tuple(field.name for field in fields(Scored) if field.name != "stats")
