"""Which sentences are read: by hand, and what holds of any text."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers

from secondpass.models.tokenizer import load_tokenizer
from secondpass.scoring.select.choice import choose, chosen, token_bounds
from secondpass.scoring.select.nearness import nearness, words_of


def read(query, text, budget):
    """Return what is read of a text; a token is a word, or a run of what is no letter."""
    tokenizer = Tokenizer(models.WordLevel({"?": 0}, "?"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    encoding = tokenizer.encode(text)
    runs = choose(words_of(query), text, encoding, budget)
    ends = [(encoding.offsets[first][0], encoding.offsets[stop - 1][1]) for first, stop in runs]
    return [text[start:end] for start, end in ends]


def test_words_are_caseless_whole_and_of_unspaced_scripts_characters_and_pairs():
    assert words_of("Straße, STRASSE! x_1 cafe\u0301 CAFÉ") == {"strasse", "x_1", "café"}
    assert words_of("ﬁle №5") == {"file", "no5"}
    assert words_of("喝茶 tea") == {"喝", "茶", "喝茶", "tea"}
    assert words_of("हिन्दी है") == {"हिन्दी", "है"}
    assert words_of("… 🙂") == set()


def test_a_rare_word_counts_more_and_a_word_once():
    """Three sentences hold "the", one "tea": idf log(1 + 0.5 / 3.5) and log(1 + 2.5 / 1.5)."""
    the, tea = math.log(1 + 0.5 / 3.5), math.log(1 + 2.5 / 1.5)
    sentences = ["The tea, tea.", "The the the.", "Of the other."]
    assert nearness({"the", "tea"}, sentences) == pytest.approx([the + tea, the, the])
    assert nearness({"none"}, sentences) == [0, 0, 0]
    assert nearness({"the"}, []) == []


def test_the_nearest_are_read_in_the_order_of_the_text():
    text = "A b c. Tea d e. F g h. Oolong tea i."
    # Four tokens each: the last is nearest, the second next, then the first.
    assert read("oolong tea", text, 8) == ["Tea d e.", "Oolong tea i."]
    assert read("oolong tea", text, 4) == ["Oolong tea i."]
    assert read("oolong tea", text, 12) == ["A b c. Tea d e.", "Oolong tea i."]


def test_equal_ones_are_read_from_the_first_on_and_the_last_is_cut():
    assert read("tea", "A b c. Tea d e. Tea f g.", 6) == ["Tea d e. Tea f"]


def test_a_sentence_longer_than_the_budget_is_cut():
    assert read("tea", "A b c. Tea d e f g h i. J k l.", 3) == ["Tea d e"]


def test_without_a_word_of_the_query_it_is_the_beginning():
    assert read("tea", "A b c. D e f. G h i.", 6) == ["A b c. D e"]
    assert read("🙂", "A b c. D e f.", 2) == ["A b"]


def test_chinese_right_to_left_and_emoji():
    assert read("绿茶", "今天天气很好。我喜欢喝绿茶。他在看书。", 2) == ["我喜欢喝绿茶。"]
    assert read("שלום", "A b. שלום עולם. C d.", 3) == ["שלום עולם."]
    assert read("TEA", "Füße 🙂. Über 👩‍👩‍👧 tea. Naïve 🙂.", 8) == ["Über 👩‍👩‍👧 tea."]


@pytest.mark.parametrize("family", ["bert", "roberta", "xlm-roberta", "modernbert"])
def test_a_token_that_begins_with_a_space_is_of_the_word_after_it(parity, family):
    text = "One. Two? Three."
    encoding = load_tokenizer(parity / family / "tokenizer.json").encode(
        text, add_special_tokens=False
    )
    bounds = token_bounds(encoding, [0, 5, 10])
    first = [encoding.offsets[at] for at in bounds[:-1]]
    assert [text[start : start + 4].strip()[:2] for start, _ in first] == ["On", "Tw", "Th"]


def test_the_one_that_does_not_fit_is_cut():
    assert chosen([3, 3, 3, 3], [0.1, 0.9, 0.0, 0.8], 6) == [(1, 3), (3, 3)]
    assert chosen([3, 3, 3], [1, 3, 2], 8) == [(0, 2), (1, 3), (2, 3)]
    assert chosen([5, 40, 5], [0, 1, 0], 16) == [(1, 16)]
    assert chosen([], [], 5) == []


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


WORDS = st.sampled_from(
    ["tea", "Tea.", "The", "of.", "e\u0301.", "漢字。", "🙂", "👩‍👩‍👧!", "שלום", "\n\n", "x" * 9]
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(WORDS, min_size=1, max_size=40).map(" ".join),
    st.integers(1, 30),
    st.sampled_from(["bert", "roberta", "xlm-roberta", "modernbert"]),
)
def test_the_runs_are_in_order_apart_and_hold_the_budget(read_tokens, text, budget, family):
    runs, tokens = read_tokens("tea 漢字", text, budget, family)
    assert sum(stop - start for start, stop in runs) == min(budget, tokens)
    ends = [end for run in runs for end in run]
    assert ends == sorted(set(ends))
    assert set(ends) <= set(range(tokens + 1))


@pytest.fixture(scope="module")
def read_tokens(parity):
    loaded = {}

    def read_tokens(query, text, budget, family):
        if family not in loaded:
            loaded[family] = load_tokenizer(parity / family / "tokenizer.json")
        encoding = loaded[family].encode(text, add_special_tokens=False)
        return choose(words_of(query), text, encoding, budget), len(encoding)

    return read_tokens
