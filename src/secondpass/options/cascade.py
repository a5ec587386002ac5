"""The options of a cascade: which two models, and how many the second scores."""

from __future__ import annotations

from typing import NoReturn

from secondpass.checks import shortened
from secondpass.errors import Argument, Either, InputError
from secondpass.options.effort import Effort

DEFAULT_KEEP = 30


def check(
    cascade: tuple[str, str] | None, keep: int | None, model: str, default: str, effort: Effort
) -> None:
    """Raise where an option would do nothing beside a cascade, or without one.

    Raises:
        InputError: the message names the option.
    """
    if cascade is None and keep is not None:
        raise InputError(
            Argument("keep"),
            f" is {shortened(keep)}, but there is no cascade for it: name two models with ",
            Either("cascade=[small, large]", "--cascade SMALL --model LARGE"),
            ", or leave ",
            Argument("keep"),
            " out",
        )
    if cascade is not None:
        require_full(effort)
        if model != default:
            raise InputError(
                Argument("model_name"),
                f" is {shortened(model)} and ",
                Argument("cascade"),
                f" {shortened(cascade)}: give one of them",
            )


def require_full(effort: Effort) -> None:
    """Raise where an effort leaves something out: the second model scores by all its layers."""
    if effort != "full":
        raise InputError(
            Argument("effort"),
            f" is {effort!r}, but a cascade scores by all layers: leave ",
            Argument("cascade"),
            " or ",
            Argument("effort"),
            " out",
        )


def refuse_budget() -> NoReturn:
    """Raise: a cascade has no answer before its first model has scored all."""
    raise InputError(
        Argument("budget_ms"),
        " cannot be used with a cascade: the second model starts only after the first has scored "
        "every candidate; leave ",
        Argument("cascade"),
        " out, or use ",
        Argument("effort", "balanced"),
        " of a model with exits",
    )
