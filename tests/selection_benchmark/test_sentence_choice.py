"""Sentences chosen by hand: the order is the text's, and the budget is held."""

import numpy as np
import pytest

from benchmarks.selection.choice import selected_ids
from benchmarks.selection.nearness import by_bm25, by_idf, by_own_bm25, by_own_idf
from benchmarks.selection.sentences import Sentences, sentences_of
from secondpass.models.embedded import CROSS_ENCODER
from secondpass.models.folder import find_folder
from secondpass.models.spec import read_cross_encoder_spec
from secondpass.scoring.encode import load_tokenizer


@pytest.fixture(scope="module")
def cut():
    spec = read_cross_encoder_spec(find_folder(CROSS_ENCODER))
    tokenizer = load_tokenizer(spec.tokenizer_file)
    return lambda text: sentences_of(text, tokenizer.encode(text, add_special_tokens=False))


def made(*texts):
    lengths = [len(text.split()) for text in texts]
    bounds = np.cumsum([0, *lengths])
    return Sentences(tuple(texts), np.arange(sum(lengths), dtype=np.int32), bounds)


def test_without_a_word_of_the_query_it_is_truncation():
    text = made("one two three", "four five six", "seven eight")
    (merits,) = by_idf("nothing of this", [text])
    assert merits == [0, 0, 0]
    assert selected_ids(text, merits, 5).tolist() == [0, 1, 2, 3, 4]


def test_a_text_within_the_budget_is_read_whole():
    assert selected_ids(made("a b", "c d e"), [0, 1], 99).tolist() == [0, 1, 2, 3, 4]


def test_an_empty_text_has_nothing_to_read(cut):
    for empty in ("", " \n "):
        text = cut(empty)
        assert (text.texts, text.lengths) == ((), [])
        assert selected_ids(text, [], 9).tolist() == []


def test_idf_counts_a_rare_word_more_and_each_word_once():
    """Of two candidates both hold "tea" and one "oolong": idf log(1.2) and log(2)."""
    texts = [made("tea tea", "Oolong and tea"), made("more tea")]
    tea, oolong = np.log(1.2), np.log(2)
    found = by_idf("oolong tea", texts)
    assert found[0] == pytest.approx([tea, tea + oolong])
    assert found[1] == pytest.approx([tea])


def test_own_idf_counts_the_sentences_of_the_text_alone():
    """Of two sentences both hold "tea" and one "oolong", whatever the other candidates hold."""
    texts = [made("tea tea", "Oolong and tea"), made("oolong", "oolong"), made("nothing")]
    tea, oolong = np.log(1.2), np.log(2)
    assert by_own_idf("oolong tea", texts)[0] == pytest.approx([tea, tea + oolong])
    assert by_own_idf("oolong tea", texts[:1])[0] == pytest.approx([tea, tea + oolong])


def test_bm25_prefers_the_shorter_sentence_with_the_word():
    texts = [made("tea", "some tea among many other words", "nothing"), made("water")]
    (short, long, none), (other,) = by_bm25("tea", texts)
    assert short > long > none == other == 0
    assert by_bm25("the", texts) == [[0, 0, 0], [0]]
    assert by_own_bm25("tea", texts) == [*by_bm25("tea", texts[:1]), [0]]


def test_tokens_belong_to_their_sentence(cut):
    """ "one", "." and "two", "more", "words", "." in the vocabulary of BERT."""
    found = cut("One. Two more words.")
    assert found.texts == ("One. ", "Two more words.")
    assert found.lengths == [2, 4]
