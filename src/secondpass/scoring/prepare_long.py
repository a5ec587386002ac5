"""The first step by whatever rule for long documents."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from secondpass.scoring.clock import StageClock
from secondpass.scoring.prepare import Prepared, Preparer
from secondpass.scoring.prepare_selected import SelectingPreparer
from secondpass.scoring.prepare_windows import WindowPreparer
from secondpass.scoring.window_rule import WindowRule


class Prepares(Protocol):
    """The first step of a block."""

    def prepare(
        self, queries: Sequence[str], texts: Sequence[str], clock: StageClock
    ) -> Iterator[Prepared]:
        """Yield batches of the pairs (queries[i], texts[i]), a text's windows in order."""
        ...


def for_long_documents(preparer: Preparer, rule: WindowRule) -> Prepares:
    """Return what prepares by the rule; only "truncate" needs nothing of where tokens stand."""
    if rule.long_documents == "truncate":
        return preparer
    if rule.select_tokens is not None:
        return SelectingPreparer(preparer, rule.select_tokens)
    return WindowPreparer(preparer, rule)
