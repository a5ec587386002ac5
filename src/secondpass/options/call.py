"""The options of a call: what is returned, in which order, and what may be spent on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from secondpass.options.effort import EFFORTS, Effort
from secondpass.options.fusion import DEFAULT_WEIGHT, FUSIONS, Fuse, Fusion
from secondpass.options.kinds import Choice, Integer, Number
from secondpass.options.model import ACTIVATIONS, Activation
from secondpass.options.option import check_fields, from_dict, option, to_dict


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

    def to_dict(self) -> dict[str, Any]:
        """Return the options as values that JSON has."""
        return to_dict(self)

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> RankOptions:
        """Return the options of a dict; raises InputError as the constructor, and by a name."""
        return from_dict(cls, given)
