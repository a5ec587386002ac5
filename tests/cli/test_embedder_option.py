"""--embedder: another bi-encoder for index, search and eval."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import secondpass.models

EMBEDDED = Path(secondpass.models.__file__).parent / "embedded" / "bi-encoder"


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    """The embedded bi-encoder with another prompt: another model, of a name of its own."""
    folder = tmp_path_factory.mktemp("models") / "other"
    shutil.copytree(EMBEDDED, folder)
    settings = {"prompts": {"query": "frage: ", "document": "text: "}}
    (folder / "config_sentence_transformers.json").write_text(json.dumps(settings))
    return folder


@pytest.fixture(scope="module")
def index(other, tmp_path_factory):
    folder = tmp_path_factory.mktemp("index")
    (folder / "docs").mkdir()
    (folder / "docs" / "paris.txt").write_text("Paris is the capital of France.")
    (folder / "docs" / "tea.txt").write_text("Tea is made of leaves and hot water.")
    done = secondpass("index", folder / "docs", "--into", folder / "made", "--embedder", other)
    assert done.returncode == 0, done.stderr
    return folder / "made"


def secondpass(*arguments):
    command = [sys.executable, "-m", "secondpass", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


def test_an_index_is_searched_with_its_own_embedder(index, other):
    done = secondpass("search", "the capital of France", "--index", index, "--embedder", other)
    assert done.returncode == 0, done.stderr
    first = json.loads(done.stdout.splitlines()[0])
    assert first["text"] == "Paris is the capital of France."
    # The pair is fused by default; another embedder is not of the pair.
    assert "fused_score" not in first


def test_another_embedder_is_refused_and_the_way_out_named(index, other):
    done = secondpass("search", "the capital of France", "--index", index)
    assert done.returncode == 2
    assert f"open it with --embedder {other}, or make a new index" in done.stderr


def test_an_update_needs_the_same_embedder(index):
    done = secondpass("index", index.parent / "docs", "--into", index)
    assert done.returncode == 2
    assert "--embedder" in done.stderr


def test_eval_has_it(other):
    collection = Path(__file__).parent.parent.parent / "docs" / "examples" / "collection"
    done = secondpass("eval", collection, "--embedder", other, "--max-queries", 1, "--json")
    assert done.returncode == 0, done.stderr
    assert "other" in json.loads(done.stdout)["first_stage"]
