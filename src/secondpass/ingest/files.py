"""Paths to the files that are read."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import NamedTuple

from secondpass.errors import InputError


class SourceFile(NamedTuple):
    """A file to read. `source` is its absolute path, `shown` the path in ids: see `from_root`."""

    path: Path
    source: str
    shown: str


class Found(NamedTuple):
    """What paths lead to, sorted, each once.

    `files` are read; `skipped` lie in a named folder but are not read: files of other suffixes,
    hidden files and folders, links to folders, LanceDB tables; `named` are the sources of the
    paths themselves.
    """

    files: tuple[SourceFile, ...]
    skipped: tuple[str, ...]
    named: tuple[str, ...]


def find_files(paths: Iterable[str | os.PathLike[str]], suffixes: Collection[str]) -> Found:
    """Return the files of these suffixes that are named, or lie in a named folder at any depth.

    Raises:
        InputError: a path is not there, or is a file of another suffix.
    """
    if isinstance(paths, str | bytes | os.PathLike):
        raise InputError(f"paths is the one path {os.fspath(paths)!r}, expected a list of paths")
    files: set[Path] = set()
    skipped: set[Path] = set()
    named = list(dict.fromkeys(absolute(path) for path in paths))
    for path in named:
        if path.is_dir():
            _walk(path, suffixes, files, skipped)
        else:
            _check_file(path, suffixes)
            files.add(path)
    roots = frozenset(named)
    return Found(
        tuple(SourceFile(path, path.as_posix(), from_root(path, roots)) for path in sorted(files)),
        tuple(shown_path(path) for path in sorted(skipped - files)),
        tuple(path.as_posix() for path in named),
    )


def absolute(path: str | os.PathLike[str]) -> Path:
    """Return the absolute path without `.` and `..`; links stay as they are named."""
    return Path(os.path.abspath(path))  # noqa: PTH100 - Path.absolute keeps the ".."


def shown_path(path: Path) -> str:
    """Return the path from the current folder if it lies in it, else the absolute path."""
    here = Path.cwd()
    return (path.relative_to(here) if path.is_relative_to(here) else path).as_posix()


def from_root(path: Path, named: Collection[Path]) -> str:
    """Return the path from the outermost named folder it lies in, with that folder's name.

    So it does not depend on the current folder. Of a file that is named itself it is the name.
    """
    root = next(one for one in (*reversed(path.parents), path) if one in named)
    return path.relative_to(root.parent).as_posix()


def _walk(folder: Path, suffixes: Collection[str], files: set[Path], skipped: set[Path]) -> None:
    try:
        entries = list(folder.iterdir())
    except OSError as error:
        raise InputError(f"{folder} cannot be read: {error.strerror}") from error
    for entry in entries:
        if entry.is_dir() and _is_entered(entry):
            _walk(entry, suffixes, files, skipped)
        elif entry.is_file() and entry.suffix.lower() in suffixes and entry.name[0] != ".":
            files.add(entry)
        else:
            skipped.add(entry)


def _is_entered(folder: Path) -> bool:
    """Leave out hidden folders, links (which may lead in a circle) and the tables of indexes."""
    return folder.name[0] != "." and not folder.is_symlink() and folder.suffix != ".lance"


def _check_file(path: Path, suffixes: Collection[str]) -> None:
    if not path.exists():
        raise InputError(f"there is no file or folder {path}")
    if path.suffix.lower() not in suffixes:
        raise InputError(
            f"{path} has the suffix {path.suffix!r}, supported are {', '.join(sorted(suffixes))}"
        )
