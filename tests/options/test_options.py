"""Options are plain, checked values, declared once; constructor and command are made of them."""

import copy
import inspect
import json
import pickle
import subprocess
import sys
from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import numpy as np
import pytest

from secondpass import CrossEncoderReranker, Embedder, InputError
from secondpass.options.call import RankOptions
from secondpass.options.model import EmbedderOptions, RerankerOptions

CALLS = ("rank", "rerank")


def test_they_load_no_numpy_and_no_engine():
    code = "import secondpass.options.call, secondpass.options.model, sys; print(*sys.modules)"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
    assert {"numpy", "openvino", "click"}.isdisjoint(printed.split())
    assert "secondpass.options.call" in printed


@pytest.mark.parametrize(
    ("function", "options"),
    [(CrossEncoderReranker, RerankerOptions), (Embedder, EmbedderOptions)],
    ids=["reranker", "embedder"],
)
def test_the_constructor_takes_each_option_with_its_default(function, options):
    parameters = inspect.signature(function).parameters
    assert {name: one.default for name, one in parameters.items()} == {
        one.name: one.default for one in fields(options)
    }


@pytest.mark.parametrize("name", CALLS)
def test_a_call_takes_each_option_with_its_default(name):
    parameters = inspect.signature(getattr(CrossEncoderReranker, name)).parameters
    for one in fields(RankOptions):
        assert parameters[one.name].default == one.default


def test_they_are_frozen_and_equal_where_the_values_are():
    assert RankOptions(top_k=np.int64(3)) == RankOptions(top_k=3)
    with pytest.raises(FrozenInstanceError):
        RankOptions().top_k = 5


@pytest.mark.parametrize(
    "name", ["max_length", "threads", "max_batch_tokens", "stride", "cache_bytes"]
)
def test_numpys_integers_are_integers_and_a_bool_is_not(name):
    others = {"long_documents": "max", "cache": "memory"}
    kept = getattr(
        RerankerOptions(**others, **{name: np.int64(70_000 if "_b" in name else 7)}), name
    )
    assert type(kept) is int
    with pytest.raises(InputError, match=f"{name} is True"):
        RerankerOptions(**others, **{name: True})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"max_lenght": 5}, "there is no option 'max_lenght', only model_name, max_length"),
        ({"threads": 1025}, "threads is 1025, expected at most 1024"),
        ({"model_name": ""}, "model_name is '', expected a hub name or a folder"),
        ({"local_files_only": 1}, "local_files_only is 1, expected True or False"),
        ({"activation": "swish"}, "activation is 'swish', expected one of sigmoid"),
        ({"threads": -(10**5000)}, "threads is a huge number, expected an integer"),
        ({"device": "x" * 1000}, None),
        ({"precision": "x" * 1000}, r"precision is 'x{70,80}\.\.\., expected one of"),
    ],
)
def test_a_value_that_is_not_usable_is_named_shortly(given, message):
    if message is None:
        assert RerankerOptions.from_dict(given).device
        return
    with pytest.raises(InputError, match=message) as raised:
        RerankerOptions.from_dict(given)
    assert len(str(raised.value)) < 500


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"cascade": ["a", "b"], "keep": 7},
        {"model_name": Path("some") / "model", "cache": "memory", "cache_bytes": 100_000},
        {"long_documents": "select", "select_tokens": 40, "precision": "fp32"},
    ],
)
def test_json_and_back(given):
    options = RerankerOptions.from_dict(given)
    assert RerankerOptions.from_dict(json.loads(json.dumps(options.to_dict()))) == options


def test_a_call_goes_to_json_and_back():
    options = RankOptions(top_k=None, fuse="weighted", budget_ms=5, effort="fast")
    assert RankOptions.from_dict(json.loads(json.dumps(options.to_dict()))) == options


def test_memory_as_a_path_is_a_folder_of_that_name():
    assert RerankerOptions(cache="memory").cache_place() == "memory"
    assert RerankerOptions(cache=Path("memory")).cache_place() == Path("memory")


@pytest.fixture
def options(parity):
    return RerankerOptions(
        model_name=str(parity / "bert"), max_length=64, precision="fp32", activation="tanh"
    )


@pytest.mark.parametrize("again", [lambda one: pickle.loads(pickle.dumps(one)), copy.deepcopy])
def test_a_pickled_or_copied_reranker_scores_the_same(options, again):
    reranker = CrossEncoderReranker.from_options(options)
    other = again(reranker)
    assert other is not reranker
    assert other.options == reranker.options == options
    pairs = [("csv", "read the rows"), ("csv", "")]
    np.testing.assert_array_equal(other.predict(pairs), reranker.predict(pairs))


def test_a_reranker_goes_to_a_dict_and_back(options):
    reranker = CrossEncoderReranker.from_options(options)
    assert CrossEncoderReranker.from_dict(reranker.to_dict()).options == options


def test_a_rerankers_repr_makes_it_again(options):
    shown = repr(CrossEncoderReranker.from_options(options))
    assert shown == (
        f"CrossEncoderReranker(model_name={options.model_name!r}, max_length=64, "
        "precision='fp32', activation='tanh')"
    )


def test_an_activation_may_be_given_with_a_call(tiny):
    logits = [hit.logit for hit in tiny.rank("csv", ["a row", "b"])]
    assert [hit.score for hit in tiny.rank("csv", ["a row", "b"], activation="identity")] == logits
    found = tiny.rerank("csv", [{"text": "a row"}], activation="sigmoid")
    assert found[0]["cross_encoder_score"] == pytest.approx(
        1 / (1 + np.exp(-tiny.rank("csv", ["a row"])[0].logit)), abs=1e-6
    )
    scores = tiny.score("csv", ["a row", "b"], activation="identity")
    assert scores.scores.tolist() == scores.logits.tolist()
