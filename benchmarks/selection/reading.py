"""Reads the candidates of one query with each system in turn, and counts what it took."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from time import perf_counter
from typing import TypeVar

from benchmarks.selection.choice import selected_ids
from benchmarks.selection.nearness import (
    Merits,
    by_bm25,
    by_embedding,
    by_idf,
    by_own_bm25,
    by_own_idf,
)
from benchmarks.selection.sentences import Sentences, sentences_of
from benchmarks.selection.systems import (
    ALONE,
    BM25,
    EMBEDDING,
    IDF,
    OWN_BM25,
    OWN_IDF,
    TRUNCATE,
    WINDOWS,
    System,
)
from secondpass import CrossEncoderReranker
from secondpass.models.embedded import CROSS_ENCODER
from secondpass.models.folder import find_folder
from secondpass.models.spec import read_cross_encoder_spec
from secondpass.retrieval.embedder import Embedder
from secondpass.scoring.encode import load_tokenizer
from secondpass.scoring.pairs import read_pair_layout
from secondpass.scoring.tokenised import TokenisedText, tokenizer_digest
from secondpass.types import Ranking

T = TypeVar("T")

# Each text that is embedded has a token before and one after.
EMBEDDED_SPECIAL_TOKENS = 2


@dataclass(frozen=True)
class Read:
    """The candidates' positions, best first, and what it took.

    `layer_tokens` are tokens times the layers that read them, query and special tokens included;
    `selecting_layer_tokens` those of embeddings that chose the sentences. `ms` is the wall time
    from the texts to the order.
    """

    order: list[int]
    layer_tokens: int
    selecting_layer_tokens: int
    ms: float


class Reader:
    """The models that read and choose."""

    def __init__(self, max_length: int) -> None:
        self.reranker = CrossEncoderReranker(max_length=max_length)
        self.windows = CrossEncoderReranker(max_length=max_length, long_documents="max")
        self.embedder = Embedder()
        spec = read_cross_encoder_spec(find_folder(CROSS_ENCODER))
        self.layers = int(spec.config["num_hidden_layers"])
        self.tokenizer = load_tokenizer(spec.tokenizer_file)
        self.digest = tokenizer_digest(self.tokenizer)
        self.special_tokens = read_pair_layout(self.tokenizer).special_tokens

    def warm_up(self, efforts: Sequence[str]) -> None:
        """Compile what the first call with an effort compiles."""
        for effort in efforts:
            self.reranker.rank("warm", ["up"] * 12, effort=effort)

    def open(self, query: str, texts: Sequence[str], alone: Sequence[str]) -> Question:
        """Return what reads these candidates; `alone` are those before they were padded."""
        return Question(self, query, texts, alone)


class Question:
    """A query and its candidates; what all systems share is made once, and timed once."""

    def __init__(
        self, reader: Reader, query: str, texts: Sequence[str], alone: Sequence[str]
    ) -> None:
        self._reader, self._query, self._texts, self._alone = reader, query, texts, alone
        query_ids = reader.tokenizer.encode(query, add_special_tokens=False).ids
        self._beside = len(query_ids) + reader.special_tokens
        self._room = reader.reranker.info.max_length - self._beside
        self._sentences, self._cut_ms = _timed(self._cut)
        self.merits = cache(lambda how: _timed(lambda: self._merits(how)))

    def read(self, system: System) -> Read:
        """Read the candidates as the system does."""
        if system.budget is None:
            return self._read_texts(system)
        (texts, ms) = _timed(lambda: self._selected(system))
        ms += self._cut_ms + (0 if system.reads == TRUNCATE else self.merits(system.reads)[1])
        ranking = self._reader.reranker.rank(self._query, texts, None, effort=system.effort)
        # Ids of another tokenizer would be left aside, and the whole text read.
        assert all(hit.tokens == len(texts[hit.index].ids) for hit in ranking)
        embedded = self._embedded_tokens() if system.reads == EMBEDDING else 0
        return self._found(ranking, embedded * self._reader.layers, ms)

    def _read_texts(self, system: System) -> Read:
        texts = self._alone if system.reads == ALONE else self._texts
        reranker = self._reader.windows if system.reads == WINDOWS else self._reader.reranker
        ranking = reranker.rank(self._query, texts, None, effort=system.effort)
        return self._found(ranking, 0, 0.0)

    def _cut(self) -> list[Sentences]:
        encodings = self._reader.tokenizer.encode_batch(list(self._texts), add_special_tokens=False)
        return [sentences_of(*one) for one in zip(self._texts, encodings, strict=True)]

    def _merits(self, how: str) -> Merits:
        if how == EMBEDDING:
            return by_embedding(self._query, self._sentences, self._reader.embedder)
        lexical = {IDF: by_idf, OWN_IDF: by_own_idf, BM25: by_bm25, OWN_BM25: by_own_bm25}
        return lexical[how](self._query, self._sentences)

    def _selected(self, system: System) -> list[TokenisedText]:
        budget = min(system.budget or 0, self._room)
        if system.reads == TRUNCATE:
            parts = [one.ids[:budget] for one in self._sentences]
        else:
            merits, _ = self.merits(system.reads)
            parts = [
                selected_ids(one, merit, budget)
                for one, merit in zip(self._sentences, merits, strict=True)
            ]
        return [
            TokenisedText(text, ids, self._reader.digest)
            for text, ids in zip(self._texts, parts, strict=True)
        ]

    def _embedded_tokens(self) -> int:
        special = sum(len(one.texts) for one in self._sentences) * EMBEDDED_SPECIAL_TOKENS
        return special + sum(len(one.ids) for one in self._sentences)

    def _found(self, ranking: Ranking, selecting: int, selecting_ms: float) -> Read:
        layers = self._reader.layers
        exited = [hit for hit in ranking if hit.exit_layer]
        # `timings.tokens` counts each window; who left early read fewer layers of its one.
        saved = sum((hit.tokens + self._beside) * (layers - hit.exit_layer) for hit in exited)
        return Read(
            order=[hit.index for hit in ranking],
            layer_tokens=ranking.timings.tokens * layers - saved,
            selecting_layer_tokens=selecting,
            ms=selecting_ms + ranking.timings.total_ms,
        )


def _timed(make: Callable[[], T]) -> tuple[T, float]:
    started = perf_counter()
    made = make()
    return made, (perf_counter() - started) * 1000
