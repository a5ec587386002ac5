"""The first of the three steps: queries and texts to batches an engine can run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from secondpass.scoring.batches import Batch, balanced_budget, make_batches
from secondpass.scoring.clock import StageClock
from secondpass.scoring.encode import TextEncoder, TokenIds
from secondpass.scoring.pairs import Pair, PairLayout
from secondpass.scoring.windows import cut, room_for_text


@dataclass(frozen=True, slots=True)
class Prepared:
    """Batches ready to run, and for each text in input order whether it was cut."""

    batches: list[Batch]
    truncated: list[bool]


@dataclass(frozen=True, slots=True)
class Preparer:
    """Encode, windows, pairs, batches, under the rules of one model."""

    encoder: TextEncoder
    layout: PairLayout
    max_length: int
    max_batch_tokens: int
    padding_id: int
    streams: int

    def prepare(self, queries: Sequence[str], texts: Sequence[str], clock: StageClock) -> Prepared:
        """Return the batches of pairs (queries[i], texts[i]). Equal queries are encoded once."""
        with clock.time("tokenise_ms"):
            query_ids = self._encode_once(queries)
            text_ids = self.encoder.encode(texts, self.max_length)
        with clock.time("batch_ms"):
            pairs, truncated = self._join(query_ids, text_ids)
            batches = self._batch(pairs)
        clock.count(len(pairs), sum(len(pair.ids) for pair in pairs), sum(truncated))
        return Prepared(batches, truncated)

    def _encode_once(self, queries: Sequence[str]) -> list[TokenIds]:
        distinct = list(dict.fromkeys(queries))
        encoded = dict(zip(distinct, self.encoder.encode(distinct), strict=True))
        return [encoded[query] for query in queries]

    def _join(
        self, query_ids: Sequence[TokenIds], text_ids: Sequence[TokenIds]
    ) -> tuple[list[Pair], list[bool]]:
        pairs: list[Pair] = []
        truncated: list[bool] = []
        for query, text in zip(query_ids, text_ids, strict=True):
            room = room_for_text(len(query), self.layout.special_tokens, self.max_length)
            read = cut(text, room)
            pairs.append(self.layout.join(query, read))
            truncated.append(len(read) < len(text))
        return pairs, truncated

    def _batch(self, pairs: Sequence[Pair]) -> list[Batch]:
        budget = balanced_budget(
            [len(pair.ids) for pair in pairs],
            max_batch_tokens=self.max_batch_tokens,
            streams=self.streams,
        )
        return make_batches(
            pairs,
            max_batch_tokens=budget,
            padding_id=self.padding_id,
            length_limit=self.max_length,
        )
