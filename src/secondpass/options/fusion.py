"""Which fusion of first stage and cross-encoder was asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from secondpass.checks import described, finite_number, one_of, shortened
from secondpass.errors import Argument, InputError

Fuse = Literal["none", "rrf", "weighted"]
FUSIONS: tuple[Fuse, ...] = get_args(Fuse)

# The constant of Cormack et al. 2009.
K = 60
# What the first stage's z-score counts where the caller gives no weight: the best for BM25 on the
# development collections, each by the others (docs/results/quality.md).
DEFAULT_WEIGHT = 0.15
# A query of more characters asks for passages like itself, which a bi-encoder knows better.
PASSAGE_CHARACTERS = 300


@dataclass(frozen=True, slots=True)
class Fusion:
    """A checked choice; `weight` is None where the rule has none. Make it with `checked`.

    `passage_weight` is the weight for queries of more than `PASSAGE_CHARACTERS`, None if theirs is
    no other.
    """

    rule: Fuse = "none"
    weight: float | None = None
    passage_weight: float | None = None

    @classmethod
    def checked(cls, fuse: Fuse = "none", fuse_weight: float | None = None) -> Fusion:
        """Return the choice, or raise an InputError that names the value and what is allowed.

        `fuse_weight` None is the default weight. A weight for a rule without one is an error, for
        it would do nothing.
        """
        one_of("fuse", fuse, FUSIONS)
        if fuse != "weighted":
            if fuse_weight is not None:
                raise InputError(
                    Argument("fuse_weight"),
                    f" is {shortened(fuse_weight)}, but ",
                    Argument("fuse", fuse),
                    " has no weight: use ",
                    Argument("fuse", "weighted"),
                    ", or leave ",
                    Argument("fuse_weight"),
                    " out",
                )
            return cls(fuse)
        weight = finite_number(DEFAULT_WEIGHT if fuse_weight is None else fuse_weight)
        if weight is None or weight < 0:
            raise InputError(
                Argument("fuse_weight"),
                f" is {described(fuse_weight)}, expected a finite number of at least 0",
            )
        return cls(fuse, weight)

    def of(self, query: str) -> Fusion:
        """Return the fusion for this query, which has one weight."""
        long = self.passage_weight is not None and len(query) > PASSAGE_CHARACTERS
        return Fusion(self.rule, self.passage_weight if long else self.weight)

    @property
    def in_words(self) -> str:
        """Say what is fused and how, for reports."""
        if self.rule == "rrf":
            return f"reciprocal ranks of first stage and cross-encoder (k = {K})"
        if self.rule == "weighted":
            return (
                f"z(logit) + {self.weight:g}{self._other} z(first-stage score), "
                "z over a query's candidates"
            )
        return "none"

    @property
    def _other(self) -> str:
        if self.passage_weight is None:
            return ""
        return f" ({self.passage_weight:g} for a query of over {PASSAGE_CHARACTERS} characters)"


# What a search with the embedded pair does: with it no development collection is worse than the
# first stage alone by more than 0.002 of nDCG@10 (docs/results/quality.md).
PAIR_FUSION = Fusion("weighted", 0.5, passage_weight=2.0)
