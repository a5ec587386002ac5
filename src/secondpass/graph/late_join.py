"""A cross-encoder that joins late: query and text are encoded apart first, then together.

The lower layers are a bi-encoder's: their attention stays inside the query or inside the text, and
positions count from 0 in each. The upper layers attend to everything, across the join with a learnt
bias (one a layer, far below 0) on the attention's logits, so that they begin as what the
bi-encoder's own upper layers compute. The score adds what each part
sees: the cosine of the two mean vectors, late interaction after the join and before it, and a
feed-forward reading of both means and the first token. Joining late is PreTTR (MacAvaney et al.
2020, arXiv:2004.14255), late interaction ColBERT's MaxSim (Khattab and Zaharia 2020,
arXiv:2004.12832) with a learnt weight for each query token.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from secondpass.architectures.record import Architecture
from secondpass.graph import ops
from secondpass.graph.openvino import op, ov
from secondpass.graph.ops import Inputs, Node
from secondpass.graph.post_norm import Encoder
from secondpass.graph.tensors import Tensors
from secondpass.models.spec import ModelSpec

# The nodes that hold the score before the join, and what it is made of.
EARLY_SCORE = "early.score"
EARLY_PROJECTION = "early.projection"
EARLY_GATE = "early.gate"


def build(spec: ModelSpec, family: Architecture, tensors: Tensors) -> ov.Model:
    """Build the graph; output [rows, 1], the logit."""
    encoder = Encoder(spec, family, tensors)
    join = spec.needed("join_layer")
    sides = _Sides.of(encoder.inputs.token_type_ids, encoder.inputs.attention_mask)
    x = encoder.embed(positions=sides.positions(), token_types=sides.zeros())
    apart = sides.apart()
    for layer in range(join):
        x = encoder.layer(layer, x, asking=x, mask=apart)
    early = _early_score(x, sides, tensors, "early.")
    early.set_friendly_name(EARLY_SCORE)
    x = op.add(x, op.multiply(sides.text, ops.constant(tensors.shaped("text_type", encoder.width))))
    across = sides.across()
    biases = tensors.shaped("cross_bias", None)
    encoder.require_no_layer(join + len(biases))
    for layer, bias in enumerate(biases, start=join):
        mask = op.add(encoder.mask, op.multiply(across, ops.constant(bias)))
        x = encoder.layer(layer, x, asking=x, mask=mask)
    score = _joint_score(x, early, sides, tensors)
    return ops.model_of(score, "logits", encoder.inputs)


@dataclass(frozen=True, slots=True)
class _Sides:
    """Which tokens are the query's and which the text's: float 0 or 1, [rows, length, 1]."""

    query: Node
    text: Node

    @classmethod
    def of(cls, token_types: Node, attention_mask: Node) -> _Sides:
        seen = op.convert(op.unsqueeze(attention_mask, ops.constant([2])), np.float32)
        second = op.convert(op.unsqueeze(token_types, ops.constant([2])), np.float32)
        text = op.multiply(seen, second)
        return cls(query=op.subtract(seen, text), text=text)

    def zeros(self) -> Node:
        """Return token types as the bi-encoder knows them: all 0."""
        flat = op.squeeze(self.query, ops.constant([2]))
        return op.convert(op.multiply(flat, ops.constant(np.float32(0))), np.int32)

    def positions(self) -> Node:
        """Return position ids that count from 0 in the query and again in the text."""
        query, text = (op.squeeze(side, ops.constant([2])) for side in (self.query, self.text))
        both = op.add(query, text)
        counted = op.cum_sum(both, ops.constant(np.int32(1)), exclusive=True)
        length = op.reduce_sum(query, ops.constant([1]), True)
        return op.convert(
            op.multiply(op.subtract(counted, op.multiply(text, length)), both), np.int32
        )

    def apart(self) -> Node:
        """Return what hides the other side and the padding: [rows, 1, length, length]."""
        same = op.add(
            op.matmul(self.query, self.query, False, True),
            op.matmul(self.text, self.text, False, True),
        )
        hidden = op.subtract(ops.constant(np.float32(1)), same)
        return op.unsqueeze(op.multiply(hidden, ops.constant(ops.MASKED)), ops.constant(1))

    def across(self) -> Node:
        """Return 1 where a query token looks at a text token or back: [rows, 1, length, length]."""
        asked = op.matmul(self.query, self.text, False, True)
        both = op.add(asked, op.transpose(asked, ops.constant([0, 2, 1])))
        return op.unsqueeze(both, ops.constant(1))


def late_join_exit(x: Node, inputs: Inputs, tensors: Tensors, prefix: str) -> Node:
    """Return an exit's score, [rows, 1], read as the score before the join is."""
    sides = _Sides.of(inputs.token_type_ids, inputs.attention_mask)
    return _early_score(x, sides, tensors, prefix)


def _early_score(x: Node, sides: _Sides, tensors: Tensors, prefix: str) -> Node:
    """Return the score before the join, [rows, 1]: the sides have not seen each other yet."""
    cosine = op.reduce_sum(op.multiply(*_unit_means(x, sides)), ops.constant([1]), True)
    similarity = _late_interaction(x, sides, tensors, prefix)
    return _weighted((cosine, similarity), tensors.shaped(f"{prefix}weights", 2))


def _joint_score(x: Node, early: Node, sides: _Sides, tensors: Tensors) -> Node:
    """Return the score after the last layer, [rows, 1]."""
    product = op.multiply(*_unit_means(x, sides))
    cosine = op.reduce_sum(product, ops.constant([1]), True)
    similarity = _late_interaction(x, sides, tensors, "")
    first = ops.drop_length(ops.first_token(x))
    scaled = op.multiply(product, ops.constant(tensors.shaped("product_scale", 1)))
    hidden = op.gelu(ops.linear(op.concat([scaled, first], 1), tensors, "classifier.dense"), "erf")
    read = ops.linear(hidden, tensors, "classifier.out_proj", 1)
    return op.add(_weighted((cosine, similarity, early), tensors.shaped("weights", 3)), read)


def _unit_means(x: Node, sides: _Sides) -> tuple[Node, Node]:
    """Return the unit vectors of query and text: [rows, width] each."""
    query, text = (
        op.normalize_l2(
            op.reduce_sum(op.multiply(x, side), ops.constant([1]), False),
            ops.constant([1]),
            1e-12,
            "max",
        )
        for side in (sides.query, sides.text)
    )
    return query, text


def _late_interaction(x: Node, sides: _Sides, tensors: Tensors, prefix: str) -> Node:
    """Return, [rows, 1], the best cosine of each query token in the text, weighed and summed."""
    projected = ops.linear(x, tensors, f"{prefix}projection")
    unit = op.normalize_l2(projected, ops.constant([2]), 1e-12, "max")
    similarities = op.matmul(unit, unit, False, True)
    similarities.set_friendly_name(f"{prefix}token_similarities")
    text = op.transpose(sides.text, ops.constant([0, 2, 1]))
    best = op.reduce_max(op.add(similarities, _hide(text)), ops.constant([2]), True)
    gate = op.add(ops.linear(x, tensors, f"{prefix}gate", 1), _hide(sides.query))
    return op.reduce_sum(op.multiply(op.softmax(gate, 1), best), ops.constant([1]), False)


def _hide(side: Node) -> Node:
    """Return 0 where the side stands and a large negative number elsewhere."""
    away = op.subtract(side, ops.constant(np.float32(1)))
    return op.multiply(away, ops.constant(np.float32(1e4)))


def _weighted(parts: tuple[Node, ...], weights: np.ndarray) -> Node:
    """Return the weighted sum of parts [rows, 1]."""
    return op.reduce_sum(
        op.multiply(op.concat(list(parts), 1), ops.constant(weights)), ops.constant([1]), True
    )
