"""The licence of training data: what the user states, else what a meta.json beside it says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from secondpass.errors import InputError
from secondpass.models.files import read_json_if_there

NOT_STATED = "not stated"


def parse_licences(given: Sequence[str], paths: Sequence[Path]) -> dict[str, str]:
    """Parse FILE=TEXT; FILE is one of the paths, or its last part.

    Raises:
        InputError: there is no "=", no text, or no such file among the paths.
    """
    parsed = {}
    for one in given:
        name, separator, text = one.partition("=")
        if not separator or not text.strip():
            raise InputError(f"--licence {one!r} is not FILE=TEXT, such as pairs.jsonl=CC-BY-4.0")
        if not any(name in (str(path), path.name) for path in paths):
            raise InputError(
                f"--licence {one!r}: {name!r} is not among --train {', '.join(map(str, paths))}"
            )
        parsed[name] = text.strip()
    return parsed


def find_licence(path: Path, given: Mapping[str, str]) -> str:
    """Return what was given for a file or folder, else what its meta file says."""
    for name in (str(path), path.name):
        if name in given:
            return given[name]
    for file in _meta_files(path):
        meta = read_json_if_there(file)
        stated = meta.get("licence") or meta.get("license")
        if isinstance(stated, str):
            return stated
    return NOT_STATED


def _meta_files(path: Path) -> tuple[Path, ...]:
    if path.is_dir():
        return (path / "meta.json",)
    stem = path.name.removesuffix(".gz").removesuffix(".jsonl")
    return tuple(
        path.with_name(name)
        for name in (f"{stem}.meta.json", f"{path.name}.meta.json", "meta.json")
    )
