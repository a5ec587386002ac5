"""How the processors were used: by this process, and by other work."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

from secondpass.errors import MissingExtraError

# What a processor is counted as doing, by psutil's names; the rest is idling, or counted twice.
_WORKING = ("user", "nice", "system", "irq", "softirq", "steal")


@dataclass(frozen=True, slots=True)
class Usage:
    """Seconds up to a moment: of a clock, of all work on `cores` processors, and of this process's.

    The processors are those that this process may use; what a hypervisor took is work as well.
    """

    wall_seconds: float
    all_seconds: float
    own_seconds: float
    cores: int

    def others_since(self, before: Usage) -> float:
        """Return how many processors other work took on average since an earlier moment."""
        others = (self.all_seconds - before.all_seconds) - (self.own_seconds - before.own_seconds)
        wall = self.wall_seconds - before.wall_seconds
        return max(0.0, others / wall) if wall > 0 else 0.0


def read_usage() -> Usage:
    """Read what was used up to now.

    Raises:
        MissingExtraError: psutil is not installed.
    """
    try:
        import psutil
    except ImportError as error:
        raise MissingExtraError("reading what the processors do", "measure") from error
    each = psutil.cpu_times(percpu=True)
    usable = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(len(each)))
    ours = [times for at, times in enumerate(each) if at in usable] or each
    return Usage(
        wall_seconds=time.perf_counter(),
        all_seconds=sum(getattr(times, kind, 0.0) for times in ours for kind in _WORKING),
        own_seconds=time.process_time(),
        cores=len(ours),
    )
