"""Each exit status of the page, and no other."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from secondpass.cli import main as cli

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "command.md"
ROWS = PAGE.read_text(encoding="utf-8").partition("## Exit status")[2].partition("\n## ")[0]


def status_of(*arguments, **more):
    done = subprocess.run(
        [sys.executable, "-m", "secondpass", *arguments], stderr=subprocess.PIPE, text=True, **more
    )
    return done.returncode, done.stderr


def ended_by(monkeypatch, error):
    """Run the command, which raises this error, and return the exit status."""

    def fail(**_given):
        raise error

    monkeypatch.setattr(cli.group, "main", fail)
    with pytest.raises(SystemExit) as ended:
        cli.main([])
    return ended.value.code


def test_the_page_names_each_status():
    assert re.findall(r"^\| (\d+) \|", ROWS, re.M) == ["0", "1", "2", "130", "141"]


def test_done_is_0():
    assert status_of("models", stdout=subprocess.DEVNULL) == (0, "")


def test_a_file_that_is_left_out_is_1(tmp_path):
    (tmp_path / "good.txt").write_text("Sheep give wool.")
    (tmp_path / "bad.jsonl").write_text("{")
    status, said = status_of(
        "index", tmp_path, "--into", tmp_path / "my-index", stdout=subprocess.DEVNULL
    )
    assert status == 1
    assert "bad.jsonl" in said


@pytest.mark.parametrize(
    "error", [OSError(28, "No space left on device", "/a"), MemoryError("a batch")]
)
def test_what_the_machine_refuses_is_1(monkeypatch, capsys, error):
    assert ended_by(monkeypatch, error) == 1
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["rerank"],
        ["rerank", "q", "--efort", "fast"],
        ["rerank", "q", "--top-k", "0"],
        ["rerank", "q", "there-is-no-such-file.jsonl"],
        ["no-such-command"],
        [],
    ],
)
def test_what_is_not_usable_is_2(arguments):
    status, said = status_of(*arguments, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    assert status == 2
    assert "Traceback" not in said


def test_an_interrupt_is_130(monkeypatch, capsys):
    assert ended_by(monkeypatch, KeyboardInterrupt()) == 130
    assert capsys.readouterr().err == "secondpass: interrupted\n"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no broken pipe")
def test_a_reader_that_goes_away_is_141():
    read, write = os.pipe()
    os.close(read)
    try:
        assert status_of("models", stdout=write) == (141, "")
    finally:
        os.close(write)
