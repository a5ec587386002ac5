"""secondpass index --watch: it follows its files until Ctrl-C, whatever they hold."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("lancedb")
pytest.importorskip("semantic_text_splitter")
pytest.importorskip("watchfiles")

import secondpass
from secondpass.cli import index_watch
from secondpass.cli.index_run import NothingToIndexError
from secondpass.cli.main import main
from secondpass.errors import InputError

TESTS = Path(__file__).parents[1]
COMMAND = """
import sys
from fake_embedder import FakeEmbedder
from word_tokenizer import word_tokenizer
from secondpass.cli.main import main
from secondpass.ingest import watching
from secondpass.retrieval import embedder

class Fake(FakeEmbedder):
    tokenizer = word_tokenizer()
    most_tokens = 10

    def __init__(self, name=None, *, threads=None):
        super().__init__()

embedder.Embedder = Fake
watching.QUIET_MS, watching._LOOK_MS = 50, 100
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture
def started(tmp_path):
    (tmp_path / "d").mkdir()
    path = [str(TESTS / "retrieval"), str(Path(secondpass.__file__).parents[1])]
    processes = []

    def start(*arguments):
        process = subprocess.Popen(
            [sys.executable, "-c", COMMAND, "index", *arguments],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is sent otherwise")
def test_new_changed_bad_and_deleted_files_until_ctrl_c(tmp_path, started):
    folder = tmp_path / "d"
    (folder / "a.txt").write_text("one")
    process = started("d", "--into", "d/made", "--watch", "--json")

    def next_update():
        row = json.loads(process.stdout.readline())
        return row["added"], row["removed"], row["documents"]

    assert next_update() == (1, 0, 1)
    while "watching 1 path" not in process.stderr.readline():
        pass
    (folder / "b.txt").write_text("two")
    assert next_update() == (1, 0, 2)
    (folder / "bad.txt").write_bytes(b"caf\xe9")
    while "bad.txt is not UTF-8" not in process.stderr.readline():
        pass
    (folder / "b.txt").write_text("three")
    assert next_update() == (1, 1, 2)
    (folder / "a.txt").unlink()
    assert next_update() == (0, 1, 1)
    process.send_signal(signal.SIGINT)
    rest, said = process.communicate(timeout=60)
    assert (process.returncode, rest) == (130, "")
    assert "interrupted: 1 document in d/made" in said
    assert "Traceback" not in said


class FakeRun:
    """Updates that do what they are told: raise, or say that files were left out."""

    paths, shown, folder = ("d",), "made", Path("made")

    def __init__(self, *outcomes):
        self.outcomes = list(outcomes)
        self.quiet = []

    def once(self, *, quiet=False):
        self.quiet.append(quiet)
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def documents(self):
        return 7


def follow(run, monkeypatch, rounds):
    def changes(paths, folder):
        yield from range(rounds)
        raise KeyboardInterrupt

    monkeypatch.setattr(index_watch, "changes", changes)
    with pytest.raises(SystemExit) as ended:
        index_watch.follow(run)
    assert ended.value.code == 130
    assert not run.outcomes


def test_errors_of_later_updates_are_said_once_in_a_row_and_end_nothing(monkeypatch, capsys):
    twice, other = InputError("id 'a' comes twice"), InputError("other")
    run = FakeRun(False, twice, twice, other, False, twice)
    follow(run, monkeypatch, 5)
    said = capsys.readouterr().err
    assert said.count("not updated: id 'a' comes twice") == 2
    assert said.count("not updated: other") == 1
    assert run.quiet == [False, True, True, True, True, True]


def test_there_may_be_nothing_to_index_yet(monkeypatch, capsys):
    nothing = NothingToIndexError("no index was made: there is no document in d")
    follow(FakeRun(nothing, nothing, False), monkeypatch, 2)
    assert capsys.readouterr().err.count("no index was made") == 1


def test_another_error_of_the_first_update_ends_it(monkeypatch):
    monkeypatch.setattr(index_watch, "changes", lambda *_: iter(()))
    with pytest.raises(InputError, match="no file or folder"):
        index_watch.follow(FakeRun(InputError("there is no file or folder d")))


def test_without_watchfiles_the_extra_is_named(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "watchfiles", None)
    with pytest.raises(SystemExit) as ended:
        main(["index", "d", "--into", "made", "--watch"])
    assert ended.value.code == 2
    assert "secondpass index --watch needs the extra 'watch'" in capsys.readouterr().err
