"""The models that ship in the package: there, whole, and useful with no network."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import openvino as ov
import pytest
from margins import assert_same_order, reduced_precision_margin

from secondpass import CrossEncoderReranker, Embedder, InputError, UnsupportedModelError
from secondpass.models.digest import file_sha256, files_sha256
from secondpass.models.embedded import (
    ACCURATE,
    BI_ENCODER,
    CROSS_ENCODER,
    embedded_folder,
    embedded_names,
)
from secondpass.models.files import find_weights
from secondpass.models.spec import DIRECTIONS_FILE
from secondpass.scoring.batches import pad_batch

# The folder of `make build/...` that holds the cross-encoder at fp32.
CROSS_ENCODER_SOURCE = "cross-encoder"

QUERY = "how do I read a csv file"
TEXTS = [
    "Bananas are yellow and grow in bunches.",
    "The csv module implements classes to read and write tabular data in CSV format.",
    "A lock is in one of two states, locked or unlocked.",
    "Return the sine of x radians.",
]


@pytest.fixture(scope="module")
def reranker():
    return CrossEncoderReranker()


@pytest.mark.parametrize("name", [CROSS_ENCODER, ACCURATE, BI_ENCODER])
def test_each_ships_with_its_card_licence_and_source(name):
    folder = embedded_folder(name)
    assert name in embedded_names()
    for file in ("openvino_model.xml", "config.json", "tokenizer.json", "CARD.md", "LICENSE"):
        assert (folder / file).stat().st_size > 0
    source = json.loads((folder / "source.json").read_text())
    assert source["precision"] == "int8"
    assert len(source["weights_sha256"]) == 64
    assert (folder / "openvino_model.bin").stat().st_size < 36e6


def test_the_directions_of_compact_states_are_those_of_the_recipe():
    shipped = embedded_folder(CROSS_ENCODER) / DIRECTIONS_FILE
    assert shipped.stat().st_size < 300_000
    recipe = Path(__file__).parents[1] / "recipes" / "embedded" / DIRECTIONS_FILE
    assert recipe.read_bytes() == shipped.read_bytes()


def test_compact_states_of_the_embedded_model_rank_nearly_as_int8(reranker):
    texts = [f"{text} {word}" for text in TEXTS for word in ("wool", "a file", "of numbers")]
    kept = {
        precision: reranker.score(QUERY, reranker.passages(texts, precision), effort="instant")
        for precision in ("int8", "compact")
    }
    assert all(one.timings.from_states == len(texts) for one in kept.values())
    assert np.corrcoef(kept["int8"].logits, kept["compact"].logits)[0, 1] > 0.95


def test_a_query_is_embedded_with_the_prompt_of_bge():
    embedder = Embedder()
    prompt = "Represent this sentence for searching relevant passages: "
    assert embedder.prompts.query == prompt
    by_hand = embedder.embed([prompt + QUERY])
    np.testing.assert_allclose(embedder.embed_queries([QUERY]), by_hand, atol=1e-5)
    assert not np.allclose(embedder.embed([QUERY]), by_hand, atol=1e-2)


@pytest.mark.parametrize("name", [CROSS_ENCODER, ACCURATE])
def test_a_cross_encoder_is_not_taken_for_an_embedder(name):
    with pytest.raises(UnsupportedModelError, match="is a cross-encoder"):
        Embedder(name)


def test_a_budget_longer_than_any_timer_is_no_limit(reranker):
    assert len(reranker.score(QUERY, TEXTS, budget_ms=1e300).logits) == len(TEXTS)


@pytest.mark.parametrize("given", [None, [], "max_length"])
def test_options_that_are_not_a_mapping_are_refused(given):
    with pytest.raises(InputError, match="expected a mapping"):
        CrossEncoderReranker.from_dict(given)


def test_the_accurate_cross_encoder_gives_what_its_original_card_prints():
    """Of the pairs on its card, the first is answered and the second is not; a sigmoid of both."""
    query = "How many people live in Berlin?"
    texts = [
        "Berlin had a population of 3,520,031 registered inhabitants in an area of 891.82 square "
        "kilometers.",
        "Berlin is well known for its museums.",
    ]
    first, second = CrossEncoderReranker(ACCURATE, activation="identity").score(query, texts).logits
    # 9.1 and -4.5 before int8, which moves the second by 0.6 where the rest computes in float32.
    assert first == pytest.approx(9.1, abs=1.5)
    assert second == pytest.approx(-4.5, abs=1.5)


def test_the_calibration_text_is_the_one_they_were_made_with():
    from secondpass.graph.quantize import CALIBRATION_FILE, CALIBRATION_VERSION

    for name in embedded_names():
        source = json.loads((embedded_folder(name) / "source.json").read_text())
        assert source["calibration_sha256"] == file_sha256(CALIBRATION_FILE)
        assert source["calibration_version"] == CALIBRATION_VERSION


@pytest.mark.parametrize("name", [CROSS_ENCODER, ACCURATE, BI_ENCODER])
def test_only_matrix_products_are_rounded(name):
    graph = ov.Core().read_model(embedded_folder(name) / "openvino_model.xml")
    rounded = [node for node in graph.get_ops() if node.get_type_name() == "FakeQuantize"]
    assert len(rounded) > 20
    readers = [port.get_node() for node in rounded for port in node.output(0).get_target_inputs()]
    # The sum that a unit vector is made of grows with the text, past any scale it was measured on.
    assert {node.get_type_name() for node in readers} == {"MatMul"}


def test_both_find_the_right_text(reranker):
    assert reranker.rank(QUERY, TEXTS)[0].index == 1
    vectors = Embedder().embed([QUERY, *TEXTS])
    assert vectors.shape == (5, 384)
    assert int((vectors[1:] @ vectors[0]).argmax()) == 1
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3)


def test_the_top_ten_at_int8_do_not_depend_on_who_shares_the_batch(reranker):
    words = [
        "read",
        "write",
        "csv",
        "file",
        "row",
        "column",
        "date",
        "lock",
        "thread",
        "yellow",
        "banana",
        "sine",
        "radians",
    ]
    texts = [
        " ".join(words[(at * 5 + step) % len(words)] for step in range(3 + at)) for at in range(100)
    ]
    together = reranker.rank(QUERY, texts, top_k=10)
    alone = np.array([reranker.predict([(QUERY, text)])[0] for text in texts])
    scores = dict(enumerate(alone.tolist()))
    assert_same_order([hit.index for hit in together], scores, reduced_precision_margin(scores))


@pytest.mark.parametrize(
    ("effort", "left_after"),
    [
        ("full", {None: 40}),
        ("balanced", {None: 10, 4: 6, 2: 4, 0: 20}),
        ("fast", {None: 10, 0: 28, 2: 2}),
    ],
)
def test_the_first_exit_is_from_the_embeddings_and_is_told_from_none(reranker, effort, left_after):
    """The schedules keep 50, 40 and 20 percent of 40 texts, or 30, 20 and 10, at least ten."""
    texts = [f"{text} Number {number}." for number in range(10) for text in TEXTS]
    ranking = reranker.rank(QUERY, texts, None, effort=effort)
    assert Counter(hit.exit_layer for hit in ranking) == left_after
    assert ranking.timings.exited == 40 - left_after[None]
    depths = [6 if hit.exit_layer is None else hit.exit_layer for hit in ranking]
    assert depths == sorted(depths, reverse=True)


def test_int8_keeps_the_order_of_fp32(reranker):
    """Against the weights it was compiled from, which `make quality` puts together."""
    source = Path(__file__).parent.parent / "build" / CROSS_ENCODER_SOURCE
    expected = json.loads((embedded_folder(CROSS_ENCODER) / "source.json").read_text())
    if not source.is_dir():
        pytest.skip(f"{source} is not here: make build/{CROSS_ENCODER_SOURCE}")
    assert file_sha256(source / "model.safetensors") == expected["weights_sha256"]
    original = CrossEncoderReranker(source, precision="fp32")
    pairs = [(QUERY, text) for text in TEXTS]
    np.testing.assert_allclose(reranker.predict(pairs), original.predict(pairs), atol=0.1)
    scores = dict(enumerate(original.predict(pairs).tolist()))
    order = [hit.index for hit in reranker.rank(QUERY, TEXTS)]
    assert_same_order(order, scores, reduced_precision_margin(scores))


def test_the_bi_encoder_says_what_it_is():
    embedder = Embedder(threads=1)
    folder = embedded_folder(BI_ENCODER)
    info = embedder.info
    assert (info.name, info.revision) == (BI_ENCODER, None)
    assert info.weights_sha256 == files_sha256(find_weights(folder).files)
    assert info.tokenizer_sha256 == file_sha256(folder / "tokenizer.json")
    assert (info.precision, info.activation, info.threads) == ("int8", "none", 1)
    assert info.max_length == embedder.max_length


@pytest.mark.parametrize("max_length", [0, False, 513, "256"])
def test_the_embedders_length_is_checked_too(max_length):
    with pytest.raises(InputError, match="max_length"):
        Embedder(max_length=max_length)


@pytest.mark.parametrize("effort", ["instant", "fast", "balanced", "full"])
@pytest.mark.parametrize("precision", ["int8", "float16"])
def test_the_shipped_model_finds_the_answer_from_states(reranker, effort, precision):
    passages = reranker.passages(TEXTS, precision)
    ranking = reranker.rank(QUERY, passages, effort=effort)
    assert ranking.timings.from_states == len(TEXTS)
    assert ranking[0].text == TEXTS[1]
    assert ranking[0].score > 2 * ranking[1].score


def test_the_shipped_graphs_score_at_the_join_is_computed_from_states(reranker):
    """Beside the one that its stages compute: texts far apart keep their order and distance."""
    model = reranker.model
    layer = model.engine.join.layer
    expected = []
    for text in TEXTS:
        (sequence,) = model.prepare(QUERY, [text]).sequences
        pair = model.layout.join(sequence.query, sequence.text)
        batch = pad_batch([pair], np.arange(1), len(pair.ids), 0)
        expected += model.engine.exits.run(
            [batch], (layer,), lambda _, all_: all_ < -9e9
        ).logits.tolist()
    found = reranker.score(QUERY, reranker.passages(TEXTS), effort="instant").logits
    np.testing.assert_array_equal(np.argsort(found)[-1:], np.argsort(expected)[-1:])
    np.testing.assert_allclose(found, expected, atol=0.25 * np.ptp(expected))
