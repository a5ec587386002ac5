"""Locks between processes: released by the system when their process ends, however it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

# What filelock does where a file system has no locks: then writers are on their own.
_NO_LOCKS = (NotImplementedError,)


@contextmanager
def locked(file: Path, *, seconds: float = -1) -> Iterator[bool]:
    """Hold the lock of a file, made if need be; give True, or False where another holds it.

    Args:
        file: what is locked; it stays when the lock is released.
        seconds: how long to wait for it, -1 for ever.

    Raises:
        OSError: the file cannot be made.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(file, timeout=seconds)
    try:
        lock.acquire()
    except Timeout:
        yield False
        return
    except _NO_LOCKS:
        yield True
        return
    try:
        yield True
    finally:
        lock.release()


@contextmanager
def locked_in_turn(file: Path, on_wait: Callable[[], None]) -> Iterator[None]:
    """Hold the lock of a file; `on_wait` is called where another holds it, before waiting for it.

    Raises:
        OSError: the file cannot be made.
    """
    with ExitStack() as stack:
        if not stack.enter_context(locked(file, seconds=0)):
            on_wait()
            stack.enter_context(locked(file))
        yield
