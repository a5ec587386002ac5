"""The files a command is asked to write: checked before its work, then each written on its own."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from secondpass.atomic import try_writing
from secondpass.cli import output
from secondpass.errors import InputError, SecondpassError

NOT_WRITTEN = 1

_Named = tuple[str, Path]


class Outputs:
    """Files by the option that names them, such as "--json-out"; None where it was not given.

    Args:
        files: what is to be written.
        read: files that the command reads, which it may not overwrite.

    Raises:
        InputError: one cannot be written, two are one file, or one is a file that is read.
    """

    def __init__(
        self,
        files: Mapping[str, str | Path | None],
        *,
        read: Mapping[str, str | Path | None] | None = None,
    ) -> None:
        self._files = {option: Path(file) for option, file in files.items() if file is not None}
        self._failed = False
        given = [(option, Path(file)) for option, file in (read or {}).items() if file is not None]
        for at, named in enumerate(self._files.items()):
            _check_writable(*named)
            _check_apart(named, [*list(self._files.items())[:at], *given])

    def write(self, option: str, writer: Callable[[Path], None]) -> None:
        """Write the file of an option, if it was given.

        What cannot be written there goes to a temporary folder, and a line says why and where.

        Args:
            option: as in `files`.
            writer: called with the path to write to.
        """
        file = self._files.get(option)
        if file is None:
            return
        try:
            writer(file)
        except (SecondpassError, OSError, ValueError) as error:
            self._failed = True
            kept = _kept_elsewhere(file.name, writer)
            output.say(f"secondpass: {option}: {_reason(error)}{kept and f'; it is in {kept}'}")

    def finish(self) -> None:
        """End the command with `NOT_WRITTEN` if a file is not where it was asked for."""
        if self._failed:
            sys.exit(NOT_WRITTEN)


def _check_writable(option: str, file: Path) -> None:
    try:
        if not file.absolute().parent.is_dir():
            raise InputError(
                f"{option} {file} cannot be written: there is no folder {file.absolute().parent}"
            )
        if file.is_dir():
            raise InputError(f"{option} {file} cannot be written: it is a folder, name a file")
        try_writing(file)
    except OSError as error:
        raise InputError(f"{option} {file} cannot be written: {_reason(error)}") from None


def _check_apart(named: _Named, others: Sequence[_Named]) -> None:
    option, file = named
    for other, theirs in others:
        if _is_same(file, theirs):
            raise InputError(f"{option} and {other} are one file, {file}: name another")


def _is_same(file: Path, other: Path) -> bool:
    """Tell whether two paths are one file; a device takes what all of them write."""
    if file.exists() and not file.is_file():
        return False
    if os.path.realpath(file) == os.path.realpath(other):
        return True
    return file.exists() and other.exists() and file.samefile(other)


def _kept_elsewhere(name: str, writer: Callable[[Path], None]) -> Path | None:
    folder = Path(tempfile.mkdtemp(prefix="secondpass-"))
    try:
        writer(folder / name)
    except (SecondpassError, OSError, ValueError):
        with suppress(OSError):
            shutil.rmtree(folder)
        return None
    return folder / name


def _reason(error: Exception) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error)
