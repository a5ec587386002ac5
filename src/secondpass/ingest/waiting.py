"""Records that wait to be embedded: on disk, for they may be more than memory holds."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType

import msgspec

from secondpass.retrieval.places import Place
from secondpass.retrieval.records import Record

# Fewer bytes than these are not worth a file.
_IN_MEMORY = 16 * 2**20


class Waiting(AbstractContextManager["Waiting"]):
    """Takes records and gives them back in order, as often as asked. It vanishes with the process.

    Args:
        folder: on a disk with room for them, such as an index's; the system's folder of temporary
            files takes the place of a database and of None.
    """

    def __init__(self, folder: Place | None) -> None:
        self.folder = folder if isinstance(folder, Path) else None
        place = None if self.folder is None else str(self.folder)
        self._file = tempfile.SpooledTemporaryFile(_IN_MEMORY, dir=place)  # noqa: SIM115
        self._records = 0

    def __len__(self) -> int:
        return self._records

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()

    def add(self, record: Record) -> None:
        """Append a record."""
        self._file.write(msgspec.json.encode(record) + b"\n")
        self._records += 1

    def records(self) -> Iterator[Record]:
        """Yield the records; no more can be added after, and none be read meanwhile by another."""
        self._file.seek(0)
        for line in self._file:
            yield msgspec.json.decode(line, type=Record)
