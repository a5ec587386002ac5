"""Native code with threads of its own (OpenVINO, torch, tokenizers, LanceDB), fork, and exit.

A fork has the memory of such threads and not the threads: what waits for them waits for ever, and
what is freed joins them. So a fork uses no engine, frees none, and leaves without C++'s own exit.

A daemon thread that comes back from native code once the interpreter has ended is killed within
it, which aborts the process. So exit waits for the native calls under way, and holds daemon threads
at their next one.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import weakref
from _thread import allocate_lock
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition, get_ident
from typing import TYPE_CHECKING, Any, TypeVar

from secondpass.errors import EngineError

T = TypeVar("T")

# The most that exit waits: a batch of the largest models takes less.
_LONGEST_CALL_SECONDS = 60.0


class _Calls:
    """The native calls under way in this process, and the thread that ends it."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._depth: dict[int, int] = {}
        self._ended_by: int | None = None

    def begin(self) -> None:
        me = get_ident()
        with self._changed:
            # A thread within a call goes on: exit waits for its end.
            if me in self._depth or not self.ending():
                self._depth[me] = self._depth.get(me, 0) + 1
                return
        _hold()

    def end(self) -> None:
        me = get_ident()
        with self._changed:
            self._depth[me] -= 1
            if self._depth[me]:
                return
            del self._depth[me]
            self._changed.notify_all()
        if self.ending():
            _hold()

    def ending(self) -> bool:
        """Tell whether the interpreter ends and this is not the thread that ends it."""
        return self._ended_by not in (None, get_ident())

    def wait(self) -> None:
        """Begin the end: wait until no other thread is in a native call."""
        self._ended_by = me = get_ident()
        with self._changed:
            self._changed.wait_for(lambda: not self._depth.keys() - {me}, _LONGEST_CALL_SECONDS)


_calls = _Calls()
_used_by: int | None = None
_not_for_forks: weakref.WeakSet[object] = weakref.WeakSet()
_with_exit: set[str] = set()
_NOT_LOADED = "_not_loaded"


@contextmanager
def native_call() -> Iterator[None]:
    """Let the interpreter end only after this block; once it ends, other threads stay here."""
    calls = _calls
    calls.begin()
    try:
        yield
    finally:
        calls.end()


def ending() -> bool:
    """Tell a long native call to break off: the interpreter ends, and nobody gets its result."""
    return _calls.ending()


def is_fork() -> bool:
    """Tell whether this process is a fork of one that had loaded an engine."""
    return _used_by not in (None, os.getpid())


def require_no_fork() -> None:
    """Refuse to compute in a fork of a process that had loaded an engine.

    Raises:
        EngineError: it is one; the message says how else to start processes.
    """
    if is_fork():
        raise EngineError(
            f"process {os.getpid()} is a fork of process {_used_by}, which had loaded a model: the "
            "engine's threads are not in a fork. Load models after the fork only (gunicorn: not "
            "--preload, but post_fork; Celery: worker_process_init), or start processes by 'spawn' "
            "or 'forkserver', such as multiprocessing.get_context('spawn').Pool"
        )


class RefusedInForks:
    """A base of what is pickled by `rebuilt`: one that was not loaded refuses each use."""

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            # Asked for what is not there only; a name such as __deepcopy__ is asked for by Python.
            if _NOT_LOADED in vars(self) and not name.startswith("__"):
                require_no_fork()
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")


def rebuilt(
    load: Callable[..., T], given: tuple[Any, ...], kind: type[T], known: dict[str, Any]
) -> T:
    """Load what was pickled; in a fork, make it with the attributes `known` and load nothing.

    A pool of processes loses the task that cannot be unpickled, and waits for it for ever: so a
    fork refuses the first use instead.
    """
    if not is_fork():
        return load(*given)
    made = object.__new__(kind)
    vars(made).update(known, **{_NOT_LOADED: True})
    return made


def note_engine() -> None:
    """Note that this process loads an engine; raises an EngineError as `require_no_fork`."""
    global _used_by
    require_no_fork()
    _used_by = os.getpid()


def keep_in_forks(holder: object) -> None:
    """Never free this object in a fork: what it holds would wait for its threads."""
    _not_for_forks.add(holder)


def note_exit_of(module: str) -> None:
    """Note a module that ends its threads by an exit function, once it is imported.

    Native calls end before that function is called, and a fork never calls it.
    """
    if module not in _with_exit:
        _with_exit.add(module)
        atexit.register(_at_exit)


class _FunctionOf:
    """Equal to each function of a module, for `atexit.unregister`."""

    def __init__(self, module: str) -> None:
        self._module = module

    def __eq__(self, other: object) -> bool:
        return getattr(other, "__module__", None) == self._module

    __hash__ = None  # type: ignore[assignment]


def _hold() -> None:
    """Never return. A thread that waits here is no obstacle to the end of the process."""
    lock = allocate_lock()
    lock.acquire()
    lock.acquire()


def _after_fork() -> None:
    global _calls
    _calls = _Calls()
    for module in _with_exit:
        atexit.unregister(_FunctionOf(module))  # type: ignore[arg-type]
    if not is_fork():
        return
    kept = ctypes.py_object(list(_not_for_forks))
    ctypes.pythonapi.Py_IncRef(kept)
    # Static objects of the libraries join their threads too. Where a C library has no `on_exit`,
    # a fork is not how processes are started.
    libc = ctypes.CDLL(None)
    if hasattr(libc, "on_exit"):
        libc.on_exit(libc._exit, None)


def _at_exit() -> None:
    _calls.wait()


# Registered at import, so that it runs after the exit functions of most others.
atexit.register(_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
