"""How much of a model is spent on candidates that are clearly irrelevant."""

from __future__ import annotations

from typing import Any, Literal, get_args

from secondpass.checks import one_of

Effort = Literal["full", "balanced", "fast", "instant"]
EFFORTS: tuple[Effort, ...] = get_args(Effort)


def checked_effort(effort: Any) -> Effort:
    """Return `effort` if it is one of the four.

    Raises:
        InputError: it is not.
    """
    return one_of("effort", effort, EFFORTS)
