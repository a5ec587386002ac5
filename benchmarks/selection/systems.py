"""The ways to read a candidate that are compared."""

from __future__ import annotations

from dataclasses import dataclass

from secondpass.options.effort import Effort

WHOLE, TRUNCATE = "whole", "truncate"
IDF, OWN_IDF, BM25, OWN_BM25, EMBEDDING = "idf", "own idf", "bm25", "own bm25", "embedding"
WINDOWS, ALONE = "windows", "passages alone"
SELECTIONS = (IDF, OWN_IDF, BM25, OWN_BM25, EMBEDDING)


@dataclass(frozen=True)
class System:
    """What is read of a candidate, at most how many of its tokens, and with which effort."""

    reads: str
    budget: int | None = None
    effort: Effort = "full"

    @property
    def label(self) -> str:
        """Return what a table calls it."""
        budget = "" if self.budget is None else f" {self.budget}"
        return f"{self.reads}{budget}" + ("" if self.effort == "full" else f", {self.effort}")

    @property
    def base(self) -> System | None:
        """Return truncation to the same budget, at the same effort."""
        if self.reads in SELECTIONS:
            return System(TRUNCATE, self.budget, self.effort)
        return None


# The exits' own curve, from the cheapest on.
EXITS = tuple(System(WHOLE, effort=effort) for effort in ("fast", "balanced", "full"))


# What the tables of passages and of long documents compare with, and so is always read.
LONGEST = System(TRUNCATE, 512)
BASES = (EXITS[-1], LONGEST)


def for_passages(budgets: tuple[int, int, int] = (64, 128, 192)) -> list[System]:
    """Return the exits' curve, the choices, and the middle budget together with exits."""
    together = [System(how, budgets[1], "balanced") for how in (TRUNCATE, BM25)]
    return [*EXITS, *_choices(budgets), *together]


def for_long(budgets: tuple[int, int, int] = (128, 256, 512)) -> list[System]:
    """Return the choices, windows, and the passages before they were padded."""
    return [*_choices(budgets), System(WINDOWS), System(ALONE)]


def _choices(budgets: tuple[int, int, int]) -> list[System]:
    """Return truncation and BM25 at each budget, the other selections at the middle one."""
    curve = [System(how, budget) for budget in budgets for how in (TRUNCATE, BM25)]
    return [*curve, *(System(how, budgets[1]) for how in SELECTIONS if how != BM25)]
