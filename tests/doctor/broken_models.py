"""Ways to break the tiny BERT, each as a bad conversion does."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
from openvino import opset13 as op
from safetensors.numpy import load_file, save_file

from secondpass.graph.build import build_graph
from secondpass.models.folder import find_folder
from secondpass.models.spec import read_cross_encoder_spec


def change_weights(folder: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    file = folder / "model.safetensors"
    tensors = dict(load_file(file))
    change(tensors)
    save_file(tensors, file, metadata={"format": "pt"})
    return folder


def with_types(folder: Path, types: int) -> Path:
    """Keep only the first token types of the weights."""
    name = "bert.embeddings.token_type_embeddings.weight"
    return change_weights(folder, lambda held: held.update({name: held[name][:types]}))


def change_json(file: Path, change: Callable[[dict[str, Any]], None]) -> None:
    value = json.loads(file.read_text())
    change(value)
    file.write_text(json.dumps(value))


def as_graph(
    bert: Path,
    folder: Path,
    change: Callable[[ov.Model], ov.Model] = lambda model: model,
    **config: Any,
) -> Path:
    """Write the tiny BERT's graph, changed; `config` holds while it is built, not after."""
    shutil.copytree(bert, folder)
    if config:
        change_json(folder / "config.json", lambda value: value.update(config))
    if "type_vocab_size" in config:
        with_types(folder, config["type_vocab_size"])
    model = change(build_graph(read_cross_encoder_spec(find_folder(folder))))
    (folder / "model.safetensors").unlink()
    ov.save_model(model, folder / "openvino_model.xml", compress_to_fp16=False)
    shutil.copyfile(bert / "config.json", folder / "config.json")
    return folder


def without_mask(model: ov.Model) -> ov.Model:
    """Every token is seen, the padding too."""
    mask = model.input("attention_mask").get_node()
    readers = list(mask.output(0).get_target_inputs())
    ones = op.maximum(mask, op.constant(np.array(1, np.int32)))
    for reader in readers:
        reader.replace_source_output(ones.output(0))
    return ov.Model(model.get_results(), model.get_parameters(), "without mask")


def over_the_rows(model: ov.Model) -> ov.Model:
    """Each logit has those of the rows before it added."""
    (result,) = model.get_results()
    logits = result.input(0).get_source_output()
    added = op.cum_sum(logits, op.constant(np.array(0, np.int32)))
    added.output(0).set_names({"scores"})
    return ov.Model([op.result(added)], model.get_parameters(), "over the rows")
