"""Make tests/parity: tiny random models of every family and the scores of sentence-transformers.

    make parity

Needs torch. Each folder is a whole model of some hundred kilobytes with `reference.json`, the
scores that `CrossEncoder.predict` gives in fp32, so that the tests need no torch. Weights are
seeded and drawn wide, so that scores are well apart and a wrong mask or position shows.
"""

from __future__ import annotations

import json
import platform
import re
import shutil
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import causal_models
import parity_jina_bert
import torch
import transformers
from modular_models import save_cross_encoder
from parity_tokenizers import byte_pairs, chat_tokens, sentence_pieces, word_pieces
from safetensors.torch import load_file, save_file
from sentence_transformers import CrossEncoder, SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

PARITY = Path(__file__).parent.parent / "tests" / "parity"
SEED = 20261124
MAX_LENGTH = 64
WIDTH, HEADS, LAYERS, FEED = 32, 4, 3, 64
IDENTITY = "torch.nn.modules.linear.Identity"

CASES = [
    {
        "query": "read the csv rows",
        "documents": [
            "csv.DictReader maps the information in each row to a dict.",
            "",
            "csv",
            "Return the sine of x, measured in radians. " * 12,
            "Open a file and return a stream. " * 3,
            "   \n\t ",
            "Ünïcode ☃ 读取 שלום 🙂",
            "a" * 300,
        ],
    },
    {"query": "wait", "documents": ["threading.Event.wait blocks until the flag is true."]},
    {
        "query": "wait for a task with a lock",
        "documents": [
            " ".join(
                f"{'date lock file row zone task path'[at % 30 :]} {step}" for step in range(at)
            )
            for at in range(40)
        ],
    },
]


def main() -> None:
    """Write every folder anew."""
    shutil.rmtree(PARITY, ignore_errors=True)
    PARITY.mkdir(parents=True)
    (PARITY / "cases.json").write_text(json.dumps(CASES, indent=1, ensure_ascii=False) + "\n")
    for name, make in MODELS.items():
        folder = PARITY / name
        make(folder)
        write_reference(folder)
    make_stored_as(torch.bfloat16, PARITY / "bert-bf16")
    make_stored_as(torch.float16, PARITY / "bert-fp16")
    make_legacy_activation(PARITY / "bert-legacy-activation")
    make_gte_new(PARITY / "gte-new")
    make_jina_bert(PARITY / "jina-bert")
    make_xlm_roberta_flash(PARITY / "xlm-roberta-flash")
    make_without_pooler(PARITY / "bert-no-pooler")
    make_two_labels(PARITY / "bert-two-labels")
    make_onnx(PARITY / "bert-onnx")
    make_embedder(PARITY / "bert-embedder")
    for name, (base, head) in MODULAR.items():
        make_modular(PARITY / name, PARITY / base, head)
    for name, make in causal_models.CAUSAL.items():
        make(PARITY / name, chat_tokens())
        write_reference(PARITY / name, causal_models.MAX_LENGTH)
    write_readme()


def save(folder: Path, config: Any, tokenizer: Any, model: Any = None) -> None:
    """Write a seeded random model with its tokenizer."""
    torch.manual_seed(SEED)
    config.architectures = None
    model = model or transformers.AutoModelForSequenceClassification.from_config(config)
    spread(model)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def spread(model: Any) -> None:
    """Draw biases and norms too, which start at 0 and 1: else a forgotten one would not show."""
    generator = torch.Generator().manual_seed(SEED)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim == 1:
                noise = torch.randn(parameter.shape, generator=generator)
                parameter.copy_((1.0 if name.endswith("weight") else 0.0) + 0.3 * noise)


def sizes(**more: Any) -> dict[str, Any]:
    """Return the sizes most configs share."""
    return {
        "hidden_size": WIDTH,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "intermediate_size": FEED,
        "initializer_range": 0.25,
        "num_labels": 1,
        **more,
    }


def bert_config(**more: Any) -> Any:
    """Return BERT's config for the word pieces."""
    words = word_pieces()
    return transformers.BertConfig(
        vocab_size=len(words), max_position_embeddings=MAX_LENGTH, **sizes(**more)
    )


def make_bert(folder: Path) -> None:
    """BERT: pooler and classifier."""
    save(folder, bert_config(), word_pieces())


def make_roberta(folder: Path) -> None:
    """RoBERTa: byte-level pairs."""
    save_roberta(folder, transformers.RobertaConfig, byte_pairs())


def make_xlm_roberta(folder: Path) -> None:
    """XLM-R: RoBERTa's encoder on sentence pieces."""
    save_roberta(folder, transformers.XLMRobertaConfig, sentence_pieces())


def save_roberta(folder: Path, make_config: Callable[..., Any], tokens: Any) -> None:
    """Write RoBERTa's encoder: positions behind the padding id, one token type."""
    config = make_config(
        vocab_size=len(tokens),
        max_position_embeddings=MAX_LENGTH + 2,
        type_vocab_size=1,
        pad_token_id=tokens.pad_token_id,
        bos_token_id=tokens.bos_token_id,
        eos_token_id=tokens.eos_token_id,
        **sizes(),
    )
    save(folder, config, tokens)


def make_electra(folder: Path) -> None:
    """ELECTRA: embeddings narrower than the encoder, a head with GELU."""
    words = word_pieces()
    config = transformers.ElectraConfig(
        vocab_size=len(words),
        max_position_embeddings=MAX_LENGTH,
        embedding_size=16,
        **sizes(),
    )
    save(folder, config, words)


def make_distilbert(folder: Path) -> None:
    """DistilBERT: no token types, names of its own."""
    words = word_pieces(token_types=False)
    config = transformers.DistilBertConfig(
        vocab_size=len(words),
        max_position_embeddings=MAX_LENGTH,
        dim=WIDTH,
        n_layers=LAYERS,
        n_heads=HEADS,
        hidden_dim=FEED,
        initializer_range=0.25,
        num_labels=1,
    )
    save(folder, config, words)


def make_modernbert(folder: Path, pooling: str = "cls") -> None:
    """ModernBERT: rotary positions; the window is short enough to hide part of most texts."""
    tokens = byte_pairs(special=("[CLS]", "[PAD]", "[SEP]", "[UNK]", "[MASK]"))
    config = transformers.ModernBertConfig(
        vocab_size=len(tokens),
        max_position_embeddings=MAX_LENGTH,
        local_attention=16,
        classifier_pooling=pooling,
        pad_token_id=tokens.pad_token_id,
        cls_token_id=tokens.cls_token_id,
        sep_token_id=tokens.sep_token_id,
        bos_token_id=tokens.cls_token_id,
        eos_token_id=tokens.sep_token_id,
        **{**sizes(num_hidden_layers=5), "initializer_range": 0.1},
    )
    save(folder, config, tokens)


def make_deberta(folder: Path, **more: Any) -> None:
    """DeBERTa v3: shared projections, buckets of distances few enough to be logarithmic here."""
    words = word_pieces(token_types=False)
    version_3 = {
        "relative_attention": True,
        "pos_att_type": "p2c|c2p",
        "position_buckets": 16,
        "share_att_key": True,
        "norm_rel_ebd": "layer_norm",
        "position_biased_input": False,
        "type_vocab_size": 0,
    }
    config = transformers.DebertaV2Config(
        vocab_size=len(words), max_position_embeddings=MAX_LENGTH, **sizes(**version_3 | more)
    )
    save(folder, config, words)


def make_deberta_v2(folder: Path) -> None:
    """DeBERTa with what version 3 does without: own projections, every distance, positions."""
    more = {
        "position_buckets": -1,
        "share_att_key": False,
        "norm_rel_ebd": "none",
        "position_biased_input": True,
        "embedding_size": 16,
    }
    make_deberta(folder, **more)


def make_gte(folder: Path) -> None:
    """GTE as transformers has it: rotary positions, gated feed-forward, packed projections."""
    tokens = sentence_pieces()
    config = transformers.GteConfig(
        vocab_size=len(tokens),
        max_position_embeddings=MAX_LENGTH,
        pad_token_id=tokens.pad_token_id,
        type_vocab_size=1,
        rope_parameters={"rope_type": "default", "rope_theta": 20_000.0},
        **sizes(),
    )
    save(folder, config, tokens)


def make_mpnet(folder: Path) -> None:
    """MPNet: a bias of relative positions, positions behind the padding id."""
    tokens = byte_pairs()
    config = transformers.MPNetConfig(
        vocab_size=len(tokens),
        max_position_embeddings=MAX_LENGTH + 2,
        relative_attention_num_buckets=32,
        pad_token_id=tokens.pad_token_id,
        bos_token_id=tokens.bos_token_id,
        eos_token_id=tokens.eos_token_id,
        **sizes(),
    )
    save(folder, config, tokens)


def make_albert(folder: Path) -> None:
    """ALBERT: one layer used again and again, embeddings narrower than the encoder."""
    words = word_pieces()
    config = transformers.AlbertConfig(
        vocab_size=len(words),
        max_position_embeddings=MAX_LENGTH,
        embedding_size=16,
        classifier_dropout_prob=0.0,
        **sizes(),
    )
    save(folder, config, words)


def make_ernie(folder: Path) -> None:
    """ERNIE without task ids: BERT under another name."""
    words = word_pieces()
    config = transformers.ErnieConfig(
        vocab_size=len(words), max_position_embeddings=MAX_LENGTH, **sizes()
    )
    save(folder, config, words)


MODELS: dict[str, Callable[[Path], None]] = {
    "bert": make_bert,
    "roberta": make_roberta,
    "xlm-roberta": make_xlm_roberta,
    "electra": make_electra,
    "distilbert": make_distilbert,
    "deberta": make_deberta,
    "deberta-v2-kind": make_deberta_v2,
    "gte": make_gte,
    "mpnet": make_mpnet,
    "albert": make_albert,
    "ernie": make_ernie,
    "modernbert": make_modernbert,
    "modernbert-mean": lambda folder: make_modernbert(folder, "mean"),
}


# Of each folder: whose encoder it has, and which modules of tests/modular_models.py.
MODULAR = {"bert-modular": ("bert", "mean"), "modernbert-modular": ("modernbert", "ettin")}


def make_stored_as(dtype: torch.dtype, folder: Path) -> None:
    """The tiny BERT with weights stored in another type; the reference computes in fp32."""
    model = transformers.AutoModelForSequenceClassification.from_pretrained(PARITY / "bert")
    model.to(dtype).save_pretrained(folder)
    word_pieces().save_pretrained(folder)
    write_reference(folder)


def make_legacy_activation(folder: Path) -> None:
    """The tiny BERT whose config names an activation under the key of sentence-transformers 3."""
    shutil.copytree(PARITY / "bert", folder)
    change_config(folder, sbert_ce_default_activation_function=IDENTITY)
    write_reference(folder)


def make_without_pooler(folder: Path) -> None:
    """The tiny BERT without its pooler: torch would draw one at random, so nothing to compare."""
    shutil.copytree(PARITY / "bert", folder)
    (folder / "reference.json").unlink()
    drop_pooler(folder / "model.safetensors")


def drop_pooler(file: Path) -> None:
    """Take the pooler's weights out of a safetensors file."""
    tensors = load_file(file)
    kept = {name: value for name, value in tensors.items() if "pooler." not in name}
    assert len(kept) == len(tensors) - 2, sorted(tensors)
    save_file(kept, file, metadata={"format": "pt"})


def make_gte_new(folder: Path) -> None:
    """The tiny GTE with the names and keys of Alibaba-NLP's folders."""
    shutil.copytree(PARITY / "gte", folder)
    change_config(
        folder,
        model_type="new",
        architectures=["NewForSequenceClassification"],
        auto_map={"AutoConfig": "Alibaba-NLP/new-impl--configuration.NewConfig"},
        rope_parameters=None,
        rope_theta=20_000.0,
        rope_scaling=None,
        position_embedding_type="rope",
        layer_norm_type="layer_norm",
        pack_qkv=True,
    )
    repack(folder / "model.safetensors", ((r"^gte\.", "new."),), {})


def make_xlm_roberta_flash(folder: Path) -> None:
    """The tiny XLM-R with the names of jina-reranker-v2 and, as there, no `model_type`."""
    shutil.copytree(PARITY / "xlm-roberta", folder)
    own = "jinaai/jina-reranker-v2-base-multilingual--configuration_xlm_roberta"
    change_config(folder, auto_map={"AutoConfig": f"{own}.XLMRobertaFlashConfig"})
    config = json.loads((folder / "config.json").read_text())
    del config["model_type"]
    write_json(folder / "config.json", config)
    repack(
        folder / "model.safetensors",
        (
            (r"embeddings\.LayerNorm", "emb_ln"),
            (r"encoder\.layer\.", "encoder.layers."),
            (r"attention\.output\.dense", "mixer.out_proj"),
            (r"attention\.output\.LayerNorm", "norm1"),
            (r"intermediate\.dense", "mlp.fc1"),
            (r"(layers\.\d+)\.output\.dense", r"\1.mlp.fc2"),
            (r"(layers\.\d+)\.output\.LayerNorm", r"\1.norm2"),
        ),
        {"mixer.Wqkv": [f"attention.self.{part}" for part in ("query", "key", "value")]},
    )


def make_jina_bert(folder: Path) -> None:
    """JinaBERT v1, which sentence-transformers has only by the folder's own code."""
    words = word_pieces()
    folder.mkdir()
    words.save_pretrained(folder)
    config = {
        "model_type": "bert",
        "architectures": ["JinaBertForSequenceClassification"],
        "auto_map": {
            "AutoConfig": "jinaai/jina-bert-implementation--configuration_bert.JinaBertConfig"
        },
        "position_embedding_type": "alibi",
        "feed_forward_type": "geglu",
        "vocab_size": len(words),
        "type_vocab_size": 2,
        "max_position_embeddings": MAX_LENGTH,
        "layer_norm_eps": 1e-12,
        "pad_token_id": words.pad_token_id,
        **sizes(),
    }
    write_json(folder / "config.json", config)
    tensors = parity_jina_bert.random_tensors(config, SEED)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    cases = []
    for case in CASES:
        pairs = [(case["query"], text) for text in case["documents"]]
        inputs = words(
            pairs,
            truncation="longest_first",
            max_length=MAX_LENGTH,
            padding=True,
            return_tensors="pt",
        )
        scores = torch.sigmoid(parity_jina_bert.logits(tensors, config, inputs))
        cases.append({"scores": scores.tolist()})
    write_json(
        folder / "reference.json",
        {"max_length": MAX_LENGTH, "versions": versions(), "cases": cases},
    )


def repack(file: Path, renamed: tuple[tuple[str, str], ...], packed: dict[str, list[str]]) -> None:
    """Rename a safetensors file's tensors, and stack those that stand for one."""
    tensors = load_file(file)
    for whole, parts in packed.items():
        for name in [name for name in tensors if parts[0] in name]:
            stacked = [tensors.pop(name.replace(parts[0], part)) for part in parts]
            tensors[name.replace(parts[0], whole)] = torch.cat(stacked)
    for pattern, new in renamed:
        tensors = {re.sub(pattern, new, name): value for name, value in tensors.items()}
    save_file(tensors, file, metadata={"format": "pt"})


def make_two_labels(folder: Path) -> None:
    """A BERT that classifies and so cannot rank."""
    save(folder, bert_config(num_labels=2), word_pieces())


def make_onnx(folder: Path) -> None:
    """The tiny BERT as an ONNX file and no safetensors."""
    shutil.copytree(PARITY / "bert", folder)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(
        folder, attn_implementation="eager"
    ).eval()
    names = ["input_ids", "attention_mask", "token_type_ids"]
    example = tuple(torch.ones((2, 8), dtype=torch.int64) for _ in names)
    torch.onnx.export(
        model,
        example,
        folder / "model.onnx",
        input_names=names,
        output_names=["logits"],
        dynamic_axes={name: {0: "rows", 1: "length"} for name in names},
        dynamo=False,
    )
    (folder / "model.safetensors").unlink()


def make_embedder(folder: Path) -> None:
    """A bi-encoder on a BERT without pooler weights, mean pooling."""
    torch.manual_seed(SEED)
    model = transformers.BertModel(bert_config(), add_pooling_layer=False)
    spread(model)
    plain = folder.with_name("plain")
    model.save_pretrained(plain)
    word_pieces().save_pretrained(plain)
    transformer = Transformer(str(plain), max_seq_length=MAX_LENGTH)
    embedder = SentenceTransformer(modules=[transformer, Pooling(WIDTH, "mean")], device="cpu")
    embedder.save(str(folder), create_model_card=False)
    shutil.rmtree(plain)
    drop_pooler(folder / "model.safetensors")
    texts = [text for case in CASES for text in case["documents"]]
    vectors = embedder.encode(texts, normalize_embeddings=True, batch_size=7)
    write_json(
        folder / "reference.json",
        {"versions": versions(), "texts": texts, "embeddings": vectors.round(7).tolist()},
    )


def make_modular(folder: Path, base: Path, head: str) -> None:
    """A cross-encoder of modules: an encoder, and a pooling and layers behind it."""
    save_cross_encoder(base, folder, head)
    write_reference(folder)


def change_config(folder: Path, **changes: Any) -> None:
    """Change keys of a folder's config.json."""
    file = folder / "config.json"
    write_json(file, json.loads(file.read_text()) | changes)


def write_reference(folder: Path, max_length: int = MAX_LENGTH) -> None:
    """Write what sentence-transformers scores: fp32, one case a call, in batches of seven."""
    model = CrossEncoder(
        str(folder), max_length=max_length, device="cpu", model_kwargs={"dtype": torch.float32}
    )
    # sentence-transformers cuts the longer of the two texts, of a chat the end; we never cut the
    # query. Both do the same as long as a query takes less than half of the room.
    room = max_length - model.tokenizer.num_special_tokens_to_add(pair=True)
    cases = []
    for case in CASES:
        tokens = model.tokenizer.tokenize(case["query"])
        assert len(tokens) <= room // 2, f"{folder.name}: the query has {len(tokens)} tokens"
        pairs = [(case["query"], text) for text in case["documents"]]
        scores = model.predict(pairs, batch_size=7)
        cases.append({"scores": [float(score) for score in scores]})
    write_json(
        folder / "reference.json",
        {"max_length": max_length, "versions": versions(), "cases": cases},
    )
    flat = [score for case in cases for score in case["scores"]]
    print(f"{folder.name}: {len(flat)} scores from {min(flat):.4f} to {max(flat):.4f}")


def write_json(file: Path, value: Any) -> None:
    """Write JSON that a diff can read."""
    file.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def versions() -> dict[str, str]:
    """Return the versions that the reference depends on."""
    packages = ("sentence-transformers", "transformers", "torch", "tokenizers")
    return {"python": platform.python_version()} | {name: version(name) for name in packages}


def write_readme() -> None:
    """Say in the folder where it comes from."""
    made = ", ".join(f"{name} {number}" for name, number in versions().items())
    (PARITY / "README.md").write_text(
        "# Tiny random models and their reference scores\n\n"
        "Made by `make parity` (scripts/make_parity.py); do not edit. Each `reference.json` holds\n"
        "what sentence-transformers' `CrossEncoder.predict` (or `SentenceTransformer.encode`)\n"
        "gives in fp32 for the texts of `cases.json`; the tests compare with it and need no "
        "torch.\n"
        f"Made with {made}.\n\n"
        "`bert-no-pooler`, `bert-two-labels` and `bert-onnx` have no scores of their own: the\n"
        "first two must be refused, the third must give the scores of `bert`.\n"
    )


if __name__ == "__main__":
    main()
