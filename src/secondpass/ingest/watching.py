"""Files and folders that are watched: when something may have changed."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from secondpass.errors import InputError, MissingExtraError
from secondpass.ingest.files import absolute
from secondpass.ingest.sources import State, state_of
from secondpass.retrieval.places import Place

# Changes that follow each other within this are one, but none waits longer than the other.
QUIET_MS, LONGEST_MS = 500, 5000
# Named files, and folders that come and go, are looked at as often.
_LOOK_MS = 1000


def changes(paths: Sequence[str | os.PathLike[str]], index: Place) -> Iterator[None]:
    """Yield when something in folders, or one of the named files, may have changed; for ever.

    One comes as soon as all is watched, for what has changed before that. What lies in the folder
    of the `index`, and what is hidden, is not looked at.

    Raises:
        InputError: the system refuses to watch them.
        MissingExtraError: the extra `watch` is not installed.
    """
    named = [absolute(path) for path in paths]
    before: list[State | int | None] | None = None
    while True:
        with closing(_watched([path for path in named if path.is_dir()], index)) as rounds:
            begun = False
            for some in rounds:
                now = [_seen(path) for path in named]
                if some or now != before or not begun:
                    begun = True
                    yield
                another = before is not None and _folders(now) != _folders(before)
                before = now
                if another:
                    break  # a folder that is gone or new, or another in its place, is watched anew


def _watched(folders: Sequence[Path], index: Place) -> Any:
    try:
        from watchfiles import watch
    except ImportError as error:
        raise MissingExtraError("watching files", "watch") from error

    def matters(_change: object, path: str) -> bool:
        one = Path(path)
        if isinstance(index, Path) and one.is_relative_to(index):
            return False
        root = next((folder for folder in folders if one.is_relative_to(folder)), one.parent)
        return not any(part.startswith(".") for part in one.relative_to(root).parts)

    return _rounds(
        watch(
            *folders,
            watch_filter=matters,
            debounce=LONGEST_MS,
            step=QUIET_MS,
            rust_timeout=_LOOK_MS,
            yield_on_timeout=True,
        )
    )


def _rounds(watcher: Iterator[Any]) -> Iterator[Any]:
    try:
        yield from watcher
    except FileNotFoundError:
        return  # gone since it was looked at
    except OSError as error:
        raise InputError(
            f"the files cannot be watched: {error}; WATCHFILES_FORCE_POLLING=true looks at them in "
            "turn instead"
        ) from None


def _folders(states: Sequence[State | int | None]) -> list[int | None]:
    return [one if isinstance(one, int) else None for one in states]


def _seen(path: Path) -> State | int | None:
    """Return what tells one state of a path from another: of a folder which one it is."""
    try:
        return path.stat().st_ino if path.is_dir() else state_of(path)
    except OSError:
        return None
