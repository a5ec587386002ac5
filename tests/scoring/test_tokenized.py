"""Texts that bring their ids score as texts that do not."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from secondpass import InputError
from secondpass.models.embedded import BI_ENCODER, CROSS_ENCODER, embedded_folder
from secondpass.models.tokenizer import load_tokenizer
from secondpass.scoring.encode import TextEncoder
from secondpass.scoring.tokenized import TokenizedText, tokenizer_digest

PARITY = Path(__file__).parent.parent / "parity"


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return load_tokenizer(PARITY / "bert" / "tokenizer.json")


@pytest.fixture(scope="module")
def encoder(tokenizer: Tokenizer) -> TextEncoder:
    return TextEncoder(tokenizer, 1)


def test_brought_ids_are_taken_as_they_are(encoder):
    """Ids that the tokenizer would never make of this text show that it was not asked."""
    texts = ["plain", TokenizedText("text", np.array([9, 8, 7], np.int32), encoder.digest), "file"]
    encoded = encoder.encode(texts)
    assert encoded[1].tolist() == [9, 8, 7]
    assert encoded[1].dtype == np.int32
    assert [ids.tolist() for ids in (encoded[0], encoded[2])] == [
        ids.tolist() for ids in encoder.encode(["plain", "file"])
    ]
    # One more than the most shows that it is too long.
    assert encoder.encode(texts, 1)[1].tolist() == [9, 8]


def test_ids_of_another_tokenizer_are_not_taken(encoder):
    text = TokenizedText("csv file", np.array([9, 8, 7], np.int32), "another")
    assert encoder.encode([text])[0].tolist() == encoder.encode(["csv file"])[0].tolist()


@pytest.mark.parametrize(("ids", "named"), [([5, -1], "-1"), ([70_000, 5], "70000")])
def test_ids_beyond_the_vocabulary_are_refused(encoder, ids, named):
    text = TokenizedText("a text", np.array(ids, np.int32), encoder.digest)
    with pytest.raises(InputError, match=f"'a text' brings the token id {named}.*vocabulary has"):
        encoder.encode([text])


def test_a_text_without_tokens_is_legal(encoder):
    (ids,) = encoder.encode([TokenizedText("", np.empty(0, np.int32), encoder.digest)])
    assert ids.tolist() == []


def test_the_last_id_of_the_vocabulary_is_legal(encoder, tokenizer):
    last = max(tokenizer.get_vocab().values())
    (ids,) = encoder.encode([TokenizedText("a", np.array([last], np.int32), encoder.digest)])
    assert ids.tolist() == [last]


def test_it_is_a_string_and_survives_copies():
    text = TokenizedText("csv", np.array([1, 2], np.int32), "digest")
    assert text == "csv"
    assert hash(text) == hash("csv")
    assert json.dumps(text) == '"csv"'
    for other in (copy.deepcopy(text), pickle.loads(pickle.dumps(text))):
        assert (other, other.tokenizer, other.ids.tolist()) == ("csv", "digest", [1, 2])


def test_the_embedded_pair_has_one_digest_and_two_files():
    files = [embedded_folder(name) / "tokenizer.json" for name in (BI_ENCODER, CROSS_ENCODER)]
    assert files[0].read_bytes() != files[1].read_bytes()
    first, second = (tokenizer_digest(load_tokenizer(file)) for file in files)
    assert first == second


def test_a_digest_tells_what_changes_ids(tokenizer):
    def changed(change, special_tokens_are_text=True):
        described = json.loads(tokenizer.to_str())
        change(described)
        other = Tokenizer.from_str(json.dumps(described))
        other.encode_special_tokens = special_tokens_are_text
        return tokenizer_digest(other)

    def lower(described):
        described["normalizer"]["lowercase"] = not described["normalizer"]["lowercase"]

    def swap(described):
        vocabulary = described["model"]["vocab"]
        first, second = [token for token in vocabulary if token.isalpha()][:2]
        vocabulary[first], vocabulary[second] = vocabulary[second], vocabulary[first]

    def add(described):
        token = described["added_tokens"][0] | {"id": 5000, "content": "[NEW]"}
        described["added_tokens"].append(token)

    own = tokenizer_digest(tokenizer)
    assert own == changed(lambda described: None)
    assert own == changed(lambda described: described.update(post_processor=None))
    assert own not in {changed(lower), changed(swap), changed(add)}
    assert own != changed(lambda described: None, special_tokens_are_text=False)
