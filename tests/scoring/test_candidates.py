import math

import pytest

from secondpass.errors import InputError
from secondpass.scoring.candidates import (
    candidate_text,
    checked_pairs,
    checked_query,
    checked_texts,
    with_scores,
)
from secondpass.types import Hit


def test_text_wins_over_content_and_an_empty_text_is_a_text():
    assert candidate_text({"text": "", "content": "c"}, 0) == ""
    assert candidate_text({"content": "c"}, 0) == "c"


@pytest.mark.parametrize(
    ("candidate", "message"),
    [
        ({"title": "x"}, r"candidate 7 has neither 'text' nor 'content', only \['title'\]"),
        ({"text": None, "content": "c"}, r"candidate 7: 'text' is NoneType None"),
        ({"text": math.nan}, r"candidate 7: 'text' is float nan"),
        ({"content": b"bytes"}, r"candidate 7: 'content' is bytes"),
        ("plain", r"candidate 7 is str 'plain'.*rank\(\)"),
        ({"text": "ab\ud800"}, r"candidate 7: 'text' has a lone surrogate U\+D800 at character 2"),
    ],
)
def test_a_bad_candidate_names_its_position_and_value(candidate, message):
    with pytest.raises(InputError, match=message):
        candidate_text(candidate, 7)


@pytest.mark.parametrize("query", ["", "  \n\t", None, 3, math.nan, "\udfff"])
def test_a_query_must_be_a_string_with_something_in_it(query):
    with pytest.raises(InputError, match="query"):
        checked_query(query)


@pytest.mark.parametrize("texts", ["one string", b"bytes", {"a": 1}, 5, None])
def test_a_list_is_wanted(texts):
    with pytest.raises(InputError, match="expected a list"):
        checked_texts(texts)


def test_pairs_are_checked_by_position():
    assert checked_pairs([["q", "t"], ("q", "")]) == [("q", "t"), ("q", "")]
    for pairs, message in [
        (["qt"], "pair 0 is str"),
        ([("q", "t"), ("q",)], "pair 1"),
        ([("", "t")], "pair 0: query"),
        ([("q", 3)], "pair 0: text is int 3"),
    ]:
        with pytest.raises(InputError, match=message):
            checked_pairs(pairs)


def test_scores_are_added_to_copies():
    nested = {"tags": ["a"]}
    given = [{"text": "x", "meta": nested}, {"content": "y", "id": 2}]
    returned = with_scores(given, [Hit(1, 0.5, "y", False), Hit(0, 0.25, "x", False)])
    assert returned == [
        {"content": "y", "id": 2, "cross_encoder_score": 0.5},
        {"text": "x", "meta": nested, "cross_encoder_score": 0.25},
    ]
    assert given == [{"text": "x", "meta": nested}, {"content": "y", "id": 2}]


def test_what_an_earlier_rerank_wrote_is_gone_and_the_callers_fields_stay():
    earlier = Hit(
        0, 0.5, "x", True, 0.1, tokens=5, dropped_tokens=2, span=(0, 3), reranked=True,
        exit_layer=2, scored_by="first", spans=((0, 2),),
    )  # fmt: skip
    given = {"text": "x", "window": "mine", "tokens": [1], "id": 4}
    (once,) = with_scores([{"text": "x", "id": 4}], [earlier], marked=True)
    assert set(once) == {
        "text", "id", "cross_encoder_score", "fused_score", "exit_layer", "scored_by", "reranked",
        "truncated", "tokens", "dropped_tokens", "window", "windows",
    }  # fmt: skip
    assert with_scores([once], [Hit(0, 0.25, "x", False)]) == [
        {"text": "x", "id": 4, "cross_encoder_score": 0.25}
    ]
    # A candidate without a score was never reranked: its fields are the caller's.
    assert with_scores([given], [Hit(0, 0.25, "x", False)]) == [
        {**given, "cross_encoder_score": 0.25}
    ]
