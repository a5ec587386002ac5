"""Connections to a database: one pool, transactions, and what is tried again.

A transaction is tried again where its connection was lost, or where another one was in its way. A
write notes a token of its own in the same transaction, and looks for it before it is done again: so
it is done once, whenever the connection went. The number of a transaction would not do: a server
that crashes may give it to another.
"""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar
from uuid import uuid4

from secondpass.errors import IndexFileError, MissingExtraError, SecondpassError
from secondpass.retrieval.stores.postgres_address import Address

T = TypeVar("T")

# The table of tokens.
COMMITS = "commits"
# Scans and searches within each other take one each.
_MOST = 16
_TRIES = 4
_WAIT_SECONDS = 0.1
# How long a server may be away before a call gives up.
_SERVER_SECONDS = 20.0
_LOCK_SECONDS = 60
# Of SQLSTATE: serialization and deadlock; a column or table that another writer changed meanwhile.
_IN_THE_WAY = ("40001", "40P01")
_CHANGED = ("42703", "42P01", "0A000")


class _LostError(Exception):
    """The connection went in the middle of a transaction."""


class Connections:
    """What reads and writes one index in transactions; it works in forks too, with its own pool."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._commits = f"{address.schema}.{COMMITS}"
        self._opening = threading.Lock()
        self._pool: Any = None
        self._process = 0

    def once(self, work: Callable[[Any], T]) -> T:
        """Call `work` with a new connection, which commits each statement; nothing is tried again.

        Raises:
            IndexFileError: the server cannot be reached, or refuses; the message has its reason.
        """
        with self.errors("reached"):
            import psycopg

            with psycopg.connect(self.address.conninfo(), autocommit=True) as connection:
                return work(connection)

    def read(self, work: Callable[[Any], T]) -> T:
        """Return what `work` makes of a cursor in a transaction that sees one commit.

        Raises:
            IndexFileError: the server cannot be reached, or refuses.
        """

        def once() -> T:
            with self.reading() as cursor:
                return work(cursor)

        with self.errors("read"):
            return self._tried(once, _IN_THE_WAY + _CHANGED)

    def write(self, work: Callable[[Any], T]) -> T:
        """Return what `work` makes of a cursor in a transaction, the only one that writes.

        `work` may be called more than once; what it did before is undone then.

        Raises:
            IndexFileError: the server cannot be reached, or refuses.
        """
        token, tried = uuid4().hex, False
        result: Any = None

        def once() -> T:
            nonlocal result, tried
            with self._writing() as cursor:
                self._take_turn(cursor)
                if not (tried and self._has(cursor, token)):
                    tried = True
                    result = work(cursor)
                    self._note(cursor, token)
            return result  # type: ignore[no-any-return]

        with self.errors("written"):
            return self._tried(once, _IN_THE_WAY)

    @contextmanager
    def reading(self) -> Iterator[Any]:
        """Give a cursor in a transaction that sees one commit."""
        with self._connection() as connection, connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            with connection.cursor(binary=True) as cursor:
                yield cursor

    @contextmanager
    def _writing(self) -> Iterator[Any]:
        with (
            self._connection() as connection,
            connection.transaction(),
            connection.cursor(binary=True) as cursor,
        ):
            yield cursor

    @contextmanager
    def in_turn(self, on_wait: Callable[[], None]) -> Iterator[None]:
        """Hold the turn to bring the index up to date; it ends with the connection."""
        key = f"secondpass.update.{self.address.index}"
        with self.errors("reached"):
            import psycopg

            connection = psycopg.connect(self.address.conninfo(), autocommit=True)
        with connection:
            with self.errors("reached"):
                tried = "SELECT pg_try_advisory_lock(hashtextextended(%s, 0))"
                if not connection.execute(tried, [key]).fetchone()[0]:
                    on_wait()
                    connection.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", [key])
            yield

    @contextmanager
    def errors(self, done: str) -> Iterator[None]:
        """Turn what psycopg raises into errors of ours that name the address."""
        try:
            yield
        except SecondpassError:
            raise
        except _LostError as lost:
            raise self._error(done, lost.__cause__ or lost) from None
        except ImportError as error:
            raise MissingExtraError("an index in PostgreSQL", "postgres") from error
        except Exception as error:
            import psycopg

            if not isinstance(error, psycopg.Error):
                raise
            raise self._error(done, error) from None

    def _error(self, done: str, error: BaseException) -> IndexFileError:
        lines = self.address.without_secrets(str(error)).strip().splitlines()
        reason = lines[0] if lines else type(error).__name__
        return IndexFileError(f"index {self.address} cannot be {done}: {reason}")

    def _tried(self, once: Callable[[], T], again: tuple[str, ...]) -> T:
        import psycopg

        for attempt in range(_TRIES):
            try:
                return once()
            except _LostError as lost:
                error: Any = lost.__cause__
            except psycopg.Error as refused:
                error = refused
                if refused.sqlstate not in again:
                    raise
            if attempt == _TRIES - 1:
                raise error
            time.sleep(_WAIT_SECONDS * 2**attempt)
        raise AssertionError

    def _take_turn(self, cursor: Any) -> None:
        """Wait for the turn to write, which ends with the transaction."""
        key = f"secondpass.write.{self.address.index}"
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [key])
        # What a reader holds that never ends is waited for no longer than this.
        cursor.execute(f"SET LOCAL lock_timeout = '{_LOCK_SECONDS}s'")

    def _has(self, cursor: Any, token: str) -> bool:
        """Tell whether the transaction with this token was committed."""
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [self._commits])
        if not cursor.fetchone()[0]:
            return False
        cursor.execute(f"SELECT true FROM {self._commits} WHERE token = %s", [token])
        return cursor.fetchone() is not None

    def _note(self, cursor: Any, token: str) -> None:
        cursor.execute(f"DELETE FROM {self._commits} WHERE at < now() - interval '1 day'")
        cursor.execute(f"INSERT INTO {self._commits} (token) VALUES (%s)", [token])

    @contextmanager
    def _connection(self) -> Iterator[Any]:
        """Give a connection of the pool."""
        import psycopg
        import psycopg_pool

        try:
            connection = self._alive()
        except psycopg_pool.PoolTimeout:
            # The pool knows no reason.
            self.once(_configure)
            raise
        try:
            yield connection
        except psycopg.Error as error:
            if connection.closed:
                raise _LostError from error
            raise
        finally:
            self._pool.putconn(connection)

    def _alive(self) -> Any:
        """Return a connection of the pool that the server still knows.

        The pool's own check waits longer for each that is lost, and a server that starts anew
        loses all.
        """
        import psycopg

        pool = self._opened()
        for _ in range(_TRIES):
            connection = pool.getconn()
            try:
                pool.check_connection(connection)
            except psycopg.Error as lost:
                error = lost
                pool.putconn(connection)
                pool.check()
            except BaseException:
                pool.putconn(connection)
                raise
            else:
                return connection
        raise _LostError from error

    def _opened(self) -> Any:
        """Return this process's pool. That of the process it was forked of is left as it is."""
        with self._opening:
            if self._process != os.getpid():
                self._pool = _pool(self.address)
                self._process = os.getpid()
                weakref.finalize(self, _close, self._pool, self._process)
            return self._pool


def _pool(address: Address) -> Any:
    # A connection is prepared in a thread of the pool, whose errors nobody sees.
    import pgvector.psycopg  # noqa: F401
    from psycopg_pool import ConnectionPool

    # It says on standard error what a call says in its error.
    logging.getLogger("psycopg").addHandler(logging.NullHandler())
    return ConnectionPool(
        address.conninfo(),
        # A statement that is prepared outlives the columns it names, and a pooler's connections.
        kwargs={"autocommit": True, "prepare_threshold": None},
        min_size=0,
        max_size=_MOST,
        timeout=_SERVER_SECONDS,
        num_workers=1,
        # With its waits, which double: longer ones would outlast a server's absence.
        reconnect_timeout=_SERVER_SECONDS,
        configure=_configure,
        open=True,
    )


def _configure(connection: Any) -> None:
    from pgvector.psycopg import register_vector

    register_vector(connection)
    # Compiling a query takes longer than running it.
    connection.execute("SET jit = off")


def _close(pool: Any, process: int) -> None:
    if os.getpid() != process:
        return
    if threading.current_thread().name.startswith(f"{pool.name}-"):
        # Garbage is collected in any thread, and one of the pool cannot wait for itself to end.
        threading.Thread(target=pool.close, name=f"close {pool.name}").start()
    else:
        pool.close()
