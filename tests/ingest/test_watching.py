"""Watched files: a change is seen, whatever kind it is, and what does not matter is not."""

import shutil
import threading
import time
from pathlib import Path

import pytest

pytest.importorskip("watchfiles")

from secondpass.ingest import watching
from secondpass.ingest.watching import changes

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(watching, "QUIET_MS", 20)
    monkeypatch.setattr(watching, "_LOOK_MS", 60)
    made = tmp_path / "d"
    made.mkdir()
    return made


def after(seconds, do):
    """Do something while the watcher waits."""
    timer = threading.Timer(seconds, do)
    timer.start()
    return timer


def seen(paths, index, *steps):
    """Return how long each step took to be seen."""
    rounds = changes(paths, index)
    next(rounds)
    for step in steps:
        timer = after(0.1, step)
        next(rounds)
        timer.join()
    rounds.close()


def test_new_changed_moved_and_deleted_files_are_seen(folder):
    one, other = folder / "a.txt", folder / "deep" / "b.txt"
    seen(
        [folder],
        folder.parent / "index",
        lambda: one.write_text("x"),
        lambda: one.write_text("other"),
        lambda: (other.parent.mkdir(), other.write_text("x")),
        lambda: other.rename(folder / "c.txt"),
        one.unlink,
        lambda: shutil.rmtree(other.parent),
    )


def test_a_named_file_is_seen_though_another_takes_its_place(folder):
    file, beside = folder / "a.txt", folder / "a.txt.new"
    file.write_text("x")

    def save_as_editors_do():
        beside.write_text("much longer than it was before")
        beside.replace(file)

    seen(
        [file],
        folder.parent / "index",
        save_as_editors_do,
        lambda: file.write_text("short"),
        save_as_editors_do,
        file.unlink,
        lambda: file.write_text("again"),
    )


def test_a_named_folder_that_comes_and_goes_is_followed(folder):
    file = folder / "a.txt"

    def make():
        folder.mkdir()
        file.write_text("x")

    rounds = changes([folder], folder.parent / "index")
    next(rounds)
    for step in (lambda: shutil.rmtree(folder), make):
        timer = after(0.1, step)
        next(rounds)
        timer.join()
    # It is watched anew, which begins with a round of its own.
    deadline = time.monotonic() + 30
    timer = after(0.5, lambda: file.write_text("other"))
    while time.monotonic() < deadline and timer.is_alive():
        next(rounds)
    timer.join()
    assert file.read_text() == "other"
    rounds.close()


def test_what_is_hidden_and_the_index_itself_do_not_matter(folder):
    index = folder / "index"
    for one in (index, folder / ".git"):
        one.mkdir()
    rounds = watching._watched([folder], index)
    next(rounds)
    for hidden in (index / "rows", folder / ".git" / "x", folder / ".a.swp"):
        hidden.write_text("x")
    (folder / "a.txt").write_text("x")
    found = set()
    while not found:
        found = {Path(path).name for _, path in next(rounds)}
    assert found == {"a.txt"}
    rounds.close()


def test_a_watched_folder_may_lie_in_a_hidden_one(tmp_path, folder):
    hidden = tmp_path / ".notes"
    hidden.mkdir()
    seen([hidden], tmp_path / "index", lambda: (hidden / "a.txt").write_text("x"))
