"""The first of the three steps: queries and texts to batches an engine can run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from secondpass.engine.contract import Batch, Policy
from secondpass.scoring.batches import balanced, make_batches
from secondpass.scoring.clock import StageClock
from secondpass.scoring.encode import Encoded, TextEncoder, TokenIds
from secondpass.scoring.merging import WINDOW, Windows
from secondpass.scoring.pairs import Pair, PairLayout
from secondpass.scoring.windows import cut, room_for_text


@dataclass(frozen=True, slots=True)
class Prepared:
    """Batches ready to run, and a record for each of their rows, in input order."""

    batches: list[Batch]
    windows: Windows


@dataclass(frozen=True, slots=True)
class Preparer:
    """Encode, windows, pairs, batches, under the rules of one model."""

    encoder: TextEncoder
    layout: PairLayout
    max_length: int
    policy: Policy
    padding_id: int

    def prepare(
        self, queries: Sequence[str], texts: Sequence[str], clock: StageClock
    ) -> Iterator[Prepared]:
        """Yield the batches of pairs (queries[i], texts[i]). Equal queries are encoded once."""
        with clock.time("tokenise_ms"):
            query_ids = self.encode_once(queries)
            encoded = self.encoder.encode_counted(texts, self.max_length)
        with clock.time("batch_ms"):
            pairs, windows = self._join(query_ids, encoded)
            batches = self.batch(pairs)
        clock.count(
            len(pairs),
            sum(len(pair.ids) for pair in pairs),
            int(np.count_nonzero(windows["dropped_tokens"])),
            windows=len(pairs),
            dropped_tokens=int(windows["dropped_tokens"].sum()),
        )
        yield Prepared(batches, windows)

    def encode_once(self, queries: Sequence[str]) -> list[TokenIds]:
        """Return the token ids of each query."""
        distinct = list(dict.fromkeys(queries))
        encoded = dict(zip(distinct, self.encoder.encode(distinct), strict=True))
        return [encoded[query] for query in queries]

    def room(self, query: TokenIds) -> int:
        """Return how many tokens of a text fit beside a query; at least one, or an error."""
        return room_for_text(len(query), self.layout.special_tokens, self.max_length)

    def _join(
        self, query_ids: Sequence[TokenIds], encoded: Sequence[Encoded]
    ) -> tuple[list[Pair], Windows]:
        pairs: list[Pair] = []
        records: list[tuple[int | bytes, ...]] = []
        for at, (query, text) in enumerate(zip(query_ids, encoded, strict=True)):
            read = cut(text.ids, self.room(query))
            pairs.append(self.layout.join(query, read))
            records.append((at, len(read), text.tokens - len(read), -1, -1, b""))
        return pairs, np.array(records, WINDOW)

    def batch(self, pairs: Sequence[Pair]) -> list[Batch]:
        """Return padded batches that give every stream of the engine about the same work."""
        policy = balanced(self.policy, [len(pair.ids) for pair in pairs])
        return make_batches(pairs, policy, padding_id=self.padding_id, length_limit=self.max_length)
