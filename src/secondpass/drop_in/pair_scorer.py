"""A loaded model that gives the logits of pairs as sentence-transformers would."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from secondpass.drop_in.longest_first import cut_queries
from secondpass.engine.load import engine_of
from secondpass.loaded_model import LoadedModel
from secondpass.models.folder import ModelFolder, find_folder
from secondpass.native import RefusedInForks, rebuilt
from secondpass.options.effort import Effort
from secondpass.options.model import CACHE_BYTES, RerankerOptions
from secondpass.score_cache.scorer import CachedScorer, open_store
from secondpass.scorer import AnyScorer, Request, score_requests
from secondpass.scoring.chat import ChatLayout
from secondpass.scoring.scored import Floats, Scored
from secondpass.scoring.scores import to_label_scores, to_scores

Pairs = list[tuple[str, str]]

# Pairs between two steps of a progress bar.
_STEP = 512
# How many lengths and prompts are kept apart.
_MOST_READINGS = 8


class Rules(NamedTuple):
    """How pairs are scored: a prompt that is empty for none, the most tokens, and what exits."""

    prompt: str
    max_length: int
    effort: Effort = "full"


class PairScorer(RefusedInForks):
    """One model in memory; its pairs may be scored by different rules."""

    def __init__(
        self, options: RerankerOptions, folder: ModelFolder | None = None, *, or_held: bool = False
    ) -> None:
        if folder is None:
            folder = find_folder(
                options.model_name,
                revision=options.revision,
                local_files_only=options.local_files_only,
            )
        self.model = LoadedModel(folder, options, or_held=or_held)
        self.options = self.model.options
        place, size = options.cache_place(), options.cache_bytes or CACHE_BYTES
        self._store = None if place is None else open_store(place, size)
        self._readings: dict[tuple[str, int], tuple[LoadedModel, AnyScorer]] = {}

    @classmethod
    def at_float32(cls, options: RerankerOptions, folder: ModelFolder) -> PairScorer:
        """Load a model at "fp32"; one that holds a graph of another precision is taken as it is."""
        return cls(replace(options, precision="fp32"), folder, or_held=True)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the options: another process loads the model itself."""
        return rebuilt, (type(self), (self.options,), type(self), {"options": self.options})

    @property
    def chats(self) -> bool:
        """Whether texts go through a chat template, whose system message a prompt fills."""
        return isinstance(self.model.layout, ChatLayout)

    @property
    def labels(self) -> int:
        """How many logits a pair has."""
        return self.model.labels

    @property
    def least_room(self) -> int:
        """How many tokens a query leaves its text: of a window there is at least one."""
        return 0 if self.options.long_documents == "truncate" else 1

    def reading(self, rules: Rules) -> tuple[LoadedModel, AnyScorer]:
        """Return the model that scores by these rules, and its scorer.

        Raises:
            InputError: `max_length` is more than the model takes, or it takes no prompt.
        """
        instruction = rules.prompt if self.chats else ""
        key = instruction, rules.max_length
        if key not in self._readings:
            if len(self._readings) >= _MOST_READINGS:
                self._readings.clear()
            options = replace(self.options, max_length=rules.max_length, instruction=instruction)
            model = self.model.reading(options, least_room=self.least_room)
            store = self._store
            scorer = model if store is None else CachedScorer(model, store, model.rules)
            self._readings[key] = model, scorer
        return self._readings[key]

    def logits(self, pairs: Pairs, rules: Rules, *, shows: bool = False) -> Floats:
        """Return the logits of pairs, float32 [n, labels]; `shows` is whether there is a bar."""
        if not pairs:
            return np.empty((0, self.labels), np.float32)
        step = _STEP if shows else len(pairs)
        blocks = [pairs[start : start + step] for start in range(0, len(pairs), step)]
        scored = [self._of_block(block, rules) for block in (_shown(blocks) if shows else blocks)]
        return np.concatenate(scored)

    def require_engine(self, device: str) -> None:
        """Raise where no engine runs the model on a device.

        Raises:
            InputError, MissingExtraError: as loading it there.
        """
        engine_of(self.model.spec, self.options.precision, device)

    def close(self) -> None:
        """Free the engine."""
        if "model" in vars(self):  # not so where it was unpickled in a fork
            self.model.close()

    def _of_block(self, pairs: Pairs, rules: Rules) -> Floats:
        model, scorer = self.reading(rules)
        requests, order = self._requests(pairs, rules, model)
        tables = score_requests(scorer, requests, rules.effort)
        table = Scored.joined(tables).take(np.argsort(order))
        if self.labels == 1:
            return to_scores(table, len(pairs), "identity", perf_counter()).logits[:, np.newaxis]
        return to_label_scores(table, self.labels, "identity")

    def _requests(
        self, pairs: Pairs, rules: Rules, model: LoadedModel
    ) -> tuple[list[Request], NDArray[np.intp]]:
        """Return a request for each query, and the positions of their texts, one after another."""
        of_query: dict[str, list[int]] = {}
        for position, (query, _) in enumerate(pairs):
            of_query.setdefault(query, []).append(position)
        requests, order = [], []
        for query, positions in of_query.items():
            texts = [pairs[position][1] for position in positions]
            for asked, chosen in self._cut(query, texts, rules, model):
                requests.append(Request(asked, [texts[at] for at in chosen]))
                order += [positions[at] for at in chosen]
        return requests, np.array(order, np.intp)

    def _cut(
        self, query: str, texts: Sequence[str], rules: Rules, model: LoadedModel
    ) -> Iterator[tuple[str, list[int]]]:
        """Yield the query as it is scored, and the positions of the texts that have it so."""
        if isinstance(model.layout, ChatLayout):
            yield query, [*range(len(texts))]
            return
        room = model.max_length - model.layout.special_tokens
        # A cache knows a query by its characters alone.
        by_ids = self._store is None
        cut = cut_queries(
            rules.prompt + query,
            texts,
            room,
            model.encoder,
            least_room=self.least_room,
            with_ids=by_ids,
        )
        groups: dict[int, list[int]] = {}
        for position, asked in enumerate(cut):
            groups.setdefault(id(asked), []).append(position)
        for chosen in groups.values():
            yield cut[chosen[0]], chosen


def _shown(blocks: Sequence[Pairs]) -> Iterable[Pairs]:
    from rich.console import Console
    from rich.progress import track

    return track(blocks, "Batches", console=Console(stderr=True))
