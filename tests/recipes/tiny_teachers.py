"""Random models of two layers, 32 wide, under the names of the recipe's; and a recipe for them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from recipes.embedded.settings import RECIPE

WIDTH, INNER, LAYERS, VOCABULARY, POSITIONS = 32, 64, 2, 30522, 512
TEACHERS = {"reranker_en": "bert.", "colbert": "", "bge_small_en": "", "minilm": ""}
BEGINNINGS = """
[beginnings.shipped]
encoder = "minilm"
layers = [0, 1]
join = 1
cross_bias = -3.0
trained_layers = true

[beginnings.colbert_1]
encoder = "colbert"
layers = [0, 1]
join = 1
cross_bias = -1.0

"""
_LINEAR = {
    "attention.self.query": (WIDTH, WIDTH),
    "attention.self.key": (WIDTH, WIDTH),
    "attention.self.value": (WIDTH, WIDTH),
    "attention.output.dense": (WIDTH, WIDTH),
    "intermediate.dense": (INNER, WIDTH),
    "output.dense": (WIDTH, INNER),
}
_HEADS = {
    "text_type": (WIDTH,),
    "cross_bias": (1,),
    "weights": (3,),
    "early.weights": (2,),
    "classifier.dense.weight": (WIDTH, 2 * WIDTH),
    "classifier.dense.bias": (WIDTH,),
    "classifier.out_proj.weight": (1, WIDTH),
    "classifier.out_proj.bias": (1,),
    "exits.0.weights": (2,),
}
_INTERACTION = {"projection.weight": (128, WIDTH), "gate.weight": (1, WIDTH), "gate.bias": (1,)}


def write_models(folder: Path) -> Path:
    """Write all the models that the recipe begins with."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(1)
    for name, prefix in TEACHERS.items():
        shapes = {f"{prefix}{key}": shape for key, shape in _bert().items()}
        if prefix:
            shapes |= {
                "bert.pooler.dense.weight": (WIDTH, WIDTH),
                "bert.pooler.dense.bias": (WIDTH,),
                "classifier.weight": (1, WIDTH),
                "classifier.bias": (1,),
            }
        save_file(_drawn(shapes, random), folder / f"{name}.safetensors")
    shapes = {name: shape for name, shape in _bert().items() if name.startswith("encoder.layer.1.")}
    for prefix in ("", "early.", "exits.0."):
        shapes |= {prefix + name: shape for name, shape in _INTERACTION.items()}
    save_file(_drawn(shapes | _HEADS, random), folder / "trained.safetensors")
    return folder


def write_recipe(file: Path) -> Path:
    """Write the recipe with beginnings of two layers and small groups."""
    recipe = RECIPE.read_text(encoding="utf-8")
    head, rest = recipe.split("[beginnings]")
    recipe = head + BEGINNINGS + "[fit]" + rest.split("[fit]")[1]
    for old, new in (
        ("group_size = 10", "group_size = 5"),
        ("exits = [0, 2]", "exits = [0]"),
    ):
        assert old in recipe
        recipe = recipe.replace(old, new)
    file.write_text(recipe, encoding="utf-8")
    return file


def _bert() -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (VOCABULARY, WIDTH),
        "embeddings.position_embeddings.weight": (POSITIONS, WIDTH),
        "embeddings.token_type_embeddings.weight": (2, WIDTH),
    }
    norms = ["embeddings.LayerNorm"]
    for layer in range(LAYERS):
        prefix = f"encoder.layer.{layer}."
        for name, shape in _LINEAR.items():
            shapes |= {f"{prefix}{name}.weight": shape, f"{prefix}{name}.bias": shape[:1]}
        norms += [f"{prefix}attention.output.LayerNorm", f"{prefix}output.LayerNorm"]
    for norm in norms:
        shapes |= {f"{norm}.weight": (WIDTH,), f"{norm}.bias": (WIDTH,)}
    return shapes


def _drawn(shapes: dict[str, tuple[int, ...]], random: np.random.Generator) -> dict:
    return {
        name: (random.normal(size=shape) * 0.2 + name.endswith("Norm.weight")).astype(np.float32)
        for name, shape in shapes.items()
    }
