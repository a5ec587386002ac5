"""eval --states: candidates bring their states, each is encoded once, and memory is bounded."""

from __future__ import annotations

import numpy as np
import pytest
from small_collection import DOCUMENTS, QUERIES

from secondpass import CrossEncoderReranker, InputError
from secondpass.evaluation.with_states import WithStates
from secondpass.scoring.passage import Passage, TextFeatures
from secondpass.testing import FakeReranker

TEXTS = list(DOCUMENTS.values())


class Counting:
    """A reranker whose states take a megabyte a text; what it is given is written down."""

    def __init__(self):
        self._inner = FakeReranker()
        self.info = self._inner.info
        self.encoded, self.scored = [], []

    def passages(self, texts, precision="int8"):
        self.encoded += texts
        return [self._passage(text) for text in texts]

    def _passage(self, text):
        if text == "too long":
            return text
        states = {"states_int8": np.zeros(1 << 20, np.int8), "states_digest": np.zeros(1, np.int64)}
        return Passage(text, TextFeatures(states=states, encoder="counting"))

    def score(self, query, texts):
        self.scored.append(texts)
        return self._inner.score(query, texts)


def test_each_text_is_encoded_once_and_given_in_order():
    counting = Counting()
    scorer = WithStates(counting, "int8")
    given = [*TEXTS, "too long"]
    for query in QUERIES.values():
        scorer.score(query, given)
        scorer.score(query, given[::-1])
    assert counting.encoded == given
    assert counting.scored == [given, given[::-1]] * len(QUERIES)
    for texts in counting.scored:
        assert all(isinstance(text, Passage) == (text != "too long") for text in texts)
    assert scorer.info == counting.info


def test_a_text_that_comes_twice_is_encoded_once():
    counting = Counting()
    WithStates(counting, "int8").score("q", ["a", "b", "a"])
    assert counting.encoded == ["a", "b"]
    assert counting.scored == [["a", "b", "a"]]


@pytest.mark.parametrize("most", [0, 1 << 20, (2 << 20) + 100])
def test_what_does_not_fit_in_memory_is_encoded_again(most):
    counting = Counting()
    scorer = WithStates(counting, "int8", most)
    for _ in range(2):
        scorer.score("q", TEXTS)
    assert all(texts == TEXTS for texts in counting.scored)
    assert scorer._kept.currsize <= most
    assert len(counting.encoded) > len(TEXTS)


def test_the_embedded_model_scores_as_without_states():
    reranker = CrossEncoderReranker()
    scorer = WithStates(reranker, "float16")
    for query in QUERIES.values():
        plain, kept = reranker.score(query, TEXTS), scorer.score(query, TEXTS)
        assert np.abs(plain.logits - kept.logits).max() < 0.15
        assert np.argmax(plain.logits) == np.argmax(kept.logits)


def test_a_model_without_states_is_refused(tmp_path):
    with (
        CrossEncoderReranker("embedded/accurate") as reranker,
        pytest.raises(InputError, match="no states to keep"),
    ):
        WithStates(reranker, "int8").score("q", TEXTS)
