"""What the environment says: where caches live, how many processors this process may use."""

from __future__ import annotations

import math
import os
import warnings
from dataclasses import dataclass
from pathlib import Path

from secondpass.cgroup import CGROUP, PROCESS, cpu_quota
from secondpass.errors import InputError

# Nobody can make a folder there: where a user has no home, every cache is one that cannot be kept.
NO_FOLDER = Path(os.devnull) / "secondpass"

_HUB_VARIABLES = ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME")


@dataclass(frozen=True, slots=True)
class Settings:
    """The one place that reads the environment, at first use and never at import."""

    cache_dir: Path

    @classmethod
    def from_environment(cls, cache_dir: str | os.PathLike[str] | None = None) -> Settings:
        """Take `cache_dir` if given, else SECONDPASS_CACHE_DIR, else the user's cache folder.

        Raises:
            InputError: a folder that begins with "~" is given and there is no such home folder.
        """
        if cache_dir:
            return cls(expand_user(cache_dir, "cache_dir"))
        if variable := os.environ.get("SECONDPASS_CACHE_DIR"):
            return cls(expand_user(variable, "SECONDPASS_CACHE_DIR"))
        return cls(_users_folder())


def expand_user(folder: str | os.PathLike[str], name: str) -> Path:
    """Return the path with the home folder in place of "~"; `name` is what the user calls it.

    Raises:
        InputError: there is no such home folder.
    """
    try:
        return Path(folder).expanduser()
    except (RuntimeError, KeyError):
        raise InputError(
            f"{name} {str(folder)[:80]!r} begins with a home folder that there is not: "
            "give the whole path, or set HOME"
        ) from None


def absolute(path: str | os.PathLike[str]) -> Path:
    """Return the path from the root, without following links.

    Raises:
        InputError: it is relative to a current folder that was removed.
    """
    try:
        return Path(path).absolute()
    except FileNotFoundError:
        raise InputError(
            f"{str(path)[:80]!r} is relative and the current folder is no longer there: change to "
            "one that is, or give the whole path"
        ) from None


def hub_folder() -> Path:
    """Return the folder of hub models, which is the hub library's own.

    A relative XDG_CACHE_HOME counts as none, by its specification; the library would take it.

    Raises:
        InputError: it is below a home folder that there is not.
    """
    from huggingface_hub import constants

    named = any(os.environ.get(name) for name in _HUB_VARIABLES)
    relative = not Path(constants.HF_HUB_CACHE).is_absolute() and constants.HF_HUB_CACHE[0] != "~"
    chosen = "~/.cache/huggingface/hub" if relative and not named else constants.HF_HUB_CACHE
    return expand_user(chosen, "HF_HOME")


def warn_not_kept(folder: Path, error: OSError) -> None:
    """Say that a cache cannot be written and the work goes on: once for each folder and process."""
    # Libraries that write themselves say little; a full disk is what it mostly is.
    reason = error.strerror or f"writing failed, is the disk full? {error}"
    what = f"the cache folder {folder} cannot be written ({reason})"
    if folder == NO_FOLDER:
        what = "there is no cache folder, for this user has no home folder"
    if folder not in _warned:
        _warned.add(folder)
        warnings.warn(
            f"{what}: what is made is not kept, and the next start makes it again. Pass cache_dir= "
            "or set SECONDPASS_CACHE_DIR to a folder that can be written",
            stacklevel=2,
        )


_warned: set[Path] = set()


def available_processors(cgroup: Path = CGROUP, process: Path = PROCESS) -> int:
    """Return the processors this process may really use: its affinity, cut by a cgroup quota."""
    quota = cpu_quota(cgroup, process)
    processors = _processors()
    return processors if quota is None else max(1, min(processors, math.ceil(quota)))


def _processors() -> int:
    try:
        return len(os.sched_getaffinity(0)) or 1
    except (AttributeError, OSError):  # macOS and Windows do not have it, some sandboxes refuse it
        return os.cpu_count() or 1


def _users_folder() -> Path:
    """Return the user's cache folder by the rules of the platform, `NO_FOLDER` without a home."""
    import platformdirs

    try:
        folder = platformdirs.user_cache_path("secondpass", appauthor=False)
    except (RuntimeError, KeyError):
        return NO_FOLDER
    # Older versions of platformdirs return "~" as it is, and a relative XDG_CACHE_HOME.
    return folder if folder.is_absolute() else NO_FOLDER
