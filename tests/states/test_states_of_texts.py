"""Texts that bring their states score as texts that are read from the start."""

from __future__ import annotations

import json
import pickle
import shutil

import numpy as np
import pytest
from exit_models import with_exits
from safetensors.numpy import load_file, save_file

from secondpass import CrossEncoderReranker, InputError, ModelFileError
from secondpass.engine.contract import NO_EXIT
from secondpass.scoring.batches import pad_batch
from secondpass.scoring.passage import Passage, TextFeatures
from secondpass.states import codec

QUERY = "read the csv rows"
JOIN = 2
SCHEDULES = {
    "balanced": [[1, 0.5, 3], [2, 0.25, 3]],
    "fast": [[1, 0.1, 2]],
    "states": {"balanced": [[2, 0.5, 3]], "fast": [[2, 0.1, 2]]},
}


@pytest.fixture(scope="module")
def folder(late_join, tmp_path_factory):
    return with_exits(late_join, tmp_path_factory.mktemp("states") / "m", schedules=SCHEDULES)


@pytest.fixture(scope="module")
def load(tmp_path_factory):
    graphs = tmp_path_factory.mktemp("graphs")

    def load(folder, max_length=64, **options):
        return CrossEncoderReranker(
            folder,
            max_length,
            precision="fp32",
            cache_dir=graphs,
            threads=2,
            activation="identity",
            **options,
        )

    return load


@pytest.fixture(scope="module")
def reranker(folder, load):
    with load(folder) as reranker:
        yield reranker


def passages(reranker, texts, precision="float16", encoder=None):
    model = reranker.model
    columns = model.encode_texts(texts, precision)
    made_by = encoder or model.states_identity
    return [
        text if one is None else Passage(text, TextFeatures(states=one, encoder=made_by))
        for text, one in zip(texts, columns, strict=True)
    ]


def scored(reranker, texts, query=QUERY, **options):
    """Return logits and exits by position, and the timings."""
    scores = reranker.score(query, texts, **options)
    return scores.logits, scores.exit_layer, scores.timings


def test_float16_states_score_as_their_texts(reranker, documents):
    logits, exits, timings = scored(reranker, passages(reranker, documents))
    expected, _, read = scored(reranker, documents)
    np.testing.assert_allclose(logits, expected, atol=1e-2)
    assert (exits == NO_EXIT).all()
    fitting = int((np.array(reranker.score(QUERY, documents).dropped_tokens) == 0).sum())
    assert timings.from_states == fitting > 40
    assert read.from_states == 0


def test_int8_states_rank_as_their_texts(reranker, documents):
    """Of equal numbers of tokens: int8 moves a logit by a small part of their spread."""
    logits, _, _ = scored(reranker, passages(reranker, documents, "int8"))
    expected, _, _ = scored(reranker, documents)
    assert np.corrcoef(logits, expected)[0, 1] > 0.99


@pytest.mark.parametrize("effort", ["instant", "fast", "balanced", "full"])
def test_states_may_be_kept_by_any_number_of_texts(reranker, documents, effort):
    """Those without are encoded in the same call, and nothing else depends on it."""
    kept = passages(reranker, documents)
    mixed = [one if at % 3 else str(one) for at, one in enumerate(kept)]
    logits, exits, timings = scored(reranker, mixed, effort=effort)
    expected, exits_of_all, all_kept = scored(reranker, kept, effort=effort)
    np.testing.assert_allclose(logits, expected, atol=2e-2)
    assert 0 < timings.from_states < all_kept.from_states
    np.testing.assert_array_equal(exits, exits_of_all)


def test_instant_is_the_score_at_the_join(reranker, documents):
    """It is that of the exit there, which the graph itself computes."""
    expected = []
    model = reranker.model
    for text in documents:
        (sequence,) = model.prepare(QUERY, [text]).sequences
        pair = model.layout.join(sequence.query, sequence.text)
        batches = [pad_batch([pair], np.arange(1), len(pair.ids), 0)]
        staged = model.engine.exits.run(batches, (JOIN,), lambda _, logits: logits < -np.inf)
        expected += staged.logits.tolist()
    for texts in (documents, passages(reranker, documents)):
        logits, exits, timings = scored(reranker, texts, effort="instant")
        np.testing.assert_allclose(logits, expected, atol=5e-3)
        assert (exits == JOIN).all()
        assert timings.exited == len(documents)


@pytest.mark.parametrize(("effort", "going"), [("fast", 10), ("balanced", 50), ("instant", 0)])
def test_the_best_at_the_join_go_on(reranker, documents, effort, going):
    kept = passages(reranker, documents)
    logits, exits, _ = scored(reranker, kept, effort=effort)
    early, _, _ = scored(reranker, kept, effort="instant")
    full, _, _ = scored(reranker, kept)
    gone = np.flatnonzero(exits == NO_EXIT)
    assert len(gone) == going
    assert set(gone) == set(np.argsort(-early, kind="stable")[:going])
    np.testing.assert_allclose(logits[gone], full[gone], atol=1e-4)


def test_without_exits_of_its_own_the_states_use_the_exit_at_the_join(late_join, tmp_path, load):
    plain = with_exits(late_join, tmp_path / "m", schedules={"balanced": [[1, 0.9], [2, 0.2]]})
    reranker = load(plain)
    texts = passages(reranker, [f"row {'csv ' * at}" for at in range(60)])
    assert (scored(reranker, texts, effort="balanced")[1] == NO_EXIT).sum() == 12


def test_an_effort_without_an_exit_at_the_join_is_refused(late_join, tmp_path, load):
    reranker = load(with_exits(late_join, tmp_path / "m", schedules={"fast": [[1, 0.5]]}))
    reranker.rank(QUERY, ["a text"], effort="fast")
    with pytest.raises(InputError, match="no exit after the 2 layers below its join"):
        reranker.rank(QUERY, passages(reranker, ["a text"]), effort="fast")


@pytest.mark.parametrize("which", ["bert", "late-join without exits"])
def test_instant_needs_a_score_at_the_join(which, parity, late_join, load):
    reranker = load(parity / "bert" if which == "bert" else late_join)
    with pytest.raises(InputError, match=r"'instant'.*no late interaction"):
        reranker.rank(QUERY, ["a text"], effort="instant")


def test_a_model_that_reads_both_together_has_no_states(parity, load):
    reranker = load(parity / "bert")
    with pytest.raises(InputError, match="has no states to keep"):
        reranker.model.encode_texts(["a text"])


def test_several_requests_share_batches(reranker, documents):
    from secondpass.scorer import Request, score_requests

    kept = passages(reranker, documents[:30])
    requests = [Request("csv", kept[:7]), Request("the file and its rows", kept[7:30])]
    for effort in ("full", "balanced", "instant"):
        together = score_requests(reranker.model, requests, effort)
        for request, table in zip(requests, together, strict=True):
            alone, _, _ = scored(reranker, request.texts, request.query, effort=effort)
            np.testing.assert_allclose(table.logits, alone, atol=1e-3)


def test_a_text_that_is_too_long_has_no_states(reranker):
    room = 64 - reranker.model.layout.special_tokens - 1
    texts = ["a " * room, "a " * (room + 1), "a " * 5000, ""]
    columns = reranker.model.encode_texts(texts)
    assert [one is None for one in columns] == [False, True, True, False]


def test_a_text_that_is_cut_beside_a_long_query_is_read_from_the_start(reranker):
    texts = ["a " * 50, "a " * 20]
    query = "a b " * 10
    logits, _, timings = scored(reranker, passages(reranker, texts), query)
    expected, _, _ = scored(reranker, texts, query)
    assert timings.from_states == 1
    np.testing.assert_allclose(logits, expected, atol=1e-2)


@pytest.mark.parametrize("long_documents", ["first", "max", "mean-top-k", "select"])
def test_a_text_that_is_scored_in_parts_is_read_from_the_start(folder, load, long_documents):
    options = {"select_tokens": 20} if long_documents == "select" else {}
    reranker = load(folder, long_documents=long_documents, **options)
    texts = ["A csv file. " * 3, "The rows of a file. The csv of it. " * 5]
    whole = passages(reranker, texts)
    logits, _, timings = scored(reranker, whole, "the file " * 8)
    expected, _, _ = scored(reranker, texts, "the file " * 8)
    assert timings.from_states == 1
    np.testing.assert_allclose(logits, expected, atol=1e-2)


def changed(folder, out, name):
    shutil.copytree(folder, out)
    weights = load_file(out / "model.safetensors")
    weights[name] = weights[name] + np.float32(0.01)
    save_file(weights, out / "model.safetensors")
    return out


@pytest.mark.parametrize(
    ("name", "same"),
    [
        ("embeddings.word_embeddings.weight", False),
        ("encoder.layer.0.attention.self.query.weight", False),
        ("encoder.layer.1.output.LayerNorm.bias", False),
        ("early.projection.weight", False),
        ("early.gate.weight", True),
        ("early.weights", True),
        ("text_type", True),
        ("encoder.layer.2.attention.self.query.weight", True),
        ("classifier.out_proj.bias", True),
    ],
)
def test_an_identity_stands_for_all_at_or_below_the_join(
    folder, load, reranker, tmp_path, name, same
):
    other = load(changed(folder, tmp_path / "other", name))
    assert (other.model.states_identity == reranker.model.states_identity) is same
    kept = passages(reranker, ["a csv file"])
    assert scored(other, kept)[2].from_states == int(same)


@pytest.mark.parametrize(
    ("key", "value", "same"),
    [("layer_norm_eps", 1e-5, False), ("hidden_act", "relu", False), ("exits", {}, True)],
)
def test_settings_below_the_join_are_part_of_an_identity(
    folder, load, reranker, tmp_path, key, value, same
):
    shutil.copytree(folder, tmp_path / "other")
    file = tmp_path / "other" / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {key: value}))
    assert (load(file.parent).model.states_identity == reranker.model.states_identity) is same


def test_a_graph_that_was_read_from_the_cache_has_the_identity_of_the_built_one(folder, tmp_path):
    def identity():
        with CrossEncoderReranker(folder, 64, precision="fp32", cache_dir=tmp_path) as one:
            return one.model.states_identity

    assert identity() == identity()


def test_the_length_limit_is_not_part_of_an_identity(folder, load, reranker):
    """Whole texts are kept: a model that reads less uses those that fit."""
    short = load(folder, 32)
    kept = passages(reranker, ["a " * 50, "a"])
    assert scored(short, kept)[2].from_states == 1


@pytest.mark.parametrize("damaged", ["text", "encoder", "numbers"])
def test_states_of_another_text_are_not_used(reranker, damaged):
    (columns,) = reranker.model.encode_texts(["a csv file"])
    identity, text = reranker.model.states_identity, "a csv file"
    if damaged == "text":
        text = "a csv row"
    elif damaged == "encoder":
        identity = "another"
    else:
        columns = {**columns, codec.STATES_INT8: -columns[codec.STATES_INT8]}
    passage = Passage(text, TextFeatures(states=columns, encoder=identity))
    logits, _, timings = scored(reranker, [passage])
    assert timings.from_states == 0
    assert logits == scored(reranker, [text])[0]


def test_states_of_another_size_are_refused(reranker):
    """A digest does not show them: who wrote them wrote it too."""
    kept = codec.encode(np.ones((3, 5), np.float32), "int8", lambda states: np.ones(4))
    identity = reranker.model.states_identity
    columns = codec.to_columns(kept, "a csv file", identity)
    passage = Passage("a csv file", TextFeatures(states=columns, encoder=identity))
    with pytest.raises(InputError, match=r"'a csv file' are damaged: 15 numbers are not states"):
        reranker.rank(QUERY, [passage])


def test_a_passage_is_a_string_and_survives_copies(reranker):
    (passage,) = passages(reranker, ["a csv file"])
    assert passage == "a csv file"
    assert json.dumps(passage) == '"a csv file"'
    copied = pickle.loads(pickle.dumps(passage))
    assert type(copied) is Passage
    assert scored(reranker, [copied])[2].from_states == 1
    assert scored(reranker, [passage.strip()])[2].from_states == 0


def test_states_come_without_token_ids_or_with_them(reranker):
    text = "a csv file"
    (ids,) = reranker.model.encoder.encode([text])
    (columns,) = reranker.model.encode_texts([text])
    digest, identity = reranker.model.encoder.digest, reranker.model.states_identity
    for features, found in [
        (TextFeatures(ids, digest), 0),
        (TextFeatures(ids, digest, None, columns, identity), 1),
        (TextFeatures(states=columns, encoder=identity), 1),
    ]:
        logits, _, timings = scored(reranker, [Passage(text, features)])
        assert timings.from_states == found
        np.testing.assert_allclose(logits, scored(reranker, [text])[0], atol=0.2)


def test_states_that_no_float16_holds_are_refused(folder, load, tmp_path):
    shutil.copytree(folder, tmp_path / "huge")
    weights = load_file(tmp_path / "huge" / "model.safetensors")
    weights["encoder.layer.1.output.LayerNorm.weight"] *= np.float32(1e20)
    save_file(weights, tmp_path / "huge" / "model.safetensors")
    with pytest.raises(ModelFileError, match="states that cannot be kept"):
        load(tmp_path / "huge").model.encode_texts(["a csv file"])
