"""Lines with the seconds since the start: what a run on a lent machine leaves as its log."""

from __future__ import annotations

import time


class Progress:
    """Prints lines; `seconds` is the time since it was made."""

    def __init__(self) -> None:
        self._begun = time.monotonic()

    @property
    def seconds(self) -> float:
        """Return the seconds since the start."""
        return time.monotonic() - self._begun

    def __call__(self, text: str) -> None:
        """Print a line."""
        print(f"[{self.seconds:6.1f}] {text}", flush=True)
