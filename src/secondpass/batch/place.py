"""Where a batch writes: a folder, or a place of an object store by fsspec's URL."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Protocol, cast

from secondpass.atomic import replacing
from secondpass.checks import path
from secondpass.errors import InputError
from secondpass.locks import locked_in_turn

# Arrow, Spark, DuckDB and Ray take no file for data whose name begins with a dot or an underscore.
LOCK = ".lock"


class Place(Protocol):
    """Files by name, each whole or not there."""

    @property
    def url(self) -> str:
        """What opens the same place in another process."""
        ...

    def names(self) -> list[str]:
        """Return the names of what is there, sorted; none where the place is not made yet."""
        ...

    def open(self, name: str) -> IO[bytes]:
        """Open a file to read; an OSError where there is none."""
        ...

    def write(self, name: str, data: bytes) -> None:
        """Write a file, whole or not at all; an OSError where it cannot be written."""
        ...

    def remove(self, name: str) -> None:
        """Remove a file; nothing happens where there is none."""
        ...


class Folder:
    """A place that is a folder of this machine, or one that it mounts."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()

    @property
    def url(self) -> str:
        """The whole path."""
        return str(self.path)

    def names(self) -> list[str]:
        """Return the names of what is there."""
        self.check()
        return sorted(one.name for one in self.path.iterdir()) if self.path.exists() else []

    def check(self) -> None:
        """Raise an InputError if there is a file in its place."""
        if self.path.exists() and not self.path.is_dir():
            raise InputError(f"{self.path} is a file, expected a folder for the results")

    def open(self, name: str) -> IO[bytes]:
        """Open a file to read."""
        return (self.path / name).open("rb")

    def write(self, name: str, data: bytes) -> None:
        """Write a file beside its place, and move it there."""
        file = self.path / name
        try:
            with replacing(file) as written:
                written.write_bytes(data)
        except OSError as error:
            if error.filename is None:  # as of a full disk
                raise OSError(error.errno, error.strerror, str(file)) from error
            raise

    def remove(self, name: str) -> None:
        """Remove a file."""
        (self.path / name).unlink(missing_ok=True)


class Remote:
    """A place of any file system of fsspec, whose writes have to be whole or not at all."""

    def __init__(self, url: str) -> None:
        import fsspec

        try:
            self._files, self._path = fsspec.core.url_to_fs(url)
        except (ImportError, ValueError) as error:
            raise InputError(f"{url[:80]} cannot be opened: {error}") from error
        self.url = url

    def names(self) -> list[str]:
        """Return the names of what is there."""
        with suppress(FileNotFoundError):
            found = self._files.ls(self._path, detail=False)
            return sorted(name.rstrip("/").rpartition("/")[2] for name in found)
        return []

    def open(self, name: str) -> IO[bytes]:
        """Open a file to read."""
        return cast(IO[bytes], self._files.open(self._at(name), "rb"))

    def write(self, name: str, data: bytes) -> None:
        """Write a file in one piece, as object stores put an object."""
        self._files.pipe_file(self._at(name), data)

    def remove(self, name: str) -> None:
        """Remove a file."""
        with suppress(FileNotFoundError):
            self._files.rm_file(self._at(name))

    def _at(self, name: str) -> str:
        return f"{self._path.rstrip('/')}/{name}"


def open_place(url: str | os.PathLike[str]) -> Place:
    """Return the place of a path, or of a URL such as "s3://bucket/folder".

    Raises:
        InputError: it is empty, there is no file system for the URL, or its package is not
            installed.
    """
    given = path("out", url, "a folder, or a URL of fsspec").removeprefix("file://")
    return Remote(given) if "://" in given else Folder(Path(given))


@contextmanager
def held(place: Place, on_wait: Callable[[], None]) -> Iterator[None]:
    """Let one process at a time write to a folder; `on_wait` is called before waiting.

    Object stores have no locks: two processes there do the same work twice, and write the same.
    """
    if not isinstance(place, Folder):
        yield
        return
    place.check()
    place.path.mkdir(parents=True, exist_ok=True)
    with locked_in_turn(place.path / LOCK, on_wait):
        yield
