"""The contract of both stores, and what only the folder has to bear."""

from __future__ import annotations

import re
import shutil
import sqlite3
import subprocess
import sys
import threading
import tracemalloc
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from secondpass.score_cache.contract import ScoreStore
from secondpass.score_cache.folder import FILE, FolderStore
from secondpass.score_cache.memory import ENTRY_BYTES, MemoryStore

LIMIT = 400_000

MakeStore = Callable[[], ScoreStore]


@pytest.fixture(params=["memory", "folder"])
def make_store(request: pytest.FixtureRequest, tmp_path: Path) -> MakeStore:
    if request.param == "memory":
        return lambda: MemoryStore(LIMIT)
    return lambda: FolderStore(tmp_path, LIMIT)


def key(number: int) -> bytes:
    return number.to_bytes(32, "big")


def value(number: int) -> bytes:
    return b"value %d" % number


def entries(numbers: range) -> dict[bytes, bytes]:
    return {key(number): value(number) for number in numbers}


def test_what_was_put_is_got_and_nothing_else(make_store):
    store = make_store()
    store.put(entries(range(700)))
    assert store.get([key(number) for number in range(1300)]) == entries(range(700))
    found = store.get([key(5), key(1250), key(7), key(5)])
    assert found == {key(5): value(5), key(7): value(7)}
    assert store.get([]) == {}


def test_a_value_is_replaced(make_store):
    store = make_store()
    store.put({key(1): b"old"})
    store.put({key(1): b"new"})
    assert store.get([key(1)]) == {key(1): b"new"}


def test_the_longest_unused_goes_first(make_store):
    store = make_store()
    store.put(entries(range(50)))
    for start in range(1000, 9000, 100):
        assert len(store.get([key(number) for number in range(50)])) == 50
        store.put(entries(range(start, start + 100)))
    newest = [key(number) for number in range(8900, 9000)]
    assert len(store.get(newest)) == 100
    assert store.get([key(1000)]) == {}


def test_threads_share_a_store(make_store):
    store = make_store()
    wrong: list[int] = []

    def work(thread: int) -> None:
        for step in range(20):
            number = thread * 100 + step
            store.put({key(number): value(number)})
            if store.get([key(number)]) != {key(number): value(number)}:
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(store.get([key(t * 100 + s) for t in range(8) for s in range(20)])) == 160


def test_memory_is_bounded_in_bytes():
    tracemalloc.start()
    try:
        store = MemoryStore(LIMIT)
        for start in range(0, 5 * LIMIT // ENTRY_BYTES, 100):
            store.put({key(at): value(at).ljust(40) for at in range(start, start + 100)})
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert LIMIT / 2 < used < LIMIT


def test_a_file_is_bounded_in_bytes(tmp_path):
    store = FolderStore(tmp_path, LIMIT)
    for start in range(0, 20_000, 500):
        store.put({key(at * 2**200 // 3): value(at) for at in range(start, start + 500)})
    assert (tmp_path / FILE).stat().st_size < LIMIT


def test_processes_share_a_folder(tmp_path):
    """Two others write at the same time as this one."""
    program = (
        "import sys; from pathlib import Path\n"
        "from secondpass.score_cache.folder import FolderStore\n"
        "store = FolderStore(Path(sys.argv[1]), 10**7)\n"
        "for at in range(200):\n"
        "    store.put({int(sys.argv[2] + str(at)).to_bytes(32, 'big'): b'theirs'})\n"
    )
    others = [
        subprocess.Popen([sys.executable, "-W", "error", "-c", program, str(tmp_path), name])
        for name in ("1000", "2000")
    ]
    store = FolderStore(tmp_path, 10**7)
    for at in range(200):
        store.put({key(at): b"ours"})
    assert [other.wait(60) for other in others] == [0, 0]
    theirs = [key(int(f"{name}{at}")) for name in (1000, 2000) for at in range(200)]
    assert len(store.get(theirs + [key(at) for at in range(200)])) == 600


@pytest.mark.parametrize("damage", [b"", b"this is no database" * 100, None])
def test_a_damaged_file_is_one_warning_that_says_the_way_out(tmp_path, damage):
    FolderStore(tmp_path, LIMIT).put(entries(range(500)))
    file = tmp_path / FILE
    content = file.read_bytes()
    # None: the first page is whole, the rest is not.
    file.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096) if damage is None else damage)
    for rest in ("-wal", "-shm"):
        file.with_name(FILE + rest).unlink(missing_ok=True)
    if damage == b"":  # SQLite takes an empty file for a new one
        assert FolderStore(tmp_path, LIMIT).get([key(1)]) == {}
        return
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        store = FolderStore(tmp_path, LIMIT)
        for _ in range(3):
            store.put(entries(range(5)))
            assert store.get([key(1)]) == {}
    assert len(caught) == 1
    assert re.search(r"sqlite cannot be used.*delete the folder", str(caught[0].message))


def test_a_folder_may_be_deleted_under_a_running_process(tmp_path):
    store = FolderStore(tmp_path / "scores", LIMIT)
    store.put(entries(range(5)))
    shutil.rmtree(tmp_path / "scores")
    store.put(entries(range(5, 10)))
    assert store.get([key(1), key(7)]) == {key(1): value(1), key(7): value(7)}
    assert FolderStore(tmp_path / "scores", LIMIT).get([key(1), key(7)]) == {}


def test_a_file_that_cannot_be_written_is_one_warning(tmp_path, monkeypatch):
    FolderStore(tmp_path, LIMIT).close()
    connect = sqlite3.connect
    monkeypatch.setattr(
        sqlite3, "connect", lambda file, **how: connect(f"file:{file}?mode=ro", uri=True, **how)
    )
    store = FolderStore(tmp_path, LIMIT)
    with pytest.warns(UserWarning, match=r"cannot be used .*readonly"):
        store.put(entries(range(5)))
    store.put(entries(range(5)))  # a second warning would be an error


def test_a_busy_file_is_left_out_this_time_only(tmp_path):
    store = FolderStore(tmp_path, LIMIT, wait_seconds=0.05)
    other = sqlite3.connect(tmp_path / FILE, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.warns(UserWarning, match=r"busy \(database is locked\)"):
        store.put({key(1): value(1)})
    other.execute("COMMIT")
    other.close()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        store.put({key(1): value(1)})
        assert store.get([key(1)]) == {key(1): value(1)}


def test_a_closed_store_finds_and_keeps_nothing_and_the_file_stays(make_store):
    store = make_store()
    store.put(entries(range(3)))
    store.close()
    store.close()
    if isinstance(store, FolderStore):
        store.put(entries(range(3, 6)))
        assert store.get([key(1), key(4)]) == {}
        assert make_store().get([key(1), key(4)]) == {key(1): value(1)}
    else:
        assert store.get([key(1)]) == {}


class Interrupting(sqlite3.Connection):
    """Raises what a signal handler would, after a statement that begins so."""

    after = ""
    raises: type[BaseException] = KeyboardInterrupt

    def execute(self, sql, *more):
        done = super().execute(sql, *more)
        if self.after and sql.startswith(self.after):
            type(self).after = ""
            raise self.raises
        return done

    def executemany(self, sql, *more):
        done = super().executemany(sql, *more)
        if self.after and sql.startswith(self.after):
            type(self).after = ""
            raise self.raises
        return done


@pytest.fixture
def interrupting(monkeypatch):
    connect = sqlite3.connect
    monkeypatch.setattr(
        sqlite3, "connect", lambda file, **how: connect(file, factory=Interrupting, **how)
    )
    return Interrupting


@pytest.mark.parametrize("after", ["BEGIN", "INSERT", "PRAGMA page_count", "COMMIT", "SELECT"])
@pytest.mark.parametrize("raises", [KeyboardInterrupt, SystemExit, MemoryError])
def test_an_interrupt_leaves_no_transaction_open(
    tmp_path, interrupting, monkeypatch, after, raises
):
    store = FolderStore(tmp_path, LIMIT)
    store.put(entries(range(3)))
    monkeypatch.setattr(interrupting, "after", after)
    monkeypatch.setattr(interrupting, "raises", raises)
    call = store.get if after == "SELECT" else store.put
    given = [key(1)] if after == "SELECT" else entries(range(3, 6))
    with pytest.raises(raises):
        call(given)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        other = FolderStore(tmp_path, LIMIT, wait_seconds=0.0)
        other.put(entries(range(10, 12)))
        store.put(entries(range(20, 22)))
    assert len(store.get([key(number) for number in (0, 10, 20, 21)])) == 4


def test_a_full_disk_is_one_warning_and_leaves_no_transaction_open(tmp_path):
    store = FolderStore(tmp_path, 10**7)
    store.put(entries(range(3)))
    store._connection().execute("PRAGMA max_page_count = 5")  # SQLite's own limit, as a disk's
    with pytest.warns(UserWarning, match=r"cannot be used .*full"):
        store.put(entries(range(10, 2000)))
    store.put(entries(range(5)))  # a second warning would be an error
    assert store.get([key(1)]) == {}
    assert FolderStore(tmp_path, 10**7, wait_seconds=0.0).get([key(1)]) == {key(1): value(1)}


def test_a_locked_file_is_waited_for_once_and_is_one_warning(tmp_path):
    store = FolderStore(tmp_path, LIMIT, wait_seconds=0.05)
    store.put(entries(range(3)))
    other = sqlite3.connect(tmp_path / FILE, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    waits = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for number in range(5):
            store.put(entries(range(10 * number, 10 * number + 3)))
            waits += store._connection().execute("PRAGMA busy_timeout").fetchone()
            assert store.get([key(1)]) == {key(1): value(1)}
    assert ["busy" in str(one.message) for one in caught] == [True]
    assert waits == [0] * 5
    other.execute("COMMIT")
    other.close()
    store.put({key(77): value(77)})
    assert store._connection().execute("PRAGMA busy_timeout").fetchone() == (50,)


def test_file_and_log_are_bounded_together_with_two_writers(tmp_path):
    limit = 4 * 2**20
    stores = [FolderStore(tmp_path, limit), FolderStore(tmp_path, limit)]
    sizes = []
    for start in range(0, 16_000, 1000):
        for number, store in enumerate(stores):
            some = range(start, start + 1000)
            store.put({key((2 * at + number) * 2**200 // 3): value(at).ljust(60) for at in some})
            sizes.append(sum(file.stat().st_size for file in tmp_path.glob(f"{FILE}*")))
    assert max(sizes) <= limit + 64 * 1024  # the index of the log, which is shared memory
    assert len(stores[0].get([key(2 * at * 2**200 // 3) for at in range(15_900, 16_000)])) >= 90


def test_a_reader_that_holds_the_log_stops_the_writing_and_not_the_bound(tmp_path):
    store = FolderStore(tmp_path, 2**20, wait_seconds=0.01)
    store.put(entries(range(10)))
    reader = sqlite3.connect(tmp_path / FILE, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM scores").fetchone()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for start in range(0, 12_000, 500):
            store.put({key(at * 2**200 // 3): value(at) for at in range(start, start + 500)})
    assert ["busy" in str(one.message) for one in caught] == [True]
    assert (tmp_path / f"{FILE}-wal").stat().st_size <= 2**20
    reader.execute("COMMIT")
    reader.close()
    store.put({key(5): b"new"})
    assert store.get([key(5)]) == {key(5): b"new"}


def test_a_value_too_large_for_the_whole_is_left_out(tmp_path):
    store = FolderStore(tmp_path, LIMIT)
    store.put({key(1): b"x" * LIMIT, key(2): b"y"})
    assert store.get([key(1), key(2)]) == {key(2): b"y"}
