"""secondpass index --states: states are kept, added to what is there, and in step with files."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("lancedb")

from secondpass import Embedder, Index
from secondpass.cli import options
from secondpass.cli.main import group
from secondpass.retrieval.state_encoder import EmbeddedEncoder
from secondpass.scoring.passage import Passage
from secondpass.states.codec import STATE_PRECISIONS


def run(*arguments):
    with pytest.raises(SystemExit) as ended:
        group([str(argument) for argument in arguments])
    return ended.value.code


@pytest.fixture(scope="module")
def embedder():
    return Embedder()


def passages(place, embedder):
    return {one.text: one.text for one in Index.open(place, embedder).search("x", limit=100)}


def test_the_choices_are_those_of_the_codec():
    assert options.STATES == STATE_PRECISIONS


def test_states_follow_the_files(tmp_path, capsys, embedder):
    folder, place = tmp_path / "texts", tmp_path / "index"
    folder.mkdir()
    (folder / "a.txt").write_text("Sheep give wool.")
    assert not run("index", folder, "--into", place)
    assert not any(isinstance(text, Passage) for text in passages(place, embedder).values())
    capsys.readouterr()
    (folder / "b.txt").write_text("Cows give milk.")
    assert not run("index", folder, "--into", place, "--states", "int8", "--json")
    told = json.loads(capsys.readouterr().out)
    assert (told["states"], told["encoded"], told["added"]) == ("int8", 1, 1)
    (folder / "a.txt").write_text("Goats give milk too.")
    (folder / "b.txt").unlink()
    assert not run("index", folder, "--into", place)
    assert "states at int8" in capsys.readouterr().out
    encoder = EmbeddedEncoder()
    kept = passages(place, embedder)
    assert list(kept) == ["Goats give milk too."]
    for text in kept.values():
        assert text.states_of(encoder.states_identity, encoder.states_width) is not None
    assert not run("index", folder, "--into", place, "--states", "float16")
    assert "are int8: all are encoded anew at float16" in capsys.readouterr().err
    assert Index.open(place, embedder).states == "float16"


def test_an_index_can_be_made_with_states(tmp_path, capsys, embedder):
    (tmp_path / "a.txt").write_text("Sheep give wool.")
    assert not run("index", tmp_path / "a.txt", "--into", tmp_path / "index", "--states", "compact")
    assert Index.open(tmp_path / "index", embedder).states == "compact"
    assert all(
        isinstance(text, Passage) for text in passages(tmp_path / "index", embedder).values()
    )


def test_a_search_says_how_many_were_read_from_states(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("secondpass.cli.output.for_a_person", lambda as_json: True)
    place = tmp_path / "index"
    (tmp_path / "a.txt").write_text("Sheep give wool.")
    for options_, said in (((), False), (("--states", "int8"), True)):
        assert not run("index", tmp_path / "a.txt", "--into", place, *options_)
        capsys.readouterr()
        assert not run("search", "wool", "--index", place, "--depth", 500)
        assert ("1 from states" in capsys.readouterr().out) == said


def test_a_search_for_states_says_where_there_are_none(tmp_path, capsys):
    place = tmp_path / "index"
    (tmp_path / "a.txt").write_text("Sheep give wool.")
    none, told = "note: 0 of 1 candidate scored from states", "the index keeps no states"
    assert not run("index", tmp_path / "a.txt", "--into", place)
    for effort, said in (("full", False), ("instant", True)):
        capsys.readouterr()
        assert not run("search", "wool", "--index", place, "--effort", effort)
        err = capsys.readouterr().err
        assert (none in err) == (told in err) == said
    assert not run("index", tmp_path / "a.txt", "--into", place, "--states", "int8")
    for effort in ("full", "instant"):
        capsys.readouterr()
        assert not run("search", "wool", "--index", place, "--effort", effort)
        err = capsys.readouterr().err
        assert "note: 1 of 1 candidate scored from states" in err
        assert told not in err


@pytest.mark.parametrize("given", ["int4", "", "8"])
def test_another_word_is_refused(tmp_path, capsys, given):
    assert run("index", tmp_path, "--into", tmp_path / "index", "--states", given) == 2
    assert "int8" in capsys.readouterr().err
