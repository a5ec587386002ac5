"""Tiny random rerankers on Qwen's decoders, as sentence-transformers saves them; needs torch."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

MAX_LENGTH = 128

# As Qwen3-Reranker's: an instruction, then query and document behind fixed words.
INSTRUCTED = """\
{%- set query = messages | selectattr("role", "eq", "query") | map(attribute="content") | first -%}
{%- set document = messages | selectattr("role", "eq", "document") | map(attribute="content") \
| first -%}
{%- set system = messages | selectattr("role", "eq", "system") | map(attribute="content") \
| first | default("Find the passage.", true) -%}
<|im_start|>system
Judge: yes or no.<|im_end|>
<|im_start|>user
<Instruct>: {{ system }}
<Query>: {{ query }}
<Document>: {{ document }}<|im_end|>
<|im_start|>assistant
<think>

</think>

"""
# A message for each role, and a generation's beginning.
ROLES = """\
{%- for message in messages %}
{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}
{%- endfor %}
{{- '<|im_start|>assistant\\n' }}"""
# Parts in place of texts, and marks that a text may begin or end with.
PARTS = """\
{%- for message in messages -%}
{%- if message.role == "query" -%}query: {{ message.content[0].text }}
{% elif message.role == "document" %}document:{{ message.content[0].text }}
relevance:{% endif -%}
{%- endfor -%}"""


def sizes(tokens: Any, **more: Any) -> dict[str, Any]:
    """Return the sizes of a tiny decoder: two layers, two heads to a key."""
    return {
        "vocab_size": len(tokens) + 5,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 512,
        "initializer_range": 0.25,
        "pad_token_id": tokens.pad_token_id,
        "eos_token_id": tokens.eos_token_id,
        "rope_parameters": {"rope_type": "default", "rope_theta": 100_000.0},
        **more,
    }


def decoder(kind: str, tokens: Any, seed: int, *, task: str = "CausalLM", **more: Any) -> Any:
    """Return a random decoder: kind is "Qwen2" or "Qwen3"."""
    import torch
    import transformers

    if kind == "Qwen3":
        more = {"head_dim": 16, **more}
    config = getattr(transformers, f"{kind}Config")(**sizes(tokens, **more))
    torch.manual_seed(seed)
    model = getattr(transformers, f"{kind}For{task}")(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim == 1:
                at = 1.0 if "norm" in name else 0.0
                parameter.copy_(at + 0.3 * torch.randn(parameter.shape))
    return model


def save_plain(folder: Path, model: Any, tokens: Any, template: str | None) -> None:
    """Write a model as transformers does, with its tokenizer."""
    tokens = deepcopy(tokens)
    tokens.chat_template = template
    model.save_pretrained(folder)
    tokens.save_pretrained(folder)


def save_causal(
    folder: Path,
    model: Any,
    tokens: Any,
    template: str | None,
    scored: Sequence[str],
    **more: Any,
) -> None:
    """Write a language model whose score is the logit of a token, less that of another."""
    import torch
    from sentence_transformers import CrossEncoder
    from sentence_transformers.base.modules import Transformer
    from sentence_transformers.cross_encoder.modules import LogitScore

    plain = folder.with_name(f"{folder.name}-plain")
    save_plain(plain, model, tokens, template)
    ids = [tokens.convert_tokens_to_ids(token) for token in scored]
    assert None not in ids, scored
    first = Transformer(str(plain), transformer_task="text-generation")
    made = CrossEncoder(
        modules=[first, LogitScore(*ids)],
        device="cpu",
        activation_fn=torch.nn.Identity(),
        **more,
    )
    made.save_pretrained(str(folder), create_model_card=False)
    shutil.rmtree(plain)


def save_qwen3(folder: Path, tokens: Any) -> None:
    """Qwen3-Reranker's form: two tokens, an instruction, tied embeddings."""
    prompts = {"prompts": {"web": "Find what answers."}, "default_prompt_name": "web"}
    model = decoder("Qwen3", tokens, 3, tie_word_embeddings=True)
    save_causal(folder, model, tokens, INSTRUCTED, ("yes", "no"), **prompts)


def save_qwen3_classifier(folder: Path, tokens: Any) -> None:
    """Its conversion to a sequence classification, no modules, the same template."""
    model = decoder("Qwen3", tokens, 4, task="SequenceClassification", num_labels=1)
    save_plain(folder, model, tokens, INSTRUCTED)


def save_qwen2(folder: Path, tokens: Any) -> None:
    """mxbai-rerank-v2's form: the tokens "1" and "0", a message for each role."""
    save_causal(folder, decoder("Qwen2", tokens, 5), tokens, ROLES, ("1", "0"))


def save_qwen3_one_token(folder: Path, tokens: Any) -> None:
    """Zerank's form: the logit of one token."""
    model = decoder("Qwen3", tokens, 6, attention_bias=True)
    save_causal(folder, model, tokens, PARTS, ("Yes",))


CAUSAL: dict[str, Callable[[Path, Any], None]] = {
    "qwen3-causal": save_qwen3,
    "qwen3-classifier": save_qwen3_classifier,
    "qwen2-causal": save_qwen2,
    "qwen3-one-token": save_qwen3_one_token,
}
