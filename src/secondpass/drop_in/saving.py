"""Writing a loaded model to a folder that sentence-transformers and this library load."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from secondpass.errors import InputError
from secondpass.models.files import read_json_if_there
from secondpass.models.hub import CONFIG_FILES
from secondpass.models.modules import MODULES_FILE, module_files
from secondpass.models.spec import DIRECTIONS_FILE, EXITS_FILE, MODULAR_FILE, ModelSpec

# What sentence-transformers writes of a model with the head of its architecture.
_ONE_MODULE = [
    {
        "idx": 0,
        "name": "0",
        "path": "",
        "type": "sentence_transformers.base.modules.transformer.Transformer",
    }
]
_TRANSFORMER = {
    "transformer_task": "sequence-classification",
    "modality_config": {"text": {"method": "forward", "method_output_name": "logits"}},
    "module_output_name": "scores",
}
_BESIDE = ("README.md", "CARD.md", "LICENSE", "NOTICE", EXITS_FILE, DIRECTIONS_FILE)


def save(spec: ModelSpec, folder: Path, modular: dict[str, Any]) -> None:
    """Copy a model's files, and write `modular` into config_sentence_transformers.json.

    Raises:
        InputError: the folder is the model's own, or cannot be written.
    """
    try:
        _save(spec, folder, modular)
    except OSError as error:
        raise InputError(f"{folder} cannot be written: {error.strerror}") from error


def _save(spec: ModelSpec, folder: Path, modular: dict[str, Any]) -> None:
    if folder.exists() and folder.samefile(spec.folder):
        raise InputError(f"{folder} is the folder that the model was loaded from; name another")
    folder.mkdir(parents=True, exist_ok=True)
    for name in _files(spec):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(spec.folder / name, folder / name)
    if not spec.modules:
        _write(folder / MODULES_FILE, _ONE_MODULE)
        _write(folder / "sentence_bert_config.json", _TRANSFORMER)
    saved = read_json_if_there(folder / MODULAR_FILE)
    _write(folder / MODULAR_FILE, {**saved, "model_type": "CrossEncoder", **modular})


def _files(spec: ModelSpec) -> Iterator[str]:
    """Yield the files of a model, relative to its folder; one may come twice."""
    for file in (spec.weights.entry, *spec.weights.files):
        yield file.relative_to(spec.folder).as_posix()
    for name in (*CONFIG_FILES, *_BESIDE, *module_files(spec.folder)):
        if (spec.folder / name).is_file():
            yield name


def _write(file: Path, content: Any) -> None:
    file.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
