"""The keys of config.json that anything here reads: of which kind, and between which limits.

A key that is absent or null is the reader's default. What else a config holds is left as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, TypeAlias, TypeVar

import msgspec
from msgspec import Meta

from secondpass.checks import misfit
from secondpass.errors import ModelFileError
from secondpass.models.files import read_json

_INT32 = 2**31 - 1

Count: TypeAlias = Annotated[int, Meta(ge=1, le=_INT32)]
CountOrZero: TypeAlias = Annotated[int, Meta(ge=0, le=_INT32)]
# Of layers, heads and widths: far above every model's, and far below what would take all memory.
Layers: TypeAlias = Annotated[int, Meta(ge=1, le=4096)]
Width: TypeAlias = Annotated[int, Meta(ge=1, le=1_048_576)]
Epsilon: TypeAlias = Annotated[float, Meta(ge=0, le=1)]
RotaryBase: TypeAlias = Annotated[float, Meta(gt=0, le=1e12)]


class Rotary(msgspec.Struct):
    """The rotary positions of one kind of layer."""

    rope_type: str | None = None
    rope_theta: RotaryBase | None = None


class RotaryByLayer(Rotary):
    """`rope_parameters`: one rotary base, or one for each kind of layer."""

    full_attention: Rotary | None = None
    sliding_attention: Rotary | None = None


class Config(msgspec.Struct):
    """The keys of config.json, by the names that the architectures have for them."""

    model_type: str | None = None
    architectures: list[str] | None = None
    num_labels: Count | None = None
    id2label: dict[str, Any] | None = None
    sentence_transformers: dict[str, Any] | None = None

    num_hidden_layers: Layers | None = None
    n_layers: Layers | None = None
    num_attention_heads: Width | None = None
    n_heads: Width | None = None
    hidden_size: Width | None = None
    dim: Width | None = None
    intermediate_size: Width | None = None
    hidden_dim: Width | None = None
    vocab_size: Count | None = None
    type_vocab_size: CountOrZero | None = None
    max_position_embeddings: Count | None = None
    pad_token_id: CountOrZero | None = None
    layer_norm_eps: Epsilon | None = None
    norm_eps: Epsilon | None = None
    is_decoder: bool | None = None

    hidden_act: str | None = None
    activation: str | None = None
    hidden_activation: str | None = None
    # MobileBERT's is whether there is one.
    classifier_activation: str | bool | None = None
    classifier_pooling: str | None = None
    position_embedding_type: str | None = None

    layer_types: list[str] | None = None
    rope_parameters: RotaryByLayer | None = None
    rope_scaling: dict[str, Any] | None = None
    rope_theta: RotaryBase | None = None
    feed_forward_type: str | None = None
    layer_norm_type: str | None = None
    logn_attention_scale: bool | None = None
    logn_attention_clip1: bool | None = None
    relative_attention_num_buckets: Count | None = None
    use_task_id: bool | None = None
    num_hidden_groups: Count | None = None
    inner_group_num: Count | None = None
    auto_map: dict[str, Any] | None = None
    global_rope_theta: RotaryBase | None = None
    local_rope_theta: RotaryBase | None = None
    global_attn_every_n_layers: Layers | None = None
    local_attention: Count | None = None

    relative_attention: bool | None = None
    pos_att_type: str | list[str] | None = None
    position_buckets: Annotated[int, Meta(ge=-1, le=65_536)] | None = None
    max_relative_positions: Annotated[int, Meta(ge=-1, le=65_536)] | None = None
    position_biased_input: bool | None = None
    share_att_key: bool | None = None
    norm_rel_ebd: str | None = None
    num_key_value_heads: Width | None = None
    head_dim: Width | None = None
    rms_norm_eps: Epsilon | None = None
    attention_bias: bool | None = None
    tie_word_embeddings: bool | None = None

    conv_kernel_size: CountOrZero | None = None
    attention_head_size: Width | None = None
    pooler_hidden_act: str | None = None

    join_layer: Annotated[int, Meta(ge=0, le=4096)] | None = None


def needed(config: Mapping[str, Any], key: str, file: Path) -> Any:
    """Return the value of a key that has no default.

    Raises:
        ModelFileError: it is absent or null.
    """
    value = config.get(key)
    if value is None:
        raise ModelFileError(f"{file} has no {key!r}")
    return value


Keys = TypeVar("Keys", bound=msgspec.Struct)


def read_config(file: Path) -> Mapping[str, Any]:
    """Read config.json: every key of `Config` is of its kind or null, the others as they are.

    Raises:
        ModelFileError: it is missing or not readable, or a key is of another kind.
    """
    config = read_json(file)
    typed(config, Config, file)
    return config


def typed(values: Mapping[str, Any], keys: type[Keys], file: Path) -> Keys:
    """Return values of a JSON file as a struct.

    Raises:
        ModelFileError: a value is of another kind or out of its limits; file, key and value named.
    """
    try:
        return msgspec.convert(values, keys)
    except msgspec.ValidationError as error:
        raise ModelFileError(f"{file} {misfit(values, str(error))}") from None
