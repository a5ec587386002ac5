"""Every kind of model that loads, tiny and random, beside the scores of sentence-transformers.

The folders under tests/parity are kinds; the others are made when they are asked for. Needs torch.
"""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any, Literal
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from scripts import parity_jina_bert
from scripts.modular_models import save_cross_encoder
from secondpass import CrossEncoderReranker, ModelError

PARITY = Path(__file__).parent.parent / "tests" / "parity"
TOLERANCE, CAUSAL_TOLERANCE = 1e-4, 1e-3
WORDS = "csv file rows are read lock task waits date zone path sort key column and the of"
# So many pairs are scored alone too.
ALONE = 6

Scores = NDArray[np.float64]


@dataclass(frozen=True)
class Kind:
    """One kind of model.

    `make` writes it into a folder; without, it lies under tests/parity by its name. `peer` is the
    folder there whose scores it must have, where sentence-transformers cannot load its own.
    """

    make: Callable[[Path], object] | None = None
    peer: str | None = None
    engine: Literal["openvino", "torch"] = "openvino"
    tolerance: float = TOLERANCE
    max_length: int = 64


@dataclass(frozen=True)
class Seen:
    """What a comparison saw: the engine, the largest difference of two logits, and their range."""

    engine: str
    difference: float
    spread: float


def compare(name: str, scratch: Path) -> Seen:
    """Score texts of every length by both, in one batch and alone."""
    kind, folder = KINDS[name], folder_of(name, scratch)
    pairs = pairs_for(name, kind.max_length)
    logits, scores = peer_scores(name, folder, pairs)
    ours = CrossEncoderReranker(folder, kind.max_length, precision="fp32", threads=2)
    alone = [ours.predict([pair])[0] for pair in pairs[:ALONE]]
    apart = max(
        np.abs(ours.predict(pairs) - scores).max(),
        np.abs(np.array(alone) - scores[:ALONE]).max(),
        np.abs(_logits(ours, pairs) - logits).max(),
    )
    return Seen(ours.info.engine.partition(" ")[0], float(apart), float(np.ptp(logits)))


def _logits(ours: CrossEncoderReranker, pairs: Sequence[tuple[str, str]]) -> Scores:
    logits = np.empty(len(pairs))
    for asked in {query for query, _ in pairs}:
        places = [at for at, (query, _) in enumerate(pairs) if query == asked]
        logits[places] = ours.score(asked, [pairs[at][1] for at in places]).logits
    return logits


def folder_of(name: str, scratch: Path) -> Path:
    """Return a kind's folder, made where it does not ship."""
    make = KINDS[name].make
    if make is None:
        return PARITY / name
    folder = scratch / "model"
    make(folder)
    return folder


def pairs_for(name: str, max_length: int) -> list[tuple[str, str]]:
    """Return pairs with texts short, long, empty, cut and of other scripts, drawn by the name."""
    chance = random.Random(crc32(name.encode()))
    words = WORDS.split()
    texts = [
        "",
        "csv",
        "   \n\t ",
        "Ünïcode ☃ 读取 שלום 🙂",
        "a" * 300,
        "The lock is free, and 3 rows are read. " * 40,
        *(" ".join(chance.choices(words, k=length)) for length in range(1, 2 * max_length, 9)),
    ]
    queries = ["read the csv rows", "wait", "wait for a task with a lock"]
    pairs = [(chance.choice(queries), text) for text in texts]
    chance.shuffle(pairs)
    return pairs


def peer_scores(name: str, folder: Path, pairs: Sequence[tuple[str, str]]) -> tuple[Scores, Scores]:
    """Return the peer's logits, and its scores with its own activation."""
    import torch
    from sentence_transformers import CrossEncoder

    kind = KINDS[name]
    if name == "jina-bert":
        logits = _jina_bert_logits(folder, pairs, kind.max_length)
        return logits, 1 / (1 + np.exp(-logits))
    model = CrossEncoder(
        str(PARITY / kind.peer if kind.peer else folder),
        max_length=kind.max_length,
        device="cpu",
        model_kwargs={"dtype": torch.float32},
    )
    predict = partial(model.predict, list(pairs), batch_size=7, show_progress_bar=False)
    return predict(activation_fn=torch.nn.Identity()), predict()


def _jina_bert_logits(folder: Path, pairs: Sequence[tuple[str, str]], max_length: int) -> Scores:
    from safetensors.torch import load_file
    from transformers import PreTrainedTokenizerFast

    tokens = PreTrainedTokenizerFast.from_pretrained(folder)
    cut = {"truncation": "longest_first", "max_length": max_length}
    inputs = tokens(list(pairs), padding=True, return_tensors="pt", **cut)
    config = json.loads((folder / "config.json").read_text())
    tensors = load_file(folder / "model.safetensors")
    return parity_jina_bert.logits(tensors, config, inputs).double().numpy()


def random_model(base: str, config_class: str, task: str, folder: Path, **more: Any) -> None:
    """Write a seeded random model with the tokenizer of one under tests/parity."""
    import torch
    import transformers

    tokens = transformers.AutoTokenizer.from_pretrained(PARITY / base)
    sizes = {
        "vocab_size": len(tokens),
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 64,
        "max_position_embeddings": 130,
        "pad_token_id": tokens.pad_token_id,
        "initializer_range": 0.25,
        "num_labels": 1,
        **more,
    }
    torch.manual_seed(4)
    config = getattr(transformers, config_class)(**sizes)
    model = getattr(transformers, f"AutoModelFor{task}").from_config(config)
    model.save_pretrained(folder)
    tokens.save_pretrained(folder)


def _made(
    base: str, config_class: str, task: str = "SequenceClassification", **more: Any
) -> Callable[[Path], None]:
    return partial(_make, base, config_class, task, more)


def _make(base: str, config_class: str, task: str, more: Mapping[str, Any], folder: Path) -> None:
    random_model(base, config_class, task, folder, **more)


_ENCODERS = (
    *("bert", "modernbert", "roberta", "xlm-roberta", "electra", "distilbert", "deberta"),
    *("deberta-v2-kind", "mpnet", "albert", "ernie", "gte"),
)
_HEADS = ("cls", "ettin", "mean", "joined", "weighted", "unit")


def _modular() -> dict[str, Kind]:
    """Every head on the first two encoders, and one head on each other."""
    chosen = [(encoder, head) for encoder in _ENCODERS[:2] for head in _HEADS]
    chosen += zip(_ENCODERS[2:], cycle(_HEADS))
    return {
        f"{encoder}, modules {head}": Kind(partial(_make_modular, encoder, head))
        for encoder, head in chosen
    }


def _make_modular(encoder: str, head: str, folder: Path) -> None:
    save_cross_encoder(PARITY / encoder, folder, head)


def _sharded(folder: Path) -> None:
    """Copy the tiny BERT with its weights in two files and an index."""
    from safetensors.torch import load_file, save_file

    shutil.copytree(PARITY / "bert", folder)
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names = sorted(tensors)
    parts = {"model-00001-of-00002.safetensors": names[::2]}
    parts["model-00002-of-00002.safetensors"] = names[1::2]
    for file, held in parts.items():
        save_file({one: tensors[one] for one in held}, folder / file, metadata={"format": "pt"})
    index = {one: file for file, held in parts.items() for one in held}
    (folder / "model.safetensors.index.json").write_text(
        json.dumps({"metadata": {"total_size": 0}, "weight_map": index})
    )


_SMALL_DECODER = {"num_key_value_heads": 2, "head_dim": 8, "tie_word_embeddings": False}
_TORCH = partial(Kind, engine="torch")

KINDS: Mapping[str, Kind] = {
    **{name: Kind() for name in _ENCODERS},
    **{name: Kind() for name in ("bert-bf16", "bert-fp16", "bert-legacy-activation")},
    "modernbert-mean": Kind(),
    "bert-onnx": Kind(peer="bert"),
    "gte-new": Kind(peer="gte"),
    "xlm-roberta-flash": Kind(peer="xlm-roberta"),
    "jina-bert": Kind(),
    "bert, weights in two files": Kind(_sharded),
    "bert, XLM-R's tokens": Kind(_made("xlm-roberta", "BertConfig")),
    "camembert": Kind(_made("xlm-roberta", "CamembertConfig", type_vocab_size=1)),
    **_modular(),
    **{
        name: Kind(tolerance=CAUSAL_TOLERANCE, max_length=128)
        for name in ("qwen2-causal", "qwen3-causal", "qwen3-classifier", "qwen3-one-token")
    },
    "rembert": _TORCH(_made("bert", "RemBertConfig", input_embedding_size=16)),
    "llama-classifier": _TORCH(_made("bert", "LlamaConfig", **_SMALL_DECODER)),
    "gemma-causal": _TORCH(
        _made("qwen3-causal", "GemmaConfig", "CausalLM", **_SMALL_DECODER),
        tolerance=CAUSAL_TOLERANCE,
        max_length=128,
    ),
    "roformer": _TORCH(_made("bert", "RoFormerConfig", embedding_size=16)),
    "longformer": _TORCH(_made("roberta", "LongformerConfig", attention_window=16)),
    "big_bird": _TORCH(_made("bert", "BigBirdConfig", attention_type="original_full")),
    "megatron-bert": _TORCH(_made("bert", "MegatronBertConfig")),
    "xlm": _TORCH(_made("bert", "XLMConfig", emb_dim=32, n_layers=2, n_heads=4)),
    "deberta-v1": _TORCH(_made("bert", "DebertaConfig")),
    "eurobert": _TORCH(_made("bert", "EuroBertConfig", **_SMALL_DECODER)),
    "nomic": _TORCH(_made("bert", "NomicBertConfig")),
}


def _named(config: Mapping[str, Any], base: str = "bert") -> Callable[[Path], None]:
    return partial(_make_named, config, base)


def _make_named(config: Mapping[str, Any], base: str, folder: Path) -> None:
    """Copy a tiny model whose config.json says that it is another."""
    modules = shutil.ignore_patterns("modules.json", "*_LogitScore", "*sentence_*")
    shutil.copytree(PARITY / base, folder, ignore=modules)
    file = folder / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **config}))


def _japanese(folder: Path) -> None:
    """Copy the tiny BERT with the tokenizer class of Japanese BERT, which segments with MeCab."""
    shutil.copytree(PARITY / "bert", folder)
    file = folder / "tokenizer_config.json"
    settings = json.loads(file.read_text()) | {"tokenizer_class": "BertJapaneseTokenizer"}
    file.write_text(json.dumps(settings))


def _gguf(folder: Path) -> None:
    folder.mkdir()
    (folder / "model-Q8_0.gguf").write_bytes(b"GGUF")


def _own_code(
    model_type: str, name: str, task: str = "SequenceClassification", base: str = "bert"
) -> Callable[[Path], None]:
    """A folder whose configuration class is its own code."""
    own = {"AutoConfig": f"configuration_{model_type}.{name}Config"}
    said = {"model_type": model_type, "architectures": [f"{name}For{task}"], "auto_map": own}
    return _named(said, base)


# What is refused, each for a reason of its own.
REFUSED: Mapping[str, Callable[[Path], object]] = {
    "listwise on Qwen3": _named(
        {
            "model_type": "qwen3",
            "architectures": ["JinaForRanking"],
            "auto_map": {"AutoModel": "modeling.JinaForRanking"},
        },
        "qwen3-causal",
    ),
    "bidirectional Llama": _own_code("llama_bidirec", "LlamaBidirectional"),
    "MiniCPM, layerwise": _own_code("minicpm", "LayerWiseMiniCPM", "CausalLM", "qwen3-causal"),
    "ModChemBERT": _own_code("modchembert", "ModChemBert"),
    "Qwen3-VL": _named(
        {"model_type": "qwen3_vl", "architectures": ["Qwen3VLForConditionalGeneration"]}
    ),
    "Japanese BERT": _japanese,
    "GGUF": _gguf,
    "convbert": _made("bert", "ConvBertConfig", embedding_size=16),
    "fnet": _made("bert", "FNetConfig"),
    "nystromformer": _made(
        "bert", "NystromformerConfig", segment_means_seq_len=64, num_landmarks=64
    ),
}


def refusal(name: str, scratch: Path) -> str:
    """Return what is said of a kind that is refused, without the folder's name.

    Raises:
        AssertionError: it is not refused.
    """
    folder = scratch / "model"
    REFUSED[name](folder)
    try:
        CrossEncoderReranker(folder, precision="fp32")
    except ModelError as error:
        said = str(error).replace(f"{folder}/", "").replace(str(folder), "the model")
        return said.removeprefix("the model: ")
    raise AssertionError(f"{name} is not refused")
