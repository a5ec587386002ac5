"""The folder of a run: the best model, its card, and the checkpoints to resume from."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path

from secondpass.atomic import try_writing
from secondpass.errors import InputError, ModelFileError
from secondpass.training.history import FILE, History

CHECKPOINTS = "checkpoints"


def prepare_out(folder: Path, *, resume: bool) -> None:
    """Make the folder of a new run, or check that there is a run to resume.

    Raises:
        InputError: there is something in it, it cannot be written, or no run has it.
    """
    checkpoints = folder / CHECKPOINTS
    if resume and not checkpoints.is_dir():
        raise InputError(
            f"--resume: {checkpoints} holds no checkpoint; start without --resume, in a new folder"
        )
    if not resume and folder.is_dir() and any(folder.iterdir()):
        raise InputError(
            f"--out {folder} is not empty: name a new folder, or resume from its newest "
            "checkpoint with --resume"
        )
    try:
        checkpoints.mkdir(parents=True, exist_ok=True)
        try_writing(folder / FILE)
    except OSError as error:
        raise InputError(f"--out {folder} cannot be written: {error.strerror}") from None


def newest_checkpoint(folder: Path) -> Path | None:
    """Return the newest whole checkpoint of a run, None where there is none yet.

    One that was cut off is a warning, and the one before is taken.
    """
    found = [one for one in (folder / CHECKPOINTS).glob("checkpoint-*") if _step(one) is not None]
    for checkpoint in sorted(found, key=_step, reverse=True):  # type: ignore[arg-type]
        # The history is written last: a checkpoint without it was cut off.
        try:
            History.read(checkpoint)
        except ModelFileError as error:
            warnings.warn(f"checkpoint {checkpoint} is not whole: {error}", stacklevel=3)
            continue
        return checkpoint
    return None


def _step(checkpoint: Path) -> int | None:
    step = checkpoint.name.rpartition("-")[2]
    return int(step) if step.isdecimal() else None


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
