"""Tiny random rerankers on Qwen's decoders, as sentence-transformers saves them; needs torch."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from parity_tokenizers import VOCABULARY, corpus

END, START, STOP = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
# Tokens that score, and one that is part of a text but no special token.
WORDS = ("yes", "no", "Yes", "0", "1")
THINK = ("<think>", "</think>")
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


@cache
def chat_tokens() -> Any:
    """Return byte-level pairs with Qwen's rules and special tokens."""
    from tokenizers import AddedToken, Tokenizer, pre_tokenizers, trainers
    from tokenizers.models import BPE
    from transformers import Qwen2Tokenizer

    empty = Qwen2Tokenizer(vocab={END: 0}, merges=[])._tokenizer
    trained = Tokenizer(BPE())
    trained.normalizer = empty.normalizer
    trained.pre_tokenizer = empty.pre_tokenizer
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    texts = [*corpus(), " ".join(WORDS * 50), *WORDS * 50]
    trained.train_from_iterator(texts, trainer)
    state = json.loads(trained.to_str())["model"]
    vocabulary = dict(state["vocab"])
    for word in WORDS:
        vocabulary.setdefault(word, len(vocabulary))
    merges = [tuple(merge) for merge in state["merges"]]
    tokens = Qwen2Tokenizer(vocab=vocabulary, merges=merges, eos_token=STOP, pad_token=END)
    tokens.add_tokens([AddedToken(token, special=True) for token in (START, STOP)])
    tokens.add_tokens([AddedToken(token, special=False) for token in THINK])
    tokens.model_max_length = MAX_LENGTH
    return tokens


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


def decoder(kind: str, seed: int, *, task: str = "CausalLM", **more: Any) -> Any:
    """Return a random decoder: kind is "Qwen2" or "Qwen3"."""
    import torch
    import transformers

    if kind == "Qwen3":
        more = {"head_dim": 16, **more}
    config = getattr(transformers, f"{kind}Config")(**sizes(chat_tokens(), **more))
    torch.manual_seed(seed)
    model = getattr(transformers, f"{kind}For{task}")(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim == 1:
                at = 1.0 if "norm" in name else 0.0
                parameter.copy_(at + 0.3 * torch.randn(parameter.shape))
    return model


def save_plain(folder: Path, model: Any, template: str | None) -> None:
    """Write a model as transformers does, with its tokenizer."""
    from copy import deepcopy

    tokens = deepcopy(chat_tokens())
    tokens.chat_template = template
    model.save_pretrained(folder)
    tokens.save_pretrained(folder)


def save_causal(
    folder: Path,
    model: Any,
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
    save_plain(plain, model, template)
    tokens = chat_tokens()
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


def save_qwen3(folder: Path) -> None:
    """Qwen3-Reranker's form: two tokens, an instruction, tied embeddings."""
    prompts = {"prompts": {"web": "Find what answers."}, "default_prompt_name": "web"}
    model = decoder("Qwen3", 3, tie_word_embeddings=True)
    save_causal(folder, model, INSTRUCTED, ("yes", "no"), **prompts)


def save_qwen3_classifier(folder: Path) -> None:
    """Its conversion to a sequence classification, no modules, the same template."""
    model = decoder("Qwen3", 4, task="SequenceClassification", num_labels=1)
    save_plain(folder, model, INSTRUCTED)


def save_qwen2(folder: Path) -> None:
    """mxbai-rerank-v2's form: the tokens "1" and "0", a message for each role."""
    save_causal(folder, decoder("Qwen2", 5), ROLES, ("1", "0"))


def save_qwen3_one_token(folder: Path) -> None:
    """zerank's form: the logit of one token."""
    model = decoder("Qwen3", 6, attention_bias=True)
    save_causal(folder, model, PARTS, ("Yes",))


CAUSAL: dict[str, Callable[[Path], None]] = {
    "qwen3-causal": save_qwen3,
    "qwen3-classifier": save_qwen3_classifier,
    "qwen2-causal": save_qwen2,
    "qwen3-one-token": save_qwen3_one_token,
}
