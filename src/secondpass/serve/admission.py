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
    `guessed` says that nothing was scored lately and nothing is now: the machine may be faster than
    it was.
    """

    wait_ms: float
    waiting: int
    own_ms: float
    first_ms: float
    guessed: bool = False


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

    def has_time(self, outlook: Outlook, budget_ms: float, when_late: WhenLate) -> bool:
        """Tell whether one text at least can be scored within a budget; a guess is tried.

        Raises:
            DeadlineTooShort: not all can, and the request asked to be told.
        """
        if outlook.guessed:
            return True
        needed_ms = outlook.wait_ms + outlook.own_ms
        if when_late == "refuse" and needed_ms > budget_ms:
            raise DeadlineTooShort(budget_ms, needed_ms)
        return outlook.wait_ms + outlook.first_ms <= budget_ms
