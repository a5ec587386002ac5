"""Scores in a folder, shared by the processes of one machine: a table in SQLite.

SQLite's write-ahead log lets any number of processes read while one writes, and a process that
dies leaves the last commit. A network file system has no such log: keep the folder on a local disk.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import warnings
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

Result = TypeVar("Result")

# The number is the layout of the table; an older file is left alone.
FILE = "scores-1.sqlite"

# SQLite before 3.32 takes 999 parameters.
_KEYS_AT_A_TIME = 500
# From here on what is read counts as used, which costs a write; before it nothing is dropped soon.
_NEARLY_FULL = 0.9

# An age is larger the later its row was used: SQLite gives a new row the largest yet and one.
_SCHEMA = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
PRAGMA trusted_schema = OFF;
CREATE TABLE IF NOT EXISTS scores (
    age INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, value BLOB NOT NULL
);
"""


class FolderStore:
    """At most `most_bytes` of table, about the longest unused dropped first.

    What cannot be read or written is one warning, and from then on nothing is found or kept: a
    score can always be computed. A file that other processes keep busy for `wait_seconds` is a
    warning and left out that time.
    """

    def __init__(self, folder: Path, most_bytes: int, *, wait_seconds: float = 2.0) -> None:
        self.file = folder / FILE
        self._wait_seconds = wait_seconds
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._opened: tuple[int, sqlite3.Connection] | None = None
        self._usable = True
        self._safely(self._connection, None)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.file.parent, self._most_bytes)

    def get(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """Return the values of those keys that are there."""
        return self._safely(lambda: self._get(keys), {})

    def put(self, values: Mapping[bytes, bytes]) -> None:
        """Keep values in one commit; one that is there is replaced."""
        self._safely(lambda: self._put(values), None)

    def close(self) -> None:
        """Close the file; what is in it stays."""
        with self._lock:
            self._usable = False
            if self._opened is not None:
                _close(self._opened[1], self._opened[0])
                self._opened = None

    def _get(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        connection = self._connection()
        found: dict[bytes, bytes] = {}
        for start in range(0, len(keys), _KEYS_AT_A_TIME):
            some = keys[start : start + _KEYS_AT_A_TIME]
            places = ",".join("?" * len(some))
            found.update(
                connection.execute(f"SELECT key, value FROM scores WHERE key IN ({places})", some)
            )
        if found and _bytes_used(connection) > _NEARLY_FULL * self._most_bytes:
            self._write(connection, found)
        return found

    def _put(self, values: Mapping[bytes, bytes]) -> None:
        self._write(self._connection(), values)

    def _write(self, connection: sqlite3.Connection, values: Mapping[bytes, bytes]) -> None:
        """Make these the youngest rows; over the limit, two of the oldest go for each."""
        connection.execute("BEGIN IMMEDIATE")
        with connection:
            connection.executemany(
                "INSERT OR REPLACE INTO scores (key, value) VALUES (?, ?)", values.items()
            )
            if _bytes_used(connection) > self._most_bytes:
                connection.execute(
                    "DELETE FROM scores WHERE age IN (SELECT age FROM scores ORDER BY age LIMIT ?)",
                    (2 * len(values),),
                )

    def _connection(self) -> sqlite3.Connection:
        """Return this process's connection: one may not be carried across a fork."""
        if self._opened is None or self._opened[0] != os.getpid():
            self.file.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(
                self.file, timeout=self._wait_seconds, isolation_level=None, check_same_thread=False
            )
            weakref.finalize(self, _close, connection, os.getpid())
            connection.executescript(_SCHEMA)
            self._opened = os.getpid(), connection
        return self._opened[1]

    def _safely(self, work: Callable[[], Result], otherwise: Result) -> Result:
        """Return what the work gives, else a warning and `otherwise`."""
        with self._lock:
            if not self._usable:
                return otherwise
            try:
                return work()
            except (OSError, sqlite3.Error) as error:
                self._usable = _is_busy(error)
                warnings.warn(self._warning(error), stacklevel=4)
                return otherwise

    def _warning(self, error: Exception) -> str:
        if self._usable:
            return f"the score cache {self.file} is busy ({error}); scores are computed this time"
        return (
            f"the score cache {self.file} cannot be used ({error}); scores are computed and not "
            f"kept. If it is damaged, delete the folder {self.file.parent}; else pass a cache= "
            "folder that can be written"
        )


def _close(connection: sqlite3.Connection, process: int) -> None:
    """Close a connection in the process that opened it; in a fork of it that would do harm."""
    if os.getpid() == process:
        connection.close()


def _is_busy(error: Exception) -> bool:
    code = getattr(error, "sqlite_errorcode", 0)
    # The low byte is the kind, the rest says more.
    return code & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _bytes_used(connection: sqlite3.Connection) -> int:
    """Return the bytes of the file's pages that hold something."""

    def fact(name: str) -> int:
        return int(connection.execute(f"PRAGMA {name}").fetchone()[0])

    return (fact("page_count") - fact("freelist_count")) * fact("page_size")
