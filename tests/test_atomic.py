"""What is written is there whole or not at all, and what a dead writer left is swept."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

import secondpass
from secondpass.atomic import beside, replacing, sweep, try_writing, write_text
from secondpass.locks import locked, locked_in_turn

SRC = str(Path(secondpass.__file__).parents[1])


def run(script: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": SRC},
        stdout=subprocess.PIPE,
        text=True,
    )


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def aged(file: Path, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(file, (then, then))


def test_an_error_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "result.json"
    write_text(file, "old")
    with pytest.raises(LookupError), replacing(file) as written:
        written.write_text("half") and {}["then an error"]
    assert (file.read_text(), names(tmp_path)) == ("old", ["result.json"])


def test_a_link_stays_and_what_it_leads_to_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "real.json").write_text("old")
    (tmp_path / "real.json").chmod(0o640)
    (tmp_path / "link.json").symlink_to("real.json")
    write_text(tmp_path / "link.json", "new")
    assert (tmp_path / "link.json").is_symlink()
    assert (tmp_path / "real.json").read_text() == "new"
    assert (tmp_path / "real.json").stat().st_mode & 0o777 == 0o640


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs a system with pipes in folders")
def test_what_is_no_regular_file_is_written_as_it_is(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = run("import sys; print(open(sys.argv[1]).read())", pipe)
    write_text(pipe, "through")
    assert reader.communicate(timeout=60)[0] == "through\n"
    assert pipe.is_fifo()
    write_text(Path(os.devnull), "nothing")
    assert not Path(os.devnull).is_file()


@pytest.mark.parametrize("name", ["x" * 300, "file/below"])
def test_trying_finds_what_cannot_be_written(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError):
        try_writing(tmp_path / name)
    assert names(tmp_path) == ["file"]


def test_trying_leaves_nothing_and_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("old")
    for name in ("there", "new"):
        try_writing(tmp_path / name)
    assert names(tmp_path) == ["there"]
    assert (tmp_path / "there").read_text() == "old"


WRITER = """
import sys, time
from pathlib import Path
from secondpass.atomic import beside
with beside(Path(sys.argv[1]), prefix=sys.argv[2]) as written:
    written.write_text("half")
    print("writing", flush=True)
    time.sleep(60)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
@pytest.mark.parametrize("prefix", [".writing-", "writing-", ".compiling-"])
def test_what_a_killed_writer_left_is_swept_and_a_living_ones_is_not(
    tmp_path: Path, prefix: str
) -> None:
    dead, living = (run(WRITER, tmp_path / name, prefix) for name in ("dead", "living"))
    try:
        for writer in (dead, living):
            assert writer.stdout is not None
            assert writer.stdout.readline() == "writing\n"
        left = {path: path.joinpath("new") for path in tmp_path.glob(f"{prefix}*")}
        assert len(left) == 2
        for path in left:
            aged(path / "writer.lock", 5)
        dead.kill()
        dead.wait(60)
        with beside(tmp_path / "next", prefix):
            kept = [path for path in left if path.exists()]
        assert [names(path / "new") for path in kept] == [["living"]]
    finally:
        for writer in (dead, living):
            writer.kill()
            writer.communicate(timeout=60)


def test_what_has_no_lock_is_swept_when_it_is_old(tmp_path: Path) -> None:
    for name, age in (("writing-old", 7200), ("writing-new", 60)):
        (tmp_path / name).mkdir()
        aged(tmp_path / name, age)
    (tmp_path / "writing-file").write_text("a file of somebody")
    sweep(tmp_path, "writing-")
    sweep(tmp_path / "not there", "writing-")
    assert names(tmp_path) == ["writing-file", "writing-new"]


def test_a_lock_is_one_holders_and_ends_with_it(tmp_path: Path) -> None:
    with locked(tmp_path / "lock") as first, locked(tmp_path / "lock", seconds=0) as second:
        assert (first, second) == (True, False)
    with locked(tmp_path / "lock", seconds=0) as third:
        assert third


def test_a_lock_that_another_holds_is_waited_for_and_said(tmp_path: Path) -> None:
    order: list[object] = []
    freed = ExitStack()
    freed.enter_context(locked(tmp_path / "lock"))

    def on_wait() -> None:
        order.append("wait")
        freed.close()

    with locked_in_turn(tmp_path / "lock", on_wait), locked(tmp_path / "lock", seconds=0) as free:
        order.append(free)
    with locked_in_turn(tmp_path / "lock", on_wait):
        order.append("free at once")
    assert order == ["wait", False, "free at once"]
