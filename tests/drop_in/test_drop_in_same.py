"""The same calls give what sentence-transformers gives; needs the extra: make test-extras."""

import json
import logging

import numpy as np
import pytest

from secondpass import CrossEncoder

pytest.importorskip("sentence_transformers", reason="needs the torch extra: make test-extras")

import sentence_transformers
import torch

FOLDERS = ("bert", "roberta", "xlm-roberta", "distilbert", "modernbert", "bert-modular")
QUERIES = ("read the csv rows", "", "  ", "csv " * 90, "file names " * 20)
TEXTS = ("open the file and read the rows", "", "x", "word " * 400, "csv key " * 15, "é 茶 🙂")
PAIRS = [(query, text) for query in QUERIES for text in TEXTS]


def both(folder, **given):
    theirs = sentence_transformers.CrossEncoder(str(folder), device="cpu", **given)
    return CrossEncoder(str(folder), device="cpu", **given), theirs


@pytest.fixture(scope="module")
def bert(parity):
    return both(parity / "bert")


@pytest.fixture(scope="module")
def two_labels(parity):
    return both(parity / "bert-two-labels")


@pytest.mark.parametrize("name", FOLDERS)
def test_scores_of_texts_and_queries_of_any_length(parity, name):
    ours, theirs = both(parity / name)
    np.testing.assert_allclose(ours.predict(PAIRS), theirs.predict(PAIRS), atol=1e-4)
    assert ours.max_seq_length == theirs.max_seq_length


@pytest.mark.parametrize("length", [4, 5, 12, 13, 40])
def test_scores_at_other_lengths(parity, length):
    ours, theirs = both(parity / "bert", max_length=length)
    np.testing.assert_allclose(ours.predict(PAIRS), theirs.predict(PAIRS), atol=1e-4)


@pytest.mark.parametrize(
    "kinds", [{}, {"convert_to_tensor": True}, {"convert_to_numpy": False}], ids=str
)
@pytest.mark.parametrize(
    "inputs", [PAIRS, PAIRS[0], list(PAIRS[0]), []], ids=["n", "1", "[1]", "0"]
)
@pytest.mark.parametrize("labels", ["bert", "two_labels"])
def test_types_and_shapes(request, labels, inputs, kinds):
    ours, theirs = request.getfixturevalue(labels)
    got, expected = ours.predict(inputs, **kinds), theirs.predict(inputs, **kinds)
    assert type(got) is type(expected)
    if isinstance(got, list) and got:
        assert [type(one) for one in got] == [type(one) for one in expected]
        got, expected = torch.stack(got), torch.stack(expected)
    if not isinstance(got, list):
        assert (got.dtype, got.shape) == (expected.dtype, expected.shape)
        torch.testing.assert_close(*map(torch.as_tensor, (got, expected)), atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    "activation", [torch.nn.Identity(), torch.nn.Sigmoid(), torch.nn.Tanh, torch.nn.Softmax(dim=1)]
)
def test_activations_of_a_call_and_of_the_model(parity, bert, activation):
    made = activation() if isinstance(activation, type) else activation
    ours, theirs = bert
    expected = theirs.predict(PAIRS, activation_fn=made)
    np.testing.assert_allclose(ours.predict(PAIRS, activation_fn=activation), expected, atol=1e-4)
    own = CrossEncoder(str(parity / "bert"), activation_fn=activation)
    np.testing.assert_allclose(own.predict(PAIRS), expected, atol=1e-4)
    assert type(own.activation_fn) is type(made)


def test_softmax_of_several_labels(two_labels):
    ours, theirs = two_labels
    got = ours.predict(PAIRS, apply_softmax=True)
    np.testing.assert_allclose(got, theirs.predict(PAIRS, apply_softmax=True), atol=1e-4)
    np.testing.assert_allclose(got.sum(1), 1, atol=1e-6)


@pytest.mark.parametrize("top_k", [None, 0, 1, 3, 100, -1])
@pytest.mark.parametrize("with_documents", [False, True])
def test_rank(bert, top_k, with_documents):
    ours, theirs = bert
    given = ("read csv", list(TEXTS), top_k, with_documents)
    got, expected = ours.rank(*given), theirs.rank(*given)
    assert [one["corpus_id"] for one in got] == [one["corpus_id"] for one in expected]
    assert [one.keys() for one in got] == [one.keys() for one in expected]
    assert [one.get("text") for one in got] == [one.get("text") for one in expected]
    np.testing.assert_allclose(
        [one["score"] for one in got], [one["score"] for one in expected], atol=1e-4
    )
    json.dumps(got)


@pytest.mark.parametrize(
    ("prompts", "call"),
    [
        ({"web": "Find pages: "}, {"prompt_name": "web"}),
        ({"web": "Find pages: "}, {"prompt": "Read: "}),
        ({}, {"prompt": "word " * 80}),
    ],
)
def test_prompts_stand_before_a_query(parity, prompts, call):
    ours, theirs = both(parity / "bert", prompts=prompts)
    np.testing.assert_allclose(
        ours.predict(PAIRS, **call), theirs.predict(PAIRS, **call), atol=1e-4
    )


def test_a_default_prompt_and_one_of_a_chat_template(parity):
    pytest.importorskip("jinja2")
    ours, theirs = both(parity / "qwen3-causal")
    texts = [("read csv", text) for text in TEXTS]
    assert ours.prompts == theirs.prompts
    assert ours.default_prompt_name == theirs.default_prompt_name
    for call in ({}, {"prompt": "Judge the code."}):
        np.testing.assert_allclose(
            ours.predict(texts, **call), theirs.predict(texts, **call), atol=1e-4
        )


def test_what_is_saved_loads_in_both(parity, tmp_path):
    ours, _ = both(parity / "bert", activation_fn=torch.nn.Tanh())
    ours.save_pretrained(tmp_path / "saved")
    again, theirs = both(tmp_path / "saved")
    assert type(again.activation_fn) is type(theirs.activation_fn) is torch.nn.Tanh
    np.testing.assert_allclose(again.predict(PAIRS), theirs.predict(PAIRS), atol=1e-4)


def test_half_precision_is_computed_in_float32(parity):
    ours = CrossEncoder(str(parity / "bert-bf16"))
    theirs = sentence_transformers.CrossEncoder(
        str(parity / "bert-bf16"), device="cpu", model_kwargs={"dtype": torch.float32}
    )
    np.testing.assert_allclose(ours.predict(PAIRS), theirs.predict(PAIRS), atol=1e-4)


def test_errors_have_the_same_words(bert, two_labels):
    cases = [
        (two_labels, lambda model: model.rank("a", ["b"])),
        (bert, lambda model: model.predict([("a", "b")], batch_size=0)),
        (bert, lambda model: model.predict([("a", "b")], prompt_name="none")),
    ]
    for models, call in cases:
        words = []
        for model in models:
            with pytest.raises(ValueError) as error:
                call(model)
            words.append(str(error.value))
        assert words[0] == words[1]


def test_the_plain_attributes(bert):
    for model in bert:
        assert model.device == torch.device("cpu")
        assert model.dtype == torch.float32
        assert model.model.device == model.device
        assert (model.num_labels, model.prompts, model.default_prompt_name) == (1, {}, None)
        assert model.tokenizer.model_max_length == model.max_seq_length == 64
        assert model.config.hidden_size == model.model.config.hidden_size == 32
        assert (model.modalities, model.supports("text"), model.supports("image")) == (
            ["text"],
            True,
            False,
        )
        assert model.get_backend() == "torch"
        assert model.eval() is model
        assert model.to("cpu") is model


def test_datasets_columns_and_arrays(bert):
    datasets = pytest.importorskip("datasets")
    ours, theirs = bert
    column = datasets.Dataset.from_dict({"text": [list(pair) for pair in PAIRS]})["text"]
    for inputs in (column, np.array(PAIRS), np.array(PAIRS, object), np.array(PAIRS[0])):
        assert ours.is_singular_input(inputs) == theirs.is_singular_input(inputs)
        np.testing.assert_allclose(ours.predict(inputs), theirs.predict(inputs), atol=1e-4)


def samples():
    texts = [text for text in TEXTS if text]
    return [
        {"query": "read the csv rows", "positive": [texts[0]], "documents": texts},
        {"query": "names of files", "positive": [texts[1], "file names"], "documents": texts[1:]},
    ]


def test_their_reranking_evaluator_takes_ours(bert):
    from sentence_transformers.cross_encoder.evaluation import CrossEncoderRerankingEvaluator

    ours, theirs = (CrossEncoderRerankingEvaluator(samples(), name="a")(model) for model in bert)
    assert ours == pytest.approx(theirs)
    evaluated = bert[0].evaluate(CrossEncoderRerankingEvaluator(samples(), name="a"))
    assert evaluated == pytest.approx(theirs)


def test_their_nanobeir_evaluator_takes_ours(bert, monkeypatch):
    datasets = pytest.importorskip("datasets")
    from sentence_transformers.cross_encoder.evaluation import CrossEncoderNanoBEIREvaluator

    tables = {
        "corpus": {"_id": ["d1", "d2", "d3"], "text": [text for text in TEXTS if text][:3]},
        "queries": {"_id": ["q1"], "text": ["read the csv rows"]},
        "qrels": {"query-id": ["q1"], "corpus-id": ["d1"]},
        "bm25": {"query-id": ["q1"], "corpus-ids": [["d2", "d1", "d3"]]},
    }
    monkeypatch.setattr(
        datasets,
        "load_dataset",
        lambda path, name, **_: datasets.Dataset.from_dict(tables[name]),
    )
    logging.disable(logging.WARNING)
    try:
        ours, theirs = (
            CrossEncoderNanoBEIREvaluator(["msmarco"], show_progress_bar=False)(model)
            for model in bert
        )
    finally:
        logging.disable(logging.NOTSET)
    assert len(ours) > 3
    assert ours == pytest.approx(theirs)
