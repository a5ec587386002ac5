"""Kinds of models that are not BERT's: the peer's scores by either engine, or a refusal by name."""

import json
import shutil

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from secondpass import CrossEncoderReranker, InputError, UnsupportedModelError
from secondpass.errors import ModelFileError

pytest.importorskip("sentence_transformers", reason="needs the torch extra: make test-extras")
transformers = pytest.importorskip("transformers")

PAIRS = [
    ("read the csv rows", "csv rows are read one by one and mapped to a dict of names"),
    ("wait", "the lock is free"),
    ("read the csv rows", ""),
    ("wait for the lock", "a task that waits for the lock " * 3),
]
SIZES = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "num_labels": 1,
}
WORDS = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", "<cls>", "<sep>", "yes", "no"]


def save_tokenizer(folder, **config):
    """Write a tokenizer of words whose settings are those of tokenizer.json."""
    words = sorted({word for pair in PAIRS for text in pair for word in text.split()})
    vocabulary = {word: at for at, word in enumerate([*WORDS, *words])}
    made = Tokenizer(models.WordLevel(vocabulary, "<unk>"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.add_special_tokens(WORDS[:7])
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> $B:1 </s>:1",
        special_tokens=[("<s>", 0), ("</s>", 2)],
    )
    made.save(str(folder / "tokenizer.json"))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "pad_token": "<pad>",
        "unk_token": "<unk>",
        **config,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return len(vocabulary)


def save(folder, make_config, *, tokenizer=None, task="SequenceClassification", **more):
    """Write a seeded random model."""
    import torch

    folder.mkdir(exist_ok=True)
    rows = save_tokenizer(folder, **(tokenizer or {}))
    torch.manual_seed(4)
    sizes = {**SIZES, "vocab_size": rows, "pad_token_id": 1, "initializer_range": 0.4, **more}
    config = make_config(**sizes)
    model = getattr(transformers, f"AutoModelFor{task}").from_config(config)
    model.save_pretrained(folder)
    return folder


def peer(folder, **more):
    from sentence_transformers import CrossEncoder

    return CrossEncoder(str(folder), device="cpu", **more)


def causal(folder, **more):
    small = {"num_key_value_heads": 2, "head_dim": 8, "tie_word_embeddings": False}
    return save(folder, transformers.LlamaConfig, task="CausalLM", **small, **more)


def xlnet(folder):
    sizes = {"d_model": 32, "n_layer": 2, "n_head": 4, "d_inner": 64}
    return save(
        folder,
        lambda **more: transformers.XLNetConfig(**{**more, **sizes}),
        tokenizer={
            "padding_side": "left",
            "model_input_names": ["input_ids", "token_type_ids", "attention_mask"],
        },
    )


SCORED = {
    "causal, padded on the left": causal,
    "xlnet": xlnet,
    "albert, no token types fed": lambda folder: save(
        folder, transformers.AlbertConfig, embedding_size=16
    ),
    "albert, token types fed": lambda folder: save(
        folder,
        transformers.AlbertConfig,
        embedding_size=16,
        tokenizer={"model_input_names": ["input_ids", "token_type_ids", "attention_mask"]},
    ),
    "mpnet": lambda folder: save(folder, transformers.MPNetConfig, max_position_embeddings=130),
    "llama, pooled at its last token": lambda folder: save(
        folder, transformers.LlamaConfig, num_key_value_heads=2, head_dim=8
    ),
}
# Those with a graph builder; torch runs the others.
BUILT = ("albert, no token types fed", "albert, token types fed", "mpnet")


@pytest.mark.filterwarnings("ignore:.*no chat template")
@pytest.mark.parametrize("kind", SCORED)
def test_scores_are_the_peer_s(tmp_path, kind):
    folder = SCORED[kind](tmp_path / "model")
    expected = peer(folder).predict(PAIRS, batch_size=4)
    assert np.ptp(expected) > 1e-4
    reranker = CrossEncoderReranker(folder, 100, precision="fp32")
    assert reranker.info.engine.startswith("openvino" if kind in BUILT else "torch")
    np.testing.assert_allclose(reranker.predict(PAIRS), expected, atol=1e-4)
    alone = [reranker.predict([pair])[0] for pair in PAIRS]
    np.testing.assert_allclose(alone, expected, atol=1e-4)


def drop(folder, part):
    file = folder / "model.safetensors"
    tensors = load_file(file)
    kept = {name: tensor for name, tensor in tensors.items() if part not in name}
    assert len(kept) < len(tensors)
    save_file(kept, file, metadata={"format": "pt"})


@pytest.mark.parametrize(
    ("make", "part"),
    [
        (SCORED["albert, no token types fed"], "classifier."),
        (SCORED["llama, pooled at its last token"], "score."),
        (SCORED["mpnet"], "classifier.dense.weight"),
        (causal, "lm_head"),
        (SCORED["mpnet"], "encoder.layer.1.attention.attn.q.weight"),
    ],
)
def test_weights_that_are_not_there_are_named(tmp_path, make, part):
    folder = make(tmp_path / "model")
    drop(folder, part)
    with pytest.raises(ModelFileError, match=f"(lack|no tensor) .*{part.strip('.')}"):
        CrossEncoderReranker(folder, 100)


def test_labels_are_counted_at_the_head_and_not_in_config_json(tmp_path):
    folder = save(tmp_path / "model", transformers.MPNetConfig, num_labels=2)
    file = folder / "config.json"
    config = json.loads(file.read_text())
    for key in ("id2label", "label2id", "num_labels"):
        config.pop(key, None)
    file.write_text(json.dumps(config))
    reranker = CrossEncoderReranker(folder, 100)
    with pytest.raises(UnsupportedModelError, match="has 2 labels"):
        reranker.predict(PAIRS)
    assert reranker.predict(PAIRS, all_labels=True).shape == (4, 2)


def test_positions_start_behind_the_padding_id(tmp_path):
    folder = SCORED["mpnet"](tmp_path / "model")
    assert CrossEncoderReranker(folder).info.max_length == 128
    CrossEncoderReranker(folder, 128)
    with pytest.raises(InputError, match="max_length 129 is more than the 128 positions"):
        CrossEncoderReranker(folder, 129)


def test_a_length_that_the_model_s_code_cannot_take_is_refused_at_load(tmp_path):
    folder = save(
        tmp_path / "model",
        transformers.NystromformerConfig,
        segment_means_seq_len=64,
        max_position_embeddings=64,
        num_landmarks=32,
    )
    with pytest.raises((UnsupportedModelError, InputError, ModelFileError), match="nystromformer"):
        CrossEncoderReranker(folder)


def test_tokens_that_the_peer_makes_otherwise_are_refused(tmp_path, parity):
    """MPNet's class lowers letters, whatever tokenizer.json says."""
    folder = save(tmp_path / "model", transformers.MPNetConfig)
    shutil.copy(parity / "bert" / "tokenizer.json", folder)
    value = json.loads((folder / "tokenizer.json").read_text())
    value["normalizer"]["lowercase"] = False
    (folder / "tokenizer.json").write_text(json.dumps(value))
    config = {
        "tokenizer_class": "MPNetTokenizer",
        "pad_token": "[PAD]",
        "unk_token": "[UNK]",
        "cls_token": "[CLS]",
        "sep_token": "[SEP]",
        "bos_token": "[CLS]",
        "eos_token": "[SEP]",
        "mask_token": "[MASK]",
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    with pytest.raises((UnsupportedModelError, ModelFileError)):
        CrossEncoderReranker(folder, 100)
