"""long_documents="select" through the public class: it reads as the chosen text alone does."""

import numpy as np
import pytest
from exit_models import with_exits
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secondpass import CrossEncoderReranker, InputError, SearchPipeline
from secondpass.models.tokenizer import load_tokenizer
from secondpass.scoring.tokenized import TokenizedText, tokenizer_digest
from secondpass.types import RetrievedDocument

QUERY = "read the csv rows"
SENTENCES = ["The names of a path.", "Rows of csv.", "A list is here.", "To read the lock.", "Key."]
# Nine sentences nearer to nothing, then some of them again.
LONG = " ".join((SENTENCES * 3)[3:] + SENTENCES)


@pytest.fixture(scope="module")
def make(parity, tmp_path_factory):
    graphs = tmp_path_factory.mktemp("graphs")

    def make(model="bert", max_length=64, **options):
        return CrossEncoderReranker(
            parity / model, max_length, precision="fp32", cache_dir=graphs, **options
        )

    return make


@pytest.fixture(scope="module")
def selecting(make):
    return make(long_documents="select", select_tokens=20)


@pytest.fixture(scope="module")
def plain(make):
    return make()


@pytest.fixture(scope="module")
def tokenizer(parity):
    return load_tokenizer(parity / "bert" / "tokenizer.json")


def chosen_text(hit):
    return " ".join(hit.text[start:end] for start, end in hit.spans)


def test_it_scores_as_the_chosen_text_alone(selecting, plain, tokenizer):
    (hit,) = selecting.rank(QUERY, [LONG])
    (alone,) = plain.rank(QUERY, [chosen_text(hit)])
    assert hit.logit == pytest.approx(alone.logit, abs=1e-5)
    assert "csv" in chosen_text(hit)
    assert (hit.tokens, hit.truncated, hit.span) == (alone.tokens, True, None)
    assert hit.tokens == 20
    assert hit.tokens + hit.dropped_tokens == len(tokenizer.encode(LONG, add_special_tokens=False))


def test_a_text_within_the_budget_scores_as_ever(selecting, plain):
    texts = ["", " ", "csv", "Rows of csv."]
    expected = [(hit.index, hit.score, hit.tokens, None) for hit in plain.rank(QUERY, texts)]
    hits = selecting.rank(QUERY, texts)
    assert [(hit.index, hit.score, hit.tokens, hit.spans) for hit in hits] == expected
    assert not any(hit.truncated for hit in hits)


def test_without_a_word_of_the_query_it_is_the_beginning(selecting, tokenizer, plain):
    (hit,) = selecting.rank("zebra", [LONG])
    end = tokenizer.encode(LONG, add_special_tokens=False).offsets[19][1]
    assert hit.spans == ((0, end),)
    (alone,) = plain.rank("zebra", [LONG[:end]])
    assert hit.logit == pytest.approx(alone.logit, abs=1e-5)


def test_no_more_is_read_than_fits_beside_the_query(make, tokenizer):
    query = "csv " * 5
    (hit,) = make(max_length=32, long_documents="select").rank(query, [LONG])
    beside = len(tokenizer.encode(query, add_special_tokens=False)) + 3
    assert hit.tokens == 32 - beside < 20
    with pytest.raises(InputError, match="leaves no room"):
        make(long_documents="select").rank("word " * 100, ["text"])


WORDS = st.sampled_from(
    ["csv", "rows.", "The", "of.", "Read", "e\u0301.", "漢字。", "🙂", "👩‍👩‍👧!", "שלום", "\n\n"]
)
TEXTS = st.lists(st.lists(WORDS, max_size=40).map(" ".join), min_size=1, max_size=5)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(TEXTS)
def test_spans_are_disjoint_and_in_order_and_a_cache_changes_nothing(both, texts):
    selecting, cached = both
    hits = {hit.index: hit for hit in selecting.rank(QUERY, texts, None)}
    for _ in range(2):
        for again in cached.rank(QUERY, texts, None):
            hit = hits[again.index]
            assert again.logit == pytest.approx(hit.logit, abs=1e-5)
            for name in ("tokens", "dropped_tokens", "truncated", "spans", "span"):
                assert getattr(again, name) == getattr(hit, name)
    for hit in hits.values():
        assert hit.tokens <= 20
        assert hit.truncated == (hit.spans is not None) == (hit.dropped_tokens > 0)
        ends = [0, *(end for span in hit.spans or () for end in span), len(hit.text)]
        assert ends == sorted(ends)
        assert all(start < end for start, end in hit.spans or ())


@pytest.fixture(scope="module")
def both(make, selecting):
    return selecting, make(long_documents="select", select_tokens=20, cache="memory")


def test_a_folder_keeps_the_spans_and_no_rule_finds_anothers(make, tmp_path):
    rules = [
        {"long_documents": "select", "select_tokens": 20},
        {"long_documents": "select", "select_tokens": 15},
        {},
    ]
    first, *_ = found = [make(cache=tmp_path, **rule).rank(QUERY, [LONG]) for rule in rules]
    assert [ranking.timings.cached for ranking in found] == [0, 0, 0]
    again = make(cache=tmp_path, **rules[0]).rank(QUERY, [LONG])
    assert again.timings.cached == 1
    assert again[0] == first[0]
    assert len(again[0].spans) > 1


def test_one_at_a_time_in_a_batch_and_by_predict_are_one_choice(selecting):
    texts = [LONG, "Rows. " * 30, LONG[40:], "csv"]
    together = {hit.index: hit for hit in selecting.rank(QUERY, texts, None)}
    for at, text in enumerate(texts):
        (alone,) = selecting.rank(QUERY, [text])
        assert alone.spans == together[at].spans
        assert alone.logit == pytest.approx(together[at].logit, abs=1e-5)
    expected = [together[at].score for at in range(4)]
    pairs = [(QUERY, text) for text in texts]
    np.testing.assert_allclose(selecting.predict(pairs), expected, atol=1e-5)


def test_stored_ids_do_where_all_are_read_and_else_the_text(selecting, tokenizer, monkeypatch):
    texts = [LONG, "Rows of csv."]
    ids = [tokenizer.encode(text, add_special_tokens=False).ids for text in texts]
    digest = tokenizer_digest(tokenizer)
    brought = [
        TokenizedText(text, np.array(one), digest) for text, one in zip(texts, ids, strict=True)
    ]
    expected = selecting.rank(QUERY, texts)
    asked = []
    encoder = selecting.model.encoder
    real = type(encoder).encode_with_offsets
    monkeypatch.setattr(
        type(encoder), "encode_with_offsets", lambda self, of: asked.extend(of) or real(self, of)
    )
    found = selecting.rank(QUERY, brought)
    assert asked == [LONG]
    assert found.hits == expected.hits


@pytest.mark.parametrize("family", ["roberta", "xlm-roberta", "modernbert"])
def test_other_tokenizers_choose_too(make, family):
    text = "Füße hier. Über 🙂 dort. " * 20 + "Naïve 你好 שלום. " + "Nichts mehr. " * 20
    (hit,) = make(family, long_documents="select", select_tokens=20).rank("naïve", [text])
    assert any("Naïve" in text[start:end] for start, end in hit.spans)
    assert hit.tokens == 20


def test_timings_count_what_was_read(selecting, tokenizer):
    timings = selecting.rank("csv", [LONG, "csv"]).timings
    around = len(tokenizer.encode("csv", add_special_tokens=False)) + 3
    whole = len(tokenizer.encode(LONG, add_special_tokens=False))
    assert timings.tokens == (20 + around) + (around - 3 + around)
    assert (timings.windows, timings.truncated, timings.dropped_tokens) == (2, 1, whole - 20)


def test_exits_a_cascade_and_a_budget_take_it(make, parity, tmp_path, selecting):
    rule = {"long_documents": "select", "select_tokens": 20}
    texts = [LONG, *(LONG[at:] for at in range(0, 200, 10)), "csv"]
    spans = {hit.index: hit.spans for hit in selecting.rank(QUERY, texts, None)}
    exiting = make(with_exits(parity / "bert", tmp_path / "bert"), effort="fast", **rule)
    cascade = CrossEncoderReranker(
        max_length=64, precision="fp32", cascade=[parity / "bert"] * 2, keep=3, **rule
    )
    for ranking in (
        exiting.rank(QUERY, texts, None),
        cascade.rank(QUERY, texts, None),
        selecting.rank(QUERY, texts, None, budget_ms=60_000),
    ):
        assert {hit.index: hit.spans for hit in ranking} == spans
        assert ranking.timings.candidates == len(texts)
    assert exiting.rank(QUERY, texts).timings.exited > 0


def test_dicts_and_a_search_say_which_sentences(selecting):
    given = [{"text": LONG, "id": 0}, {"text": "csv", "id": 1}]
    (hit,) = [hit for hit in selecting.rank(QUERY, [LONG, "csv"]) if hit.spans]
    by_id = {one["id"]: one for one in selecting.rerank(QUERY, given)}
    assert set(by_id[1]) == {"text", "id", "cross_encoder_score"}
    assert by_id[0]["windows"] == [list(span) for span in hit.spans]
    assert by_id[0]["truncated"] is True
    assert (by_id[0]["tokens"], by_id[0]["dropped_tokens"]) == (20, hit.dropped_tokens)

    class OneText:
        def search(self, query, limit):
            return [RetrievedDocument("a", LONG, {}, 0.5)]

    (found,) = SearchPipeline(OneText(), selecting).search(QUERY)
    assert found.hit.spans == hit.spans


def test_a_million_characters_end(make):
    text = "One sentence after another, of no use. " * 25_000 + "Rows of csv. " + "x" * 50_000
    (hit,) = make(long_documents="select").rank(QUERY, [text], budget_ms=None)
    assert len(text) > 10**6
    assert "Rows of csv." in chosen_text(hit)
    assert hit.dropped_tokens > 10**5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"select_tokens": 9}, "select_tokens is 9, but long_documents='truncate' chooses no"),
        ({"long_documents": "select", "select_tokens": 0}, "select_tokens is 0, expected an int"),
        ({"long_documents": "select", "select_tokens": True}, "select_tokens is True"),
        ({"long_documents": "select", "stride": 5}, "long_documents='select' scores one window"),
    ],
)
def test_bad_options_name_the_value_and_the_way_out(make, options, message):
    with pytest.raises(InputError, match=message):
        make(**options)
