"""python -m recipes.embedded.assemble STUDENT --base FOLDER: the file that the repository keeps.

From student_lower.safetensors, student_upper.safetensors and fit.json to trained.safetensors: every
tensor of the model but the embeddings, which are the base's, float16, under the names of a model
folder. The map to a probability is multiplied into the last layer's weights.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from recipes.embedded.bert import read_encoder
from recipes.embedded.settings import RECIPE, read_settings
from recipes.embedded.student import Student
from secondpass.training.late_join_folder import save_late_join

TRAINED = Path(__file__).parent / "trained.safetensors"
PARTS = ("student_lower", "student_upper")


def main(arguments: list[str] | None = None) -> None:
    """Write trained.safetensors."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("student", type=Path, help="folder of what distill.py wrote")
    parser.add_argument("--fit", type=Path, help="by default fit.json beside the student")
    parser.add_argument("--base", type=Path, required=True, help="the base's model folder")
    parser.add_argument("--out", type=Path, default=TRAINED)
    parser.add_argument("--recipe", type=Path, default=RECIPE)
    options = parser.parse_args(arguments)
    fit = json.loads((options.fit or options.student / "fit.json").read_text(encoding="utf-8"))
    student = read_student(options.student, options.base, read_settings(options.recipe).exit_heads)
    calibrate(student, fit)
    tensors = trained_tensors(student, fit["lines"], options.base)
    save_file(tensors, options.out, metadata={"format": "pt"})
    print(f"{options.out}: {len(tensors)} tensors, {options.out.stat().st_size:,} bytes")


def read_student(folder: Path, base: Path, exits: tuple[int, ...]) -> Student:
    """Return the trained student on the base's embeddings."""
    stored = {
        name: value.float()
        for part in PARTS
        for name, value in load_file(folder / f"{part}.safetensors").items()
    }
    above = {name.split(".")[2] for name in stored if name.startswith("head.layers.")}
    below = {name.split(".")[2] for name in stored if name.startswith("encoder.layers.")}
    layers = range(len(below) + len(above))
    encoder = read_encoder(base / "model.safetensors", layers)
    student = Student(encoder, join=len(below), cross_bias=0.0, exits=exits)
    missing, unexpected = student.load_state_dict(stored, strict=False)
    embeddings = ("encoder.words.", "encoder.positions.", "encoder.types.", "encoder.norm.")
    missing = [name for name in missing if not name.startswith(embeddings)]
    if missing or unexpected:
        raise SystemExit(f"{folder} is not of this recipe: lacks {missing}, has {unexpected}")
    return student


def calibrate(student: Student, fit: Mapping[str, Any]) -> None:
    """Make the last logit's sigmoid the probability of relevance."""
    head = student.head
    with torch.no_grad():
        head.weights[2] += fit["C"]
        for parameter in (head.weights, head.out.weight, head.out.bias):
            parameter *= fit["slope"]
        head.out.bias += fit["intercept"]


def trained_tensors(
    student: Student, lines: Mapping[str, tuple[float, float]], base: Path
) -> dict[str, Tensor]:
    """Return what a model folder holds of the student, without the embeddings."""
    exits = {
        f"exits.{layers}.{name.removeprefix('interaction.')}": value
        for layers, head in student.exits.items()
        for name, value in head.state_dict().items()
    }
    for layers, (scale, offset) in lines.items():
        exits[f"exits.{layers}.scale"] = torch.tensor([scale])
        exits[f"exits.{layers}.offset"] = torch.tensor([offset])
    with tempfile.TemporaryDirectory() as folder:
        save_late_join(
            student.encoder,
            student.head,
            base,
            Path(folder),
            join_layer=student.join,
            exits=exits,
        )
        stored = load_file(Path(folder) / "model.safetensors")
    return {name: value for name, value in stored.items() if not name.startswith("embeddings.")}


if __name__ == "__main__":
    main()
