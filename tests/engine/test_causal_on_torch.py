"""Language models without a graph builder, on torch: the peer's scores, or refused by name."""

import json

import numpy as np
import pytest
from causal_texts import LONG, PAIRS, TEXTS

from secondpass import CrossEncoderReranker, SecondpassError, UnsupportedModelError

pytest.importorskip("jinja2", reason="needs the chat extra")
pytest.importorskip("sentence_transformers", reason="needs the torch extra: make test-extras")

from scripts.causal_models import INSTRUCTED, PARTS, ROLES, decoder, save_causal, save_plain
from scripts.parity_tokenizers import chat_tokens

HEADS = {"head_dim": 16}
# Rotary positions, ALiBi and learned ones; experts, soft caps, sliding windows, tied heads.
KINDS = {
    "Bloom": ({"n_head": 4, "n_layer": 2}, INSTRUCTED, ("yes", "no")),
    "Falcon": ({}, ROLES, ("1", "0")),
    "Gemma": (HEADS, INSTRUCTED, ("Yes",)),
    "Gemma2": (HEADS, ROLES, ("yes", "no")),
    "GPTNeoX": ({}, PARTS, ("Yes",)),
    "Granite": ({}, INSTRUCTED, ("yes", "no")),
    "Llama": ({}, INSTRUCTED, ("yes", "no")),
    "Mistral": ({}, ROLES, ("yes", "no")),
    "Olmo2": ({}, PARTS, ("1", "0")),
    "OPT": ({"ffn_dim": 48, "word_embed_proj_dim": 32}, ROLES, ("yes", "no")),
    "Phi3": ({}, INSTRUCTED, ("Yes",)),
    "Qwen3Moe": ({}, INSTRUCTED, ("yes", "no")),
}


def peer(folder, length=128, **more):
    import torch
    from sentence_transformers import CrossEncoder

    kept = {"dtype": torch.float32}
    return CrossEncoder(str(folder), device="cpu", max_length=length, model_kwargs=kept, **more)


def load(folder, length=128, **options):
    return CrossEncoderReranker(folder, length, precision="fp32", threads=1, **options)


def made(folder, kind, seed=1, **more):
    sizes, template, scored = KINDS[kind]
    tokens = chat_tokens()
    save_causal(folder, decoder(kind, tokens, seed, **sizes), tokens, template, scored, **more)
    return folder


def change(folder, name="config.json", **values):
    file = folder / name
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))


@pytest.mark.parametrize("kind", KINDS)
def test_scores_are_the_peer_s_together_and_alone(tmp_path, kind):
    folder = made(tmp_path / "model", kind)
    expected = peer(folder).predict(PAIRS, batch_size=9)
    assert np.ptp(expected) > 0.05
    reranker = load(folder)
    assert reranker.info.engine.startswith("torch")
    np.testing.assert_allclose(reranker.predict(PAIRS), expected, atol=1e-3)
    alone = [reranker.predict([pair])[0] for pair in PAIRS[:6]]
    np.testing.assert_allclose(alone, expected[:6], atol=1e-3)


JOINED = "{% for message in messages %}{{ message['content'] }}{% endfor %}"


@pytest.mark.parametrize(
    "template", [INSTRUCTED, ROLES, PARTS, JOINED], ids=["system", "roles", "parts", "joined"]
)
def test_a_sequence_classification_is_the_peer_s(tmp_path, template):
    tokens = chat_tokens()
    model = decoder("Llama", tokens, 3, task="SequenceClassification", num_labels=1)
    save_plain(tmp_path / "model", model, tokens, template)
    expected = peer(tmp_path / "model").predict(PAIRS, batch_size=9)
    np.testing.assert_allclose(load(tmp_path / "model").predict(PAIRS), expected, atol=1e-3)


def test_a_folder_without_modules_scores_yes_and_no(tmp_path):
    tokens = chat_tokens()
    save_plain(tmp_path / "model", decoder("Llama", tokens, 4), tokens, INSTRUCTED)
    expected = peer(tmp_path / "model").predict(PAIRS, batch_size=9)
    np.testing.assert_allclose(load(tmp_path / "model").predict(PAIRS), expected, atol=1e-3)


def test_a_model_without_a_template_is_the_peer_s(tmp_path):
    tokens = chat_tokens()
    save_causal(tmp_path / "model", decoder("Llama", tokens, 5), tokens, None, ("yes", "no"))
    expected = peer(tmp_path / "model").predict(PAIRS, batch_size=9)
    np.testing.assert_allclose(load(tmp_path / "model").predict(PAIRS), expected, atol=1e-3)


@pytest.mark.parametrize("side", ["left", "right"])
def test_the_side_of_the_padding_is_the_peer_s(tmp_path, side):
    folder = made(tmp_path / "model", "Gemma")
    change(folder, "tokenizer_config.json", padding_side=side)
    expected = peer(folder).predict(PAIRS[:40], batch_size=7)
    np.testing.assert_allclose(load(folder).predict(PAIRS[:40]), expected, atol=1e-3)


def test_an_activation_that_no_builder_knows_is_the_peer_s(tmp_path):
    tokens, folder = chat_tokens(), tmp_path / "model"
    model = decoder("Qwen3", tokens, 3, hidden_act="laplace")
    save_causal(folder, model, tokens, INSTRUCTED, ("yes", "no"))
    reranker = load(folder)
    assert reranker.info.engine.startswith("torch")
    expected = peer(folder).predict(PAIRS, batch_size=9)
    np.testing.assert_allclose(reranker.predict(PAIRS), expected, atol=1e-3)


def test_an_instruction_is_the_peer_s_prompt(tmp_path):
    named = {"prompts": {"web": "Find what answers."}, "default_prompt_name": "web"}
    folder = made(tmp_path / "model", "Llama", **named)
    own = load(folder)
    assert own.info.instruction == "Find what answers."
    np.testing.assert_allclose(own.predict(PAIRS[:20]), peer(folder).predict(PAIRS[:20]), atol=1e-3)
    for prompt in ("Find a lock.", "  two\nlines ", "é 中"):
        expected = peer(folder).predict(PAIRS[:20], prompt=prompt)
        told = load(folder, instruction=prompt)
        np.testing.assert_allclose(told.predict(PAIRS[:20]), expected, atol=1e-3)


@pytest.mark.parametrize("length", [80, 81, 127])
def test_texts_are_cut_as_the_peer_cuts_them(tmp_path, length):
    folder = made(tmp_path / "model", "Mistral")
    texts = [*TEXTS, *(LONG[:end] for end in range(0, 400, 23))]
    pairs = [("read the rows", text) for text in texts]
    expected = peer(folder, length).predict(pairs, batch_size=9)
    np.testing.assert_allclose(load(folder, length).predict(pairs), expected, atol=1e-3)


def test_positions_that_the_padding_shifts_are_refused(tmp_path):
    """GPT-2's learned positions count from the first token of the batch, padding or not."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    tokens = chat_tokens()
    config = GPT2Config(vocab_size=len(tokens), n_embd=32, n_layer=2, n_head=4, n_positions=256)
    config.initializer_range = 0.3
    torch.manual_seed(1)
    folder = tmp_path / "model"
    save_causal(folder, GPT2LMHeadModel(config), tokens, ROLES, ("yes", "no"))
    with pytest.raises(UnsupportedModelError, match="by what stands beside it"):
        load(folder)


@pytest.mark.parametrize(
    "name",
    ["GemmaTokenizer", "LlamaTokenizer", "LlamaTokenizerFast", "GPT2Tokenizer", "Qwen2Tokenizer"],
)
def test_the_class_of_the_tokenizer_is_followed_or_refused(tmp_path, name):
    """Another class may cut the same text otherwise: its scores, or none."""
    folder = made(tmp_path / "model", "Llama")
    change(folder, "tokenizer_config.json", tokenizer_class=name)
    refused, reranker = "", None
    try:
        reranker = load(folder)
    except SecondpassError as error:
        refused = str(error)
    if "cannot be loaded by torch" in refused or "cannot read two texts" in refused:
        with pytest.raises(Exception, match=r"."):  # the peer cannot either
            peer(folder).predict(PAIRS)
    elif reranker is None:
        assert name.removesuffix("Fast") in refused
        assert "score with sentence-transformers" in refused or "tokenizer_class" in refused
    else:
        expected = peer(folder).predict(PAIRS, batch_size=9)
        np.testing.assert_allclose(reranker.predict(PAIRS), expected, atol=1e-3)


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("{{ messages[1].content }} {{ messages[0].content }}", "document before the query"),
        ("{% for m in messages if m.role == 'user' %}{{ m.content }}{% endfor %}", "query 0 times"),
        ("{{ messages[0].content | trim }} {{ messages[1].content }}", "as they are"),
    ],
)
def test_a_template_without_a_fixed_frame_is_refused_by_name(tmp_path, template, why):
    folder = made(tmp_path / "model", "Llama")
    (folder / "chat_template.jinja").write_text(template)
    with pytest.raises(UnsupportedModelError, match=rf"chat_template\.jinja\).*{why}"):
        load(folder)


def test_int8_is_refused_with_the_way_out(tmp_path):
    folder = made(tmp_path / "model", "Llama")
    with pytest.raises(UnsupportedModelError, match=r"int8.*take 'fp32' or 'auto'"):
        CrossEncoderReranker(folder, 128, precision="int8")
