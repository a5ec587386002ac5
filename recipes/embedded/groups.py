"""Groups to train on: one question, its positive, and negatives drawn from three pools."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from recipes.embedded.mine import Pool
from recipes.embedded.states import States

_FROM_POOLS = (2, 2, 3)  # own, BM25's, the bi-encoder's


@dataclass(frozen=True, slots=True)
class Mined:
    """A source's pools, and where its passages and questions stand among all texts."""

    name: str
    weight: float
    passages: range
    first_question: int
    pools: list[Pool]


class GroupSampler:
    """Draws a source, then its next question in a random order that begins again when used up."""

    def __init__(
        self, mined: list[Mined], states: States, recipe: Mapping[str, Any], seed: int
    ) -> None:
        self._random = random.Random(seed)
        self._mined, self._states, self._recipe = mined, states, recipe
        power = recipe["training"]["sampling_power"]
        self._weights = [source.weight * len(source.pools) ** power for source in mined]
        self._left: list[list[int]] = [[] for _ in mined]

    def draw(self) -> tuple[list[tuple[int, int]], list[float]]:
        """Return a group's (query, passage) text numbers, the positive first, and its teacher."""
        at = self._random.choices(range(len(self._mined)), self._weights)[0]
        source = self._mined[at]
        if not self._left[at]:
            self._left[at] = list(range(len(source.pools)))
            self._random.shuffle(self._left[at])
        pool = source.pools[self._left[at].pop()]
        query = source.first_question + pool.question
        texts = [pool.positive, *self._negatives(source, pool, query)]
        numbers = [source.passages.start + text for text in texts]
        return [(query, number) for number in numbers], [
            self._teacher(query, number, pool.bm25.get(text, 0.0))
            for text, number in zip(texts, numbers, strict=True)
        ]

    def draw_texts(self) -> tuple[list[tuple[int, int]], list[float]]:
        """Return a group whose query is a passage: 4 of its nearest and random ones."""
        settings = self._recipe["texts"]
        name = self._random.choice(settings["sources"])
        passages = next(source.passages for source in self._mined if source.name == name)
        least, most = settings["query_tokens"]
        query = self._random.randrange(passages.start, passages.stop)
        while not least <= self._states.lengths[query] <= most:
            query = self._random.randrange(passages.start, passages.stop)
        vectors = self._states.embeddings[passages.start : passages.stop]
        near = (vectors @ self._states.embeddings[query]).topk(settings["nearest"] + 2).indices
        nearest = [passages.start + at for at in near.tolist() if passages.start + at != query]
        chosen = self._random.sample(nearest[: settings["nearest"]], 4)
        while len(chosen) <= self._recipe["training"]["negatives"]:
            text = self._random.randrange(passages.start, passages.stop)
            if text != query and text not in chosen:
                chosen.append(text)
        return [(query, text) for text in chosen], [
            self._teacher(query, text, bm25=0.0) for text in chosen
        ]

    def _negatives(self, source: Mined, pool: Pool, query: int) -> list[int]:
        wanted = self._recipe["training"]["negatives"]
        chosen: list[int] = []
        for texts, count in zip(
            (pool.own, pool.bm25_hard, pool.bi_encoder_hard), _FROM_POOLS, strict=True
        ):
            chosen += self._random.sample(texts, min(count, len(texts)))
        chosen = list(dict.fromkeys(chosen))
        start = source.passages.start
        unlike = 0.6 * self._cosine(query, start + pool.positive) + 0.05
        while len(chosen) < wanted:
            text = self._random.randrange(len(source.passages))
            new = text != pool.positive and text not in chosen
            # Now and then any passage will do, or a source of near repeats would never fill up.
            if (new and self._cosine(query, start + text) < unlike) or (
                self._random.random() < 0.02 and text != pool.positive
            ):
                chosen.append(text)
        return chosen[:wanted]

    def _teacher(self, query: int, passage: int, bm25: float) -> float:
        teacher = self._recipe["teacher"]
        known = self._cosine(query, passage) + teacher["bm25_weight"] * bm25
        return known / float(teacher["temperature"])

    def _cosine(self, query: int, passage: int) -> float:
        embeddings = self._states.embeddings
        return float(embeddings[query] @ embeddings[passage])
