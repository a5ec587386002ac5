"""Record batches waiting on disk for their commit.

Documents are read, checked and embedded in the caller's thread and put here; only when the last
one is good does LanceDB see the first. So a bad document, a dead process or a document generator
that itself reads the index can leave no trace in it, and memory holds one batch at a time.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from secondpass.retrieval.lance import arrow, file_errors


class Spool:
    """A temporary file in the index's folder, on the disk that must hold the data anyway.

    It has no name (where the system can do that), so it vanishes with the process.
    """

    def __init__(self, folder: Path, schema: Any) -> None:
        self._folder = folder
        self._schema = schema
        self.rows = 0
        with file_errors(folder, "written"):
            self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
            self._writer = arrow().ipc.new_stream(self._file, schema)

    def __enter__(self) -> Spool:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()

    def write(self, batch: Any) -> None:
        """Append an Arrow batch."""
        with file_errors(self._folder, "written"):
            self._writer.write_batch(batch)
        self.rows += batch.num_rows

    def reader(self, last_rows: Mapping[str, int]) -> Any:
        """Return an Arrow reader of the rows; of an id that came twice, the row in `last_rows`."""
        self._writer.close()
        self._file.seek(0)
        stream = arrow().ipc.open_stream(self._file)
        if self.rows == len(last_rows):
            return stream
        batches = _last_only(stream, last_rows)
        return arrow().RecordBatchReader.from_batches(self._schema, batches)


def _last_only(batches: Any, last_rows: Mapping[str, int]) -> Iterator[Any]:
    row = 0
    for batch in batches:
        ids = batch.column("id").to_pylist()
        keep = [last_rows[id_] == row + offset for offset, id_ in enumerate(ids)]
        row += len(ids)
        yield batch.filter(arrow().array(keep))
