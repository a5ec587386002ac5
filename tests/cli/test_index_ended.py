"""secondpass index, ended at any moment or run twice at once: nothing is lost, nothing is twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

pytest.importorskip("lancedb")
pytest.importorskip("semantic_text_splitter")

import secondpass
from secondpass.retrieval.stores.lance import LanceStore, is_index

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")

TESTS = Path(__file__).parents[1]
# The command with an embedder that takes its time, and commits every few texts.
COMMAND = """
import os, sys, time
from fake_embedder import FakeEmbedder
from word_tokenizer import word_tokenizer
from secondpass.cli.main import main
from secondpass.ingest import updating
from secondpass.retrieval import blocks, embedder

class Slow(FakeEmbedder):
    tokenizer = word_tokenizer()
    most_tokens = 10

    def __init__(self, name=None, *, threads=None):
        super().__init__()
        print("began", flush=True)

    def embed(self, texts, *, progress=None):
        time.sleep(float(os.environ.get("A_TEXT_TAKES", 0.002)) * len(texts))
        return super().embed(texts, progress=progress)

embedder.Embedder = Slow
blocks.BLOCK_SECONDS, blocks.BLOCK_SHARE, updating.BATCH = 0.01, 0.0, 4
sys.exit(main(sys.argv[1:]))
"""
PATH = [str(TESTS / "retrieval"), str(Path(secondpass.__file__).parents[1])]
TEXTS = 150
# What the installed command does.
ENTRY = """
import sys
from secondpass.__main__ import main

class Finder:
    def find_spec(self, name, *rest):
        if name == "secondpass.cli.main":
            print("began", flush=True)

sys.meta_path.insert(0, Finder())
sys.exit(main())
"""


def start(*arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(PATH)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def until_begun(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    if process.stdout.readline() != "began\n":
        raise AssertionError(finish(process))


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, error = process.communicate(timeout=120)
    return process.returncode, out, error


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    for at in range(TEXTS // 3):
        parts = (f"Part {part} of the text number {at}." for part in range(3))
        (folder / f"{at:03}.txt").write_text("\n\n".join(parts))
        os.utime(folder / f"{at:03}.txt", (time.time() - 60,) * 2)
    return folder


def held(place: Path) -> Counter[str]:
    if not is_index(place):
        return Counter()
    return Counter(id_ for (id_,) in LanceStore.open(place).scan(["id"]))


def index(docs: Path, place: Path) -> subprocess.Popen[str]:
    return start("index", docs, "--into", place, "--chunk-tokens", 10)


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGINT])
def test_ended_at_any_moment_it_goes_on(docs: Path, tmp_path: Path, ending: signal.Signals) -> None:
    place, draw = tmp_path / "index", random.Random(7)
    kept: Counter[str] = Counter()
    for _ in range(5):
        run = index(docs, place)
        until_begun(run)
        time.sleep(draw.uniform(0, 0.5))
        run.send_signal(ending)
        status, _, error = finish(run)
        if ending is signal.SIGINT and status != 0:
            assert status == 130, error
            assert "Traceback" not in error
            assert error.splitlines()[-1].startswith("secondpass: interrupted")
            assert error.count("interrupted") == 1
        now = held(place)
        # An index that is there holds something.
        assert now or not is_index(place)
        assert set(now.values()) <= {1}
        assert now >= kept
        kept = now
    status, out, error = finish(index(docs, place))
    assert status == 0, error
    assert f"{TEXTS - kept.total()} added, {kept.total()} unchanged, 0 removed" in out
    whole = tmp_path / "whole"
    assert finish(index(docs, whole))[0] == 0
    assert held(place) == held(whole)
    assert held(place).total() == TEXTS


def test_an_interrupt_says_what_is_kept(
    docs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # All of it would take 30 s: it is interrupted long before.
    monkeypatch.setenv("A_TEXT_TAKES", "0.2")
    place = tmp_path / "index"
    run = index(docs, place)
    until_begun(run)
    end = time.monotonic() + 60
    while not held(place) and time.monotonic() < end:
        time.sleep(0.01)
    run.send_signal(signal.SIGINT)
    status, _, error = finish(run)
    assert status == 130
    assert f"{held(place).total()} documents in {place}; the same command goes on" in error
    assert 0 < held(place).total() < TEXTS


def test_two_at_once_wait_for_each_other(docs: Path, tmp_path: Path) -> None:
    place = tmp_path / "index"
    ended = [finish(run) for run in [index(docs, place) for _ in range(3)]]
    assert [status for status, *_ in ended] == [0, 0, 0], ended
    added = sorted(f"{TEXTS} added, 0 unchanged" in out for _, out, _ in ended)
    assert added == [False, False, True]
    assert held(place).total() == len(held(place)) == TEXTS
    assert any(f"another run writes to {place}: waiting for it" in error for *_, error in ended)


def test_the_turn_of_a_killed_run_is_free(docs: Path, tmp_path: Path) -> None:
    place = tmp_path / "index"
    run = index(docs, place)
    until_begun(run)
    run.kill()
    finish(run)
    status, _, error = finish(index(docs, place))
    assert status == 0, error
    assert "waiting" not in error
    assert held(place).total() == TEXTS


@pytest.mark.parametrize("content", [None, " \n"])
def test_nothing_to_index_leaves_no_index(tmp_path: Path, content: str | None) -> None:
    (tmp_path / "docs").mkdir()
    if content is not None:
        (tmp_path / "docs" / "a.txt").write_text(content)
    status, _, error = finish(index(tmp_path / "docs", tmp_path / "index"))
    assert status == 2
    assert "no index was made" in error
    assert not (tmp_path / "index").exists()


@pytest.mark.parametrize("wait", [0.0, 0.02, 0.05, 0.1, 0.2])
def test_an_interrupt_while_the_command_starts_is_one_line(wait: float) -> None:
    run = subprocess.Popen(
        [sys.executable, "-c", ENTRY, "models"],
        env={**os.environ, "PYTHONPATH": PATH[1]},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    until_begun(run)
    time.sleep(wait)
    run.send_signal(signal.SIGINT)
    status, _, error = finish(run)
    assert "Traceback" not in error
    assert (status, error.strip()) in [(130, "secondpass: interrupted"), (0, error.strip())]
