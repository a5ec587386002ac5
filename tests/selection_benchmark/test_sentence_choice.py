"""Sentences chosen by hand: the order is the text's, and the budget is held."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.selection.choice import selected_ids
from benchmarks.selection.nearness import by_bm25, by_idf, by_own_idf
from benchmarks.selection.sentences import Sentences, sentences_of
from secondpass.models.embedded import CROSS_ENCODER
from secondpass.models.folder import find_folder
from secondpass.models.spec import read_cross_encoder_spec
from secondpass.scoring.choice import chosen
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


def test_the_best_are_read_in_the_order_of_the_text():
    assert chosen([3, 3, 3, 3], [0.1, 0.9, 0.0, 0.8], 6) == [(1, 3), (3, 3)]


def test_the_last_that_is_chosen_is_cut_to_what_is_left():
    assert chosen([3, 3, 3], [1, 3, 2], 8) == [(0, 2), (1, 3), (2, 3)]


def test_a_sentence_longer_than_the_budget_gives_its_beginning():
    assert chosen([5, 40, 5], [0, 1, 0], 16) == [(1, 16)]


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


@given(
    st.lists(st.tuples(st.integers(0, 30), st.floats(0, 9)), max_size=12),
    st.integers(1, 100),
)
def test_a_choice_reads_as_much_as_truncation(sentences, budget):
    lengths = [length for length, _ in sentences]
    found = chosen(lengths, [merit for _, merit in sentences], budget)
    assert sum(tokens for _, tokens in found) == min(budget, sum(lengths))
    assert [at for at, _ in found] == sorted({at for at, _ in found})
    assert all(0 < tokens <= lengths[at] for at, tokens in found)


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


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One. Two! Three?", ["One. ", "Two! ", "Three?"]),
        ("See e.g. this one. Then 3.5 of it.", ["See e.g. this one. ", "Then 3.5 of it."]),
        (
            "a wing in a slipstream . an experiment .",
            ["a wing in a slipstream . ", "an experiment ."],
        ),
        ('He said "no." Ärger folgt.', ['He said "no." ', "Ärger folgt."]),
        ("茶很好。水也好！", ["茶很好。", "水也好！"]),
        ("a title\n\nthe text", ["a title\n\n", "the text"]),
    ],
)
def test_sentences(cut, text, sentences):
    found = cut(text)
    assert list(found.texts) == sentences
    assert sum(found.lengths) == len(found.ids)


def test_tokens_belong_to_their_sentence(cut):
    """ "one", "." and "two", "more", "words", "." in the vocabulary of BERT."""
    assert cut("One. Two more words.").lengths == [2, 4]
