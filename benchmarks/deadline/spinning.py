"""A busy machine: processes that compute without end while the calls are timed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def spinning(processes: int) -> Iterator[None]:
    """Keep `processes` processes computing within the block."""
    started = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(processes)
    ]
    try:
        yield
    finally:
        for one in started:
            one.kill()
            one.wait()
