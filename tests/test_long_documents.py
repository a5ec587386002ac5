"""Long documents through the public class: windows equal scoring each window by hand."""

import numpy as np
import pytest

from secondpass import CrossEncoderReranker, InputError
from secondpass.models.tokenizer import load_tokenizer
from secondpass.scoring.batches import pad_batch
from secondpass.scoring.pairs import Pair
from secondpass.scoring.windows import window_starts

QUERY = "read a csv file"
RULES = ("truncate", "first", "max", "mean-top-k")


@pytest.fixture(scope="module")
def long_texts(documents):
    """Texts of 0 to over 400 tokens, one window to many."""
    return ["", "csv", *(" ".join(documents[at : at + 8]) for at in range(0, 40, 5))]


@pytest.fixture(scope="module")
def make(parity, tmp_path_factory):
    cache_dir = tmp_path_factory.mktemp("graphs")

    def make(rule, stride=None, family="bert"):
        return CrossEncoderReranker(
            parity / family,
            64,
            precision="fp32",
            cache_dir=cache_dir,
            long_documents=rule,
            stride=stride,
        )

    return make


@pytest.fixture(scope="module")
def rerankers(make):
    return {rule: make(rule) for rule in RULES}


def by_hand(reranker, parity, query, text, stride):
    """Return the logit and the tokens [start, stop) of every window, each scored alone."""
    tokenizer = load_tokenizer(parity / "bert" / "tokenizer.json")
    query_ids = tokenizer.encode(query, add_special_tokens=False).ids
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    room = 64 - 3 - len(query_ids)
    assert room > 0
    step = room // 2 if stride is None else stride
    found, start = [], 0
    while True:
        start = min(start, max(0, len(ids) - room))
        window = ids[start : start + room]
        separator = tokenizer.token_to_id("[SEP]")
        before = [tokenizer.token_to_id("[CLS]"), *query_ids, separator]
        sequence = np.array([*before, *window, separator], np.int32)
        types = np.array([0] * len(before) + [1] * (len(window) + 1), np.int32)
        batch = pad_batch([Pair(sequence, types)], np.zeros(1, np.intp), len(sequence), 0)
        found.append(
            (float(reranker.model.engine.run([batch])[0][0, 0]), start, start + len(window))
        )
        if start + room >= len(ids):
            return found
        start += step


@pytest.mark.parametrize("stride", [None, 7, 40])
def test_windows_equal_scoring_each_window_by_hand(make, parity, long_texts, stride):
    tokenizer = load_tokenizer(parity / "bert" / "tokenizer.json")
    best, mean = make("max", stride), make("mean-top-k", stride)
    best_hits = {hit.index: hit for hit in best.rank(QUERY, long_texts, None)}
    mean_hits = {hit.index: hit for hit in mean.rank(QUERY, long_texts, None)}
    windows = 0
    for at, text in enumerate(long_texts):
        alone = by_hand(best, parity, QUERY, text, stride)
        windows += len(alone)
        logits = [logit for logit, _, _ in alone]
        top = sorted(logits, reverse=True)[:3]
        assert best_hits[at].logit == pytest.approx(max(logits), abs=1e-4)
        assert mean_hits[at].logit == pytest.approx(sum(top) / len(top), abs=1e-4)
        offsets = tokenizer.encode(text, add_special_tokens=False).offsets
        spans = {
            (offsets[start][0], offsets[stop - 1][1]): logit
            for logit, start, stop in alone
            if len(alone) > 1
        }
        for hit in (best_hits[at], mean_hits[at]):
            assert (hit.span is None) == (not spans)
            if spans:
                assert spans[hit.span] == pytest.approx(max(logits), abs=1e-4)
            assert (hit.tokens, hit.dropped_tokens, hit.truncated) == (len(offsets), 0, False)
    assert windows > 2 * len(long_texts)
    assert best.rank(QUERY, long_texts).timings.windows == windows


def test_a_window_scores_as_its_passage_alone(rerankers):
    """By the public way only: words that are one token each, so a window is a text again."""
    text = "a b c d e f g h i j k l m n o p q r s t u v w x y z " * 6
    (hit,) = rerankers["max"].rank(QUERY, [text])
    start, end = hit.span
    (passage,) = rerankers["truncate"].rank(QUERY, [text[start:end]])
    assert not passage.truncated
    assert passage.logit == pytest.approx(hit.logit, abs=1e-5)
    # No passage of that length scores above it, at any of the windows' places.
    room = len(text[start:end].split())
    starts = window_starts(len(text.split()), room, room // 2)
    passages = [text[2 * at : 2 * (at + room)] for at in starts]
    hits = rerankers["truncate"].rank(QUERY, passages, None)
    assert len(starts) > 3
    assert hits[0].logit == pytest.approx(hit.logit, abs=1e-5)


def test_a_text_that_fits_scores_the_same_by_every_rule(rerankers):
    texts = ["", "csv", "a file of rows", "x y z"]
    expected = rerankers["truncate"].predict([(QUERY, text) for text in texts])
    for rule in RULES:
        np.testing.assert_array_equal(
            rerankers[rule].predict([(QUERY, text) for text in texts]), expected
        )
        assert all(hit.span is None for hit in rerankers[rule].rank(QUERY, texts))


def test_first_scores_as_truncate_and_says_where_it_ends(rerankers, long_texts, parity):
    tokenizer = load_tokenizer(parity / "bert" / "tokenizer.json")
    cut, first = (
        {hit.index: hit for hit in rerankers[rule].rank(QUERY, long_texts, None)}
        for rule in ("truncate", "first")
    )
    for at, text in enumerate(long_texts):
        assert first[at].score == cut[at].score
        assert first[at].tokens == cut[at].tokens
        assert first[at].dropped_tokens == cut[at].dropped_tokens
        assert first[at].truncated == cut[at].truncated == (cut[at].dropped_tokens > 0)
        assert cut[at].span is None
        if first[at].truncated:
            encoding = tokenizer.encode(text, add_special_tokens=False)
            offsets = encoding.offsets[: first[at].tokens]
            assert first[at].span == (offsets[0][0], offsets[-1][1])
            assert first[at].tokens + first[at].dropped_tokens == len(encoding)
    timings = [rerankers[rule].rank(QUERY, long_texts).timings for rule in ("truncate", "first")]
    for name in ("candidates", "tokens", "truncated", "windows", "dropped_tokens"):
        assert getattr(timings[0], name) == getattr(timings[1], name)
    assert timings[0].windows == len(long_texts)
    assert timings[0].dropped_tokens == sum(hit.dropped_tokens for hit in cut.values())
    assert timings[0].truncated == sum(hit.truncated for hit in cut.values()) > 3


def test_timings_count_windows_and_shared_tokens_twice(make):
    # 104 one-letter tokens in windows of 50 beside a query of one: three by 27, tokens 0, 27, 54.
    text = "a b c d e f g h i j k l m n o p q r s t u v w x y z " * 4
    reranker = make("max", 27)
    timings = reranker.rank("a b c d e f g h i j k", [text, "a b"]).timings
    assert (timings.candidates, timings.windows) == (2, 4)
    assert timings.tokens == 3 * 64 + (3 + 11 + 2)
    assert (timings.truncated, timings.dropped_tokens) == (0, 0)


def test_few_windows_at_a_time_change_nothing(make, long_texts, monkeypatch):
    reranker = make("mean-top-k", 5)
    expected = reranker.rank(QUERY, long_texts, None)
    monkeypatch.setattr("secondpass.loaded_model.SEQUENCES_AT_A_TIME", 3)
    found = reranker.rank(QUERY, long_texts, None)
    assert [hit.index for hit in found] == [hit.index for hit in expected]
    assert [hit.span for hit in found] == [hit.span for hit in expected]
    assert [hit.logit for hit in found] == pytest.approx([hit.logit for hit in expected], abs=1e-4)
    assert found.timings.windows == expected.timings.windows
    assert found.timings.tokens == expected.timings.tokens


def test_each_query_of_predict_has_its_own_room(make, parity, long_texts):
    reranker = make("max")
    pairs = [(QUERY, long_texts[4]), ("csv " * 5, long_texts[4]), ("row", long_texts[5])]
    alone = [max(by_hand(reranker, parity, *pair, None))[0] for pair in pairs]
    expected = 1 / (1 + np.exp(-np.array(alone)))
    np.testing.assert_allclose(reranker.predict(pairs), expected, atol=1e-4)


def test_rerank_says_what_was_not_read_and_which_window_won(rerankers, long_texts):
    given = [{"text": text, "id": at, "meta": [at]} for at, text in enumerate(long_texts)]
    own = {"id", "text", "meta", "cross_encoder_score"}
    for rule, added in (
        ("truncate", {"truncated", "tokens", "dropped_tokens"}),
        ("first", {"truncated", "tokens", "dropped_tokens", "window"}),
        ("max", {"window"}),
    ):
        hits = {hit.index: hit for hit in rerankers[rule].rank(QUERY, long_texts, None)}
        for one in rerankers[rule].rerank(QUERY, given, None):
            hit = hits[one["id"]]
            fits = hit.span is None and not hit.truncated
            assert set(one) == own | (set() if fits else added)
            if "window" in one:
                assert one["window"] == list(hit.span)
            if "truncated" in one:
                assert one["truncated"] is True
                assert (one["tokens"], one["dropped_tokens"]) == (hit.tokens, hit.dropped_tokens)


@pytest.mark.parametrize("family", ["roberta", "xlm-roberta", "modernbert"])
def test_other_tokenizers_find_the_passage(make, family):
    text = "Füße 🙂 über 你好 שלום naïve. " * 20
    (hit,) = make("max", family=family).rank("naïve", [text])
    start, end = hit.span
    assert 0 <= start < end <= len(text)
    assert end - start < len(text)
    assert hit.dropped_tokens == 0


def test_a_stride_over_the_window_names_the_limit(make):
    with pytest.raises(InputError, match=r"stride 61 is more than the 60 tokens"):
        make("max", 61)
    make("max", 60)


def test_a_query_without_room_is_an_error_by_every_rule(rerankers):
    for rule in RULES:
        with pytest.raises(InputError, match=r"leaves no room.*max_length is 64"):
            rerankers[rule].rank("word " * 100, ["text"])


def test_empty_lists_give_empty_results(rerankers):
    for rule in RULES:
        assert rerankers[rule].rerank(QUERY, []) == []
        assert rerankers[rule].predict([]).shape == (0,)
