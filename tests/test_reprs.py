"""What a session or a notebook shows: one short line, and an escaped table."""

import copy
import pickle

import numpy as np
import pytest

from secondpass import (
    Document,
    Hit,
    InputError,
    ModelInfo,
    Ranking,
    RetrievedDocument,
    Scores,
    SearchHit,
    SearchResult,
    SearchTimings,
    Timings,
)

TEXT = "<b>bold</b> & plain\n" * 500
HIT = Hit(4, 0.5, TEXT, False)
RANKING = Ranking((HIT,) * 100, Timings(total_ms=12.34, candidates=1000))
RESULT = SearchResult(
    (SearchHit(RetrievedDocument("<i>", TEXT, {"a": TEXT}, 0.5), 5, 1, HIT),) * 100,
    SearchTimings(1.0, RANKING.timings, 20.0),
)
INFO = ModelInfo("m", None, "bert", "a" * 64, "b" * 64, *("x",) * 4, 2, 512, "sigmoid")


@pytest.mark.parametrize(
    "value",
    [HIT, RANKING, RESULT, RESULT.hits[0], Document("a", TEXT, {"b": TEXT}), Timings(), INFO],
    ids=lambda value: type(value).__name__,
)
def test_a_repr_is_one_short_line(value):
    shown = repr(value)
    assert shown.startswith(type(value).__name__ + "(")
    assert "\n" not in shown
    assert len(shown) < 500


def test_a_repr_says_what_is_known():
    assert repr(Timings(total_ms=1.5, candidates=3)) == "Timings(total_ms=1.5, candidates=3)"
    assert repr(Hit(0, None, "a", False)) == "Hit(index=0, score=None, text='a', truncated=False)"
    assert repr(Ranking((), Timings())) == "Ranking(0 of 0 candidates, 0.0 ms)"
    assert "100 of 1000 candidates, 12.3 ms; best: 0.500 '<b>bold" in repr(RANKING)


@pytest.mark.parametrize("value", [RANKING, RESULT], ids=["one stage", "two stages"])
def test_a_notebook_shows_an_escaped_table(value):
    page = value._repr_html_()
    assert page.count("<tr>") == 101
    assert "<b>" not in page
    assert "<i>" not in page
    assert "&lt;b&gt;bold&lt;/b&gt; &amp; plain" in page


@pytest.mark.parametrize("count", [1, 100, 101, 10_000])
def test_a_notebook_keeps_no_more_than_it_shows(count):
    page = Ranking((HIT,) * count, Timings(candidates=count))._repr_html_()
    assert page.count("<tr>") == min(count, 100) + 1
    assert ("the first 100 are shown" in page) == (count > 100)
    assert len(page) < 100_000
    assert page.count("&lt;/b&gt; &amp; plain\n") < 30 * min(count, 100)


@pytest.mark.parametrize(
    "id_", [7, None, b"<i>", "<script>alert(1)</script>", ("a", 1), "\u202eabc"]
)
def test_a_notebook_shows_whatever_a_first_stage_has_as_an_id(id_):
    hit = SearchHit(RetrievedDocument(id_, "text", {}, 0.5), 1, 1, Hit(0, 0.5, "text", False))
    page = SearchResult((hit,), SearchTimings(1.0, Timings(candidates=1), 2.0))._repr_html_()
    assert "<script>" not in page
    assert "<i>" not in page
    assert page.count("<td ") == page.count('<td dir="auto"') == 5


def test_hits_are_reached_by_position():
    assert RANKING[0] is HIT
    assert RESULT[-1] is RESULT.hits[-1]


@pytest.mark.parametrize("value", [HIT, RANKING, RESULT, INFO], ids=lambda one: type(one).__name__)
def test_a_result_is_pickled_and_copied(value):
    for other in (pickle.loads(pickle.dumps(value)), copy.deepcopy(value)):
        assert other == value
        assert repr(other) == repr(value)


def test_scores_are_counted(tiny):
    scores = tiny.score("csv file", ["csv", "file", "row"])
    assert repr(scores).startswith("Scores(3 of 3 texts scored, from 0.")
    assert isinstance(scores, Scores)


def test_predict_takes_what_arrays_and_lists_hold(tiny):
    pairs = [("csv file", "a row"), ("csv", "open the file")]
    expected = tiny.predict(pairs)
    for given in (np.array(pairs), list(map(list, pairs)), list(map(np.array, pairs)), iter(pairs)):
        np.testing.assert_array_equal(tiny.predict(given), expected)
    assert tiny.predict([]).shape == (0,)


@pytest.mark.parametrize("kind", [tuple, list, np.array])
def test_one_pair_alone_gives_one_number(tiny, kind):
    score = tiny.predict(kind(["csv file", "a row"]))
    assert isinstance(score, np.float32)
    assert score == tiny.predict([("csv file", "a row")])[0]


@pytest.mark.parametrize("pairs", [np.array(["a", "b", "c"]), np.array([["a"]]), "ab", [("a", 1)]])
def test_what_is_no_pair_is_refused(tiny, pairs):
    with pytest.raises(InputError):
        tiny.predict(pairs)
