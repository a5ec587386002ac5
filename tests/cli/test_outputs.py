"""The files a command is to write: known before the work, each written on its own after it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from secondpass.cli.outputs import NOT_WRITTEN, Outputs
from secondpass.errors import InputError
from secondpass.result_file import write_report


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing/x.json", "there is no folder"),
        ("folder", "it is a folder, name a file"),
        ("x" * 300, "File name too long"),
        ("file/x.json", "there is no folder"),
    ],
)
def test_what_cannot_be_written_is_an_error_that_names_the_option(
    tmp_path: Path, name: str, message: str
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=f"--json .* cannot be written: {message}"):
        Outputs({"--html": None, "--json": tmp_path / name})


def test_one_file_is_not_written_twice_nor_over_what_is_read(tmp_path: Path) -> None:
    file, link, other = (tmp_path / name for name in ("a.json", "link.json", "other.json"))
    file.write_text("")
    link.symlink_to(file)
    os.link(file, other)
    for same in (file, link, other, tmp_path / "." / "a.json"):
        with pytest.raises(InputError, match="--html and --json are one file"):
            Outputs({"--json": file, "--html": same})
        with pytest.raises(InputError, match="--json and --corpus are one file"):
            Outputs({"--json": file}, read={"--corpus": same, "--queries": None})
    Outputs({"--json": os.devnull, "--html": os.devnull}, read={"--corpus": os.devnull})


def test_a_file_that_is_there_is_left_alone_until_it_is_written(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text("old")
    outputs = Outputs({"--json": file})
    assert file.read_text() == "old"
    outputs.write("--json", lambda place: write_report(place, "new"))
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.json"]
    assert file.read_text() == "new"
    outputs.finish()


def test_one_failure_takes_no_other_and_what_failed_is_kept(tmp_path: Path, capsys) -> None:
    places = {f"--{name}": tmp_path / name / f"{name}.json" for name in ("one", "two", "three")}
    for place in places.values():
        place.parent.mkdir()
    outputs = Outputs(places)
    places["--two"].parent.rmdir()
    (tmp_path / "two").write_text("in the way")

    def fail(place: Path) -> None:
        raise InputError("this result cannot be written anywhere")

    for option in ("--one", "--two", "--json"):
        outputs.write(option, lambda place, option=option: write_report(place, option))
    outputs.write("--three", fail)
    assert places["--one"].read_text() == "--one"
    said = capsys.readouterr().err.splitlines()
    assert [line.split(":")[1] for line in said] == [" --two", " --three"]
    kept = Path(said[0].partition("it is in ")[2])
    assert kept.read_text() == "--two"
    assert "it is in" not in said[1]
    with pytest.raises(SystemExit) as ended:
        outputs.finish()
    assert ended.value.code == NOT_WRITTEN
    kept.unlink()
    kept.parent.rmdir()
