"""A model folder holds files and folders, and links to files: no pipe, no device, no way out.

Libraries open files by names that other files give, and opening a pipe waits for ever. So the whole
folder is looked at before a library that does so opens any of it.
"""

from __future__ import annotations

import os
from pathlib import Path

from secondpass.errors import ModelFileError
from secondpass.regular_files import irregular

# A training run leaves thousands of files; a home folder has more.
MOST_ENTRIES = 50_000


def require_plain_files(folder: Path) -> None:
    """Raise if a folder holds, at any depth, what is neither file nor folder.

    A link to a file is followed wherever it leads: the hub's cache is made of such links. A link to
    a folder has to stay within this one. A link that leads nowhere is a missing file.

    Raises:
        ModelFileError: the message names the entry and what it is.
    """
    within = folder.resolve()
    entries = 0
    for place, folders, files in os.walk(folder):
        entries += len(folders) + len(files)
        if entries > MOST_ENTRIES:
            raise ModelFileError(
                f"{folder} holds more than {MOST_ENTRIES:,} files: name the folder of the model "
                "alone"
            )
        for name in folders:
            _require_within(Path(place, name), within)
        for name in files:
            _require_file_or_nothing(Path(place, name))


def _require_within(folder: Path, within: Path) -> None:
    if folder.is_symlink() and not folder.resolve().is_relative_to(within):
        raise ModelFileError(
            f"{folder} is a link to a folder outside of the model's: copy what it holds"
        )


def _require_file_or_nothing(file: Path) -> None:
    if (kind := irregular(file)) is not None:
        raise ModelFileError(f"{file} is a {kind}, expected a file")
