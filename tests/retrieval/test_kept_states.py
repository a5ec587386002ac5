"""An index keeps states of its texts, in step with them, and of one model only."""

from __future__ import annotations

import copy
import os
import pickle
import random
import signal
import subprocess
import sys
import time
import warnings
from collections import deque
from contextlib import ExitStack
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

pytest.importorskip("lancedb")

from fake_embedder import FakeEmbedder
from fake_states import FakeEncoder

import secondpass
from secondpass.errors import IndexFileError, InputError
from secondpass.retrieval.contract import Features
from secondpass.retrieval.index import Index, store_identity
from secondpass.retrieval.states import StateColumns
from secondpass.retrieval.stores.contract import FeatureIdentity, FeatureRows
from secondpass.retrieval.stores.memory import MemoryStore
from secondpass.scoring.passage import Passage
from secondpass.scoring.tokenized import TokenizedText
from secondpass.states.codec import STATE_COLUMNS, STATE_PRECISIONS, from_columns
from secondpass.types import Document

TEXTS = {"a": "a csv file", "b": "", "c": "word " * 21, "d": "é 漢字 🙂 a date"}
TOO_LONG = "c"


def documents(texts=TEXTS):
    return [Document(id_, text) for id_, text in texts.items()]


def in_folder(folder, **given):
    return Index.create(folder / "index", FakeEmbedder(), **given)


def in_memory(folder, *, states=None, encoder=None):
    embedder = FakeEmbedder()
    columns = None if states is None else StateColumns(encoder, states)
    return Index(MemoryStore(store_identity(embedder, columns)), embedder, encoder=encoder)


def in_database(address, **given):
    return Index.create(address, FakeEmbedder(), **given)


@pytest.fixture(params=[in_folder, in_memory, in_database])
def made(request, tmp_path):
    if request.param is in_database:
        address = request.getfixturevalue("postgres_address")
        return lambda **given: in_database(address, **given)
    return lambda **given: request.param(tmp_path, **given)


def found(index):
    """Return each text as a search gives it, by id; asked twice, the second is from memory."""
    index.search("x", limit=1000)
    return {one.id: one.text for one in index.search("x", limit=1000)}


def check_states(index, encoder, texts=TEXTS, precision="int8"):
    """Check that every text that is not too long has the states that the encoder makes of it."""
    texts_found = found(index)
    assert texts_found == texts
    for id_, text in texts_found.items():
        (expected,) = encoder.encode_texts([str(text)], precision)
        kept = (
            text.states_of(encoder.states_identity, encoder.states_width)
            if (isinstance(text, Passage))
            else None
        )
        assert (kept is None) == (expected is None), id_
        if expected is not None:
            assert set(kept) == set(STATE_COLUMNS[precision])
            for name, column in expected.items():
                np.testing.assert_array_equal(kept[name], column)
                assert kept[name].dtype == column.dtype


@pytest.mark.parametrize("precision", STATE_PRECISIONS)
def test_what_is_found_brings_the_states_of_its_text(made, precision):
    encoder = FakeEncoder()
    index = made(states=precision, encoder=encoder)
    assert index.states == precision
    index.add(documents(), batch_size=2)
    assert encoder.given == list(TEXTS.values())
    check_states(index, encoder, precision=precision)


def test_an_index_without_states_gives_plain_texts(made):
    encoder = FakeEncoder()
    index = made(encoder=encoder)
    index.add(documents())
    assert index.states is None
    assert not encoder.given
    assert not any(isinstance(text, Passage) for text in found(index).values())


def test_states_are_added_without_a_second_embedding(made):
    encoder = FakeEncoder()
    index = made(encoder=encoder)
    index.add(documents())
    index._embedder.batch_sizes.clear()
    assert index.add_states("int8") == len(TEXTS)
    assert index._embedder.batch_sizes == []
    assert sorted(encoder.given) == sorted(TEXTS.values())
    check_states(index, encoder)


def test_what_has_states_is_not_encoded_again(made):
    encoder = FakeEncoder()
    index = made(states="int8", encoder=encoder)
    index.add(documents())
    encoder.given.clear()
    assert index.add_states("int8") == 0
    assert encoder.given == []


def test_states_keep_step_with_what_is_changed_added_and_deleted(made):
    encoder = FakeEncoder()
    index = made(states="int8", encoder=encoder)
    index.add(documents())
    index.add([Document("a", "another text"), Document("e", "e")], replace=True)
    index.delete(["d"])
    texts = {**TEXTS, "a": "another text", "e": "e"}
    del texts["d"]
    check_states(index, encoder, texts)
    index.add([Document("c", "short by now")], replace=True)
    check_states(index, encoder, {**texts, "c": "short by now"})


@pytest.mark.parametrize("other", ["float16", "compact"])
@pytest.mark.parametrize("turned", [False, True])
def test_another_precision_takes_the_place_of_the_first(made, other, turned):
    encoder = FakeEncoder()
    first, second = (other, "int8") if turned else ("int8", other)
    index = made(states=first, encoder=encoder)
    index.add(documents())
    assert index.add_states(second) == len(TEXTS)
    assert index.states == second
    check_states(index, encoder, precision=second)


@pytest.mark.parametrize("other", [FakeEncoder("another"), FakeEncoder(width=6)])
def test_states_of_another_model_are_never_met_and_encoded_anew(made, other):
    first = FakeEncoder()
    index = made(states="int8", encoder=first)
    index.add(documents())
    opened = Index(index._store, FakeEmbedder(), encoder=other)
    assert opened.has_states_of(first)
    assert opened.has_states_of(other) == (
        other.states_identity == first.states_identity and other.states_width == first.states_width
    )
    with pytest.warns(UserWarning, match=r"another model.*add_states\('int8'\)"):
        opened.add([Document("e", "e")])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        opened.add([Document("f", "f")])  # said once
    texts = found(opened)
    assert not isinstance(texts["e"], Passage)
    if other.states_identity != first.states_identity:
        assert texts["a"].states_of(other.states_identity, other.states_width) is None
    assert opened.add_states("int8") == len(TEXTS) + 2
    check_states(opened, other, {**TEXTS, "e": "e", "f": "f"})


def test_the_encoder_is_given_the_token_ids_that_the_embedder_made(made):
    class Tokenizing(FakeEmbedder):
        feature_identities: ClassVar = {"token_ids": FeatureIdentity("t" * 64, 1000)}

        def features(self, texts, *, progress=None):
            ids = [np.arange(len(text), dtype=np.int32) for text in texts]
            return Features(self.embed(texts), {"token_ids": ids})

    encoder = FakeEncoder()
    embedder = Tokenizing()
    store = MemoryStore(store_identity(embedder, StateColumns(encoder, "int8")))
    index = Index(store, embedder, encoder=encoder)
    index.add(documents())
    for text in encoder.given:
        assert isinstance(text, TokenizedText)
        assert (len(text.ids), text.tokenizer) == (len(text), "t" * 64)
    passage = found(index)["a"]
    assert passage.ids.tolist() == list(range(len("a csv file")))
    assert passage.ids_are_its_own
    check_states(index, encoder)


@pytest.mark.parametrize("states", ["int4", "", 8, True, "INT8", ["int8"]])
def test_what_is_no_way_to_keep_states_is_refused(tmp_path, states):
    index = in_folder(tmp_path, encoder=FakeEncoder())
    with pytest.raises(InputError, match="expected one of int8, float16"):
        index.add_states(states)
    with pytest.raises(InputError, match="expected one of int8, float16"):
        Index.create(tmp_path / "other", FakeEmbedder(), states=states)
    assert not (tmp_path / "other").exists()


def test_an_index_that_is_there_is_opened_if_it_keeps_what_is_asked_for(tmp_path):
    encoder = FakeEncoder()
    in_folder(tmp_path, states="int8", encoder=encoder)
    assert in_folder(tmp_path, exist_ok=True, encoder=encoder).states == "int8"
    assert in_folder(tmp_path, exist_ok=True, states="int8", encoder=encoder).states == "int8"
    with pytest.raises(InputError, match=r"keeps int8 states, not float16.*add_states"):
        in_folder(tmp_path, exist_ok=True, states="float16", encoder=encoder)


@pytest.mark.parametrize(
    "damage",
    [
        {"states_int8": np.ones(7, np.int8)},
        {"state_scales": np.ones(2, np.float16)},
        {"state_lengths": None},
        {"states_digest": np.ones(2, np.int64)},
        {"states_int8": None},
    ],
)
def test_states_that_are_damaged_name_the_index_and_the_document(made, damage):
    encoder = FakeEncoder()
    index = made(states="int8", encoder=encoder)
    index.add([Document("a", TEXTS["a"])])
    digest = index.stored()["a"].digest
    index._store.fill(FeatureRows(["a"], [digest], {name: [one] for name, one in damage.items()}))
    with pytest.raises(IndexFileError, match=r"the states of document 'a' are damaged"):
        index.search("x")


@pytest.mark.parametrize("damaged", ["states_int8", "state_scales", "state_lengths"])
def test_states_that_belong_to_other_numbers_are_not_used(made, damaged):
    encoder = FakeEncoder()
    index = made(states="int8", encoder=encoder)
    index.add([Document("a", TEXTS["a"])])
    (columns,) = encoder.encode_texts([TEXTS["a"]])
    changed = columns[damaged].copy()
    changed[0] += 1
    digest = index.stored()["a"].digest
    index._store.fill(FeatureRows(["a"], [digest], {damaged: [changed]}))
    text = found(index)["a"]
    assert text == TEXTS["a"]
    assert text.states_of(encoder.states_identity, encoder.states_width) is None


def test_a_text_that_is_changed_while_states_are_made_gets_those_of_its_new_text(made):
    class Changing(FakeEncoder):
        index = None

        def encode_texts(self, texts, precision="int8"):
            made = super().encode_texts(texts, precision)
            if self.index is not None:
                index, self.index = self.index, None
                index.add([Document("a", "changed meanwhile")], replace=True)
                index.delete(["d"])
            return made

    encoder = Changing()
    index = made(encoder=encoder)
    index.add(documents())
    encoder.index = index
    index.add_states("int8")
    texts = {**TEXTS, "a": "changed meanwhile"}
    del texts["d"]
    check_states(index, encoder, texts)


def beside(index, encoder):
    """Return the index as another writer has it."""
    if index.directory is None:
        return Index(index._store, index._embedder, encoder=encoder)
    return Index.open(index.directory, FakeEmbedder(), encoder=encoder)


@pytest.mark.filterwarnings("ignore:the states in index")
@pytest.mark.parametrize("precision", ["int8", "float16"])
@pytest.mark.parametrize("name", ["model", "another model"])
def test_another_writer_may_change_the_states_while_texts_are_added(made, name, precision):
    encoder, other = FakeEncoder("model"), FakeEncoder(name)
    index = made(states="int8", encoder=encoder)

    def adding():
        yield from documents()[:2]
        beside(index, other).add_states(precision)
        yield from documents()[2:]

    index.add(adding(), batch_size=2)
    assert found(index) == TEXTS
    beside(index, other).add_states(precision)
    check_states(index, other, precision=precision)


@pytest.mark.parametrize(("name", "precision"), [("model", "float16"), ("another model", "int8")])
def test_of_two_writers_that_make_states_the_later_wins(made, name, precision):
    other = FakeEncoder(name)

    class Beside(FakeEncoder):
        begun = False

        def encode_texts(self, texts, precision_here="int8"):
            if not self.begun:
                self.begun = True
                beside(index, other).add_states(precision)
            return super().encode_texts(texts, precision_here)

    index = made(encoder=Beside("model"))
    index.add(documents())
    with pytest.raises(IndexFileError, match="another writer"):
        index.add_states("int8")
    check_states(index, other, precision=precision)


def test_an_index_in_another_process_and_a_copy_make_the_same_states(tmp_path):
    encoder = FakeEncoder()
    index = in_folder(tmp_path, states="int8", encoder=encoder)
    for other in (pickle.loads(pickle.dumps(index)), copy.deepcopy(index)):
        other.add(documents(), replace=True)
        check_states(other, encoder)


def test_states_can_be_read_as_numbers(made):
    encoder = FakeEncoder()
    index = made(states="float16", encoder=encoder)
    index.add([Document("a", "two words")])
    columns = found(index)["a"].states_of(encoder.states_identity, 4)
    assert from_columns(columns, 4).states(np.inner).shape == (2, 4)


KILLED = """
import sys
from fake_embedder import FakeEmbedder
from fake_states import FakeEncoder
from secondpass.retrieval import blocks, states
from secondpass.retrieval.index import Index
from secondpass.types import Document

states.BLOCK_SECONDS = 0.0  # a commit a batch
states.BATCH = 16
folder = sys.argv[1]
if not sys.stdin.readline():
    sys.exit()
index = Index.open(folder, FakeEmbedder(), encoder=FakeEncoder(sys.argv[2]))
print("begun", flush=True)
for turn in range(1000):
    index.add_states(("int8", "float16")[turn % 2])
    changed = [Document(f"{at}", f"text {at} of turn {turn}") for at in range(turn % 7, 200, 7)]
    index.add(changed, replace=True)
    index.delete([f"{turn % 200}"])
    index.add([Document(f"{turn % 200}", f"text {turn % 200} again")], replace=True)
"""


def started(code, count, *arguments):
    """Yield processes one after another, each of which waits for a line; two import meanwhile."""
    path = [*map(str, Path(__file__).parents[:2]), str(Path(secondpass.__file__).parents[1])]
    ahead = deque()
    with ExitStack() as stack:
        for number in range(count):
            while len(ahead) < min(3, count - number):
                one = subprocess.Popen(
                    [sys.executable, "-c", code, *arguments],
                    env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                )
                ahead.append(stack.enter_context(one))
            yield ahead.popleft()


@pytest.mark.timeout(900)
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_process_that_is_killed_at_any_moment_leaves_the_index_whole(tmp_path):
    encoder = FakeEncoder("model")
    index = in_folder(tmp_path, encoder=encoder)
    index.add([Document(f"{at}", f"text {at}") for at in range(200)])
    moments = random.Random(16)
    for writer in started(KILLED, 20, str(index.folder), "model"):
        writer.stdin.write(b"begin\n")
        writer.stdin.flush()
        assert writer.stdout.readline() == b"begun\n"
        time.sleep(moments.uniform(0, 0.6))
        writer.kill()
        writer.wait()
        opened = Index.open(index.folder, FakeEmbedder(), encoder=encoder)
        texts = {one.id: one.text for one in opened.documents()}
        assert len(texts) == len(opened) in (199, 200)
        for id_, text in found(opened).items():
            assert text == texts[id_]
            if isinstance(text, Passage):
                assert text.states_of(encoder.states_identity, encoder.states_width) is not None
        # What one left out, as it was killed before it put it back, the next may not get to.
        gone = {str(at) for at in range(200)} - set(texts)
        opened.add([Document(id_, f"text {id_}") for id_ in gone])
    opened.add_states("int8")
    check_states(opened, encoder, {one.id: one.text for one in opened.documents()})
