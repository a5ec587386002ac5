"""A model of several labels: all of its scores, or a refusal that names the way out."""

import json
import shutil

import numpy as np
import pytest
from test_other_kinds import PAIRS, peer, save

from secondpass import CrossEncoderReranker, InputError, ScoreError, UnsupportedModelError
from secondpass.errors import ModelFileError

pytest.importorskip("sentence_transformers", reason="needs the torch extra: make test-extras")
transformers = pytest.importorskip("transformers")

MORE = [*PAIRS, ("read", "csv " * 90), ("", "")][:5]
DECODER = {"num_key_value_heads": 2, "head_dim": 8}
FAMILIES = {
    "bert": (transformers.BertConfig, {}),
    "roberta": (transformers.RobertaConfig, {"max_position_embeddings": 130}),
    "electra": (transformers.ElectraConfig, {"embedding_size": 16}),
    "modernbert": (transformers.ModernBertConfig, {}),
    "deberta-v2": (transformers.DebertaV2Config, {}),
    "mpnet": (transformers.MPNetConfig, {"max_position_embeddings": 130}),
    "albert": (transformers.AlbertConfig, {"embedding_size": 16}),
    "qwen3": (transformers.Qwen3Config, DECODER),
    "llama": (transformers.LlamaConfig, DECODER),
    "rembert": (
        transformers.RemBertConfig,
        {"input_embedding_size": 16, "output_embedding_size": 16},
    ),
}
ON_TORCH = ("llama", "rembert")


def make(folder, family="bert", labels=3, **more):
    config, sizes = FAMILIES[family]
    return save(folder, config, **{**sizes, "num_labels": labels, **more})


def change(file, **values):
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))


def load(folder, **options):
    return CrossEncoderReranker(folder, 100, precision="fp32", threads=1, **options)


@pytest.mark.parametrize("labels", [2, 3, 5])
@pytest.mark.parametrize("family", FAMILIES)
def test_all_scores_are_the_peer_s(tmp_path, family, labels):
    folder = make(tmp_path / "model", family, labels)
    expected = peer(folder, max_length=100).predict(MORE)
    assert expected.shape == (5, labels)
    assert np.ptp(expected) > 1e-4
    reranker = load(folder)
    assert reranker.info.engine.startswith("torch" if family in ON_TORCH else "openvino")
    assert reranker.info.activation == "identity"
    found = reranker.predict(MORE, all_labels=True)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-4)
    for pair, scores in zip(MORE, expected, strict=True):
        alone = reranker.predict(pair, all_labels=True)
        assert alone.shape == (labels,)
        np.testing.assert_allclose(alone, scores, atol=1e-4)


@pytest.mark.parametrize("said", ["torch.nn.modules.activation.Sigmoid", "torch.nn.Tanh"])
def test_the_activation_that_the_folder_names_is_applied(tmp_path, said):
    folder = make(tmp_path / "model")
    change(folder / "config.json", sentence_transformers={"activation_fn": said})
    found = load(folder).predict(MORE, all_labels=True)
    np.testing.assert_allclose(found, peer(folder).predict(MORE), atol=1e-4)
    softplus = load(folder, activation="softplus").predict(MORE, all_labels=True)
    assert (softplus > 0).all()


def test_a_modular_head_of_several_labels(tmp_path, parity):
    import torch
    from sentence_transformers import CrossEncoder
    from sentence_transformers.base.modules import Dense, Transformer
    from sentence_transformers.sentence_transformer.modules import Pooling

    first = Transformer(str(parity / "bert"), transformer_task="feature-extraction")
    torch.manual_seed(1)
    last = Dense(32, 4, activation_function=torch.nn.Identity(), module_output_name="scores")
    made = CrossEncoder(modules=[first, Pooling(32, "mean"), last], device="cpu")
    made.save_pretrained(str(tmp_path / "model"), create_model_card=False)
    expected = CrossEncoder(str(tmp_path / "model"), device="cpu").predict(MORE)
    reranker = CrossEncoderReranker(tmp_path / "model", precision="fp32", threads=1)
    found = reranker.predict(MORE, all_labels=True)
    assert found.shape == (5, 4)
    np.testing.assert_allclose(found, expected, atol=1e-4)
    with pytest.raises(UnsupportedModelError, match="has 4 labels"):
        reranker.rank("wait", ["a lock"])


def test_of_one_label_it_is_a_column_of_what_predict_gives(tiny):
    rows = tiny.predict(MORE, all_labels=True)
    np.testing.assert_array_equal(rows, tiny.predict(MORE)[:, None])
    assert tiny.predict(MORE[0], all_labels=True).shape == (1,)
    assert tiny.predict([], all_labels=True).shape == (0, 1)


def test_many_pairs_go_through_in_blocks_and_in_order(tmp_path):
    folder = make(tmp_path / "model")
    reranker = load(folder)
    pairs = [(f"read {'csv ' * (at % 7)}", "rows " * (at % 11)) for at in range(1500)]
    found = reranker.predict(pairs, all_labels=True)
    assert found.shape == (1500, 3)
    picked = [0, 1023, 1024, 1499]
    alone = reranker.predict([pairs[at] for at in picked], all_labels=True)
    np.testing.assert_allclose(found[picked], alone, atol=1e-5)
    assert reranker.predict([], all_labels=True).shape == (0, 3)


RANKING = {
    "rank": lambda reranker: reranker.rank("wait", ["a lock"]),
    "rank, in time": lambda reranker: reranker.rank("wait", ["a lock"], budget_ms=1000),
    "rank_many": lambda reranker: reranker.rank_many(["wait"], [["a lock"]]),
    "rerank": lambda reranker: reranker.rerank("wait", [{"text": "a lock"}]),
    "rerank, none": lambda reranker: reranker.rerank("wait", []),
    "score": lambda reranker: reranker.score("wait", ["a lock"]),
    "score_pairs": lambda reranker: reranker.score_pairs(PAIRS),
    "predict": lambda reranker: reranker.predict(PAIRS),
    "predict, one pair": lambda reranker: reranker.predict(PAIRS[0]),
    "calibrate": lambda reranker: reranker.calibrate(),
}


@pytest.fixture(scope="module", params=["bert", "rembert"])
def several(request, tmp_path_factory):
    return load(make(tmp_path_factory.mktemp("several") / "model", request.param))


@pytest.mark.parametrize("call", RANKING)
def test_what_puts_in_an_order_is_refused_with_the_way_out(several, call):
    with pytest.raises(UnsupportedModelError, match=r"has 3 labels.*predict\(pairs, all_labels"):
        RANKING[call](several)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("cache", "memory"),
        ("effort", "fast"),
        ("long_documents", "max"),
        ("long_documents", "mean-top-k"),
    ],
)
def test_an_option_that_needs_one_score_is_refused_by_name(tmp_path, option, value):
    folder = make(tmp_path / "model")
    with pytest.raises(InputError, match=f"{option} is '{value}', which needs one score a text"):
        load(folder, **{option: value})


def test_a_cascade_is_refused(tmp_path, parity):
    folder = make(tmp_path / "model")
    for models in ([str(folder), str(parity / "bert")], [str(parity / "bert"), str(folder)]):
        with pytest.raises(InputError, match=r"cascade is .* has 3 labels"):
            CrossEncoderReranker(cascade=models, max_length=60, precision="fp32")


def test_select_and_first_give_one_sequence_a_text(tmp_path):
    folder = make(tmp_path / "model")
    for rule in ("first", "select"):
        found = load(folder, long_documents=rule).predict(MORE, all_labels=True)
        assert found.shape == (5, 3)


@pytest.mark.parametrize("value", [1, "yes", None])
def test_all_labels_is_a_bool(tiny, value):
    with pytest.raises(InputError, match="all_labels is"):
        tiny.predict(PAIRS, all_labels=value)


def test_a_config_of_another_number_of_labels_is_refused(tmp_path):
    folder = make(tmp_path / "model")
    change(folder / "config.json", id2label={"0": "a", "1": "b"}, label2id={"a": 0, "b": 1})
    with pytest.raises(ModelFileError, match=r"gives \[2, 3\] for two texts, expected \[2, 2\]"):
        load(folder)


def test_a_label_that_is_not_a_number_is_named_by_its_text(tmp_path):
    from safetensors.numpy import load_file, save_file

    folder = make(tmp_path / "model")
    tensors = load_file(folder / "model.safetensors")
    tensors["classifier.bias"][1] = np.nan
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ScoreError, match=r"nan for text 0 \(5 of 5"):
        load(folder).predict(MORE, all_labels=True)


def test_int8_of_several_labels(parity, tmp_path):
    pytest.importorskip("nncf")
    folder = shutil.copytree(parity / "bert-two-labels", tmp_path / "model")
    options = {"max_length": 64, "threads": 1, "cache_dir": tmp_path / "cache"}
    whole = CrossEncoderReranker(folder, precision="fp32", **options)
    coarse = CrossEncoderReranker(folder, precision="int8", **options)
    assert coarse.info.precision == "int8"
    pairs = MORE[:4]
    expected = whole.predict(pairs, all_labels=True)
    found = coarse.predict(pairs, all_labels=True)
    assert found.shape == (4, 2)
    assert np.abs(found - expected).max() < 0.5 * np.ptp(expected) + 0.5
