"""Qwen's decoders in many sizes and forms: the scores and the tokens of sentence-transformers."""

import json
from contextlib import nullcontext

import numpy as np
import pytest
from causal_texts import LONG, PAIRS, TEXTS

from secondpass import CrossEncoderReranker

pytest.importorskip("sentence_transformers", reason="needs the torch extra: make test-extras")

from scripts.causal_models import (
    INSTRUCTED,
    PARTS,
    ROLES,
    decoder,
    save_causal,
    save_plain,
)
from scripts.parity_tokenizers import chat_tokens

TWO = ("yes", "no")
OLD_ROTARY = {"rope_parameters": None, "rope_theta": 5_000.0}

KINDS = {
    "one head a key": ("Qwen3", {"num_key_value_heads": 4}, INSTRUCTED, TWO),
    "one key for all heads": ("Qwen3", {"num_key_value_heads": 1}, INSTRUCTED, TWO),
    "one layer": ("Qwen3", {"num_hidden_layers": 1}, INSTRUCTED, TWO),
    "wide heads, tied": ("Qwen3", {"head_dim": 24, "tie_word_embeddings": True}, ROLES, TWO),
    "biased": ("Qwen3", {"attention_bias": True, "hidden_act": "gelu"}, ROLES, ("Yes",)),
    "qwen2, tied": ("Qwen2", {"tie_word_embeddings": True}, INSTRUCTED, ("1", "0")),
    "qwen2, five layers": ("Qwen2", {"num_hidden_layers": 5}, PARTS, ("0", "1")),
    "no template": ("Qwen2", {"rms_norm_eps": 1e-3}, None, ("1",)),
    "old rotary keys": ("Qwen3", {"rope_parameters": {"rope_theta": 5_000.0}}, ROLES, TWO),
}


def peer(folder, length=128, **more):
    import torch
    from sentence_transformers import CrossEncoder

    kept = {"dtype": torch.float32}
    return CrossEncoder(str(folder), device="cpu", max_length=length, model_kwargs=kept, **more)


def load(folder, length=128, **options):
    return CrossEncoderReranker(folder, length, precision="fp32", threads=1, **options)


def made(folder, kind, seed=1):
    family, sizes, template, scored = KINDS[kind]
    tokens = chat_tokens()
    save_causal(folder, decoder(family, tokens, seed, **sizes), tokens, template, scored)
    if kind == "old rotary keys":
        change(folder, **OLD_ROTARY)
    return folder


def change(folder, name="config.json", **values):
    file = folder / name
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))


@pytest.mark.parametrize("kind", KINDS)
def test_scores_are_the_peer_s(tmp_path, kind):
    folder = made(tmp_path / "model", kind)
    expected = peer(folder).predict(PAIRS, batch_size=9)
    assert np.ptp(expected) > 0.1
    reranker = load(folder)
    assert reranker.info.engine.startswith("openvino")
    np.testing.assert_allclose(reranker.predict(PAIRS), expected, atol=1e-3)


@pytest.mark.parametrize("template", [INSTRUCTED, ROLES, PARTS], ids=["system", "roles", "parts"])
@pytest.mark.parametrize("length", [80, 81, 127, 511, 512])
def test_tokens_are_the_peer_s_wherever_a_text_is_cut(tmp_path, template, length):
    tokens = chat_tokens()
    save_plain(tmp_path / "model", decoder("Qwen3", tokens, 2), tokens, template)
    model, reranker = peer(tmp_path / "model", length), load(tmp_path / "model", length).model
    texts = [
        *TEXTS,
        *(LONG[:end] for end in range(0, 400, 7)),
        *(f"{LONG[:end]}.\n" for end in range(60)),
    ]
    features = model.preprocess([("read the rows", text) for text in texts])
    prepared = reranker.prepare("read the rows", texts)
    for at, sequence in enumerate(prepared.sequences):
        theirs = features["input_ids"][at][features["attention_mask"][at].bool()].tolist()
        assert reranker.layout.join(sequence.query, sequence.text).ids.tolist() == theirs, texts[at]


def test_a_sequence_classification_is_the_peer_s(tmp_path):
    tokens = chat_tokens()
    for family in ("Qwen2", "Qwen3"):
        model = decoder(family, tokens, 3, task="SequenceClassification", num_labels=1)
        save_plain(tmp_path / family, model, tokens, INSTRUCTED)
        expected = peer(tmp_path / family).predict(PAIRS, batch_size=9)
        np.testing.assert_allclose(load(tmp_path / family).predict(PAIRS), expected, atol=1e-3)


def test_a_classification_reads_the_last_token_that_is_no_padding(tmp_path):
    tokens = chat_tokens()
    model = decoder("Qwen3", tokens, 3, task="SequenceClassification", num_labels=1)
    save_plain(tmp_path / "model", model, tokens, ROLES + "{{ pad_token }}")
    expected = peer(tmp_path / "model").predict(PAIRS[:20], batch_size=9)
    np.testing.assert_allclose(load(tmp_path / "model").predict(PAIRS[:20]), expected, atol=1e-3)


@pytest.mark.parametrize("template", [None, INSTRUCTED], ids=["plain", "template"])
def test_a_folder_without_modules_scores_yes_and_no(tmp_path, template):
    tokens = chat_tokens()
    save_plain(tmp_path / "model", decoder("Qwen3", tokens, 4), tokens, template)
    expected = peer(tmp_path / "model").predict(PAIRS, batch_size=9)
    untaught = pytest.warns(UserWarning, match="no chat template: its score is the logit of")
    with untaught if template is None else nullcontext():
        reranker = load(tmp_path / "model")
    np.testing.assert_allclose(reranker.predict(PAIRS), expected, atol=1e-3)


def test_modules_behind_a_decoder_are_computed(tmp_path):
    import torch
    from sentence_transformers import CrossEncoder
    from sentence_transformers.base.modules import Dense, Transformer
    from sentence_transformers.sentence_transformer.modules import Pooling

    tokens = chat_tokens()
    save_plain(tmp_path / "plain", decoder("Qwen2", tokens, 5).model, tokens, None)
    first = Transformer(str(tmp_path / "plain"), transformer_task="feature-extraction")
    first.max_seq_length = 128
    score = Dense(32, 1, module_output_name="scores", activation_function=torch.nn.Identity())
    model = CrossEncoder(modules=[first, Pooling(32, "lasttoken"), score], device="cpu")
    model.save_pretrained(str(tmp_path / "model"), create_model_card=False)
    expected = peer(tmp_path / "model").predict(PAIRS, batch_size=9)
    np.testing.assert_allclose(load(tmp_path / "model").predict(PAIRS), expected, atol=1e-3)


def test_an_instruction_is_the_peer_s_prompt(tmp_path):
    folder = made(tmp_path / "model", "one layer")
    for prompt in ("Find a lock.", "  two\nlines ", "é 中"):
        expected = peer(folder).predict(PAIRS[:20], prompt=prompt)
        told = load(folder, instruction=prompt)
        np.testing.assert_allclose(told.predict(PAIRS[:20]), expected, atol=1e-3)


@pytest.mark.parametrize("name", ["PreTrainedTokenizerFast", "Qwen2TokenizerFast", None])
@pytest.mark.parametrize("family", ["Qwen2", "Qwen3"])
def test_the_class_of_the_tokenizer_is_the_one_that_the_peer_takes(tmp_path, family, name):
    """transformers makes Qwen's own class of another name for "qwen2", and not for "qwen3"."""
    tokens = chat_tokens()
    folder = tmp_path / "model"
    save_plain(folder, decoder(family, tokens, 6), tokens, ROLES)
    change(folder, "tokenizer_config.json", tokenizer_class=name)
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True}
    tokenizer["pre_tokenizer"] = {**byte_level, "trim_offsets": True}
    tokenizer["normalizer"] = None
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    expected = peer(folder).predict(PAIRS, batch_size=9)
    np.testing.assert_allclose(load(folder).predict(PAIRS), expected, atol=1e-3)


def test_weights_in_bfloat16_are_read(tmp_path):
    import torch

    tokens = chat_tokens()
    for tied in (False, True):
        model = decoder("Qwen3", tokens, 7, tie_word_embeddings=tied).to(torch.bfloat16)
        folder = tmp_path / str(tied)
        save_causal(folder, model, tokens, ROLES, TWO)
        expected = peer(folder).predict(PAIRS[:20])
        np.testing.assert_allclose(load(folder).predict(PAIRS[:20]), expected, atol=1e-3)
