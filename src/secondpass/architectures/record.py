"""The columns of the table of architectures. Each is here because some code reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# "pair": query and text are one sequence from the first layer on. "late-join": they are encoded
# apart below `join_layer` of config.json, and together above it. "decoder": one sequence, of which
# each token sees those before it, and the last one is read.
Kind = Literal["pair", "late-join", "decoder"]


@dataclass(frozen=True, slots=True)
class Head:
    """The weights between the encoder and the logit, in order; the last one gives the logit.

    `{}` in a name is the family's prefix. `activation` follows the first layer; None where
    config.json names it.
    """

    layers: tuple[str, ...]
    activation: str | None


@dataclass(frozen=True, slots=True)
class Names:
    """The names of a post-norm encoder's weights after `prefix`, and its keys in config.json.

    `packed` is the projection that gives query, key and value at once, where they are not apart.
    """

    prefix: str
    layer: str = "encoder.layer.{}"
    query: str = "attention.self.query"
    key: str = "attention.self.key"
    value: str = "attention.self.value"
    packed: str | None = None
    attention_output: str = "attention.output.dense"
    attention_norm: str = "attention.output.LayerNorm"
    feed_in: str = "intermediate.dense"
    feed_out: str = "output.dense"
    feed_norm: str = "output.LayerNorm"
    embedding_norm: str = "embeddings.LayerNorm"
    embedding_projection: str = "embeddings_project"
    layers_key: str = "num_hidden_layers"
    heads_key: str = "num_attention_heads"
    width_key: str = "hidden_size"
    intermediate_key: str = "intermediate_size"


@dataclass(frozen=True, slots=True)
class Architecture:
    """One family of models.

    Args:
        name: the `model_type` of config.json.
        builder: the module of `secondpass.graph` whose `build` makes its OpenVINO graph.
        head: the layers on the encoder.
        kind: how query and text meet.
        names: of its weights, None where the builder has a family of its own.
        token_types: whether it tells query and text apart by token types.
        positions_after_padding: whether its first position id is the padding id plus one.
        activation_keys: the keys of config.json that name an activation, the layers' first.
        in_sentence_transformers: whether sentence-transformers, and so torch, can run it.
    """

    name: str
    builder: str
    head: Head
    kind: Kind = "pair"
    names: Names | None = None
    token_types: bool = True
    positions_after_padding: bool = False
    activation_keys: tuple[str, ...] = ("hidden_act",)
    in_sentence_transformers: bool = True
