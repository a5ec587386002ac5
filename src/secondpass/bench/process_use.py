"""What the process used: peak memory, and CPU seconds of all its threads."""

from __future__ import annotations

import time
from dataclasses import dataclass

from secondpass.environment.peak_memory import peak_bytes


@dataclass(frozen=True, slots=True)
class ProcessUse:
    """CPU and wall seconds between two moments, and the peak of memory since the process began."""

    cpu_seconds: float
    wall_seconds: float
    peak_bytes: int


class ProcessMeter:
    """Starts when made."""

    def __init__(self) -> None:
        self._cpu_seconds = time.process_time()
        self._wall_seconds = time.perf_counter()

    def read(self) -> ProcessUse:
        """Return what was used since the meter was made."""
        return ProcessUse(
            cpu_seconds=time.process_time() - self._cpu_seconds,
            wall_seconds=time.perf_counter() - self._wall_seconds,
            peak_bytes=peak_bytes(),
        )
