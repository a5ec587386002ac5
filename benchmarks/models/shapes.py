"""The shapes that are timed: true sizes, random weights, and one vocabulary of words for all.

The embeddings have the true number of rows; the tokenizer that ships with the package uses the
first 30,522 of them, so that every encoder reads the same tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from secondpass.models.embedded import ACCURATE, embedded_folder

MAX_LENGTH = 512


@dataclass(frozen=True)
class ModelShape:
    """One shape: what writes it, and how many pairs a round has.

    `config` is a class of transformers, `sizes` its values; `characters` the most of a text.
    """

    config: str
    pairs: int
    sizes: Mapping[str, Any] = field(default_factory=dict)
    token_types: bool = False
    modules: bool = False
    characters: int = 2000


def _encoder(width: int, layers: int, heads: int, feed: int, rows: int) -> dict[str, Any]:
    return {
        "hidden_size": width,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "intermediate_size": feed,
        "vocab_size": rows,
        "max_position_embeddings": MAX_LENGTH + 2,
    }


def _modernbert(width: int, layers: int, heads: int, **more: Any) -> dict[str, Any]:
    marks = {"bos_token_id": 101, "cls_token_id": 101, "eos_token_id": 102, "sep_token_id": 102}
    return _encoder(width, layers, heads, width * 3 // 2, 50368) | marks | more


_DEBERTA = {
    "relative_attention": True,
    "pos_att_type": "p2c|c2p",
    "position_buckets": 256,
    "share_att_key": True,
    "norm_rel_ebd": "layer_norm",
    "position_biased_input": False,
    "type_vocab_size": 0,
}
_GTE = {"type_vocab_size": 1, "rope_parameters": {"rope_type": "default", "rope_theta": 20_000.0}}
_QWEN3 = {
    **_encoder(1024, 28, 16, 3072, 151_669),
    "num_key_value_heads": 8,
    "head_dim": 128,
    "tie_word_embeddings": True,
}

SHAPES: Mapping[str, ModelShape] = {
    "minilm-l6": ModelShape("BertConfig", 24, _encoder(384, 6, 12, 1536, 30_522), True),
    "ettin-17m": ModelShape("ModernBertConfig", 24, _modernbert(256, 7, 4), modules=True),
    "minilm-l12": ModelShape("BertConfig", 16, _encoder(384, 12, 12, 1536, 30_522), True),
    "ettin-32m": ModelShape("ModernBertConfig", 16, _modernbert(384, 10, 6), modules=True),
    "mxbai-xsmall-v1": ModelShape(
        "DebertaV2Config", 8, _encoder(384, 12, 6, 1536, 128_100) | _DEBERTA
    ),
    "ettin-68m": ModelShape("ModernBertConfig", 8, _modernbert(512, 19, 8), modules=True),
    "bge-reranker-base": ModelShape(
        "XLMRobertaConfig", 6, _encoder(768, 12, 12, 3072, 250_002) | {"type_vocab_size": 1}
    ),
    "gte-multilingual": ModelShape("GteConfig", 6, _encoder(768, 12, 12, 3072, 250_048) | _GTE),
    "ettin-150m": ModelShape("ModernBertConfig", 6, _modernbert(768, 22, 12), modules=True),
    "gte-modernbert": ModelShape(
        "ModernBertConfig", 6, _modernbert(768, 22, 12, classifier_pooling="mean")
    ),
    "bge-v2-m3": ModelShape(
        "XLMRobertaConfig", 4, _encoder(1024, 24, 16, 4096, 250_002) | {"type_vocab_size": 1}
    ),
    # Its tokens are of 600 byte pairs, so that fewer characters make as many.
    "qwen3-0.6b": ModelShape("Qwen3Config", 4, _QWEN3, characters=500),
}


def missing_config(name: str) -> str | None:
    """Say why the installed transformers cannot write a shape; None if it can."""
    import transformers

    if hasattr(transformers, SHAPES[name].config):
        return None
    return f"transformers {transformers.__version__} has no {SHAPES[name].config}; try a newer one"


def write_shape(name: str, folder: Path) -> int:
    """Write a folder with the random weights of a shape; return the number of its parameters."""
    shape = SHAPES[name]
    write: Callable[[ModelShape, Path], int] = (
        _write_decoder if shape.config == "Qwen3Config" else _write_encoder
    )
    return write(shape, folder)


def _write_encoder(shape: ModelShape, folder: Path) -> int:
    import torch
    import transformers

    from scripts.modular_models import save_cross_encoder

    tokens = _words(token_types=shape.token_types)
    sizes = dict(shape.sizes) | {"pad_token_id": tokens.pad_token_id, "num_labels": 1}
    torch.manual_seed(7)
    config = getattr(transformers, shape.config)(**sizes)
    model = transformers.AutoModelForSequenceClassification.from_config(config)
    plain = folder.with_name("plain") if shape.modules else folder
    model.save_pretrained(plain)
    tokens.save_pretrained(plain)
    if shape.modules:
        save_cross_encoder(plain, folder, "ettin", MAX_LENGTH)
    return sum(parameter.numel() for parameter in model.parameters())


def _write_decoder(shape: ModelShape, folder: Path) -> int:
    import torch
    import transformers

    from scripts.causal_models import INSTRUCTED, save_causal
    from scripts.parity_tokenizers import chat_tokens

    tokens = chat_tokens()
    tokens.model_max_length = MAX_LENGTH
    marks = {"pad_token_id": tokens.pad_token_id, "eos_token_id": tokens.eos_token_id}
    torch.manual_seed(7)
    model = transformers.Qwen3ForCausalLM(transformers.Qwen3Config(**shape.sizes, **marks))
    save_causal(folder, model, tokens, INSTRUCTED, ("yes", "no"))
    return sum(parameter.numel() for parameter in model.parameters())


def _words(*, token_types: bool) -> Any:
    """Return BERT's word pieces as a tokenizer that every architecture takes as it is."""
    from transformers import PreTrainedTokenizerFast

    inputs = ["input_ids", "token_type_ids", "attention_mask"]
    return PreTrainedTokenizerFast(
        tokenizer_file=str(embedded_folder(ACCURATE) / "tokenizer.json"),
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        pad_token="[PAD]",
        mask_token="[MASK]",
        model_input_names=inputs if token_types else inputs[::2],
        model_max_length=MAX_LENGTH,
    )
