"""The options of a call: what is returned, in which order, and what may be spent on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from secondpass.options.effort import EFFORTS, Effort
from secondpass.options.fusion import DEFAULT_WEIGHT, FUSIONS, Fuse, Fusion
from secondpass.options.kinds import Choice, Integer, Number
from secondpass.options.model import ACTIVATIONS, Activation
from secondpass.options.option import check_fields, from_dict, option, to_dict

OnError = Literal["raise", "skip"]
ON_ERROR: tuple[OnError, ...] = get_args(OnError)
LongQuery = Literal["error", "truncate"]
LONG_QUERY: tuple[LongQuery, ...] = get_args(LongQuery)


@dataclass(frozen=True, slots=True, kw_only=True)
class RankOptions:
    """Checked options of `rank` and `rerank`.

    Raises:
        InputError: a value is not usable, or would do nothing beside another; the message names it.
    """

    top_k: int | None = option(
        10,
        Integer(),
        "How many are returned; `None` for all.",
        also=", or None for all",
        flag="--top-k",
        on_command="How many to print.",
    )
    min_score: float | None = option(
        None,
        Number(),
        "Drop what the model scores below this, before `top_k` counts.",
        also=", or None for no limit",
        means="none",
        flag="--min-score",
        on_command="Drop what the model scores below this, and say how many.",
    )
    fuse: Fuse = option(
        "none",
        Choice(FUSIONS),
        "Rank by the first stage as well: by reciprocal ranks, or by z-scores.",
        flag="--fuse",
    )
    fuse_weight: float | None = option(
        None,
        Number(least=0),
        'What the first stage counts in "weighted".',
        means=str(DEFAULT_WEIGHT),
        flag="--fuse-weight",
    )
    budget_ms: float | None = option(
        None,
        Number(above=0, unit="milliseconds"),
        "Milliseconds the call may take; what there is no time to score follows, in its order.",
        page="guide/deadline.md",
        also=", or None for no limit",
        means="none",
        flag="--budget-ms",
    )
    on_error: OnError = option(
        "raise",
        Choice(ON_ERROR),
        "A candidate that cannot be scored ends the call, or is skipped: it comes last, with its "
        "`error`.",
        page="guide/rerank.md#candidates-that-cannot-be-scored",
        flag="--on-error",
        on_command="A candidate that cannot be scored ends the command, or is skipped: it comes "
        'last, with its "error".',
    )
    long_query: LongQuery = option(
        "error",
        Choice(LONG_QUERY),
        "A query that leaves no room for a text is an error, or every query is cut to half of "
        "`max_length`, and said to be.",
        page="guide/rerank.md#long-queries",
        flag="--long-query",
        on_command="A query that leaves no room for a text is an error, or every query is cut to "
        "half of --max-length, and said to be.",
    )
    effort: Effort | None = option(
        None, Choice(EFFORTS), "For this call.", means="the reranker's own"
    )
    activation: Activation | None = option(
        None, Choice(ACTIVATIONS), "For this call.", means="the reranker's own"
    )

    def __post_init__(self) -> None:
        check_fields(self)
        self.fusion()

    def fusion(self) -> Fusion:
        """Return the fusion that is asked for."""
        return Fusion.checked(self.fuse, self.fuse_weight)

    @property
    def may_leave_some(self) -> bool:
        """Tell whether a candidate may be left without a score, so that each says if it has one."""
        return self.budget_ms is not None or self.on_error == "skip"

    def to_dict(self) -> dict[str, Any]:
        """Return the options as values that JSON has."""
        return to_dict(self)

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> RankOptions:
        """Return the options of a dict; raises InputError as the constructor, and by a name."""
        return from_dict(cls, given)
