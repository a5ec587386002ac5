"""Where sentences begin, by hand."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondpass.scoring.select.nearness import words_of
from secondpass.scoring.select.sentences import sentence_starts


def parts(text):
    return [text[start:end] for start, end in pairwise([*sentence_starts(text), len(text)])]


@pytest.mark.parametrize(
    "sentences",
    [
        ["One. ", "Two! ", "Three?"],
        ["See e.g. this one. ", "Then 3.5 of it."],
        ["a wing in a slipstream . ", "an experiment ."],
        ['He said "no." ', "Ärger folgt… ", "Ende"],
        ["茶很好。", "水也好！」", "对"],
        ["a title\n\n", "the text.\n", "a line\nand its rest"],
        ["هل هذا جيد؟ ", "نعم."],
        ["यह अच्छा है। ", "वह भी।"],
        ["שלום. ", "עולם."],
        ["a.b.c"],
        [" \n "],
        [""],
    ],
)
def test_sentences_by_hand(sentences):
    assert parts("".join(sentences)) == sentences


@given(st.text(alphabet="aA .。!\n\"'é🙂", max_size=60))
def test_they_are_the_text(text):
    starts = sentence_starts(text)
    assert "".join(parts(text)) == text
    assert starts[0] == 0
    assert all(before < after for before, after in pairwise(starts))
    assert starts == [0] or starts[-1] < len(text)


@pytest.mark.parametrize("unit", [".", "。", "\n", '."', "! ", " ", ".\n \n", "a", "A. ", "茶"])
def test_a_million_characters_of_anything_end(unit):
    """Backtracking would take hours."""
    text = unit * (10**6 // len(unit)) + " tea"
    assert sentence_starts(text)[0] == 0
    assert "tea" in words_of(text)
