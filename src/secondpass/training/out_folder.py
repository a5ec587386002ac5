"""The folder of a run: the best model, its card, and the checkpoints to resume from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from secondpass.errors import InputError
from secondpass.training.history import FILE, History

CHECKPOINTS = "checkpoints"


def prepare_out(folder: Path, *, resume: bool) -> None:
    """Make the folder of a new run, or check that there is one to resume.

    Raises:
        InputError: there is something in it, or it cannot be made, or it holds no checkpoint.
    """
    if resume:
        newest_checkpoint(folder)
        return
    if folder.is_dir() and any(folder.iterdir()):
        raise InputError(
            f"--out {folder} is not empty: name a new folder, or resume from its newest "
            "checkpoint with --resume"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--out {folder} cannot be made: {error.strerror}") from None


def newest_checkpoint(folder: Path) -> Path:
    """Return the newest whole checkpoint of a run.

    Raises:
        InputError: there is none.
    """
    # The history is written last: a checkpoint without it was cut off.
    whole = [file.parent for file in (folder / CHECKPOINTS).glob(f"checkpoint-*/{FILE}")]
    if not whole:
        raise InputError(
            f"--resume: {folder / CHECKPOINTS} holds no checkpoint; start without --resume"
        )
    return max(whole, key=lambda found: int(found.name.rpartition("-")[2]))


def check_same_settings(history: History, settings: Mapping[str, object]) -> None:
    """Check that a resumed run has the settings it began with.

    Raises:
        InputError: a setting has another value; the message names it.
    """
    for name, now in settings.items():
        before = history.settings.get(name)
        if before != now:
            raise InputError(
                f"--resume: {name} was {before!r} and is {now!r} now; a run keeps the "
                "settings it began with"
            )
