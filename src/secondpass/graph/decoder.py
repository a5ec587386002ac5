"""Qwen's decoders: RMS norms, rotary positions, grouped queries, gated feed-forward, causal.

A token sees only those before it, so with padding on the right no real token sees any, and the last
one of each row is read. The last layer is computed for that token alone. What stands before every
row may be given as its keys and values (past.py).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from secondpass.architectures.record import Architecture
from secondpass.errors import ModelFileError, UnsupportedModelError
from secondpass.graph import modular_head, ops
from secondpass.graph.openvino import op, ov
from secondpass.graph.ops import Inputs, Node
from secondpass.graph.past import Past
from secondpass.graph.rotary import Rotation, frequencies
from secondpass.graph.tensors import Tensors
from secondpass.models.modules import LogitScore
from secondpass.models.spec import ModelSpec


def build(spec: ModelSpec, family: Architecture, tensors: Tensors) -> ov.Model:
    """Build the graph. Output "logits" [rows, labels], and of a last token's score a state.

    A language model's score is one row's product: that of the true token less that of the false
    one, so no logits of the vocabulary are computed.
    """
    score = spec.logit_score
    if spec.readout is not None and score is None:
        whole = _Decoder(spec, tensors, continues=False)
        return modular_head.read_out(whole.hidden(last_only=False), spec, whole.inputs)
    decoder = _Decoder(spec, tensors, continues=True)
    last = ops.drop_length(decoder.hidden(last_only=True))
    if score is None:
        logits = decoder.linear(last, family.head.layers[-1], None, biased=False)
    else:
        (_, row), *false = logit_rows(spec, score, tensors)
        row = row - false[0][1] if false else row
        logits = op.matmul(last, ops.constant(row[None, :]), False, True)
        logits.set_friendly_name("classifier")
    assert decoder.past is not None
    return decoder.past.model(logits, decoder.inputs)


def logit_rows(
    spec: ModelSpec, score: LogitScore, tensors: Tensors
) -> list[tuple[str, NDArray[np.float32]]]:
    """Return the rows [width] of a language model's head that score a text, by name, true first.

    Raises:
        ModelFileError: the head has no such row.
        UnsupportedModelError: it is tied to the embeddings, and its own rows are others.
    """
    head, words = "lm_head.weight", f"{_prefix(tensors)}embed_tokens.weight"
    tied = bool(spec.config.get("tie_word_embeddings"))
    rows: list[tuple[str, NDArray[np.float32]]] = []
    for token in (score.true_token, score.false_token):
        if token is None:
            continue
        row = tensors.row(words if tied else head, token, spec.width)
        if tied and head in tensors and (row != tensors.row(head, token, spec.width)).any():
            raise UnsupportedModelError(
                f"{spec.config_file} has tie_word_embeddings true, but {head} and {words} differ "
                f"in row {token}"
            )
        rows.append((f"{words if tied else head} row {token}", row))
    return rows


def _prefix(tensors: Tensors) -> str:
    """Return what a weight's name begins with; a bare decoder's weights have no prefix."""
    return "" if "embed_tokens.weight" in tensors else "model."


class _Decoder:
    """The weights and sizes of one decoder, and the steps made of them.

    With `continues` its rows may stand behind a past.
    """

    def __init__(self, spec: ModelSpec, tensors: Tensors, *, continues: bool) -> None:
        config = spec.config
        self._spec = spec
        self._tensors = tensors
        self._layers = spec.needed("num_hidden_layers")
        self._width = spec.needed("hidden_size")
        self._feed_width = spec.needed("intermediate_size")
        self._heads = spec.needed("num_attention_heads")
        self._groups = int(config.get("num_key_value_heads") or self._heads)
        if self._heads % self._groups:
            raise ModelFileError(
                f"{spec.config_file} has num_key_value_heads {self._groups}, expected a divisor of "
                f"the {self._heads} num_attention_heads"
            )
        self._head_width = self._width_of_a_head()
        self._qwen3 = spec.architecture == "qwen3"
        # Qwen2's queries, keys and values always have a bias.
        self._attention_bias = bool(config.get("attention_bias")) or not self._qwen3
        epsilon = config.get("rms_norm_eps")
        self._epsilon = np.float32(1e-6 if epsilon is None else epsilon)
        self._prefix = _prefix(tensors)
        self._require_whole()
        self.inputs = Inputs(token_types=False)
        self.past = Past(self._layers, self._groups, self._head_width) if continues else None
        before = ops.constant(np.int32(0)) if self.past is None else self.past.tokens
        places = ops.positions_of(self.inputs.input_ids, "i32")
        positions = op.add(places, before)
        self._rotation = Rotation(
            frequencies(_rotary_base(spec), self._head_width), op.convert(positions, np.float32)
        )
        self._last = self._last_tokens(places)
        zero, one = ops.constant(np.int32(0)), ops.constant(np.int32(1))
        length = op.convert(ops.length_of(self.inputs.input_ids), np.int32)
        end = op.add(op.squeeze(length, ops.constant([0])), before)
        keys = op.range(zero, end, one, "i32")
        # Of every token, and of the last one alone.
        self._later = _masked_behind(op.unsqueeze(positions, ops.constant([1])), keys)
        self._behind_last = op.unsqueeze(
            _masked_behind(op.add(self._last, before), keys), ops.constant([1, 2, 3])
        )

    def hidden(self, *, last_only: bool) -> Node:
        """Return the normed hidden states [rows, length, width], of the last tokens length 1."""
        table = self._tensors.shaped(
            f"{self._prefix}embed_tokens.weight", self._spec.config.get("vocab_size"), self._width
        )
        x = ops.gather_rows(table, self.inputs.input_ids)
        for number in range(self._layers):
            x = self._layer(number, x, last_only=last_only and number == self._layers - 1)
        return self._norm(x, f"{self._prefix}norm")

    def linear(self, x: Node, name: str, outputs: int | None, *, biased: bool) -> Node:
        """Return a projection with a bias or without one.

        Raises:
            ModelFileError: the weights have a bias that the model has not.
        """
        if not biased and f"{name}.bias" in self._tensors:
            raise ModelFileError(
                f"{self._spec.weights.entry} holds {name}.bias, which the model has not by its "
                f"{self._spec.config_file.name}"
            )
        return ops.linear(x, self._tensors, name, outputs, biased=biased)

    def _require_whole(self) -> None:
        """Raise a ModelFileError if the weights have more layers than config.json says."""
        ops.require_no_layer(
            f"{self._prefix}layers.{self._layers}.", self._layers, self._tensors, self._spec
        )

    def _width_of_a_head(self) -> int:
        given = self._spec.config.get("head_dim")
        width = (
            ops.head_width(self._width, self._heads, "num_attention_heads", self._spec)
            if given is None
            else int(given)
        )
        if width % 2:
            raise ModelFileError(
                f"{self._spec.config_file}: a head is {width} wide, expected an even number: "
                "rotary positions turn its halves"
            )
        return width

    def _layer(self, number: int, x: Node, *, last_only: bool) -> Node:
        name = f"{self._prefix}layers.{number}"
        normed = self._norm(x, f"{name}.input_layernorm")
        seen = self._attend(f"{name}.self_attn", normed, last_only=last_only)
        x = op.add(self._last_of(x, axis=1) if last_only else x, seen)
        return op.add(
            x, self._feed(f"{name}.mlp", self._norm(x, f"{name}.post_attention_layernorm"))
        )

    def _attend(self, name: str, x: Node, *, last_only: bool) -> Node:
        """Return the attention's output; queries are [rows, groups, heads each, length, width]."""
        groups, shared = self._groups, self._heads // self._groups
        query = self._project(f"{name}.q", x, groups, shared)
        key = self._project(f"{name}.k", x, groups, 1)
        value = self._project(f"{name}.v", x, groups, 1)
        query, key = self._rotation.rotate(query), self._rotation.rotate(key)
        if self.past is not None:
            key, value = self.past.behind(key), self.past.behind(value)
        mask = self._later
        if last_only:
            query, mask = self._last_of(query, axis=3), self._behind_last
        merged = ops.attention(query, key, value, mask, name=name)
        merged = op.transpose(merged, ops.constant([0, 3, 1, 2, 4]))
        width = self._heads * self._head_width
        merged = op.reshape(merged, ops.constant([0, 0, width]), True)
        return self.linear(
            merged, f"{name}.o_proj", self._width, biased=self._attention_bias and self._qwen3
        )

    def _project(self, name: str, x: Node, groups: int, heads: int) -> Node:
        """Return [rows, groups, heads, length, head width]; Qwen3 norms queries and keys."""
        outputs = groups * heads * self._head_width
        x = self.linear(x, f"{name}_proj", outputs, biased=self._attention_bias)
        x = op.reshape(x, ops.constant([0, 0, groups, heads, self._head_width]), True)
        if self._qwen3 and not name.endswith(".v"):
            x = self._norm(x, f"{name}_norm")
        return op.transpose(x, ops.constant([0, 2, 3, 1, 4]))

    def _feed(self, name: str, x: Node) -> Node:
        """Return down(act(gate(x)) * up(x))."""
        gate = self.linear(x, f"{name}.gate_proj", self._feed_width, biased=False)
        up = self.linear(x, f"{name}.up_proj", self._feed_width, biased=False)
        function = str(self._spec.config.get("hidden_act"))
        gated = op.multiply(ops.activate(gate, function, self._spec.name), up)
        return self.linear(gated, f"{name}.down_proj", self._width, biased=False)

    def _norm(self, x: Node, name: str) -> Node:
        """Return x / sqrt(mean(x^2) + epsilon), scaled."""
        square = op.power(x, ops.constant(np.float32(2)))
        mean = op.reduce_mean(square, ops.constant([-1]), True)
        root = op.sqrt(op.add(mean, ops.constant(self._epsilon)))
        unit = op.multiply(x, op.divide(ops.constant(np.float32(1)), root))
        weight = self._tensors.shaped(f"{name}.weight", ops.width_of(x))
        return op.multiply(unit, ops.constant(weight))

    def _last_tokens(self, places: Node) -> Node:
        """Return the place of each row's last token [rows, 1].

        A sequence classification looks for the last id that is not padding, as transformers does; a
        language model's text may end in that token.
        """
        real = self.inputs.attention_mask
        if self._spec.readout is None:
            padding = self._spec.config.get("pad_token_id")
            if padding is None:
                raise UnsupportedModelError(
                    f"{self._spec.config_file} has no pad_token_id: transformers scores one "
                    "text at a time then; set it to that of the tokenizer"
                )
            is_word = op.not_equal(self.inputs.input_ids, ops.constant(np.int32(padding)))
            real = op.multiply(real, op.convert(is_word, np.int32))
        of_rows = op.multiply(op.unsqueeze(places, ops.constant([0])), real)
        return op.reduce_max(of_rows, ops.constant([1]), True)

    def _last_of(self, x: Node, *, axis: int) -> Node:
        """Return the last token's part of x, the length axis kept."""
        return op.gather(x, self._last, ops.constant(axis), 1)


def _masked_behind(queries: Node, keys: Node) -> Node:
    """Return MASKED where the place of a key is behind a query's: [.., keys]."""
    behind = op.greater(op.unsqueeze(keys, ops.constant([0])), queries)
    return op.multiply(op.convert(behind, np.float32), ops.constant(ops.MASKED))


def _rotary_base(spec: ModelSpec) -> float:
    """Return the base; transformers 5 moved it from a key of its own into `rope_parameters`."""
    config = spec.config
    parameters = config.get("rope_scaling") or config.get("rope_parameters") or {}
    return float(parameters.get("rope_theta") or config.get("rope_theta") or 10_000.0)
