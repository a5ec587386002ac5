"""What runs on torch: encoders and decoders without a builder score as the peer, or are refused."""

import json

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from test_other_kinds import PAIRS, peer, save

from secondpass import CrossEncoderReranker, UnsupportedModelError
from secondpass.errors import ModelFileError

pytest.importorskip("sentence_transformers", reason="needs the torch extra: make test-extras")
transformers = pytest.importorskip("transformers")

DECODER = {"num_key_value_heads": 2, "head_dim": 8}
WINDOW = {"sliding_window": 8, **DECODER}
LONG = {"max_position_embeddings": 130}
KINDS = {
    "llama": ("Llama", DECODER),
    "llama that sees all tokens": ("Llama", {"is_causal": False, **DECODER}),
    "mistral with a window": ("Mistral", WINDOW),
    "gemma": ("Gemma", DECODER),
    "gemma 2": ("Gemma2", WINDOW),
    "gemma 3": ("Gemma3Text", WINDOW),
    "gemma 3 that sees all tokens": ("Gemma3Text", {"use_bidirectional_attention": True, **WINDOW}),
    "phi 3": ("Phi3", {"num_key_value_heads": 2}),
    "modernbert as a decoder": ("ModernBertDecoder", {}),
    "eurobert": ("EuroBert", {"num_key_value_heads": 2}),
    "nomic": ("NomicBert", {}),
    "longformer": ("Longformer", {"attention_window": 16, **LONG}),
    "xlm-roberta-xl": ("XLMRobertaXL", LONG),
    "data2vec": ("Data2VecText", LONG),
    "big bird": ("BigBird", {}),
    "mobilebert": ("MobileBert", {}),
    "deberta 1": ("Deberta", {}),
}


def make(folder, kind, **more):
    name, sizes = KINDS[kind]
    config = getattr(transformers, f"{name}Config", None)
    if config is None:
        pytest.skip(f"this transformers has no {name}Config")
    return save(folder, config, **{**sizes, **more})


def change(file, **values):
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))


def load(folder, length=100):
    return CrossEncoderReranker(folder, length, precision="fp32", threads=1)


@pytest.mark.parametrize("kind", KINDS)
def test_scores_are_the_peer_s_in_a_batch_and_alone(tmp_path, kind):
    folder = make(tmp_path / "model", kind)
    expected = peer(folder, max_length=100).predict(PAIRS, batch_size=4)
    assert np.ptp(expected) > 1e-3
    reranker = load(folder)
    assert reranker.info.engine.startswith("torch")
    np.testing.assert_allclose(reranker.predict(PAIRS), expected, atol=1e-4)
    alone = [reranker.predict([pair])[0] for pair in PAIRS]
    np.testing.assert_allclose(alone, expected, atol=1e-4)


@pytest.mark.parametrize("kind", ["llama", "gemma 2", "llama that sees all tokens"])
def test_padding_on_the_left_changes_nothing(tmp_path, kind):
    folder = make(tmp_path / "model", kind)
    right = load(folder).predict(PAIRS)
    change(folder / "tokenizer_config.json", padding_side="left")
    np.testing.assert_allclose(load(folder).predict(PAIRS), right, atol=1e-4)


@pytest.mark.parametrize(
    ("kind", "key", "value"),
    [
        ("llama", "use_bidirectional_attention", True),
        ("gemma", "bidirectional", True),
        ("phi 3", "is_bidirectional", True),
    ],
)
def test_a_decoder_that_is_to_see_all_tokens_and_does_not_is_refused(tmp_path, kind, key, value):
    folder = make(tmp_path / "model", kind)
    change(folder / "config.json", **{key: value})
    with pytest.raises(UnsupportedModelError, match=f"config.json has {key} True"):
        load(folder)
    change(folder / "config.json", **{key: False})
    load(folder)


@pytest.mark.parametrize(
    ("kind", "named"),
    [
        ("llama", "LlamaBidirectionalForSequenceClassification"),
        ("gemma", "EmbeddingGemmaForSequenceClassification"),
        ("llama", "JinaForRanking"),
        ("phi 3", "LayerWiseMiniCPMForCausalLM"),
        ("nomic", "NomicBertModel"),
    ],
)
def test_a_class_that_scores_otherwise_is_refused_by_name(tmp_path, kind, named):
    folder = make(tmp_path / "model", kind)
    change(folder / "config.json", architectures=[named])
    with pytest.raises((UnsupportedModelError, ModelFileError), match=named):
        load(folder)


@pytest.mark.parametrize(
    "named",
    ["JinaForRanking", "Qwen3BidirectionalForSequenceClassification", "Qwen2ForCausalLM", "Qwen3"],
)
def test_a_class_that_is_not_the_decoder_s_own_is_refused(parity, tmp_path, named):
    import shutil

    folder = shutil.copytree(parity / "qwen3-classifier", tmp_path / "model")
    change(folder / "config.json", architectures=[named])
    with pytest.raises(UnsupportedModelError, match=f"architectures .*{named}"):
        load(folder, 64)


def test_an_encoder_with_a_decoder_scores_as_the_peer(tmp_path):
    folder = save(
        tmp_path / "model",
        lambda **more: transformers.T5Config(
            **{**more, "d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_heads": 4},
            decoder_start_token_id=1,
            eos_token_id=2,
        ),
    )
    found = load(folder).predict(PAIRS)
    np.testing.assert_allclose(found, peer(folder).predict(PAIRS, batch_size=4), atol=1e-4)


def test_gguf_is_named(tmp_path, parity):
    import shutil

    folder = shutil.copytree(parity / "bert", tmp_path / "model")
    (folder / "model.safetensors").rename(folder / "model-q8_0.gguf")
    with pytest.raises(ModelFileError, match=r"model-q8_0\.gguf: GGUF is not read"):
        load(folder, 64)


# How weights are stored


def shards(folder, number=3):
    """Divide the weights among files, as large models are saved."""
    tensors = load_file(folder / "model.safetensors")
    names = sorted(tensors)
    listed = {}
    for part in range(number):
        file = f"model-{part + 1:05}-of-{number:05}.safetensors"
        own = names[part::number]
        save_file({name: tensors[name] for name in own}, folder / file, metadata={"format": "pt"})
        listed |= dict.fromkeys(own, file)
    (folder / "model.safetensors").unlink()
    index = {"metadata": {"total_size": 0}, "weight_map": listed}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def stored_as(folder, kind):
    import torch
    from safetensors import torch as stored

    file = folder / "model.safetensors"
    tensors = stored.load_file(file)
    narrow = {name: value.to(getattr(torch, kind)) for name, value in tensors.items()}
    stored.save_file(narrow, file, metadata={"format": "pt"})
    change(folder / "config.json", dtype=kind)


BUILT = {
    "bert": transformers.BertConfig,
    "roberta": lambda **more: transformers.RobertaConfig(**{**more, **LONG}),
    "modernbert": transformers.ModernBertConfig,
    "deberta-v2": transformers.DebertaV2Config,
    "mpnet": lambda **more: transformers.MPNetConfig(**{**more, **LONG}),
    "qwen3": lambda **more: transformers.Qwen3Config(**{**more, **DECODER}),
}


@pytest.mark.parametrize("kind", ["float16", "bfloat16"])
@pytest.mark.parametrize("family", [*BUILT, "llama", "eurobert"])
def test_narrow_weights_in_shards_score_as_the_peer_in_float32(tmp_path, family, kind):
    import torch

    folder = tmp_path / "model"
    if family in BUILT:
        save(folder, BUILT[family])
    else:
        make(folder, family)
    whole = load(folder).predict(PAIRS)
    stored_as(folder, kind)
    expected = peer(folder, model_kwargs={"dtype": torch.float32}).predict(PAIRS, batch_size=4)
    one = load(folder).predict(PAIRS)
    np.testing.assert_allclose(one, expected, atol=1e-4)
    assert not np.array_equal(one, whole)
    shards(folder)
    reranker = load(folder)
    assert reranker.info.engine.startswith("openvino" if family in BUILT else "torch")
    np.testing.assert_array_equal(reranker.predict(PAIRS), one)


@pytest.mark.parametrize("family", ["bert", "llama"])
def test_a_shard_that_is_missing_or_another_is_named(tmp_path, family):
    folder = tmp_path / "model"
    if family in BUILT:
        save(folder, BUILT[family])
    else:
        make(folder, family)
    shards(folder)
    lost = folder / "model-00002-of-00003.safetensors"
    content = lost.read_bytes()
    lost.unlink()
    with pytest.raises(ModelFileError, match=lost.name):
        load(folder)
    lost.write_bytes((folder / "model-00001-of-00003.safetensors").read_bytes())
    with pytest.raises(ModelFileError):
        load(folder)
    lost.write_bytes(content)
    index = json.loads((folder / "model.safetensors.index.json").read_text())
    index["weight_map"] = dict.fromkeys(index["weight_map"], lost.name)
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(ModelFileError):
        load(folder)


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("ConvBert", {"embedding_size": 16}),
        ("FNet", {}),
        ("Nystromformer", {"segment_means_seq_len": 64, "num_landmarks": 64}),
    ],
)
@pytest.mark.parametrize("small", [1.0, 0.0])
def test_a_kind_that_mixes_in_the_padding_is_refused_whatever_its_weights(
    tmp_path, name, sizes, small
):
    config = getattr(transformers, f"{name}Config", None)
    if config is None:
        pytest.skip(f"this transformers has no {name}Config")
    folder = save(tmp_path / "model", config, **sizes)
    file = folder / "model.safetensors"
    # Of weights of 0 the scores do not differ beside others.
    save_file({key: small * value for key, value in load_file(file).items()}, file)
    with pytest.raises(UnsupportedModelError, match="scores a text by what stands beside it"):
        load(folder)


@pytest.mark.parametrize("shown", [True, False])
def test_no_bar_of_transformers_is_shown_and_its_own_setting_stays(tmp_path, capfd, shown):
    from transformers.utils import logging

    folder = make(tmp_path / "model", "llama")
    capfd.readouterr()
    before = logging.is_progress_bar_enabled()
    (logging.enable_progress_bar if shown else logging.disable_progress_bar)()
    try:
        load(folder)
        assert "%|" not in capfd.readouterr().err
        assert logging.is_progress_bar_enabled() is shown
    finally:
        (logging.enable_progress_bar if before else logging.disable_progress_bar)()
