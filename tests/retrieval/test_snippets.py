"""Snippets: the passage with the query's words, marked, in a line of at most so many characters."""

from __future__ import annotations

import random

import pytest

from secondpass import snippet
from secondpass.errors import InputError

FILLER = "Nothing of note is said here, and it goes on for a while without a point. "
ANSWER = "A certificate is renewed by the command renew, thirty days before it ends."


def marked(found):
    return [found.text[start:end] for start, end in found.marks]


def test_a_short_text_is_whole_and_on_one_line():
    found = snippet("read csv", "How to\n  read a CSV\tfile ")
    assert found.text == str(found) == "How to read a CSV file"
    assert marked(found) == ["read", "CSV"]
    assert found.span == (0, 24)
    assert found.marked("<b>", "</b>") == "How to <b>read</b> a <b>CSV</b> file"


def test_a_long_text_is_shown_where_it_answers():
    text = FILLER * 20 + ANSWER + " " + FILLER * 20
    found = snippet("how do I renew a certificate", text)
    assert found.text.startswith("… A certificate is renewed by the command renew")
    assert found.text.endswith(" …")
    assert marked(found) == ["certificate", "renew"]
    assert text[slice(*found.span)].startswith(ANSWER)


def test_more_different_words_count_more_than_one_word_often():
    text = f"{'renew ' * 30}. {FILLER * 10}{ANSWER} {FILLER * 10}"
    assert "certificate is renewed" in snippet("renew certificate", text, width=120).text


def test_it_is_chosen_within_the_span_alone():
    text = f"{ANSWER} {FILLER * 10}"
    found = snippet("renew certificate", text, span=(len(ANSWER), len(text)))
    assert marked(found) == []
    assert found.text.startswith("… Nothing of note")
    assert found.span[0] == len(ANSWER) + 1


def test_without_a_word_of_the_query_it_is_the_beginning():
    found = snippet("zebra", FILLER * 10, width=60)
    assert found.text == "Nothing of note is said here, and it goes on for a while …"
    assert found.marks == ()


@pytest.mark.parametrize("text", ["", " \n\t "])
def test_a_text_of_nothing(text):
    assert (snippet("q", text).text, snippet("q", text).marks) == ("", ())


def test_text_without_blanks_is_cut_between_characters():
    text = "好" * 500 + "重置密码" + "好" * 500
    found = snippet("重置密码", text, width=100)
    assert len(found.text) <= 100
    assert marked(found) == ["重置密码"]
    assert found.text.startswith("… 好")
    assert found.text.endswith("好 …")


@pytest.mark.parametrize("seed", range(20))
def test_whatever_the_text_it_fits_and_marks_the_words(seed):
    drawn = random.Random(seed)
    words = ["csv", "Read", "lock,", "zebra.", "密码重置", "a" * drawn.randint(1, 400), "é", "—"]
    text = "".join(drawn.choice(words) + drawn.choice([" ", "\n", "  ", " "]) for _ in range(200))
    start = drawn.randint(0, 300)
    for width in (20, 47, 300):
        found = snippet("read csv 密码", text, span=(start, len(text) - start), width=width)
        assert len(found.text) <= width
        assert "\n" not in found.text
        assert {word.lower() for word in marked(found)} <= {"csv", "read", "密码", "密", "码"}
        inner = found.text.removeprefix("… ").removesuffix(" …")
        assert inner == " ".join(text[slice(*found.span)].split())


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"query": "", "text": "x"}, "query .* is empty"),
        ({"query": "q", "text": None}, "text"),
        ({"query": "q", "text": "x", "width": 5}, "width is 5, expected an integer of at least 20"),
    ],
)
def test_what_is_no_text_is_named(given, said):
    with pytest.raises(InputError, match=said):
        snippet(**given)
