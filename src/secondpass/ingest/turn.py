"""One update of an index at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from secondpass.errors import IndexFileError
from secondpass.locks import locked_in_turn
from secondpass.retrieval.places import Place, check_vacant
from secondpass.retrieval.stores.lance import UPDATE_LOCK, is_index
from secondpass.retrieval.stores.postgres_address import Address
from secondpass.retrieval.stores.postgres_connections import Connections


@contextmanager
def in_turn(place: Place, on_wait: Callable[[], None]) -> Iterator[None]:
    """Hold the turn to bring an index up to date; a folder is made, and left only with an index.

    Args:
        place: of an index, or where one may be made.
        on_wait: called where another process has the turn, before waiting for it.

    Raises:
        InputError: the folder holds something else than an index, or is a file.
        IndexFileError: it cannot be made or written.
    """
    if isinstance(place, Address):
        with Connections(place).in_turn(on_wait):
            yield
        return
    with _in_folder(place, on_wait):
        yield


@contextmanager
def _in_folder(folder: Path, on_wait: Callable[[], None]) -> Iterator[None]:
    if not is_index(folder):
        check_vacant(folder)
    is_new = not folder.exists()
    lock = folder / UPDATE_LOCK
    with ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            stack.enter_context(locked_in_turn(lock, on_wait))
        except OSError as error:
            raise IndexFileError(f"index {folder} cannot be written: {error.strerror}") from error
        try:
            yield
        finally:
            if is_new and not is_index(folder):
                with suppress(OSError):
                    lock.unlink(missing_ok=True)
                    folder.rmdir()
