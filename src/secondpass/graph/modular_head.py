"""The modules of sentence-transformers behind an encoder, in OpenVINO operations.

Each reads one of the features "token_embeddings", "sentence_embedding" and "scores", and writes one
(models/modules.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from secondpass.errors import ModelFileError
from secondpass.graph import heads, ops
from secondpass.graph.openvino import op, ov
from secondpass.graph.ops import Inputs, Node
from secondpass.graph.tensors import open_tensors
from secondpass.models.modules import (
    SCORES,
    SENTENCE,
    TOKENS,
    WEIGHTS,
    Dense,
    LayerNorm,
    Module,
    Normalize,
    Pooling,
)
from secondpass.models.spec import ModelSpec

# torch.nn.LayerNorm's default, which the module never changes.
_EPSILON = 1e-5
# Below every hidden state, and finite so that a row without tokens gives no NaN.
_LOWEST = np.float32(-1e30)


def reads_first_token(spec: ModelSpec) -> bool:
    """Tell whether nothing but the first token is read of the last layer."""
    return all(
        module.modes == ("cls",) for module in spec.readout or () if isinstance(module, Pooling)
    )


def read_out(hidden: Node, spec: ModelSpec, inputs: Inputs) -> ov.Model:
    """Return the graph of an encoder whose hidden states are [rows, length, width].

    Its output is "logits" [rows, labels], or for a bi-encoder "embedding" [rows, width] of unit
    length. Where only the first token is read, the length may be 1.

    Raises:
        ModelFileError: a module's weights do not fit its config, or a feature is not there.
    """
    features = {TOKENS: hidden}
    for module in spec.readout or ():
        _apply(module, features, inputs, spec)
    if spec.embeds:
        return heads.embedding(_feature(features, SENTENCE, spec), inputs)
    return ops.model_of(_feature(features, SCORES, spec), "logits", inputs)


def _apply(module: Module, features: dict[str, Node], inputs: Inputs, spec: ModelSpec) -> None:
    if isinstance(module, Pooling):
        tokens = _feature(features, TOKENS, spec)
        pooled = [_POOLINGS[mode](tokens, inputs.attention_mask) for mode in module.modes]
        features[SENTENCE] = pooled[0] if len(pooled) == 1 else op.concat(pooled, 1)
    elif isinstance(module, Dense):
        features[module.writes] = _dense(module, _feature(features, module.reads, spec))
    elif isinstance(module, LayerNorm):
        features[SENTENCE] = _layer_norm(module, _feature(features, SENTENCE, spec))
    elif isinstance(module, Normalize):
        unit = op.normalize_l2(
            _feature(features, module.reads, spec), ops.constant([-1]), 1e-12, "max"
        )
        features[module.writes] = unit


def _feature(features: Mapping[str, Node], name: str, spec: ModelSpec) -> Node:
    if name not in features:
        raise ModelFileError(
            f"{spec.folder / 'modules.json'}: a module reads {name!r}, which none before it writes"
        )
    return features[name]


def _dense(module: Dense, x: Node) -> Node:
    shape = (module.outputs, module.inputs)
    weights: dict[str, tuple[int, ...]] = {"linear.weight": shape}
    if module.bias:
        weights["linear.bias"] = shape[:1]
    residual = module.residual and module.inputs != module.outputs
    if residual:
        weights["residual.weight"] = shape
    _require_width(x, module.inputs, module.folder)
    tensors = _tensors(module.folder / WEIGHTS, weights)
    out = _product(x, tensors["linear.weight"], module.folder)
    if module.bias:
        out = op.add(out, ops.constant(tensors["linear.bias"]))
    out = ops.activate(out, module.activation, str(module.folder))
    if residual:
        x = _product(x, tensors["residual.weight"], module.folder)
    return op.add(out, x) if module.residual else out


def _layer_norm(module: LayerNorm, x: Node) -> Node:
    width = x.get_output_partial_shape(0)[-1].get_length()
    tensors = _tensors(module.folder / WEIGHTS, {"norm.weight": (width,), "norm.bias": (width,)})
    normal = op.mvn(x, ops.constant([-1]), True, _EPSILON, "INSIDE_SQRT")
    scaled = op.multiply(normal, ops.constant(tensors["norm.weight"]))
    return op.add(scaled, ops.constant(tensors["norm.bias"]))


def _product(x: Node, weight: NDArray[np.float32], folder: Path) -> Node:
    product = op.matmul(x, ops.constant(weight), False, True)
    # A name that quantization leaves out.
    product.set_friendly_name(f"classifier.{folder.name}.{len(weight)}")
    return product


def _tensors(file: Path, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, NDArray[np.float32]]:
    """Return a module's tensors, which are just those of its config."""
    with open_tensors((file,)) as tensors:
        found = {name: tensors.shape_of(name) for name in tensors.names()}
        if found != dict(shapes):
            raise ModelFileError(f"{file} holds {found}, but its config.json means {dict(shapes)}")
        return {name: tensors[name] for name in shapes}


def _require_width(x: Node, width: int, folder: Path) -> None:
    found = x.get_output_partial_shape(0)[-1].get_length()
    if found != width:
        raise ModelFileError(
            f"{folder / 'config.json'} has in_features {width}, but the module before it gives "
            f"{found}"
        )


def _first(x: Node, _: Node) -> Node:
    return ops.drop_length(ops.first_token(x))


def _largest(x: Node, mask: Node) -> Node:
    real = op.greater(_seen(mask), ops.constant(np.float32(0)))
    return op.reduce_max(op.select(real, x, ops.constant(_LOWEST)), ops.constant([1]), False)


def _mean_by_root(x: Node, mask: Node) -> Node:
    seen = _seen(mask)
    total = op.reduce_sum(op.multiply(x, seen), ops.constant([1]), False)
    return op.divide(total, op.sqrt(_at_least(op.reduce_sum(seen, ops.constant([1]), False))))


def _mean_by_place(x: Node, mask: Node) -> Node:
    """Return the mean in which the first token counts once, the second twice, and so on."""
    weights = op.multiply(_places(mask), _seen(mask))
    total = op.reduce_sum(op.multiply(x, weights), ops.constant([1]), False)
    return op.divide(total, _at_least(op.reduce_sum(weights, ops.constant([1]), False)))


def _last(x: Node, mask: Node) -> Node:
    seen = _seen(mask)
    count = op.reduce_sum(seen, ops.constant([1]), True)
    is_last = op.convert(op.equal(op.multiply(_places(mask), seen), count), np.float32)
    return op.reduce_sum(op.multiply(x, is_last), ops.constant([1]), False)


_POOLINGS: Mapping[str, Callable[[Node, Node], Node]] = {
    "cls": _first,
    "max": _largest,
    "mean": ops.masked_mean,
    "mean_sqrt_len_tokens": _mean_by_root,
    "weightedmean": _mean_by_place,
    "lasttoken": _last,
}


def _seen(mask: Node) -> Node:
    """Return [rows, length, 1]: 1 where a token stands, 0 where there is padding."""
    return op.convert(op.unsqueeze(mask, ops.constant([2])), np.float32)


def _places(mask: Node) -> Node:
    """Return [rows, length, 1]: the place of each token, from 1."""
    return op.cum_sum(_seen(mask), ops.constant(np.int32(1)))


def _at_least(x: Node) -> Node:
    return op.maximum(x, ops.constant(np.float32(1e-9)))
