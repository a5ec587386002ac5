"""The last step of a ranking: scores to hits in order, whoever made the scores."""

from __future__ import annotations

from dataclasses import replace
from time import perf_counter
from typing import NamedTuple

from secondpass.options.call import RankOptions
from secondpass.scoring.selection import Chosen, choose, unscored_hit
from secondpass.scoring.stats import ms_since
from secondpass.scoring.usable import Usable
from secondpass.types import Hit, Ranking, Scores, Timings


class Result(NamedTuple):
    """What a ranking is made of, for typed hits or for dicts."""

    chosen: Chosen
    skipped: tuple[Hit, ...]
    usable: Usable
    timings: Timings

    @classmethod
    def of(
        cls, options: RankOptions, usable: Usable, scores: Scores, query_dropped_tokens: int = 0
    ) -> Result:
        """Put the usable texts in order by their scores, which are in theirs."""
        begun = perf_counter()
        chosen = choose(options, usable.texts, scores, usable.first_stage_scores)
        timings = replace(
            scores.timings,
            candidates=len(usable.given),
            dropped=chosen.dropped,
            rank_ms=scores.timings.rank_ms + ms_since(begun),
            skipped=len(usable.errors),
            query_dropped_tokens=query_dropped_tokens,
        )
        placed = usable.placed(chosen)
        left = (
            None
            if options.top_k is None
            else options.top_k - len(placed.hits) - len(placed.unscored)
        )
        return cls(placed, usable.skipped(left), usable, timings)

    def ranking(self, started: float) -> Ranking:
        """Return typed hits; `started` is when the call began."""
        begun = perf_counter()
        texts = map(self.usable.text_of, self.chosen.unscored)
        unscored = map(unscored_hit, self.chosen.unscored, texts)
        hits = (*self.chosen.hits, *unscored, *self.skipped)
        rank_ms = self.timings.rank_ms + ms_since(begun)
        return Ranking(hits, replace(self.timings, rank_ms=rank_ms, total_ms=ms_since(started)))
