"""Other work on the processors during a calibration: predictions hold under the same load."""

from __future__ import annotations

from dataclasses import dataclass

from secondpass.environment.usage import Usage

# Of the processors that the reranker computes on, the share that others may take without a warning.
_UNSAID = 0.1


@dataclass(frozen=True, slots=True)
class OtherWork:
    """How many of `cores` usable processors other work took on average, beside `threads` of ours.

    >>> OtherWork(1.5, cores=2, threads=2).missing, OtherWork(1.5, cores=8, threads=2).missing
    (1.5, 0.0)
    """

    taken: float
    cores: int
    threads: int

    @classmethod
    def between(cls, before: Usage, after: Usage, threads: int) -> OtherWork:
        """Return what others took between two moments."""
        return cls(after.others_since(before), after.cores, threads)

    @property
    def missing(self) -> float:
        """Return how many of the processors that our threads need were taken."""
        return max(0.0, self.taken - max(0, self.cores - self.threads))

    @property
    def warning(self) -> str | None:
        """Say that the measurement was disturbed, if it was."""
        if self.missing < _UNSAID * min(self.threads, self.cores):
            return None
        return (
            f"the cores were busy while this was measured: other work took {self.taken:.1f} of "
            f"{self.cores}, and the times hold only under that load; plan again when they are free"
        )
