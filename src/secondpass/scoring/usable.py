"""Which candidates of a call can be scored; the others are an error, or skipped and said."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from secondpass.errors import InputError
from secondpass.options.fusion import Fusion
from secondpass.scoring.candidates import candidate_text, checked_list, checked_text
from secondpass.scoring.first_stage_scores import (
    FirstStageScores,
    candidate_score,
    candidate_scores,
    given_list,
    given_score,
    given_scores,
)
from secondpass.scoring.scored import Scored
from secondpass.scoring.selection import Chosen
from secondpass.types import Hit


@dataclass(slots=True)
class Usable:
    """The texts of a call that can be scored, and why each of the others cannot.

    `positions` are those of `texts` in the caller's list, `errors` has a message for each other
    position, `given` what stands at it. `first_stage_scores` is None without a fusion by them.
    `text_field` names the field of a candidate's text; None for the usual ones.
    """

    positions: list[int]
    texts: list[str]
    first_stage_scores: FirstStageScores | None
    errors: dict[int, str]
    given: Sequence[Any]
    text_field: str | None = None

    def text_of(self, position: int) -> str:
        """Return the text at a position of the caller's list; none where it is no string."""
        given = self.given[position]
        if isinstance(given, dict | Mapping):
            usual = self.text_field is None
            given = given.get("text", given.get("content")) if usual else given.get(self.text_field)
        return given if isinstance(given, str) else ""

    def without_broken(self, scored: Scored) -> Scored:
        """Skip the texts that have no finite logit; return the table of the others."""
        broken = set(np.flatnonzero(~np.isfinite(scored.logits)).tolist())
        if not broken:
            return scored
        for at in broken:
            logit = scored.logits[at]
            self.errors[self.positions[at]] = (
                f"the model gave {logit} for text {self.positions[at]}"
            )
        kept = [at for at in range(len(self.texts)) if at not in broken]
        self.positions = [self.positions[at] for at in kept]
        self.texts = [self.texts[at] for at in kept]
        if self.first_stage_scores is not None:
            self.first_stage_scores = self.first_stage_scores[kept]
        return scored.take([at for at in range(len(scored)) if at not in broken])

    def placed(self, chosen: Chosen) -> Chosen:
        """Return what was chosen among `texts` with the positions in the caller's list."""
        if not self.errors:
            return chosen
        hits = tuple(replace(hit, index=self.positions[hit.index]) for hit in chosen.hits)
        unscored = [self.positions[at] for at in chosen.unscored]
        return Chosen(hits, unscored, chosen.dropped)

    def skipped(self, most: int | None) -> tuple[Hit, ...]:
        """Return the hits of what was skipped, at most so many, in order."""
        return tuple(map(self._skipped, sorted(self.errors)[:most]))

    def _skipped(self, at: int) -> Hit:
        error, text = self.errors[at], self.text_of(at)
        return Hit(at, score=None, text=text, truncated=False, reranked=False, error=error)


def usable_candidates(
    given: Sequence[Mapping[str, Any]],
    field: str,
    fusion: Fusion,
    *,
    skip: bool,
    text_field: str | None = None,
) -> Usable:
    """Return the candidates that have a text and, for a fusion by it, a first-stage score.

    `field` names that of the score, `text_field` that of the text, None for the usual ones.

    Raises:
        InputError: without `skip`, one has not; the message names its position.
    """
    if not skip:
        texts = [candidate_text(candidate, at, text_field) for at, candidate in enumerate(given)]
        usable = _all(given, texts, candidate_scores(given, field, fusion))
        return replace(usable, text_field=text_field)
    candidate_scores((), field, fusion)  # the field's name is no candidate's fault
    weighted = fusion.rule == "weighted"
    usable = _some(
        given,
        lambda candidate, at: candidate_text(candidate, at, text_field),
        (lambda candidate, at: candidate_score(candidate, at, field)) if weighted else None,
    )
    return replace(usable, text_field=text_field)


def usable_texts(
    given: Sequence[Any], first: Iterable[float] | None, fusion: Fusion, *, skip: bool
) -> Usable:
    """Return the texts that are strings and, for a fusion by them, have a first-stage score.

    Raises:
        InputError: without `skip`, one has not; or there is not one score for each.
    """
    if not skip:
        texts = checked_list(given)
        return _all(given, texts, given_scores(first, len(texts), fusion))
    scores = given_list(first, len(given), fusion)
    return _some(
        given,
        lambda text, at: checked_text(text, f"text {at}"),
        None if scores is None else lambda _, at: given_score(scores[at], at),
    )


def _all(given: Sequence[Any], texts: list[str], scores: FirstStageScores | None) -> Usable:
    return Usable(list(range(len(texts))), texts, scores, {}, given)


def _some(
    given: Sequence[Any],
    text_of: Callable[[Any, int], str],
    score_of: Callable[[Any, int], float] | None,
) -> Usable:
    usable = Usable([], [], None, {}, given)
    scores: list[float] = []
    for at, one in enumerate(given):
        try:
            text = text_of(one, at)
            if score_of is not None:
                scores.append(score_of(one, at))
        except InputError as error:
            usable.errors[at] = str(error)
        else:
            usable.positions.append(at)
            usable.texts.append(text)
    if score_of is not None:
        usable.first_stage_scores = np.array(scores, np.float64)
    return usable
