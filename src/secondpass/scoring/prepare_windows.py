"""Queries and long texts to batches of windows, a bounded number of them in memory at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby, islice
from typing import NamedTuple

import numpy as np

from secondpass.scoring.clock import StageClock
from secondpass.scoring.merging import WINDOW
from secondpass.scoring.pairs import Pair
from secondpass.scoring.prepare import Prepared, Preparer
from secondpass.scoring.window_rule import WindowRule
from secondpass.scoring.windows import Cut, span_of, window_starts

# This many windows are in memory as sequences at a time, of however few or many texts.
WINDOWS_AT_A_TIME = 1024

# The span of a text that is one window.
_WHOLE = (-1, -1)


class _Window(NamedTuple):
    """A sequence to score and its record."""

    pair: Pair
    record: tuple[int | bytes, ...]


@dataclass(frozen=True, slots=True)
class WindowPreparer:
    """Cuts each text into windows, its windows and its neighbours' filling the same batches."""

    preparer: Preparer
    rule: WindowRule

    def prepare(
        self, queries: Sequence[str], texts: Sequence[str], clock: StageClock
    ) -> Iterator[Prepared]:
        """Yield the batches of the windows of all pairs, some `WINDOWS_AT_A_TIME` at a time."""
        for part in _parts(self._windows(queries, texts, clock)):
            with clock.time("batch_ms"):
                batches = self.preparer.batch([one.pair for one in part])
                records = np.array([one.record for one in part], WINDOW)
            yield Prepared(batches, records)

    def _windows(
        self, queries: Sequence[str], texts: Sequence[str], clock: StageClock
    ) -> Iterator[_Window]:
        with clock.time("tokenise_ms"):
            query_ids = self.preparer.encode_once(queries)
        encodings = self.preparer.encoder.encode_with_offsets(texts)
        for at, (query, text) in enumerate(zip(query_ids, texts, strict=True)):
            with clock.time("tokenise_ms"):
                encoding = next(encodings)
                ids = np.asarray(encoding.ids, np.int32)
            cut = self._cut(len(ids), self.preparer.room(query))
            self._count(cut, len(query), clock)
            for start, stop in cut.bounds:
                with clock.time("batch_ms"):
                    span = span_of(encoding, text, start, stop) if cut.parts_the_text else _WHOLE
                    pair = self.preparer.layout.join(query, ids[start:stop])
                yield _Window(pair, (at, cut.read, cut.dropped, *span, b""))

    def _cut(self, tokens: int, room: int) -> Cut:
        if self.rule.only_first:
            return Cut(tokens, room, [0])
        return Cut(tokens, room, window_starts(tokens, room, self.rule.stride_in(room)))

    def _count(self, cut: Cut, query_tokens: int, clock: StageClock) -> None:
        around = query_tokens + self.preparer.layout.special_tokens
        clock.count(
            1,
            len(cut.starts) * (around + min(cut.tokens, cut.room)),
            int(cut.dropped > 0),
            windows=len(cut.starts),
            dropped_tokens=cut.dropped,
        )


def _parts(windows: Iterable[_Window]) -> Iterator[list[_Window]]:
    """Yield at most `WINDOWS_AT_A_TIME` windows at a time, those of a text together.

    A text of more has parts of its own.
    """
    part: list[_Window] = []
    for _, of_text in groupby(windows, key=lambda window: window.record[0]):
        # Not a loop over `of_text`: a huge text's windows are never all in memory.
        chunks = iter(partial(_chunk, of_text), [])
        for number, chunk in enumerate(chunks):
            if part and (number > 0 or len(part) + len(chunk) > WINDOWS_AT_A_TIME):
                yield part
                part = []
            part = part + chunk
        if number > 0:
            yield part
            part = []
    if part:
        yield part


def _chunk(windows: Iterator[_Window]) -> list[_Window]:
    return list(islice(windows, WINDOWS_AT_A_TIME))
