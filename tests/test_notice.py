"""NOTICE names all that ships and is not our code; each model has its licence and its sources."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "secondpass"
MODELS = PACKAGE / "models" / "embedded"
NOTICE = (ROOT / "NOTICE").read_text(encoding="utf-8")
FOLDERS = sorted(folder for folder in MODELS.iterdir() if (folder / "config.json").exists())
# Data of our own: written for the package.
OURS = {"py.typed", "example.jsonl"}
PAGE_FILES = {".css", ".html", ".jinja", ".js", ".svg"}


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_model_is_named_with_its_licence(folder):
    assert f"src/secondpass/models/embedded/{folder.name}\n" in NOTICE
    assert (folder / "LICENSE").stat().st_size > 500
    assert json.loads((folder / "source.json").read_text(encoding="utf-8"))


def test_the_notice_names_no_model_that_is_gone():
    named = re.findall(r"^src/secondpass/models/embedded/(\S+)$", NOTICE, re.M)
    assert sorted(named) == [folder.name for folder in FOLDERS]


def test_other_data_is_named_or_ours():
    data = [
        file
        for file in PACKAGE.rglob("*")
        if file.is_file() and MODELS not in file.parents and "__pycache__" not in file.parts
    ]
    others = [
        file.relative_to(ROOT).as_posix()
        for file in data
        if file.suffix not in {".py", *PAGE_FILES} and file.name not in OURS
    ]
    assert [name for name in others if name not in NOTICE] == []
