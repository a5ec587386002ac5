"""DeBERTa v2 and v3: a post-norm encoder whose attention weighs content and relative position.

Disentangled attention (He et al. 2021, arXiv:2006.03654, equation 4): the logit of query i and key
j is q_i·k_j + q_i·p(i-j) + k_j·r(i-j), where p and r are projections of one table of distances.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from secondpass.architectures.record import Architecture
from secondpass.errors import UnsupportedModelError
from secondpass.graph import ops, post_norm
from secondpass.graph.openvino import op, ov
from secondpass.graph.ops import Node
from secondpass.graph.tensors import Tensors
from secondpass.models.spec import ModelSpec

_MOST_POSITIONS = 65_536


def build(spec: ModelSpec, family: Architecture, tensors: Tensors) -> ov.Model:
    """Build the graph. Output "logits" [rows, labels]; the last layer for the first token alone."""
    # ContextPooler: a dense layer of the first token.
    head = replace(family.head, activation=spec.config.get("pooler_hidden_act") or "gelu")
    return post_norm.graph_of(_Encoder(spec, family, tensors), head, spec, tensors)


class _Encoder(post_norm.Encoder):
    """Post-norm layers with positions in the attention and, as a rule, none in the embeddings."""

    def __init__(self, spec: ModelSpec, family: Architecture, tensors: Tensors) -> None:
        super().__init__(spec, family, tensors)
        config = spec.config
        if config.get("attention_head_size", self.width // self._heads) * self._heads != self.width:
            raise UnsupportedModelError(
                f"{spec.name}: attention_head_size {config['attention_head_size']} times the heads "
                f"is not the width {self.width}, and no other is supported"
            )
        self._kinds = _attention_kinds(spec)
        self._distances = _Distances(spec, self.inputs.input_ids) if self._kinds else None

    def embed(self, positions: Node | None = None, token_types: Node | None = None) -> Node:
        """Return the normed embeddings; a narrow table is projected before the norm."""
        name, tensors = f"{self.prefix}embeddings.", self._tensors
        projected = f"{name}embed_proj.weight" in tensors
        words = self._table(
            f"{name}word_embeddings.weight", "vocab_size", None if projected else self.width
        )
        width = words.shape[1]
        x = ops.gather_rows(words, self.inputs.input_ids)
        if self._spec.config.get("position_biased_input", True):
            table = f"{name}position_embeddings.weight"
            x = op.add(x, self._positions(self._table(table, "max_position_embeddings", width)))
        if self._spec.config.get("type_vocab_size"):
            types = self._table(f"{name}token_type_embeddings.weight", "type_vocab_size", width)
            x = op.add(x, self._token_types(types, token_types))
        if projected:
            x = ops.linear(x, tensors, f"{name}embed_proj", self.width)
        return ops.name_layer_output(self._norm(x, f"{name}LayerNorm"), 0)

    def attend(self, name: str, query: Node, key: Node, value: Node, mask: Node) -> Node:
        """Add what the distance of two tokens says to what their contents say."""
        scale = (
            query.get_output_partial_shape(0)[-1].get_length() * (1 + len(self._kinds))
        ) ** -0.5
        first_only = ops.asks_first_token(query)
        logits = ops.attention_logits(query, key, name=name)
        if "c2p" in self._kinds:
            rows = self._projected(name, "key", first_only, descending=True)
            logits = op.add(logits, _content_to_position(query, rows, name, first_only))
        if "p2c" in self._kinds:
            rows = self._projected(name, "query", first_only, descending=first_only)
            logits = op.add(logits, _position_to_content(key, rows, name, first_only))
        logits = op.multiply(logits, ops.constant(np.float32(scale)))
        return ops.attention_values(op.add(logits, mask), value, name=name)

    def _projected(self, layer: str, part: str, first_only: bool, *, descending: bool) -> Node:
        """Return the projected distances [1, heads, distances, head width] of a layer."""
        assert self._distances is not None
        name = f"{layer}.attention.self."
        shared = bool(self._spec.config.get("share_att_key"))
        name += f"{part}_proj" if shared else f"pos_{part}_proj"
        weight = self._tensors.shaped(f"{name}.weight", self.width, self.width)
        table = self._distance_embeddings @ weight.T
        if f"{name}.bias" in self._tensors:
            table = table + self._tensors.shaped(f"{name}.bias", self.width)
        rows = self._distances.rows(table, first_only=first_only, descending=descending)
        return ops.split_heads(op.unsqueeze(rows, ops.constant(0)), self._heads, self._head_width)

    @cached_property
    def _distance_embeddings(self) -> NDArray[np.float32]:
        """Return the table of distances [2 * span, width], normed if the config says so."""
        assert self._distances is not None
        table = self._tensors.shaped(
            f"{self.prefix}encoder.rel_embeddings.weight", 2 * self._distances.span, self.width
        )
        if "layer_norm" not in str(self._spec.config.get("norm_rel_ebd", "none")).lower():
            return table
        name = f"{self.prefix}encoder.LayerNorm"
        centred = table - table.mean(axis=1, keepdims=True)
        deviation = np.sqrt((centred**2).mean(axis=1, keepdims=True) + self._epsilon)
        normed = centred / deviation * self._tensors.shaped(f"{name}.weight", self.width)
        return np.asarray(normed + self._tensors.shaped(f"{name}.bias", self.width), np.float32)


def _attention_kinds(spec: ModelSpec) -> frozenset[str]:
    """Return which of "c2p" and "p2c" the attention adds."""
    if not spec.config.get("relative_attention"):
        return frozenset()
    kinds = spec.config.get("pos_att_type") or ()
    if isinstance(kinds, str):
        kinds = kinds.lower().split("|")
    return frozenset(str(kind).strip() for kind in kinds) & {"c2p", "p2c"}


class _Distances:
    """Which row of the table of distances stands for a distance, as far as a sequence is long."""

    def __init__(self, spec: ModelSpec, input_ids: Node) -> None:
        config = spec.config
        self._longest = spec.needed("max_position_embeddings")
        if self._longest > _MOST_POSITIONS:
            raise UnsupportedModelError(
                f"{spec.config_file} has max_position_embeddings {self._longest}, expected at most "
                f"{_MOST_POSITIONS}: there is a row for every distance"
            )
        furthest = int(config.get("max_relative_positions") or -1)
        furthest = self._longest if furthest < 1 else furthest
        buckets = int(config.get("position_buckets") or -1)
        self.span = buckets if buckets > 0 else furthest
        distances = np.arange(-self._longest, self._longest + 1)
        found = log_buckets(distances, buckets, furthest) if buckets > 0 else distances
        self._rows = np.clip(found + self.span, 0, 2 * self.span - 1).astype(np.int32)
        self._length = ops.length_of(input_ids)

    def rows(self, table: NDArray[np.float32], *, first_only: bool, descending: bool) -> Node:
        """Return the table's rows [distances, width] that a sequence of this length needs.

        From the length down to its negative (exclusive), or ascending from the negative length;
        for the first token alone from 0 down.
        """
        order = self._rows[::-1] if descending else self._rows
        middle = ops.constant([self._longest])
        start = middle if first_only else op.subtract(middle, self._length)
        stop = op.add(middle, self._length)
        needed = op.slice(ops.constant(order), start, stop, ops.constant([1]), ops.constant([0]))
        return ops.gather_rows(table, needed)


def log_buckets(distances: NDArray[np.int64], buckets: int, furthest: int) -> NDArray[np.int64]:
    """Return the bucket of each distance: exact up to half the buckets, logarithmic beyond.

    In single precision, as transformers' `make_log_bucket_position` computes it.
    """
    middle = buckets // 2
    apart = np.maximum(np.abs(distances), middle).astype(np.float32)
    share = np.log(apart / np.float32(middle)) / np.log(np.float32((furthest - 1) / middle))
    # The furthest distance has the last bucket, whatever a processor's logarithm rounds to.
    share = np.where(np.abs(distances) < furthest, np.minimum(share, 1), share)
    far = np.ceil(share * np.float32(middle - 1)).astype(np.int64) + middle
    return np.where(np.abs(distances) <= middle, distances, far * np.sign(distances))


def _content_to_position(query: Node, rows: Node, name: str, first_only: bool) -> Node:
    """Return [rows, heads, queries, keys]: a query's content by its distance to each key."""
    by_distance = ops.attention_logits(query, rows, name=f"{name}.c2p")
    return by_distance if first_only else _shifted(by_distance)


def _position_to_content(key: Node, rows: Node, name: str, first_only: bool) -> Node:
    """Return [rows, heads, queries, keys]: a key's content by each query's distance to it."""
    if first_only:
        products = op.reduce_sum(op.multiply(key, rows), ops.constant([3]), False)
        return op.unsqueeze(products, ops.constant(2))
    by_distance = ops.attention_logits(key, rows, name=f"{name}.p2c")
    return op.transpose(_shifted(by_distance), ops.constant([0, 1, 3, 2]))


def _shifted(by_distance: Node) -> Node:
    """Return [.., length, length] of [.., length, 2 * length]: row i begins at length - i.

    Read as one line without its first `length` values, each row is one value shorter, which moves
    every row by one more than the row above (Dai et al. 2019, arXiv:1901.02860, appendix B).
    """
    shape = op.shape_of(by_distance)
    leading, length = (
        op.gather(shape, ops.constant([0, 1]), ops.constant(0)),
        op.gather(shape, ops.constant([2]), ops.constant(0)),
    )
    line = op.reshape(by_distance, op.concat([leading, ops.constant([-1])], 0), False)
    line = op.slice(line, length, ops.constant([2**31 - 1]), ops.constant([1]), ops.constant([2]))
    shorter = op.concat([leading, length, ops.constant([-1])], 0)
    square = op.reshape(line, shorter, False)
    return op.slice(square, ops.constant([0]), length, ops.constant([1]), ops.constant([3]))
