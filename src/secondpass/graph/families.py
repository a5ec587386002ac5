"""The post-norm family as a table: the same encoder under five sets of weight and config names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Head = Literal["pooler", "dense-tanh", "dense-gelu", "dense-relu"]


@dataclass(frozen=True, slots=True)
class Family:
    """Weight names relative to `prefix`, and the config keys that carry the sizes."""

    prefix: str
    head: Head
    token_types: bool = True
    layer: str = "encoder.layer.{}"
    query: str = "attention.self.query"
    key: str = "attention.self.key"
    value: str = "attention.self.value"
    attention_output: str = "attention.output.dense"
    attention_norm: str = "attention.output.LayerNorm"
    feed_in: str = "intermediate.dense"
    feed_out: str = "output.dense"
    feed_norm: str = "output.LayerNorm"
    layers_key: str = "num_hidden_layers"
    heads_key: str = "num_attention_heads"
    width_key: str = "hidden_size"
    activation_key: str = "hidden_act"


# BERT whose lower layers read query and text apart: see late_join.py.
LATE_JOIN = "late-join-bert"

_ROBERTA = Family(prefix="roberta.", head="dense-tanh")

FAMILIES: Mapping[str, Family] = {
    "bert": Family(prefix="bert.", head="pooler"),
    LATE_JOIN: Family(prefix="bert.", head="pooler"),
    "roberta": _ROBERTA,
    "xlm-roberta": _ROBERTA,
    "camembert": _ROBERTA,
    "electra": Family(prefix="electra.", head="dense-gelu"),
    "distilbert": Family(
        prefix="distilbert.",
        head="dense-relu",
        token_types=False,
        layer="transformer.layer.{}",
        query="attention.q_lin",
        key="attention.k_lin",
        value="attention.v_lin",
        attention_output="attention.out_lin",
        attention_norm="sa_layer_norm",
        feed_in="ffn.lin1",
        feed_out="ffn.lin2",
        feed_norm="output_layer_norm",
        layers_key="n_layers",
        heads_key="n_heads",
        width_key="dim",
        activation_key="activation",
    ),
}


def layer_norm_epsilon(config: Mapping[str, Any]) -> float:
    """Return the epsilon of the layer norms; DistilBERT's config has none, its code says 1e-12."""
    return float(config.get("layer_norm_eps", 1e-12))
