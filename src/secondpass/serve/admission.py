"""Whether a request is let in, decided at the door by how long it would take."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from secondpass.serve.contract import Busy, DeadlineTooShort, WhenLate

# How much more than one client's bound may wait of all clients together.
_ALL = 4.0


class Outlook(NamedTuple):
    """What a request would meet, in predicted milliseconds of this moment.

    `wait_ms` pass before its first text is scored, `all_ms` until all that waits is done; `own_ms`
    is what it takes itself, `first_ms` its first text alone.
    """

    wait_ms: float
    all_ms: float
    own_ms: float
    first_ms: float


@dataclass(frozen=True, slots=True)
class Admission:
    """The bound on what may wait.

    Args:
        most_wait_ms: how long a request may be going to wait; a client alone waits for its own
            requests, so that one that sends very many keeps nobody else out.
    """

    most_wait_ms: float

    def require_room(self, outlook: Outlook) -> None:
        """Refuse a request that would wait too long.

        Raises:
            Busy: it would; `retry_after_s` is when it would not, in whole seconds.
        """
        over_ms = max(
            outlook.wait_ms - self.most_wait_ms, outlook.all_ms - _ALL * self.most_wait_ms
        )
        if over_ms > 0:
            raise Busy(math.ceil(over_ms / 1000))

    def has_time(self, outlook: Outlook, budget_ms: float, when_late: WhenLate) -> bool:
        """Tell whether one text at least can be scored within a budget.

        Raises:
            DeadlineTooShort: not all can, and the request asked to be told.
        """
        needed_ms = outlook.wait_ms + outlook.own_ms
        if when_late == "refuse" and needed_ms > budget_ms:
            raise DeadlineTooShort(budget_ms, needed_ms)
        return outlook.wait_ms + outlook.first_ms <= budget_ms
