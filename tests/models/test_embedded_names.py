"""A name among the embedded ones is never asked of the hub."""

import pytest

from secondpass import CrossEncoderReranker, Embedder, ModelNotFoundError
from secondpass.cli.main import main
from secondpass.models import folder as folders
from secondpass.models.folder import find_folder

NAMES = "embedded/cross-encoder, embedded/accurate, embedded/bi-encoder"


@pytest.fixture(autouse=True)
def no_hub(monkeypatch):
    def fetch(name, **_):
        pytest.fail(f"the hub was asked for {name}")

    monkeypatch.setattr(folders, "fetch_snapshot", fetch)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("embedded/acurate", "embedded/accurate"),
        ("embedded/crossencoder", "embedded/cross-encoder"),
        ("Embedded/Accurate", "embedded/accurate"),
        ("embedded/bi-encoder/1_Pooling2", None),
        ("embedded/x/y/z", None),
        ("embedded/", None),
        ("embedded", None),
    ],
)
def test_an_unknown_embedded_name_is_refused_with_those_there_are(name, meant):
    for load in (find_folder, CrossEncoderReranker, Embedder):
        with pytest.raises(ModelNotFoundError) as raised:
            load(name)
        said = str(raised.value)
        assert said.startswith(f"there is no embedded model {name!r}, there are {NAMES}")
        assert meant is None or said.endswith(f"; did you mean {meant!r}?")


@pytest.mark.parametrize("name", ["embedded", "embedded/acurate"])
@pytest.mark.parametrize(
    "command",
    [("doctor",), ("compile", "--out", "out"), ("rerank", "wool", "--model")],
    ids=lambda one: one[0],
)
def test_the_command_says_so_too(command, name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "given.jsonl").write_text('{"text": "Sheep give wool."}\n')
    more = ["given.jsonl"] if command[0] == "rerank" else []
    with pytest.raises(SystemExit) as stop:
        main([*command, name, *more])
    assert stop.value.code == 2
    assert f"there is no embedded model {name!r}, there are {NAMES}" in capsys.readouterr().err


def test_a_folder_of_that_name_is_a_folder(tmp_path, monkeypatch):
    (tmp_path / "embedded/mine").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert find_folder("embedded/mine").origin == "local"
