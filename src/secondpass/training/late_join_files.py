"""The files of a late-join model, without torch: its config, its tokenizer, its weights in parts.

The layers below the join and the embeddings are another model's, byte for byte; only what stands
above them is kept in a repository, and `assemble` puts the two together again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondpass.architectures.table import LATE_JOIN
from secondpass.models.files import read_json
from secondpass.models.vocabulary import tokenizer_file

_NOT_OURS = ("_name_or_path", "architectures", "torch_dtype", "transformers_version")


def assemble(
    base: Path,
    trained: Path,
    folder: Path,
    *,
    join_layer: int,
    exits: Mapping[str, Any] | None = None,
) -> None:
    """Write a model folder from the base's folder and the file of what was trained on it.

    `exits` are the schedules of its config.
    """
    from safetensors.numpy import load_file

    below = {
        name: value
        for name, value in load_file(base / "model.safetensors").items()
        if is_below(name, join_layer)
    }
    write_folder(below | load_file(trained), base, folder, join_layer=join_layer, exits=exits)


def write_folder(
    tensors: Mapping[str, NDArray[Any]],
    base: Path,
    folder: Path,
    *,
    join_layer: int,
    half: bool = True,
    exits: Mapping[str, Any] | None = None,
) -> None:
    """Write model.safetensors (float16 if `half`), config.json, and a tokenizer.json for pairs."""
    from safetensors.numpy import save_file

    folder.mkdir(parents=True, exist_ok=True)
    kind = np.float16 if half else np.float32
    stored = {name: np.ascontiguousarray(value, kind) for name, value in tensors.items()}
    save_file(stored, folder / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((base / "config.json").read_text(encoding="utf-8"))
    labels = {"id2label": {"0": "LABEL_0"}, "label2id": {"LABEL_0": 0}}
    kept = {name: value for name, value in config.items() if name not in _NOT_OURS}
    late = kept | labels | {"model_type": LATE_JOIN.name, "join_layer": join_layer}
    late |= {} if exits is None else {"exits": dict(exits)}
    (folder / "config.json").write_text(json.dumps(late, indent=1) + "\n", encoding="utf-8")
    tokenizer = json.dumps(_pair_tokenizer(base), ensure_ascii=False)
    (folder / "tokenizer.json").write_text(tokenizer, encoding="utf-8")


def is_below(name: str, join_layer: int) -> bool:
    """Tell whether a tensor of BERT's is of the embeddings or of a layer below the join."""
    if name.startswith("encoder.layer."):
        return int(name.split(".")[2]) < join_layer
    return name.startswith("embeddings.") and not name.endswith("position_ids")


def _pair_tokenizer(base: Path) -> dict[str, Any]:
    """Return the base's tokenizer with a pair laid out as two texts, each begun and ended."""
    file = tokenizer_file(base, read_json(base / "config.json"))
    tokenizer: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    tokenizer["truncation"] = tokenizer["padding"] = None
    tokenizer["post_processor"]["pair"] = [
        part
        for side, type_id in (("A", 0), ("B", 1))
        for part in (
            {"SpecialToken": {"id": "[CLS]", "type_id": type_id}},
            {"Sequence": {"id": side, "type_id": type_id}},
            {"SpecialToken": {"id": "[SEP]", "type_id": type_id}},
        )
    ]
    return tokenizer
