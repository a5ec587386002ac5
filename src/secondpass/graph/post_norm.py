"""One builder for the post-norm encoders: BERT, RoBERTa, XLM-R, ELECTRA, DistilBERT, ALBERT.

Encoders that differ in a step (positions, projections, attention, feed-forward) override it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from secondpass.architectures.record import Architecture, Head
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
    return graph_of(Encoder(spec, family, tensors), family.head, spec, tensors)


def graph_of(encoder: Encoder, head: Head, spec: ModelSpec, tensors: Tensors) -> ov.Model:
    """Build the graph of an encoder, the last layer for as few tokens as its readout reads."""
    encoder.require_no_layer(encoder.layers)
    last = encoder.layers - 1
    x = encoder.embed()
    for layer in range(last):
        x = encoder.layer(layer, x, asking=x)
    asking = ops.first_token(x) if modular_head.reads_first_token(spec) else x
    hidden = encoder.layer(last, x, asking=asking)
    if spec.readout is not None:
        return modular_head.read_out(hidden, spec, encoder.inputs)
    logits = heads.classify(ops.drop_length(hidden), head, encoder.prefix, tensors)
    return ops.model_of(logits, "logits", encoder.inputs)


class Encoder:
    """The weights and sizes of one encoder, and the steps made of them."""

    # Whether positions are a table that is added to the embeddings.
    has_position_table = True
    # [1, heads, length, length], added to every layer's attention logits.
    position_bias: Node | None = None

    def __init__(self, spec: ModelSpec, family: Architecture, tensors: Tensors) -> None:
        config = spec.config
        assert family.names is not None
        self._names = family.names
        self.prefix = self._find_prefix(tensors)
        self.layers = spec.needed(self._names.layers_key)
        self._spec = spec
        self._tensors = tensors
        self._heads = spec.needed(self._names.heads_key)
        self.width = spec.needed(self._names.width_key)
        self._head_width = ops.head_width(self.width, self._heads, self._names.heads_key, spec)
        self._inner_width = config.get(self._names.intermediate_key)
        self._activation = str(config.get(family.activation_keys[0]) or "gelu")
        # DistilBERT has none in its config; its code says 1e-12.
        epsilon = config.get("layer_norm_eps")
        self._epsilon = 1e-12 if epsilon is None else float(epsilon)
        self._typed = family.token_types
        self.inputs = Inputs(token_types=_has_token_types(spec, family))
        self.mask = ops.padding_mask(self.inputs.attention_mask)

    def embed(self, positions: Node | None = None, token_types: Node | None = None) -> Node:
        """Return word, position and type embeddings, summed, normed and projected if need be.

        `positions` and `token_types` take the place of the family's own: ids [rows, length].
        """
        name = f"{self.prefix}embeddings."
        projection = self.prefix + self._names.embedding_projection
        projected = f"{projection}.weight" in self._tensors
        words = self._table(
            f"{name}word_embeddings.weight", "vocab_size", None if projected else self.width
        )
        width = words.shape[1]
        x = ops.gather_rows(words, self.inputs.input_ids)
        if self._typed:
            types = self._table(f"{name}token_type_embeddings.weight", "type_vocab_size", width)
            x = op.add(x, self._token_types(types, token_types))
        if self.has_position_table:
            rows = "max_position_embeddings"
            table = self._table(f"{name}position_embeddings.weight", rows, width)
            own = self._positions(table) if positions is None else ops.gather_rows(table, positions)
            x = op.add(x, own)
        x = self._norm(x, self.prefix + self._names.embedding_norm)
        if projected:
            x = self._linear(x, projection, self.width)
        return ops.name_layer_output(x, 0)

    def layer(self, number: int, x: Node, asking: Node, mask: Node | None = None) -> Node:
        """Return one layer's output for the tokens `asking`, which look at all of `x`.

        `mask` is added to the attention's logits, by default what hides the padding.
        """
        names, width = self._names, self.width
        name = f"{self.prefix}{names.layer.format(number)}."
        query, key, value = self.project(name, x, asking)
        seen = self.attend(name[:-1], query, key, value, self.mask if mask is None else mask)
        seen = ops.merge_heads(seen, width)
        seen = op.add(self._linear(seen, name + names.attention_output, width), asking)
        seen = self._norm(seen, name + names.attention_norm)
        fed = op.add(self.feed(name, seen), seen)
        return ops.name_layer_output(self._norm(fed, name + names.feed_norm), number + 1)

    def project(self, name: str, x: Node, asking: Node) -> tuple[Node, Node, Node]:
        """Return the queries of `asking` and the keys and values of `x`, split by heads."""
        names, packed = self._names, f"{name}{self._names.packed}"
        if f"{packed}.weight" in self._tensors:
            parts = ops.linear_parts((asking, x, x), self._tensors, packed, self.width)
        else:
            of = ((asking, names.query), (x, names.key), (x, names.value))
            parts = [self._linear(one, name + part, self.width) for one, part in of]
        query, key, value = (ops.split_heads(part, self._heads, self._head_width) for part in parts)
        return query, key, value

    def attend(self, name: str, query: Node, key: Node, value: Node, mask: Node) -> Node:
        """Return the attention of the layer `name`, all split by heads."""
        bias = self.position_bias
        if bias is not None:
            first_only = ops.asks_first_token(query)
            mask = op.add(mask, ops.first_position(bias) if first_only else bias)
        return ops.attention(query, key, value, mask, name=name)

    def feed(self, name: str, x: Node) -> Node:
        """Return the feed-forward of a layer, before the sum and the norm."""
        fed = self._linear(x, name + self._names.feed_in, self._inner_width)
        fed = ops.activate(fed, self._activation, self._spec.name)
        return self._linear(fed, name + self._names.feed_out, self.width)

    def require_no_layer(self, number: int) -> None:
        """Raise a ModelFileError if the weights have a layer of this number, behind the last."""
        name = self._names.layer.format(number)
        if name != self._names.layer:  # ALBERT's layers are all the same one
            prefix = f"{self.prefix}{name}."
            ops.require_no_layer(prefix, number, self._tensors, self._spec)

    def _linear(self, x: Node, name: str, outputs: int | None) -> Node:
        return ops.linear(x, self._tensors, name, outputs, biased=True)

    def _norm(self, x: Node, name: str) -> Node:
        return ops.layer_norm(x, self._tensors, name, self._epsilon, biased=True)

    def _table(self, name: str, rows_key: str, width: int | None) -> NDArray[np.float32]:
        """Return an embedding table, of as many rows as config.json says if it does."""
        return self._tensors.shaped(name, self._spec.config.get(rows_key), width)

    def _find_prefix(self, tensors: Tensors) -> str:
        """Return the family's prefix, or none where the file holds a bare encoder."""
        probe = "embeddings.word_embeddings.weight"
        bare = probe in tensors and self._names.prefix + probe not in tensors
        return "" if bare else self._names.prefix

    def _token_types(self, table: NDArray[np.float32], given: Node | None) -> Node:
        ids = self.inputs.token_type_ids if given is None else given
        return ops.constant(table[:1]) if ids is None else ops.gather_rows(table, ids)

    def _positions(self, table: NDArray[np.float32]) -> Node:
        """Return position embeddings; RoBERTa counts real tokens from the padding id on."""
        if self._spec.positions_after_padding:
            padding = ops.constant(np.int32(self._spec.padding_id))
            real = op.convert(op.not_equal(self.inputs.input_ids, padding), np.int32)
            counted = op.multiply(op.cum_sum(real, ops.constant(np.int32(1))), real)
            return ops.gather_rows(table, op.add(counted, padding))
        length = ops.length_of(self.inputs.input_ids)
        rows = op.slice(
            ops.constant(table), ops.constant([0]), length, ops.constant([1]), ops.constant([0])
        )
        return op.unsqueeze(rows, ops.constant(0))


def _has_token_types(spec: ModelSpec, family: Architecture) -> bool:
    """Tell whether token types differ at all: RoBERTa has one type and takes no such input."""
    types = spec.config.get("type_vocab_size")
    return family.token_types and (types is None or types > 1)
