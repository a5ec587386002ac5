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
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any, TypeVar

from secondpass.settings import absolute

Result = TypeVar("Result")

# The number is the layout of the table; an older file is left alone.
FILE = "scores-1.sqlite"

# SQLite before 3.32 takes 999 parameters.
_KEYS_AT_A_TIME = 500
# From here on what is read counts as used, which costs a write; before it nothing is dropped soon.
_NEARLY_FULL = 0.9

# The write-ahead log has a quarter of the bound, but room for a few rows. Each takes up to six
# pages of it: its own, those of the two oldest that go for it, and the pages of their keys.
_LOG_SHARE = 4
_LEAST_LOG_BYTES = 2**20
_PAGE_BYTES = 4096
_PAGES_A_ROW = 6
_PAUSE_SECONDS = 0.002

# An age is larger the later its row was used: SQLite gives a new row the largest yet and one.
_SCHEMA = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
PRAGMA trusted_schema = OFF;
PRAGMA wal_autocheckpoint = {log_pages};
PRAGMA journal_size_limit = {log_bytes};
CREATE TABLE IF NOT EXISTS scores (
    age INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, value BLOB NOT NULL
);
"""


class _LogFullError(sqlite3.OperationalError):
    """There is no room for a transaction: others were reading all the time."""

    sqlite_errorcode = sqlite3.SQLITE_BUSY


class FolderStore:
    """At most `most_bytes` of table and log, about the longest unused dropped first.

    What cannot be read or written is one warning, and from then on nothing is found or kept: a
    score can always be computed. A file that other processes keep busy for `wait_seconds` is one
    warning and left out that time; until it was free again, nobody waits for it.
    """

    def __init__(self, folder: Path, most_bytes: int, *, wait_seconds: float = 2.0) -> None:
        self.file = absolute(folder) / FILE
        self._wait_seconds = wait_seconds
        self._most_bytes = most_bytes
        self._log_bytes = max(most_bytes // _LOG_SHARE, _LEAST_LOG_BYTES)
        self._table_bytes = most_bytes - min(self._log_bytes, most_bytes // 2)
        # A transaction takes less than half the log, and is begun if more than half is free.
        self._rows_at_a_time = max(1, self._log_bytes // (2 * _PAGES_A_ROW * _PAGE_BYTES))
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._opened: tuple[int, sqlite3.Connection] | None = None
        self._usable = True
        self._waits = True
        self._said_busy = False
        self._safely(self._connection, None)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.file.parent, self._most_bytes)

    def get(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """Return the values of those keys that are there."""
        nothing: dict[bytes, bytes] = {}
        found = self._safely(lambda: self._get(keys), nothing)
        if found:
            self._safely(lambda: self._use(found), None)
        return found

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
            rows = connection.execute(
                f"SELECT key, value FROM scores WHERE key IN ({places})", some
            )
            # All at once: a row that is not taken keeps the log from being emptied.
            found.update(rows.fetchall())
        return found

    def _use(self, found: Mapping[bytes, bytes]) -> None:
        """Make what was found the youngest, where something may be dropped soon."""
        if _bytes_used(self._connection()) > _NEARLY_FULL * self._table_bytes:
            self._put(found)

    def _put(self, values: Mapping[bytes, bytes]) -> None:
        """Write a few rows at a time, but none that is too large for the whole."""
        most = self._table_bytes // 8
        rows = [(key, value) for key, value in values.items() if len(value) <= most]
        for start in range(0, len(rows), self._rows_at_a_time):
            self._write(self._connection(), rows[start : start + self._rows_at_a_time])
            self._wait(True)

    def _write(self, connection: sqlite3.Connection, rows: Sequence[tuple[bytes, bytes]]) -> None:
        """Make these the youngest rows, once there is room for them in the log."""
        until = monotonic() + (self._wait_seconds if self._waits else 0.0)
        while True:
            with _transaction(connection):
                if not self._log_is_full():
                    self._replace(connection, rows)
                    return
            # It waits for who reads and writes, but not for another that empties the log as well.
            (busy, *_) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if busy and monotonic() >= until:
                raise _LogFullError("its log is full and others read it")
            sleep(_PAUSE_SECONDS if busy else 0)

    def _replace(self, connection: sqlite3.Connection, rows: Sequence[tuple[bytes, bytes]]) -> None:
        """Write rows; over the limit, two of the oldest go for each."""
        connection.executemany("INSERT OR REPLACE INTO scores (key, value) VALUES (?, ?)", rows)
        if _bytes_used(connection) > self._table_bytes:
            connection.execute(
                "DELETE FROM scores WHERE age IN (SELECT age FROM scores ORDER BY age LIMIT ?)",
                (2 * len(rows),),
            )

    def _log_is_full(self) -> bool:
        """Tell whether a transaction could take the log over its bound; ask within one."""
        try:
            return os.stat(f"{self.file}-wal").st_size > self._log_bytes // 2  # noqa: PTH116
        except FileNotFoundError:  # deleted with the folder, under this process
            return False

    def _connection(self) -> sqlite3.Connection:
        """Return this process's connection: one may not be carried across a fork."""
        if self._opened is None or self._opened[0] != os.getpid():
            self.file.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(
                self.file, timeout=self._wait_seconds, isolation_level=None, check_same_thread=False
            )
            weakref.finalize(self, _end, self._lock, self._ended, connection, os.getpid())
            log = {
                "log_bytes": self._log_bytes // 2,
                "log_pages": self._log_bytes // 4 // _PAGE_BYTES,
            }
            connection.executescript(_SCHEMA.format_map(log))
            self._opened = os.getpid(), connection
        return self._opened[1]

    def _safely(self, work: Callable[[], Result], otherwise: Result) -> Result:
        """Return what the work gives, else a warning and `otherwise`."""
        with self._lock:
            if not self._usable or self._ended.is_set():
                return otherwise
            try:
                return work()
            except (OSError, sqlite3.Error) as error:
                self._usable = _is_busy(error)
                if not self._usable or not self._said_busy:
                    warnings.warn(self._warning(error), stacklevel=4)
                self._said_busy |= self._usable
                self._wait(False)
                return otherwise

    def _wait(self, waits: bool) -> None:
        """Wait for a busy file from now on, or do not."""
        if waits != self._waits and self._opened is not None:
            milliseconds = int(1000 * self._wait_seconds) if waits else 0
            self._opened[1].execute(f"PRAGMA busy_timeout = {milliseconds}").fetchall()
            self._waits = waits

    def _warning(self, error: Exception) -> str:
        if self._usable:
            return f"the score cache {self.file} is busy ({error}); scores are computed this time"
        return (
            f"the score cache {self.file} cannot be used ({error}); scores are computed and not "
            f"kept. If it is damaged, delete the folder {self.file.parent}; else pass a cache= "
            "folder that can be written"
        )


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Commit at the end; on any exception nothing stays open, or others would wait for it."""
    try:
        # An interrupt may have come before the last one was rolled back.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _close(connection: sqlite3.Connection, process: int) -> None:
    """Close a connection in the process that opened it; in a fork of it that would do harm."""
    if os.getpid() == process:
        connection.close()


def _end(
    lock: threading.Lock, ended: threading.Event, connection: sqlite3.Connection, process: int
) -> None:
    """Close a connection at exit, between two uses by a daemon thread that goes on."""
    if os.getpid() != process:  # a fork has a copy of the lock, perhaps held by nobody
        return
    with lock:
        ended.set()
        _close(connection, process)


def _is_busy(error: Exception) -> bool:
    code = getattr(error, "sqlite_errorcode", 0)
    # The low byte is the kind, the rest says more.
    return code & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _bytes_used(connection: sqlite3.Connection) -> int:
    """Return the bytes of the file's pages that hold something."""

    def fact(name: str) -> int:
        return int(connection.execute(f"PRAGMA {name}").fetchone()[0])

    return (fact("page_count") - fact("freelist_count")) * fact("page_size")
