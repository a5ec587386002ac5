"""The limits of the control groups of this process: the lowest of its own group and the parents.

Systemd, Slurm and containers limit a group, and its processes are in groups below it, so the
group a process is in (/proc/self/cgroup) often says nothing itself. Version 2 has one tree of
groups, version 1 one for each controller; a system may have both. A container sees its own group
as the root of the mount, while the name of its group may be that of the host. A file that is not
there or not in the format is no limit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import TypeVar

Found = TypeVar("Found")

CGROUP = Path("/sys/fs/cgroup")
PROCESS = Path("/proc/self")


def cpu_quota(cgroup: Path = CGROUP, process: Path = PROCESS) -> float | None:
    """Return how many processors' time the groups allow, None for no limit."""
    quotas = [
        *_each(_groups(None, cgroup, process), _unified_quota),
        *_each(_groups("cpu", cgroup, process), _first_version_quota),
    ]
    return min(quotas, default=None)


def memory_limits(cgroup: Path = CGROUP, process: Path = PROCESS) -> tuple[int, int] | None:
    """Return the bytes that the groups allow and those that are left of it, None for no limit.

    What the system caches of files counts as left, for it gives that back.
    """
    limits = [
        *_each(_groups(None, cgroup, process), _unified_memory),
        *_each(_groups("memory", cgroup, process), _first_version_memory),
    ]
    if not limits:
        return None
    return min(limit for limit, _ in limits), min(max(0, limit - used) for limit, used in limits)


def _each(folders: Iterator[Path], read: Callable[[Path], Found | None]) -> Iterator[Found]:
    return (found for folder in folders if (found := read(folder)) is not None)


def _groups(controller: str | None, cgroup: Path, process: Path) -> Iterator[Path]:
    """Yield the folders of the process's group and its parents, of version 2 for None."""
    path = _membership(controller, process)
    if controller is None:
        mounts = [cgroup, cgroup / "unified"]
    else:
        mounts = [cgroup / controller, *sorted(cgroup.glob(f"*,{controller}"))]
        mounts += sorted(cgroup.glob(f"{controller},*"))
    for mount in mounts:
        yield from _from_mount(mount, path)


def _from_mount(mount: Path, path: PurePosixPath) -> Iterator[Path]:
    """Yield the group's folder and its parents up to the mount.

    Where the mount begins at a group further down, only the end of the path is below it.
    """
    parts = () if ".." in path.parts else path.parts[1:]
    ends = (parts[start:] for start in range(len(parts)))
    below = next((end for end in ends if mount.joinpath(*end).is_dir()), ())
    for depth in range(len(below), -1, -1):
        yield mount.joinpath(*below[:depth])


def _membership(controller: str | None, process: Path) -> PurePosixPath:
    """Return the path of the process's group, as /proc/self/cgroup has it."""
    for line in _read(process / "cgroup").splitlines():
        controllers, _, path = line.partition(":")[2].partition(":")
        if (controller or "") in controllers.split(","):
            return PurePosixPath(path or "/")
    return PurePosixPath("/")


def _unified_quota(group: Path) -> float | None:
    quota, _, period = _read(group / "cpu.max").strip().partition(" ")
    return _ratio(quota, period)


def _first_version_quota(group: Path) -> float | None:
    return _ratio(_read(group / "cpu.cfs_quota_us"), _read(group / "cpu.cfs_period_us"))


def _ratio(quota: str, period: str) -> float | None:
    above, below = _number(quota), _number(period)
    return above / below if above and below else None


def _unified_memory(group: Path) -> tuple[int, int] | None:
    limits = (_number(_read(group / name)) for name in ("memory.max", "memory.high"))
    limit = min((one for one in limits if one is not None), default=None)
    return None if limit is None else (limit, _used(group, "memory.current", "inactive_file"))


def _first_version_memory(group: Path) -> tuple[int, int] | None:
    limit = _number(_read(group / "memory.limit_in_bytes"))
    used = _used(group, "memory.usage_in_bytes", "total_inactive_file")
    return None if limit is None else (limit, used)


def _used(group: Path, current: str, cached: str) -> int:
    counts = dict(
        line.split() for line in _read(group / "memory.stat").splitlines() if line.count(" ") == 1
    )
    used = _number(_read(group / current)) or 0
    return max(0, used - (_number(counts.get(cached, "")) or 0))


def _number(text: str) -> int | None:
    """Return a count above 0; "max", -1 and what is not a number are none."""
    digits = text.strip()
    return int(digits) or None if digits.isascii() and digits.isdigit() else None


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii", errors="replace")
    except OSError:  # no such limit on this system
        return ""
