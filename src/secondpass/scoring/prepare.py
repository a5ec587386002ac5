"""The first of the three steps: a query and texts to sequences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from secondpass.options.long_documents import LongDocumentPolicy
from secondpass.scoring.cuts import Cut, Span, room_for_text, truncate
from secondpass.scoring.effort import Schedule
from secondpass.scoring.encode import TextEncoder
from secondpass.scoring.pairs import PairLayout
from secondpass.scoring.select.cut import select
from secondpass.scoring.select.nearness import words_of
from secondpass.scoring.sequences import Prepared, TokenSequence
from secondpass.scoring.stats import Stats, ms_since
from secondpass.scoring.windows import cut_windows

if TYPE_CHECKING:
    from tokenizers import Encoding

_WHOLE: Span = (-1, -1)


@dataclass(frozen=True, slots=True)
class Preparer:
    """Encodes and cuts, under the rules of one model; `prompt` stands before every query.

    `least_room` is how many tokens a query has to leave a text.
    """

    encoder: TextEncoder
    layout: PairLayout
    max_length: int
    rule: LongDocumentPolicy
    prompt: str = ""
    least_room: int = 1

    def prepare(self, query: str, texts: Sequence[str], schedule: Schedule = ()) -> Prepared:
        """Return the texts beside the query as sequences.

        Raises:
            InputError: the query leaves no room for a text.
        """
        started = perf_counter()
        asked = self.prompt + query if self.prompt else query
        ((query_ids, query_tokens),) = self.encoder.encode_counted([asked], self.max_length)
        special, least = self.layout.special_tokens, self.least_room
        room = room_for_text(query_tokens, special, self.max_length, least)
        cuts = (
            (cut, [TokenSequence(query_ids, part) for part in cut.parts])
            for cut in self._cut(query, texts, room)
        )
        return prepared(cuts, self.layout.special_tokens, schedule, started)

    def _cut(self, query: str, texts: Sequence[str], room: int) -> Iterator[Cut]:
        """Yield what is scored of each text; only "truncate" needs no characters of tokens."""
        if self.rule.long_documents == "truncate":
            return (truncate(one, room) for one in self.encoder.encode_counted(texts, room))
        if self.rule.select_tokens is not None:
            return self._select(query, texts, min(self.rule.select_tokens, room))
        stride = self.rule.stride_in(room) if self.rule.in_windows else None
        return (
            cut_windows(encoding, text, room, stride).behind(blanks)
            for encoding, text, blanks in self._encoded(texts)
        )

    def _select(self, query: str, texts: Sequence[str], budget: int) -> Iterator[Cut]:
        """Yield the selection of each text.

        Ids that a text brings do for one that is scored whole; a choice has to know of which
        characters they are, and so the text is tokenized anew.
        """
        words = words_of(query)
        brought = [self.encoder.brought(text, budget) for text in texts]
        encoded = self._encoded(
            [text for text, ids in zip(texts, brought, strict=True) if ids is None]
        )
        for ids in brought:
            if ids is None:
                encoding, read, blanks = next(encoded)
                yield select(encoding, read, words, budget).behind(blanks)
            else:
                yield truncate(ids, budget)

    def _encoded(self, texts: Sequence[str]) -> Iterator[tuple[Encoding, str, int]]:
        """Yield the encoding of each text behind blanks without tokens, that text, their number."""
        blanks = [self.encoder.leading_blanks(text) for text in texts]
        read = [text[start:] if start else text for text, start in zip(texts, blanks, strict=True)]
        return zip(self.encoder.encode_with_offsets(read), read, blanks, strict=True)


def prepared(
    cuts: Iterable[tuple[Cut, Sequence[TokenSequence]]],
    special_tokens: int,
    schedule: Schedule,
    started: float,
) -> Prepared:
    """Return the cuts of a request's texts, each with its sequences, as one table.

    `special_tokens` is how many each sequence has besides its own; `started` is when it began.
    """
    sequences: list[TokenSequence] = []
    owners: list[int] = []
    window_spans: list[Span] = []
    counts: list[tuple[int, int]] = []
    chosen: list[tuple[Span, ...] | None] = []
    for number, (cut, of_text) in enumerate(cuts):
        sequences += of_text
        owners += [number] * len(of_text)
        window_spans += [span or _WHOLE for span in cut.spans]
        counts.append((cut.tokens, cut.dropped_tokens))
        chosen.append(cut.chosen)
    tokens, dropped_tokens = np.array(counts, np.int64).reshape(-1, 2).T
    spans = np.empty(len(chosen), np.object_)
    for number, characters in enumerate(chosen):
        spans[number] = characters
    laid_out = sum(special_tokens + len(one.query) + len(one.text) for one in sequences)
    return Prepared(
        sequences=sequences,
        texts=np.array(owners, np.intp),
        span=np.array(window_spans, np.int32).reshape(-1, 2),
        tokens=tokens,
        dropped_tokens=dropped_tokens,
        spans=spans,
        schedule=schedule,
        stats=Stats(ms_since(started), tokens=laid_out, windows=len(sequences)),
    )
