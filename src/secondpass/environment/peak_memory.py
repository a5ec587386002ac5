"""The most memory this process ever held."""

from __future__ import annotations

import re
import sys
from pathlib import Path

_LINUX_STATUS = Path("/proc/self/status")
_PEAK = re.compile(r"^VmHWM:\s*(\d+) kB$", re.MULTILINE)


def peak_bytes() -> int:
    """Return the most memory this process ever held at once (resident).

    Linux's ru_maxrss is asked last: it begins with what the process that started this one held.
    """
    if sys.platform == "win32":  # pragma: no cover
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    if _LINUX_STATUS.exists() and (
        found := _PEAK.search(_LINUX_STATUS.read_text(encoding="utf-8", errors="replace"))
    ):
        return int(found[1]) * 1024
    return _counted_by_the_system()  # pragma: no cover - macOS, or a Linux without VmHWM


def _counted_by_the_system() -> int:  # pragma: no cover
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts in KiB, macOS in bytes.
    return peak if sys.platform == "darwin" else peak * 1024
