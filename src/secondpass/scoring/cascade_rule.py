"""The options of a cascade: which two models, and how many the second reads. No numpy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

from secondpass.errors import InputError
from secondpass.models.embedded import CROSS_ENCODER
from secondpass.scoring.effort import Effort
from secondpass.scoring.finite import described

DEFAULT_KEEP = 30


def checked_models(model_name: Any, cascade: Any) -> tuple[Any, ...]:
    """Return the two models of a cascade, or the one without."""
    if cascade is None:
        return (model_name,)
    if not isinstance(cascade, Sequence) or isinstance(cascade, str) or len(cascade) != 2:
        raise InputError(
            f"cascade is {described(cascade)}, expected two models, such as "
            "['embedded/cross-encoder', 'BAAI/bge-reranker-base']"
        )
    if model_name != CROSS_ENCODER:
        raise InputError(f"model_name is {model_name!r} and cascade {cascade!r}: give one of them")
    return tuple(cascade)


def checked_keep(keep: int | None, cascade: Any) -> int:
    """Return how many the second model reads."""
    if keep is None:
        return DEFAULT_KEEP
    if cascade is None:
        raise InputError(
            f"keep is {keep!r}, but there is no cascade for it: name two models with "
            "cascade=[small, large], or leave keep out"
        )
    return keep


def require_full(effort: Effort) -> None:
    """Raise where an effort leaves something out: the second model reads whole what it reads."""
    if effort != "full":
        raise InputError(
            f"effort is {effort!r}, but a cascade reads whole: leave cascade or effort out"
        )


def refuse_budget() -> NoReturn:
    """Raise: a cascade has no answer before its first model has read all."""
    raise InputError(
        "a cascade takes no budget_ms, for its second model begins when its first has read all: "
        "leave cascade out, or use effort='balanced' of a model with exits"
    )
