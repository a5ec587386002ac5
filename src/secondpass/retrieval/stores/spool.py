"""Rows waiting on disk for their commit.

Documents are read, checked and embedded in the caller's thread and put here; only when the last
one is good does LanceDB see the first. So a bad document, a dead process or a document generator
that itself reads the index can leave no trace in it, and memory holds one batch at a time.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any


class Spool(AbstractContextManager["Spool"]):
    """A temporary file in the index's folder, on the disk that must hold the data anyway.

    Where the index is not in a folder, the file is in the system's folder of temporary files.

    It has no name (where the system can do that), so it vanishes with the process. `last_rows` has
    every id that was written and the number of its last row.
    """

    def __init__(self, folder: Path | None, schema: Any) -> None:
        import pyarrow

        self.last_rows: dict[str, int] = {}
        self.schema = schema
        self._rows = 0
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
        self._writer = pyarrow.ipc.new_stream(self._file, schema)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()

    def write(self, batch: Any) -> None:
        """Append an Arrow batch."""
        self._writer.write_batch(batch)
        for row, id_ in enumerate(batch.column("id").to_pylist(), start=self._rows):
            self.last_rows[id_] = row
        self._rows += batch.num_rows

    def reader(self) -> Any:
        """Return an Arrow reader of the rows from the first; of an id that came twice, the last."""
        import pyarrow

        self._writer.close()
        self._file.seek(0)
        stream = pyarrow.ipc.open_stream(self._file)
        if self._rows == len(self.last_rows):
            return stream
        batches = _last_only(stream, self.last_rows)
        return pyarrow.RecordBatchReader.from_batches(self.schema, batches)


def _last_only(batches: Any, last_rows: Mapping[str, int]) -> Iterator[Any]:
    import pyarrow

    row = 0
    for batch in batches:
        ids = batch.column("id").to_pylist()
        keep = [last_rows[id_] == row + offset for offset, id_ in enumerate(ids)]
        row += len(ids)
        yield batch.filter(pyarrow.array(keep))
