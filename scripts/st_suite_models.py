"""Tiny stand-ins for the hub models that sentence-transformers' tests load, in a hub cache.

Random weights, so what depends on trained ones is asked of sentence-transformers itself.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

PARITY = Path(__file__).parent.parent / "tests" / "parity"

_GOOAQ = "cross-encoder-testing/reranker-bert-tiny-gooaq-bce"
_TANH = "torch.nn.modules.activation.Tanh"
_STSB = "sentence-transformers-testing/stsb-bert-tiny-safetensors"
# Revisions that a test names; all have the same weights but the last.
_NEW, _OLD = "f3cb857cba53019a20df283396bcca179cf051a4", "ba33022fdf0b0fc2643263f0726f44d0a07d0e24"


def make_cache(hub: Path) -> None:
    """Write every stand-in into the folder of a hub cache."""
    _classifier(hub, _GOOAQ)
    _classifier(hub, f"{_GOOAQ}-STv54")
    _classifier(hub, f"{_GOOAQ}-tanh-v3", sbert_ce_default_activation_function=_TANH)
    _classifier(hub, f"{_GOOAQ}-tanh-v4", sentence_transformers={"activation_fn": _TANH})
    _classifier(hub, "cross-encoder/stsb-distilroberta-base", seed=2)
    _classifier(hub, "cross-encoder/nli-MiniLM2-L6-H768", labels=3)
    _xlm_roberta(hub, "BAAI/bge-reranker-base")
    _encoder(hub, _STSB, _NEW, seed=1)
    _encoder(hub, _STSB, _OLD, seed=7)
    _refer(hub, _STSB, _NEW)
    _tokenizer(hub, "google-bert/bert-base-uncased")


def _folder(hub: Path, name: str, revision: str) -> Path:
    folder = hub / f"models--{name.replace('/', '--')}" / "snapshots" / revision
    folder.mkdir(parents=True)
    return folder


def _refer(hub: Path, name: str, revision: str) -> None:
    file = hub / f"models--{name.replace('/', '--')}" / "refs" / "main"
    file.parent.mkdir(parents=True)
    file.write_text(revision)


def _classifier(hub: Path, name: str, *, labels: int = 1, seed: int = 1, **more: Any) -> None:
    import torch
    import transformers

    folder = _folder(hub, name, "0" * 40)
    _refer(hub, name, "0" * 40)
    torch.manual_seed(seed)
    model = transformers.BertForSequenceClassification(_bert(num_labels=labels))
    model.save_pretrained(folder)
    _bert_tokenizer().save_pretrained(folder)
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | more))


def _encoder(hub: Path, name: str, revision: str, *, seed: int) -> None:
    import torch
    import transformers
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

    folder = _folder(hub, name, revision)
    torch.manual_seed(seed)
    plain = folder / "plain"
    transformers.BertModel(_bert()).save_pretrained(plain)
    _bert_tokenizer().save_pretrained(plain)
    encoder = Transformer(str(plain))
    modules = [encoder, Pooling(encoder.get_embedding_dimension())]
    SentenceTransformer(modules=modules, device="cpu").save_pretrained(str(folder))
    shutil.rmtree(plain)


def _xlm_roberta(hub: Path, name: str) -> None:
    import torch
    import transformers

    folder = _folder(hub, name, "0" * 40)
    _refer(hub, name, "0" * 40)
    config = transformers.AutoConfig.from_pretrained(PARITY / "xlm-roberta")
    config.max_position_embeddings = 514
    torch.manual_seed(1)
    transformers.XLMRobertaForSequenceClassification(config).save_pretrained(folder)
    tokenizer = transformers.AutoTokenizer.from_pretrained(PARITY / "xlm-roberta")
    tokenizer.model_max_length = 512
    tokenizer.save_pretrained(folder)


def _tokenizer(hub: Path, name: str) -> None:
    folder = _folder(hub, name, "0" * 40)
    _refer(hub, name, "0" * 40)
    _bert_tokenizer().save_pretrained(folder)


def _bert(**more: Any) -> Any:
    import transformers

    return transformers.BertConfig(
        vocab_size=len(_vocabulary()),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        initializer_range=0.25,
        classifier_dropout=None,
        **more,
    )


def _vocabulary() -> dict[str, int]:
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    characters = [chr(code) for code in range(33, 127) if not chr(code).isupper()]
    tokens = [*special, *characters, *(f"##{one}" for one in characters)]
    return {token: number for number, token in enumerate(tokens)}


def _bert_tokenizer() -> Any:
    import transformers

    return transformers.BertTokenizerFast(vocab=_vocabulary(), model_max_length=512)
