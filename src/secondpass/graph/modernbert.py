"""ModernBERT: pre-norm, rotary positions, gated feed-forward, most layers see a window only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from secondpass.architectures.record import Architecture
from secondpass.checks import shortened
from secondpass.errors import ModelFileError
from secondpass.graph import modular_head, ops
from secondpass.graph.openvino import op, ov
from secondpass.graph.ops import Inputs, Node
from secondpass.graph.rotary import Rotation, frequencies
from secondpass.graph.tensors import Tensors
from secondpass.models.spec import ModelSpec


def build(spec: ModelSpec, _: Architecture, tensors: Tensors) -> ov.Model:
    """Build the graph. Output "logits" [rows, labels].

    As in the post-norm builder the last layer is computed for the first token alone, unless the
    head reads the mean of all tokens (`classifier_pooling` in config.json).
    """
    encoder = _Encoder(spec, tensors)
    last = encoder.layers - 1
    mean = spec.config.get("classifier_pooling") == "mean"
    first_only = not mean if spec.readout is None else modular_head.reads_first_token(spec)
    encoder.require_whole()
    x = encoder.embed()
    for layer in range(last):
        x = encoder.layer(layer, x, first_only=False)
    x = encoder.norm(encoder.layer(last, x, first_only=first_only), f"{encoder.prefix}final_norm")
    if spec.readout is not None:
        return modular_head.read_out(x, spec, encoder.inputs)
    pooled = ops.masked_mean(x, encoder.inputs.attention_mask) if mean else ops.drop_length(x)
    return ops.model_of(encoder.classify(pooled), "logits", encoder.inputs)


class _Encoder:
    """The weights and sizes of one encoder, and the steps made of them."""

    def __init__(self, spec: ModelSpec, tensors: Tensors) -> None:
        config = spec.config
        self.layers = spec.needed("num_hidden_layers")
        self._spec = spec
        self._tensors = tensors
        # A bare encoder's weights have no prefix.
        bare = "embeddings.tok_embeddings.weight" in tensors
        self.prefix = "" if bare else "model."
        self._heads = spec.needed("num_attention_heads")
        self._width = spec.needed("hidden_size")
        self._head_width = ops.head_width(self._width, self._heads, "num_attention_heads", spec)
        if self._head_width % 2:
            raise ModelFileError(
                f"{spec.config_file}: a head is {self._head_width} wide, expected an even number: "
                "rotary positions turn its halves"
            )
        epsilon = config.get("norm_eps")
        self._epsilon = 1e-5 if epsilon is None else float(epsilon)
        self._types = _layer_types(spec, self.layers)
        self.inputs = Inputs(token_types=False)
        self._global_mask = ops.padding_mask(self.inputs.attention_mask)
        self._local_mask = op.add(self._global_mask, self._window_mask())
        self._rotations: dict[float, Rotation] = {}

    def embed(self) -> Node:
        """Return the normed token embeddings; positions come with the attention."""
        name = f"{self.prefix}embeddings."
        rows = self._spec.config.get("vocab_size")
        table = self._tensors.shaped(f"{name}tok_embeddings.weight", rows, self._width)
        x = self.norm(ops.gather_rows(table, self.inputs.input_ids), f"{name}norm")
        return ops.name_layer_output(x, 0)

    def norm(self, x: Node, name: str) -> Node:
        """Return a layer norm of this model, by name."""
        return ops.layer_norm(x, self._tensors, name, self._epsilon)

    def layer(self, number: int, x: Node, *, first_only: bool) -> Node:
        """Return one layer's output, for every token or for the first one alone."""
        name = f"{self.prefix}layers.{number}"
        # The first layer's attention has no norm of its own: the embeddings were just normed.
        normed = x if number == 0 else self.norm(x, f"{name}.attn_norm")
        asking = ops.first_token(x) if first_only else x
        x = op.add(asking, self._attend(number, normed, first_only=first_only))
        inner = self._spec.config.get("intermediate_size")
        normed = self.norm(x, f"{name}.mlp_norm")
        gated = ops.linear(normed, self._tensors, f"{name}.mlp.Wi", 2 * inner if inner else None)
        halves = op.split(gated, ops.constant(-1), 2)
        function = str(self._spec.config.get("hidden_activation") or "gelu")
        activated = ops.activate(halves.output(0), function, self._spec.name)
        fed = op.multiply(activated, halves.output(1))
        x = op.add(x, ops.linear(fed, self._tensors, f"{name}.mlp.Wo", self._width))
        return ops.name_layer_output(x, number + 1)

    def classify(self, pooled: Node) -> Node:
        """Return logits [rows, labels]: dense, activation, norm, classifier."""
        function = str(self._spec.config.get("classifier_activation") or "gelu")
        hidden = ops.linear(pooled, self._tensors, "head.dense", self._width)
        hidden = ops.activate(hidden, function, self._spec.name)
        return ops.linear(self.norm(hidden, "head.norm"), self._tensors, "classifier")

    def _attend(self, number: int, x: Node, *, first_only: bool) -> Node:
        name = f"{self.prefix}layers.{number}.attn"
        is_global = self._is_global(number)
        rotation = self._rotation(self._theta(is_global))
        mask = self._global_mask if is_global else self._local_mask
        joint = op.split(
            ops.linear(x, self._tensors, f"{name}.Wqkv", 3 * self._width), ops.constant(-1), 3
        )
        query, key, value = (
            ops.split_heads(joint.output(part), self._heads, self._head_width) for part in range(3)
        )
        query, key = (rotation.rotate(part) for part in (query, key))
        if first_only:
            query = ops.first_position(query)
            mask = mask if is_global else ops.first_position(mask)
        seen = ops.attention(query, key, value, mask, name=name)
        merged = ops.merge_heads(seen, self._width)
        return ops.linear(merged, self._tensors, f"{name}.Wo", self._width)

    def _is_global(self, number: int) -> bool:
        if self._types:
            return self._types[number] == "full_attention"
        return number % int(self._spec.config.get("global_attn_every_n_layers") or 3) == 0

    def require_whole(self) -> None:
        """Raise a ModelFileError if the weights have more layers than config.json says."""
        ops.require_no_layer(
            f"{self.prefix}layers.{self.layers}.", self.layers, self._tensors, self._spec
        )

    def _theta(self, is_global: bool) -> float:
        """Return the rotary base; transformers 5 moved it from two keys into `rope_parameters`."""
        parameters: dict[str, Any] = self._spec.config.get("rope_parameters") or {}
        by_type = parameters.get("full_attention" if is_global else "sliding_attention") or {}
        if "rope_theta" in by_type:
            return float(by_type["rope_theta"])
        old_key, default = (
            ("global_rope_theta", 160_000.0) if is_global else ("local_rope_theta", 10_000.0)
        )
        return float(self._spec.config.get(old_key) or default)

    def _window_mask(self) -> Node:
        """Return [1, 1, length, length]: MASKED where a key is more than half a window away."""
        half = int(self._spec.config.get("local_attention") or 128) // 2
        distance = op.abs(ops.distances_of(self.inputs.input_ids, "i32"))
        far = op.convert(op.greater(distance, ops.constant(np.int32(half))), np.float32)
        return op.unsqueeze(op.multiply(far, ops.constant(ops.MASKED)), ops.constant([0, 1]))

    def _rotation(self, theta: float) -> Rotation:
        """Return the rotation of a base, made once."""
        if theta not in self._rotations:
            self._rotations[theta] = Rotation(
                frequencies(theta, self._head_width), ops.positions_of(self.inputs.input_ids, "f32")
            )
        return self._rotations[theta]


def _layer_types(spec: ModelSpec, layers: int) -> Sequence[str]:
    """Return the kind of each layer's attention, nothing where config.json has another key."""
    types: list[str] = spec.config.get("layer_types") or []
    if types and len(types) != layers:
        raise ModelFileError(
            f"{spec.config_file} has layer_types {shortened(types)}, expected {layers}: "
            "one for each layer"
        )
    return types
