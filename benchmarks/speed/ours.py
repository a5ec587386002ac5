"""secondpass's own rows: one table of options."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.speed.stored_texts import TextsOf, stored_texts, texts_with_states
from benchmarks.speed.untrained_exits import embedded_schedules, with_untrained_exits
from benchmarks.speed.work import Work
from secondpass import CrossEncoderReranker, Embedder
from secondpass.models.embedded import CROSS_ENCODER
from secondpass.options.effort import EFFORTS

Rerank = Callable[[str, Sequence[str]], Sequence[float]]

_UNTRAINED = "untrained heads"
_OTHER = "other weights"


@dataclass(frozen=True)
class Ours:
    """One row, with what a rival's file says: see `rivals`.

    `exits` gives the shared weights exit heads that nobody trained; `embedded` takes the embedded
    model instead; `stored_ids` brings the token ids that an index keeps, `states` its int8 states.
    """

    LABEL: str
    options: Mapping[str, Any] = field(default_factory=dict)
    exits: bool = False
    embedded: bool = False
    stored_ids: bool = False
    states: bool = False
    CALLS: int = 1
    INCOMPARABLE: str | None = None

    def load(self, work: Work) -> tuple[Rerank, str]:
        """Return what scores a list, and what really runs."""
        reranker = CrossEncoderReranker(
            self._model(work),
            max_length=work.max_length,
            cache_dir=Path(work.scratch) / "graphs",
            **self.options,
        )
        texts_of = self._texts_of(work, reranker)
        info = reranker.info
        detail = f"{info.precision} weights, {info.arithmetic} arithmetic"
        return lambda query, texts: scores_of(reranker, query, texts_of(texts)), detail

    def _texts_of(self, work: Work, reranker: CrossEncoderReranker) -> TextsOf:
        if self.stored_ids:
            return stored_texts(work, Embedder())
        return texts_with_states(work, reranker) if self.states else list

    def _model(self, work: Work) -> str | Path:
        if self.embedded:
            return CROSS_ENCODER
        if not self.exits:
            return work.model
        folder = Path(work.scratch) / "with-exits"
        return with_untrained_exits(Path(work.model), folder, embedded_schedules())


def scores_of(reranker: CrossEncoderReranker, query: str, texts: Sequence[str]) -> list[float]:
    """Return the scores in the texts' order."""
    return reranker.score(query, texts).scores.tolist()


def _with_exits(effort: str) -> Ours:
    return Ours(
        f"secondpass {{secondpass}}, int8, effort {effort}, untrained heads: shows the time only",
        {"precision": "int8", "effort": effort},
        exits=True,
        INCOMPARABLE=_UNTRAINED,
    )


def _embedded(effort: str, *, states: bool = False) -> Ours:
    what = "embedded model, states from the index" if states else "embedded model"
    return Ours(
        f"secondpass {{secondpass}}, {what}, effort {effort}",
        {"effort": effort},
        embedded=True,
        states=states,
        INCOMPARABLE=_OTHER,
    )


OURS: Mapping[str, Ours] = {
    "secondpass_auto": Ours("secondpass {secondpass}, auto", {"precision": "auto"}),
    "secondpass_int8": Ours("secondpass {secondpass}, int8", {"precision": "int8"}),
    "secondpass_token_ids": Ours(
        "secondpass {secondpass}, int8, token ids from the index",
        {"precision": "int8"},
        stored_ids=True,
    ),
    "secondpass_cache": Ours(
        'secondpass {secondpass}, int8, cache="memory", the same query and candidates again',
        {"precision": "int8", "cache": "memory"},
        CALLS=2,
    ),
    "secondpass_balanced": _with_exits("balanced"),
    "secondpass_fast": _with_exits("fast"),
    "embedded_full": _embedded("full"),
    "embedded_balanced": _embedded("balanced"),
    "embedded_fast": _embedded("fast"),
    **{f"states_{effort}": _embedded(effort, states=True) for effort in EFFORTS},
}
