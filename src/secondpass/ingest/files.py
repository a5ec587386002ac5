"""Paths to the files that are read."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from secondpass.checks import shortened
from secondpass.errors import InputError
from secondpass.ingest.tables import suffix_of

SUPPORTED = (
    "text (.txt, .md, .rst), source code, documents (.pdf, .docx, .pptx, .html, .epub) and tables "
    "(.jsonl, .csv, .tsv, .parquet)"
)
# So begins the name of the file by which Word says that it has a document open.
_LOCK = "~$"


class SourceFile(NamedTuple):
    """A file to read. `source` is its absolute path, `shown` the path in ids: see `from_root`."""

    path: Path
    source: str
    shown: str


class Found(NamedTuple):
    """What paths lead to, sorted, each once.

    `files` are read; `skipped` lie in a named folder but are not read: files of other suffixes,
    what is not a regular file, hidden files and folders, links to folders and LanceDB tables;
    `outside` are links there to files that do not lie in that folder; `named` are the sources of
    the paths themselves; `unreadable` are folders that cannot be listed, with the reason; `gone`
    are those of `named` that are not there, and of which something is held.
    """

    files: tuple[SourceFile, ...]
    skipped: tuple[str, ...]
    named: tuple[str, ...]
    outside: tuple[str, ...] = ()
    unreadable: tuple[tuple[str, str], ...] = ()
    gone: tuple[str, ...] = ()


def find_files(
    paths: Iterable[str | os.PathLike[str]],
    suffixes: Collection[str],
    held: Collection[str | None] = (),
) -> Found:
    """Return the files of these suffixes that are named, or lie in a named folder at any depth.

    A link that is named is followed, one within a named folder only to a file in that folder.
    `held` are sources of documents that are known: a path they came from may be gone.

    Raises:
        InputError: a path is not there and gave nothing of `held`, or is not a regular file, or one
            of another suffix.
    """
    if isinstance(paths, str | bytes | os.PathLike):
        raise InputError(f"paths is the one path {os.fspath(paths)!r}, expected a list of paths")
    named = list(dict.fromkeys(absolute(path) for path in paths))
    files: set[Path] = set()
    walk = _Walk(suffixes)
    gone: list[str] = []
    for path in named:
        if path.is_dir():
            walk.enter(path, path.resolve())
        elif not os.path.lexists(path) and any(lies_in(one, (path.as_posix(),)) for one in held):
            gone.append(path.as_posix())
        else:
            _check_file(path, suffixes)
            files.add(path)
    files |= walk.files
    roots = frozenset(named)
    return Found(
        tuple(SourceFile(path, path.as_posix(), from_root(path, roots)) for path in sorted(files)),
        tuple(shown_path(path) for path in sorted(walk.skipped - files)),
        tuple(path.as_posix() for path in named),
        tuple(shown_path(path) for path in sorted(walk.outside - files)),
        tuple(sorted(walk.unreadable.items())),
        tuple(gone),
    )


def lies_in(source: str | None, named: Collection[str]) -> bool:
    """Tell whether a source is one of these files, or lies in one of these folders."""
    if source is None:
        return False
    path = PurePosixPath(source)
    return any(str(one) in named for one in (path, *path.parents))


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


@dataclass(slots=True)
class _Walk:
    """Sorts what folders hold."""

    suffixes: Collection[str]
    files: set[Path] = field(default_factory=set)
    skipped: set[Path] = field(default_factory=set)
    outside: set[Path] = field(default_factory=set)
    unreadable: dict[str, str] = field(default_factory=dict)

    def enter(self, top: Path, root: Path) -> None:
        """Sort what lies in a folder at any depth; `root` is the folder without links."""
        waiting = [top]
        while waiting:
            folder = waiting.pop()
            try:
                for entry in folder.iterdir():
                    if self._is_folder(entry):
                        waiting.append(entry)
                    else:
                        self._kind(entry, root).add(entry)
            except OSError as error:
                reason = f"{folder} cannot be read: {error.strerror}"
                self.unreadable[folder.as_posix()] = reason

    def _is_folder(self, entry: Path) -> bool:
        """Leave out hidden folders, links (which may lead in a circle) and tables of indexes."""
        hidden = entry.name[0] == "." or entry.suffix == ".lance"
        return not hidden and not entry.is_symlink() and entry.is_dir()

    def _kind(self, entry: Path, root: Path) -> set[Path]:
        """Return the set that an entry belongs to; nothing is opened to tell."""
        hidden = entry.name.startswith((".", _LOCK))
        if hidden or suffix_of(entry) not in self.suffixes or not entry.is_file():
            return self.skipped
        if entry.is_symlink() and not entry.resolve().is_relative_to(root):
            return self.outside
        return self.files


def _check_file(path: Path, suffixes: Collection[str]) -> None:
    if not path.exists():
        raise InputError(f"there is no file or folder {path}")
    if suffix_of(path) not in suffixes:
        raise InputError(
            f"{path} has the suffix {shortened(path.suffix)}, supported are {SUPPORTED}: export it "
            "as one of these"
        )
    if not path.is_file():
        raise InputError(f"{path} is not a regular file: copy what it gives into one")
