"""--cache as it is called."""

import os
import subprocess
import sys

from secondpass.score_cache.folder import FILE

LINES = '{"text": "The csv module reads rows."}\n{"text": "Bananas are yellow."}\n'


def rerank(*options):
    done = subprocess.run(
        [sys.executable, "-m", "secondpass", "rerank", "read a csv file", *map(str, options)],
        input=LINES,
        capture_output=True,
        text=True,
        env=os.environ | {"COLUMNS": "120"},
    )
    assert done.returncode == 0, done.stderr
    return done


def test_a_folder_of_any_name_keeps_the_scores(tmp_path, monkeypatch):
    """A folder may be called memory: to a command the word means nothing else."""
    monkeypatch.chdir(tmp_path)
    first = rerank("--cache", "memory")
    assert (tmp_path / "memory" / FILE).exists()
    assert rerank("--cache", "memory").stdout == first.stdout


def test_a_folder_that_cannot_be_used_is_a_line_and_the_answer_comes(unwritable):
    done = rerank("--cache", unwritable)
    assert len(done.stdout.splitlines()) == 2
    assert "warning: the score cache" in done.stderr
