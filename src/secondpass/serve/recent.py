"""The times of the last jobs by stage, for a page that shows them as they change."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from threading import Lock

from secondpass.stats.percentiles import percentile

_JOBS = 1000
_PERCENTILES = (50, 95, 99)


class Recent:
    """Milliseconds by stage of the last thousand jobs."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._jobs: deque[Mapping[str, float]] = deque(maxlen=_JOBS)

    def add(self, stages_ms: Mapping[str, float]) -> None:
        """Remember one job's in place of the oldest's."""
        with self._lock:
            self._jobs.append(stages_ms)

    def percentiles(self) -> dict[str, dict[str, float]]:
        """Return of each stage `p50`, `p95` and `p99`; empty before the first job."""
        with self._lock:
            jobs = list(self._jobs)
        stages = jobs[0] if jobs else {}
        return {
            stage: {
                f"p{share}": float(percentile([job[stage] for job in jobs], share))
                for share in _PERCENTILES
            }
            for stage in stages
        }
