"""The models that ship inside the package: one folder each, replaced by replacing the folder."""

from __future__ import annotations

from pathlib import Path

from secondpass.errors import InputError
from secondpass.options.model import ACCURATE as ACCURATE
from secondpass.options.model import BI_ENCODER as BI_ENCODER
from secondpass.options.model import CROSS_ENCODER as CROSS_ENCODER

_FOLDER = Path(__file__).parent / "embedded"


def embedded_folder(name: str) -> Path:
    """Return the folder of an embedded model, given one of the names above.

    Raises:
        InputError: the package runs from a zip file, out of which no engine reads.
    """
    if not _FOLDER.is_dir():
        raise InputError(
            f"the models that ship are not in {_FOLDER}: install secondpass into a folder, as pip "
            "does; it does not run from a zip file"
        )
    return _FOLDER / name.removeprefix("embedded/")


def embedded_names() -> tuple[str, ...]:
    """Return the names that `CrossEncoderReranker` and `Embedder` take without a download."""
    return tuple(
        name
        for name in (CROSS_ENCODER, ACCURATE, BI_ENCODER)
        if (embedded_folder(name) / "config.json").exists()
    )
