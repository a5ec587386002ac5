"""The first stage's scores, from candidates' dicts or as a list, each checked to be a number."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondpass.checks import described, described_by_caller, finite_number, listed, shortened
from secondpass.errors import Argument, CandidateAt, InputError
from secondpass.options.fusion import Fusion
from secondpass.scoring.candidates import checked_texts

FirstStageScores = NDArray[np.float64]

_WAY_OUT = (", or use ", Argument("fuse", "rrf"), ", which needs only the candidates' order")


def candidate_scores(
    candidates: Sequence[Mapping[str, Any]], field: str, fusion: Fusion
) -> FirstStageScores | None:
    """Return the field `field` of each candidate; None for a fusion that uses no scores.

    Raises:
        InputError: a candidate has no such field, or what it holds is not a finite number.
    """
    if not isinstance(field, str):
        raise InputError(f"first_stage_score is {described(field)}, expected a field's name")
    if fusion.rule != "weighted":
        return None
    return np.array([candidate_score(one, at, field) for at, one in enumerate(candidates)], float)


def candidate_score(candidate: Mapping[str, Any], position: int, field: str) -> float:
    """Return the first stage's score of one candidate; raises InputError as `candidate_scores`."""
    if field not in candidate:
        raise InputError(
            CandidateAt(position),
            f" has no {shortened(field)}, which ",
            Argument("fuse", "weighted"),
            f" takes as the first stage's score, only {listed(candidate)}: name the field with ",
            Argument("first_stage_score"),
            *_WAY_OUT,
        )
    return _number(candidate[field], CandidateAt(position, f": {shortened(field)}"))


def given_scores(
    first_stage_scores: Iterable[float] | None, texts: int, fusion: Fusion
) -> FirstStageScores | None:
    """Return `first_stage_scores` if they are one number for each of `texts` texts.

    Raises:
        InputError: they are missing, too few or too many, or not finite numbers; or they are
            given to a fusion that does not use them.
    """
    given = given_list(first_stage_scores, texts, fusion)
    if given is None:
        return None
    return np.array([given_score(value, at) for at, value in enumerate(given)], float)


def given_score(value: Any, position: int) -> float:
    """Return the first stage's score of one text; an InputError if it is not a finite number."""
    return _number(value, f"first_stage_scores[{position}]")


def given_list(
    first_stage_scores: Iterable[Any] | None, texts: int, fusion: Fusion
) -> list[Any] | None:
    """Return what is given, one for each text, as a list; None for a fusion that uses no scores.

    Raises:
        InputError: they are missing, too few or too many, or given to such a fusion.
    """
    if fusion.rule != "weighted":
        if first_stage_scores is not None:
            raise InputError(
                "first_stage_scores are given, but ",
                Argument("fuse", fusion.rule),
                " does not use them: use ",
                Argument("fuse", "weighted"),
                ", or leave them out",
            )
        return None
    if first_stage_scores is None:
        raise InputError(
            Argument("fuse", "weighted"),
            " needs first_stage_scores, the first stage's score of each text: give them",
            *_WAY_OUT,
        )
    given = list(checked_texts(first_stage_scores, "first_stage_scores"))
    if len(given) != texts:
        raise InputError(
            f"there are {len(given)} first_stage_scores for {texts} texts: give one for each",
            *_WAY_OUT,
        )
    return given


def _number(value: Any, where: str | CandidateAt) -> float:
    number = finite_number(value)
    if number is None:
        raise InputError(
            where,
            " is ",
            described_by_caller(value),
            ", expected a finite number, the first stage's score: repair it",
            *_WAY_OUT,
        )
    return number
