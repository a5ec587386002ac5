"""Queries and long texts to batches of the sentences that are nearest to the query."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from secondpass.scoring.choice import choose
from secondpass.scoring.clock import StageClock
from secondpass.scoring.encode import TokenIds
from secondpass.scoring.merging import WINDOW, packed
from secondpass.scoring.nearness import words_of
from secondpass.scoring.prepare import Prepared, Preparer
from secondpass.scoring.windows import span_of


class _Part(NamedTuple):
    """The tokens of a text that are read, how many it has, and the characters of a choice."""

    ids: TokenIds
    tokens: int
    spans: bytes = b""


@dataclass(frozen=True, slots=True)
class SelectingPreparer:
    """Reads a text of at most `select_tokens` whole, and of a longer one so many."""

    preparer: Preparer
    select_tokens: int

    def prepare(
        self, queries: Sequence[str], texts: Sequence[str], clock: StageClock
    ) -> Iterator[Prepared]:
        """Yield the batches of the pairs (queries[i], texts[i])."""
        with clock.time("tokenise_ms"):
            query_ids = self.preparer.encode_once(queries)
            budgets = [min(self.select_tokens, self.preparer.room(query)) for query in query_ids]
            parts = list(self._parts(queries, texts, budgets))
        with clock.time("batch_ms"):
            pairs = [
                self.preparer.layout.join(query, part.ids)
                for query, part in zip(query_ids, parts, strict=True)
            ]
            batches = self.preparer.batch(pairs)
        dropped = [part.tokens - len(part.ids) for part in parts]
        clock.count(
            len(pairs),
            sum(len(pair.ids) for pair in pairs),
            int(np.count_nonzero(dropped)),
            windows=len(pairs),
            dropped_tokens=sum(dropped),
        )
        records = [
            (at, len(part.ids), left, -1, -1, part.spans)
            for at, (part, left) in enumerate(zip(parts, dropped, strict=True))
        ]
        yield Prepared(batches, np.array(records, WINDOW))

    def _parts(
        self, queries: Sequence[str], texts: Sequence[str], budgets: Sequence[int]
    ) -> Iterator[_Part]:
        """Yield what is read of each text.

        Ids that a text brings do for one that is read whole; a choice needs to know of which
        characters they are, and so the text is tokenised anew.
        """
        words = {query: words_of(query) for query in set(queries)}
        encoder = self.preparer.encoder
        brought = [encoder.brought(text, most) for text, most in zip(texts, budgets, strict=True)]
        encodings = encoder.encode_with_offsets(
            [text for text, ids in zip(texts, brought, strict=True) if ids is None]
        )
        for query, text, budget, ids in zip(queries, texts, budgets, brought, strict=True):
            if ids is not None:
                yield _Part(ids, len(ids))
                continue
            encoding = next(encodings)
            whole = np.asarray(encoding.ids, np.int32)
            if len(whole) <= budget:
                yield _Part(whole, len(whole))
                continue
            runs = choose(words[query], text, encoding, budget)
            spans = [span_of(encoding, text, *run) for run in runs]
            read = np.concatenate([whole[start:stop] for start, stop in runs])
            yield _Part(read, len(whole), packed(spans))
