"""Texts by id in a file: a corpus that memory does not hold."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from secondpass.errors import InputError
from secondpass.evaluation.beir_folder import twice
from secondpass.jsonl import Where


class DiskTexts:
    """Texts that are looked up by their ids; the file is a temporary one of this process.

    Args:
        file: where nothing is yet.
        texts: where each is, its id and the text.

    Raises:
        InputError: an id comes twice, or the file cannot be written.
    """

    def __init__(self, file: Path, texts: Iterable[tuple[Where, str, str]]) -> None:
        self._database = sqlite3.connect(file, isolation_level=None)
        try:
            self._fill(texts)
        except BaseException as error:
            self.close()
            if isinstance(error, sqlite3.OperationalError):
                raise InputError(
                    f"queries and corpus cannot be written to {file.parent}: {error}; name a "
                    "folder with more room in the variable TMPDIR"
                ) from error
            raise

    def _fill(self, texts: Iterable[tuple[Where, str, str]]) -> None:
        # What is lost with the process is nobody's loss.
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -16384"):
            self._database.execute(f"PRAGMA {pragma}")
        self._database.execute("CREATE TABLE texts (id TEXT PRIMARY KEY, line INTEGER, text TEXT)")
        self._database.execute("BEGIN")
        for where, id_, text in texts:
            try:
                self._database.execute(
                    "INSERT INTO texts VALUES (?, ?, ?)", (id_, where.number, text)
                )
            except sqlite3.IntegrityError:
                raise twice(where, id_, self._value("line", id_)) from None
        self._database.execute("COMMIT")

    def get(self, ids: Sequence[str]) -> list[str | None]:
        """Return the text of each id, None for one that is not there."""
        return [self._value("text", id_) for id_ in ids]

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _value(self, column: str, id_: str) -> Any:
        found = self._database.execute(f"SELECT {column} FROM texts WHERE id = ?", (id_,))
        row = found.fetchone()
        return row and row[0]
