"""One builder for the post-norm encoders: BERT, RoBERTa, XLM-R, ELECTRA, DistilBERT."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from secondpass.architectures.record import Architecture
from secondpass.errors import UnsupportedModelError
from secondpass.graph import heads, modular_head, ops
from secondpass.graph.openvino import op, ov
from secondpass.graph.ops import Inputs, Node
from secondpass.graph.tensors import Tensors
from secondpass.models.spec import ModelSpec


def build(spec: ModelSpec, family: Architecture, tensors: Tensors) -> ov.Model:
    """Build the graph: embeddings, layers, head. Output [rows, labels], or [rows, width] pooled.

    Where only the first token is read after the last layer, that layer's queries, attention output
    and feed-forward are computed for this token alone; keys and values still need every token.
    """
    encoder = Encoder(spec, family, tensors)
    last = encoder.layers - 1
    x = encoder.embed()
    for layer in range(last):
        x = encoder.layer(layer, x, asking=x)
    asking = ops.first_token(x) if modular_head.reads_first_token(spec) else x
    hidden = encoder.layer(last, x, asking=asking)
    if spec.readout is not None:
        return modular_head.read_out(hidden, spec, encoder.inputs)
    logits = heads.classify(ops.drop_length(hidden), family.head, encoder.prefix, tensors)
    return ops.model_of(logits, "logits", encoder.inputs)


class Encoder:
    """The weights and sizes of one encoder, and the two steps made of them."""

    def __init__(self, spec: ModelSpec, family: Architecture, tensors: Tensors) -> None:
        config = spec.config
        if config.get("position_embedding_type", "absolute") != "absolute":
            raise UnsupportedModelError(
                f"{spec.name}: position_embedding_type {config['position_embedding_type']!r} is "
                "not known, only 'absolute'"
            )
        assert family.names is not None
        self._names = family.names
        self.prefix = self._find_prefix(tensors)
        self.layers = int(config[self._names.layers_key])
        self._spec = spec
        self._tensors = tensors
        self._heads = int(config[self._names.heads_key])
        self._width = int(config[self._names.width_key])
        self._activation = str(config.get(self._names.activation_key, "gelu"))
        # DistilBERT has none in its config; its code says 1e-12.
        self._epsilon = float(config.get("layer_norm_eps", 1e-12))
        self.inputs = Inputs(token_types=_has_token_types(spec, family))
        self.mask = ops.padding_mask(self.inputs.attention_mask)

    def embed(self, positions: Node | None = None, token_types: Node | None = None) -> Node:
        """Return word, position and type embeddings, summed, normed and projected if need be.

        `positions` and `token_types` take the place of the family's own: ids [rows, length].
        """
        name = f"{self.prefix}embeddings."
        x = ops.gather_rows(self._tensors[f"{name}word_embeddings.weight"], self.inputs.input_ids)
        if f"{name}token_type_embeddings.weight" in self._tensors:
            x = op.add(x, self._token_types(f"{name}token_type_embeddings.weight", token_types))
        table = self._tensors[f"{name}position_embeddings.weight"]
        own = self._positions(table) if positions is None else ops.gather_rows(table, positions)
        x = op.add(x, own)
        x = ops.layer_norm(x, self._tensors, f"{name}LayerNorm", self._epsilon)
        projection = f"{self.prefix}embeddings_project"
        if f"{projection}.weight" in self._tensors:
            x = ops.linear(x, self._tensors, projection)
        return ops.name_layer_output(x, 0)

    def layer(self, number: int, x: Node, asking: Node, mask: Node | None = None) -> Node:
        """Return one layer's output for the tokens `asking`, which look at all of `x`.

        `mask` is added to the attention's logits, by default what hides the padding.
        """
        names, tensors = self._names, self._tensors
        name = f"{self.prefix}{names.layer.format(number)}."
        head_width = self._width // self._heads
        query, key, value = (
            ops.split_heads(ops.linear(of, tensors, name + part), self._heads, head_width)
            for of, part in ((asking, names.query), (x, names.key), (x, names.value))
        )
        seen = self.attend(name[:-1], query, key, value, self.mask if mask is None else mask)
        seen = ops.merge_heads(seen, self._width)
        seen = op.add(ops.linear(seen, tensors, name + names.attention_output), asking)
        seen = ops.layer_norm(seen, tensors, name + names.attention_norm, self._epsilon)
        fed = ops.linear(seen, tensors, name + names.feed_in)
        fed = ops.activate(fed, self._activation, self._spec.name)
        fed = op.add(ops.linear(fed, tensors, name + names.feed_out), seen)
        fed = ops.layer_norm(fed, tensors, name + names.feed_norm, self._epsilon)
        return ops.name_layer_output(fed, number + 1)

    def attend(self, name: str, query: Node, key: Node, value: Node, mask: Node) -> Node:
        """Return the attention of the layer `name`, all split by heads."""
        return ops.attention(query, key, value, mask, name=name)

    def _find_prefix(self, tensors: Tensors) -> str:
        """Return the family's prefix, or none where the file holds a bare encoder."""
        probe = "embeddings.word_embeddings.weight"
        bare = probe in tensors and self._names.prefix + probe not in tensors
        return "" if bare else self._names.prefix

    def _token_types(self, name: str, given: Node | None) -> Node:
        table = self._tensors[name]
        ids = self.inputs.token_type_ids if given is None else given
        return ops.constant(table[:1]) if ids is None else ops.gather_rows(table, ids)

    def _positions(self, table: NDArray[np.float32]) -> Node:
        """Return position embeddings; RoBERTa counts real tokens from the padding id on."""
        promised = int(self._spec.config.get("max_position_embeddings") or 0)
        if promised > len(table):
            raise ValueError(f"max_position_embeddings is {promised}, the table has {len(table)}")
        if self._spec.positions_after_padding:
            padding = ops.constant(np.int32(self._spec.padding_id))
            real = op.convert(op.not_equal(self.inputs.input_ids, padding), np.int32)
            counted = op.multiply(op.cum_sum(real, ops.constant(np.int32(1))), real)
            return ops.gather_rows(table, op.add(counted, padding))
        length = op.gather(op.shape_of(self.inputs.input_ids), ops.constant([1]), ops.constant(0))
        rows = op.slice(
            ops.constant(table), ops.constant([0]), length, ops.constant([1]), ops.constant([0])
        )
        return op.unsqueeze(rows, ops.constant(0))


def _has_token_types(spec: ModelSpec, family: Architecture) -> bool:
    """Tell whether token types differ at all: RoBERTa has one type and takes no such input."""
    return family.token_types and int(spec.config.get("type_vocab_size", 2)) > 1
