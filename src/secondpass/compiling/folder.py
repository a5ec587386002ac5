"""The compiled folder: written beside its place, moved there when it is admitted."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from secondpass.atomic import beside
from secondpass.compiling.result import Compiled
from secondpass.errors import InputError
from secondpass.models import tokenizer_settings, transformer_settings
from secondpass.models.files import require_file
from secondpass.models.modules import module_files
from secondpass.models.spec import DIRECTIONS_FILE, EXITS_FILE, ModelSpec
from secondpass.models.tokenizer import TOKENIZER
from secondpass.result_file import write_result

REPORT_FILE = "compile.json"
_PREFIX = ".compiling-"

# What a reader of the folder needs beside the graph, and what the licence asks to go along.
_COPIED = (
    "config.json",
    *tokenizer_settings.FILES,
    *transformer_settings.FILES,
    "config_sentence_transformers.json",
    "modules.json",
    DIRECTIONS_FILE,
    "README.md",
    "CARD.md",
    "LICENSE",
    "LICENSE.txt",
    "NOTICE",
)


def check_new(folder: Path) -> None:
    """Check before any work that a folder can be written; an empty one may be there.

    Raises:
        InputError: there is something at that place, or nothing can be written there.
    """
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise InputError(f"--out {folder} is already there: name a new folder")
    try:
        with beside(folder, prefix=_PREFIX) as written:
            written.mkdir()
    except OSError as error:
        raise InputError(f"--out {folder} cannot be written: {error.strerror}") from None


@contextmanager
def written_beside(folder: Path) -> Iterator[Path]:
    """Give a new folder beside the place where the compiled one will stand; it is removed after.

    Raises:
        InputError: there is something at that place, or nothing can be written there.
    """
    check_new(folder)
    with ExitStack() as stack:
        try:
            written = stack.enter_context(beside(folder, prefix=_PREFIX))
        except OSError as error:
            raise InputError(f"--out {folder} cannot be written: {error.strerror}") from None
        written.mkdir()
        yield written


def copy_beside_graph(spec: ModelSpec, folder: Path) -> None:
    """Copy what belongs to a model and is neither its layers' weights nor code."""
    source = spec.folder
    for name in (*_COPIED, *module_files(source)):
        if (source / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / name, folder / name)
    shutil.copyfile(spec.tokenizer_file, folder / TOKENIZER)
    write_exits(source, folder)


def write_exits(source: Path, folder: Path) -> None:
    """Write the exit heads beside the graph, which has none: they are added where it is cut."""
    from safetensors import safe_open
    from safetensors.numpy import save_file

    heads: dict[str, Any] = {}
    for path in sorted(source.glob("*.safetensors")):
        require_file(path)
        with safe_open(path, "np") as file:
            names = [name for name in file.keys() if name.startswith("exits.")]  # noqa: SIM118
            heads |= {name: file.get_tensor(name) for name in names}
    if heads:
        save_file(heads, folder / EXITS_FILE)
        (folder / EXITS_FILE).chmod(0o644)


def admit(written: Path, folder: Path, compiled: Compiled) -> None:
    """Add the report and move the folder to its place.

    Raises:
        InputError: something was put there meanwhile; the folder is kept beside, by a new name.
    """
    write_result(written / REPORT_FILE, compiled)
    try:
        if folder.exists():
            folder.rmdir()
        written.rename(folder)
    except OSError as error:
        kept = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f"{folder.name}-"))
        written.replace(kept)
        raise InputError(
            f"--out {folder} cannot be written any more: {error.strerror}; the model is in {kept}"
        ) from None
