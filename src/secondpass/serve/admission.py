"""Whether a request is let in, decided at the door by how long it would take."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from secondpass.serve.contract import Busy, DeadlineTooShort, WhenLate

# Whatever the bound, a request may wait for so many times what it takes itself.
PATIENCE = 4.0
# So many requests may wait, however short they are: their texts are in memory.
MOST_WAITING = 1000


class Outlook(NamedTuple):
    """What a request would meet at this moment.

    `wait_ms` pass before its last text is scored, apart from the `own_ms` that it takes itself;
    `first_ms` takes its first text alone. All are predictions. `waiting` requests wait already.
    `idle` says that nothing waits and nothing is scored; `guessed` that nothing was scored lately
    either: the machine may be faster than it was.
    """

    wait_ms: float
    waiting: int
    own_ms: float
    first_ms: float
    guessed: bool = False
    idle: bool = False


@dataclass(frozen=True, slots=True)
class Admission:
    """The bound on what may wait.

    Args:
        most_wait_ms: how long a request may be going to wait. A client waits for its own requests
            and for a fair share of others', so one that sends very many keeps nobody else out.
        most_waiting: how many requests may wait.
    """

    most_wait_ms: float
    most_waiting: int = MOST_WAITING

    def require_room(self, outlook: Outlook) -> None:
        """Refuse a request that would wait too long.

        Raises:
            Busy: it would; `retry_after_s` is when it would not, in whole seconds.
        """
        over_ms = outlook.wait_ms - max(self.most_wait_ms, PATIENCE * outlook.own_ms)
        if over_ms > 0 or outlook.waiting >= self.most_waiting:
            raise Busy(max(1, math.ceil(over_ms / 1000)))

    def has_time(
        self,
        outlook: Outlook,
        left_ms: float,
        when_late: WhenLate,
        *,
        budget_ms: float | None = None,
    ) -> bool:
        """Tell whether one text at least can be scored in what is left of a budget.

        A guess is tried, and so is one text where nobody else is kept waiting by it. `budget_ms` is
        the budget as it was sent, where that is known.

        Raises:
            DeadlineTooShort: not all can, and the request asked to be told.
        """
        if outlook.guessed:
            return True
        needed_ms = outlook.wait_ms + outlook.own_ms
        if when_late == "refuse" and needed_ms > left_ms:
            raise DeadlineTooShort(left_ms if budget_ms is None else budget_ms, needed_ms)
        return outlook.idle or outlook.wait_ms + outlook.first_ms <= left_ms
