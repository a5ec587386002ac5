"""config.json beyond its kinds: the defaults of each architecture, and values that no builder does.

transformers gives a key that is absent the default of the architecture's class. A key that would
change what is computed has the values here that the builders in graph/ compute; another is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from secondpass.architectures.activations import ACTIVATIONS, TORCH_ACTIVATIONS
from secondpass.architectures.recognise import architecture_of
from secondpass.checks import shortened
from secondpass.errors import UnsupportedModelError

_POST_NORM: Mapping[str, float] = {
    "pad_token_id": 0,
    "max_position_embeddings": 512,
    "type_vocab_size": 2,
}
_ROBERTA: Mapping[str, float] = {**_POST_NORM, "pad_token_id": 1}
_QWEN: Mapping[str, Any] = {
    "hidden_act": "silu",
    "max_position_embeddings": 32_768,
    "num_key_value_heads": 32,
    "rms_norm_eps": 1e-6,
}
# The defaults that decide which ids are read, of each `model_type`, and those that differ from the
# other architectures' of its builder; of DistilBERT, which has no token types, fewer. What torch
# alone runs is here if its positions start behind the padding id.
_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "bert": _POST_NORM,
    "electra": _POST_NORM,
    "ernie": _POST_NORM,
    "albert": {**_POST_NORM, "hidden_act": "gelu_new"},
    "jina-bert": {**_POST_NORM, "feed_forward_type": "original"},
    "new": {**_POST_NORM, "max_position_embeddings": 2048},
    "gte": {"pad_token_id": 1, "max_position_embeddings": 8192, "type_vocab_size": 1},
    "deberta-v2": {**_POST_NORM, "type_vocab_size": 0, "layer_norm_eps": 1e-7},
    "distilbert": {"pad_token_id": 0, "max_position_embeddings": 512},
    "modernbert": {"pad_token_id": 50283, "max_position_embeddings": 8192},
    "qwen2": _QWEN,
    "qwen3": {**_QWEN, "head_dim": 128},
    **dict.fromkeys(("roberta", "xlm-roberta", "camembert"), _ROBERTA),
    "xlm-roberta-flash": _ROBERTA,
    **dict.fromkeys(("mpnet", "longformer", "xlm-roberta-xl", "roberta-prelayernorm"), _ROBERTA),
    **dict.fromkeys(("xmod", "data2vec-text", "ibert"), _ROBERTA),
}
# Torch's own of this kind; those with a builder are told by their record.
POSITIONS_AFTER_PADDING = frozenset(
    {"mpnet", "longformer", "xlm-roberta-xl", "roberta-prelayernorm", "xmod"}
    | {"data2vec-text", "ibert"}
)

# Of every encoder with a builder: key to the values that are computed. Absent or null is one.
_EVERY_ENCODER: Mapping[str, tuple[Any, ...]] = {
    "is_decoder": (False,),
    "is_encoder_decoder": (False,),
    "is_causal": (False,),
    "add_cross_attention": (False,),
    "position_embedding_type": ("absolute",),
    "pruned_heads": ({},),
    "quantization_config": (),
    "adapters": (),
    "output_hidden_states": (False,),
}
_GTE: Mapping[str, tuple[Any, ...]] = {
    "position_embedding_type": ("rope",),
    "layer_norm_type": ("layer_norm",),
    "logn_attention_scale": (False,),
    "logn_attention_clip1": (False,),
}
_DEFAULT_ROTARY: tuple[Any, ...] = ({}, {"rope_type": "default"}, {"type": "default"})
# What transformers' classes do not read is refused where another decoder's config has it.
_DECODER: Mapping[str, tuple[Any, ...]] = {
    "is_decoder": (True, False),
    "is_causal": (True,),
    "use_bidirectional_attention": (False,),
    "use_sliding_window": (False,),
    "layer_types": (),
    "rope_parameters": (),
    "rope_scaling": _DEFAULT_ROTARY,
    "partial_rotary_factor": (1, 1.0),
    "mlp_bias": (False,),
    "num_experts": (),
    "num_local_experts": (),
    "attn_logit_softcapping": (),
    "final_logit_softcapping": (),
    "logit_scale": (1, 1.0),
}
_COMPUTED: Mapping[str, Mapping[str, tuple[Any, ...]]] = {
    "qwen2": {**_DECODER, "attention_bias": (True,)},
    "qwen3": _DECODER,
    "ernie": {"use_task_id": (False,)},
    "albert": {"num_hidden_groups": (1,), "inner_group_num": (1,)},
    "jina-bert": {
        "position_embedding_type": ("alibi",),
        "feed_forward_type": ("geglu", "reglu"),
    },
    "new": _GTE,
    "gte": _GTE,
    # All of DeBERTa version 3 are without a convolution.
    "deberta-v2": {"conv_kernel_size": (0,)},
    "modernbert": {
        "classifier_pooling": ("cls", "mean"),
        "rope_scaling": _DEFAULT_ROTARY,
        "sliding_window": (),
        "layer_types": (),
        "rope_parameters": (),
    },
}
_LAYER_TYPES = ("full_attention", "sliding_attention")
_ROPE_KEYS = frozenset({"rope_type", "rope_theta"})


def with_defaults(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a config with what its architecture's class gives the keys that are absent."""
    return {**_DEFAULTS.get(architecture_of(config), {}), **config}


def require_computed(config: Mapping[str, Any], file: Path) -> None:
    """Raise where a config asks an encoder for what no builder computes.

    Raises:
        UnsupportedModelError: it does; the message names file, key and value.
    """
    architecture = architecture_of(config)
    rules = {**_EVERY_ENCODER, **_COMPUTED.get(architecture, {})}
    for key, computed in rules.items():
        value = config.get(key)
        if value is None or value in computed or _is_known_layering(architecture, key, value):
            continue
        raise UnsupportedModelError(
            f"{file} has {key} {shortened(value)}, which changes the scores and is not computed "
            f"here{_allowed(computed)}"
        )
    if "pad_token_id" in config and config["pad_token_id"] is None and _is_roberta(architecture):
        raise UnsupportedModelError(
            f"{file} has pad_token_id null: the positions of {architecture} start behind the "
            "padding id; set it, usually to 1"
        )


def require_known_activations(config: Mapping[str, Any], keys: Iterable[str], file: Path) -> None:
    """Raise where a config names an activation that neither a builder nor transformers has.

    Raises:
        UnsupportedModelError: it does; the message names file, key, value and the known ones.
    """
    known = {*ACTIVATIONS, *TORCH_ACTIVATIONS}
    for key in keys:
        name = config.get(key)
        if name is not None and name not in known:
            raise UnsupportedModelError(
                f"{file} has {key} {shortened(name)}, known are {', '.join(sorted(known))}"
            )


def _is_known_layering(architecture: str, key: str, value: Any) -> bool:
    """Tell whether layers are those that are built, and their rotary positions the usual ones.

    ModernBERT's are global or in a window, a decoder's are global.
    """
    windows = architecture == "modernbert"
    if key == "layer_types":
        known = _LAYER_TYPES if windows else _LAYER_TYPES[:1]
        return all(kind in known for kind in value)
    if key != "rope_parameters":
        return False
    if not windows:
        return bool(value.keys() <= _ROPE_KEYS and value.get("rope_type", "default") == "default")
    return all(
        kind in _LAYER_TYPES
        and (parameters is None or parameters.keys() <= _ROPE_KEYS)
        and (parameters or {}).get("rope_type", "default") == "default"
        for kind, parameters in value.items()
    )


def _is_roberta(architecture: str) -> bool:
    return _DEFAULTS.get(architecture) is _ROBERTA


def _allowed(computed: tuple[Any, ...]) -> str:
    return f"; only {', '.join(map(repr, computed))}" if computed else ""
