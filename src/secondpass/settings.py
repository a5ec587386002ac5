"""What the environment says: where caches live, how many processors this process may use."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True)
class Settings:
    """The one place that reads the environment, at first use and never at import."""

    cache_dir: Path

    @classmethod
    def from_environment(cls, cache_dir: str | os.PathLike[str] | None = None) -> Settings:
        """Take `cache_dir` if given, else SECONDPASS_CACHE_DIR, else the user's cache folder."""
        chosen = cache_dir or os.environ.get("SECONDPASS_CACHE_DIR")
        if chosen:
            return cls(Path(chosen).expanduser())
        import platformdirs

        return cls(platformdirs.user_cache_path("secondpass", appauthor=False))


def available_processors(cgroup: Path = _CGROUP) -> int:
    """Return the processors this process may really use: its affinity, cut by a cgroup quota."""
    if hasattr(os, "sched_getaffinity"):
        processors = len(os.sched_getaffinity(0))
    else:  # pragma: no cover - macOS and Windows have no affinity call in the standard library
        processors = os.cpu_count() or 1
    quota = _cgroup_quota(cgroup)
    return processors if quota is None else max(1, min(processors, math.ceil(quota)))


def _cgroup_quota(cgroup: Path) -> float | None:
    """Return processors' worth of CPU time allowed by cgroup v2 or v1, None for no limit."""
    unified = _read_words(cgroup / "cpu.max")
    if len(unified) == 2 and unified[0] != "max":
        return int(unified[0]) / int(unified[1])
    quota = _read_words(cgroup / "cpu" / "cpu.cfs_quota_us")
    period = _read_words(cgroup / "cpu" / "cpu.cfs_period_us")
    if quota and period and int(quota[0]) > 0:
        return int(quota[0]) / int(period[0])
    return None


def _read_words(file: Path) -> list[str]:
    try:
        return file.read_text().split()
    except OSError:  # no such limit on this system
        return []
