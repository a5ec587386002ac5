"""Texts with compact states score as what the states stand for, by one model's directions."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from exit_models import with_exits
from safetensors.numpy import load_file, save_file

from secondpass import CrossEncoderReranker, InputError, ModelFileError
from secondpass.compiling.folder import copy_beside_graph
from secondpass.drop_in.saving import save
from secondpass.models.folder import find_folder
from secondpass.models.spec import DIRECTIONS_FILE, read_cross_encoder_spec
from secondpass.scoring.passage import Passage, TextFeatures
from secondpass.states.codec import STATES_FLOAT16, encode, from_columns, to_columns
from secondpass.states.compact import fitted, numpy_products

QUERY = "read the csv rows"
SCHEDULES = {
    "balanced": [[1, 0.5, 3]],
    "fast": [[1, 0.1, 2]],
    "states": {"balanced": [[2, 0.5, 3]], "fast": [[2, 0.1, 2]]},
}


@pytest.fixture(scope="module")
def load(tmp_path_factory):
    graphs = tmp_path_factory.mktemp("graphs")

    def load(folder):
        return CrossEncoderReranker(
            folder, 64, precision="fp32", cache_dir=graphs, threads=2, activation="identity"
        )

    return load


@pytest.fixture(scope="module")
def without(late_join, tmp_path_factory):
    return with_exits(late_join, tmp_path_factory.mktemp("states") / "m", schedules=SCHEDULES)


@pytest.fixture(scope="module")
def folder(without, load, documents, tmp_path_factory):
    """A model with directions, fitted to its own states."""
    folder = shutil.copytree(without, tmp_path_factory.mktemp("directions") / "m")
    with load(without) as reranker:
        states = [
            one[STATES_FLOAT16].reshape(-1, reranker.states_width).astype(np.float32)
            for one in reranker.encode_texts(documents, "float16")
            if one is not None
        ]
    write(folder, *fitted(np.concatenate(states)))
    return folder


def write(folder, mean, directions):
    save_file({"mean": mean, "directions": directions}, folder / DIRECTIONS_FILE)


@pytest.fixture(scope="module")
def reranker(folder, load):
    with load(folder) as reranker:
        yield reranker


def decoded(reranker, texts):
    """Return the texts with the states that their compact ones stand for, at float16."""
    parted, identity = reranker.model._states.parted, reranker.states_identity
    found = []
    for text, columns in zip(texts, reranker.encode_texts(texts, "compact"), strict=True):
        kept = from_columns(columns, parted.width, parted.directions)
        plain = encode(kept.states(numpy_products), "float16", parted.measure)
        features = TextFeatures(states=to_columns(plain, text, identity), encoder=identity)
        found.append(Passage(text, features))
    return found


def short(documents):
    return [one for one in documents if len(one.split()) < 20]


@pytest.mark.parametrize("effort", ["instant", "fast", "balanced", "full"])
def test_a_text_scores_as_the_states_that_its_codes_stand_for(reranker, documents, effort):
    texts = short(documents)
    found = reranker.score(QUERY, reranker.passages(texts, "compact"), effort=effort)
    expected = reranker.score(QUERY, decoded(reranker, texts), effort=effort)
    assert found.timings.from_states == len(texts) > 20
    assert np.corrcoef(found.logits, expected.logits)[0, 1] > 0.999
    same = found.exit_layer == expected.exit_layer
    assert same.mean() > 0.9
    np.testing.assert_allclose(found.logits[same], expected.logits[same], atol=5e-2)


@pytest.mark.parametrize("effort", ["instant", "full"])
def test_compact_states_stand_beside_others_in_a_call(reranker, documents, effort):
    texts = short(documents)[:12]
    kinds = [
        texts[:3],
        reranker.passages(texts[3:6], "compact"),
        reranker.passages(texts[6:9], "int8"),
        reranker.passages(texts[9:], "compact"),
    ]
    mixed = [text for kind in kinds for text in kind]
    scores = reranker.score(QUERY, mixed, effort=effort)
    assert scores.timings.from_states == 9
    alone = [reranker.score(QUERY, [text], effort=effort).logits[0] for text in mixed]
    np.testing.assert_allclose(scores.logits, alone, atol=2e-2)


def test_several_requests_share_their_batches(reranker, documents):
    texts = reranker.passages(short(documents)[:9], "compact")
    together = reranker.rank_many([QUERY, "the file"], [texts[:4], texts[4:]], None)
    for query, given, ranking in zip(
        [QUERY, "the file"], [texts[:4], texts[4:]], together, strict=True
    ):
        alone = {hit.text: hit.logit for hit in reranker.rank(query, given, None).hits}
        for hit in ranking.hits:
            assert hit.logit == pytest.approx(alone[hit.text], abs=2e-2)


@pytest.mark.parametrize("precision", ["compact", "int8"])
def test_other_directions_are_another_identity(folder, reranker, load, tmp_path, precision):
    other = shutil.copytree(folder, tmp_path / "m")
    tensors = load_file(other / DIRECTIONS_FILE)
    write(other, tensors["mean"], -tensors["directions"])
    kept = reranker.passages(["a csv file"], precision)
    with load(other) as changed:
        assert changed.states_identity != reranker.states_identity
        assert changed.score(QUERY, kept).timings.from_states == 0
    assert reranker.score(QUERY, kept).timings.from_states == 1


def test_a_model_without_directions_has_no_compact_states(without, load, reranker):
    (columns,) = reranker.encode_texts(["a csv file"], "compact")
    with load(without) as plain:
        for make in (plain.encode_texts, plain.passages):
            with pytest.raises(InputError, match=r"no directions\.safetensors.*\"int8\""):
                make(["a csv file"], "compact")
        identity = plain.states_identity
        forged = from_columns(columns, plain.states_width, reranker.model._states.parted.directions)
        states = to_columns(forged, "a csv file", identity)
        given = Passage("a csv file", TextFeatures(states=states, encoder=identity))
        assert plain.score(QUERY, [given]).timings.from_states == 0


@pytest.mark.parametrize("name", ["mean", "directions"])
@pytest.mark.parametrize("broken", ["fewer", "missing"])
def test_directions_of_another_shape_are_refused(folder, load, tmp_path, name, broken):
    other = shutil.copytree(folder, tmp_path / "m")
    tensors = load_file(other / DIRECTIONS_FILE)
    tensors[name] = tensors[name][:-1].copy()
    if broken == "missing":
        del tensors[name]
    save_file(tensors, other / DIRECTIONS_FILE)
    with load(other) as reranker, pytest.raises(ModelFileError, match=name):
        reranker.encode_texts(["a csv file"], "compact")


def test_directions_go_along_where_a_model_is_compiled_or_saved(folder, tmp_path):
    spec = read_cross_encoder_spec(find_folder(folder))
    (tmp_path / "compiled").mkdir()
    copy_beside_graph(spec, tmp_path / "compiled")
    save(spec, tmp_path / "saved", {})
    for copied in ("compiled", "saved"):
        assert (tmp_path / copied / DIRECTIONS_FILE).read_bytes() == (
            folder / DIRECTIONS_FILE
        ).read_bytes()
