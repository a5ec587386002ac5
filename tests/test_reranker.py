"""The public class on a tiny real model."""

import copy
import threading
from itertools import pairwise

import numpy as np
import pytest

from secondpass import CrossEncoderReranker, EngineError, InputError
from secondpass.engine.contract import NO_EXIT
from secondpass.loaded_model import BLOCK

QUERY = "read a csv file"


def candidates_of(documents):
    return [
        {("text" if at % 2 else "content"): text, "id": at, "meta": {"at": [at]}}
        for at, text in enumerate(documents)
    ]


def test_rerank_returns_copies_best_first_with_every_field_and_changes_nothing(tiny, documents):
    given = candidates_of(documents)
    before = copy.deepcopy(given)
    results = tiny.rerank(QUERY, given, top_k=7)
    assert given == before
    assert len(results) == 7
    scores = [result["cross_encoder_score"] for result in results]
    assert all(type(score) is float for score in scores)
    assert scores == sorted(scores, reverse=True)
    for result in results:
        original = given[result["id"]]
        assert result is not original
        assert {k: v for k, v in result.items() if k != "cross_encoder_score"} == original


def test_the_default_is_ten_and_more_than_there_are_gives_all(tiny, documents):
    assert len(tiny.rerank(QUERY, candidates_of(documents))) == 10
    assert len(tiny.rerank(QUERY, candidates_of(documents), top_k=1000)) == 100
    assert len(tiny.rerank(QUERY, candidates_of(documents), top_k=None)) == 100


def test_equal_texts_keep_the_candidates_order(tiny):
    hits = tiny.rank(QUERY, ["same text"] * 40, top_k=None).hits
    # Two batches may round one text in two ways.
    assert hits[0].score == pytest.approx(hits[-1].score, abs=1e-5)
    for before, after in pairwise(hits):
        assert before.score > after.score or before.index < after.index


def test_an_empty_list_gives_an_empty_list(tiny):
    assert tiny.rerank(QUERY, []) == []
    assert len(tiny.rank(QUERY, [])) == 0
    empty = tiny.predict([])
    assert empty.shape == (0,)
    assert empty.dtype == np.float32


def test_rank_rerank_and_predict_agree(tiny, documents):
    scores = tiny.predict([(QUERY, text) for text in documents])
    assert scores.dtype == np.float32
    ranking = tiny.rank(QUERY, documents, top_k=None)
    assert sorted(hit.index for hit in ranking) == list(range(100))
    for hit in ranking:
        assert hit.text == documents[hit.index]
        assert hit.score == pytest.approx(scores[hit.index], abs=1e-6)
    best = tiny.rerank(QUERY, [{"text": text} for text in documents], top_k=100)
    assert [result["text"] for result in best] == [hit.text for hit in ranking]


def test_generators_are_taken(tiny, documents):
    from_generator = tiny.rerank(QUERY, (c for c in candidates_of(documents)))
    assert from_generator == tiny.rerank(QUERY, candidates_of(documents))


def test_scores_do_not_depend_on_who_shares_the_batch(tiny, documents):
    together = tiny.predict([(QUERY, text) for text in documents])
    alone = np.concatenate([tiny.predict([(QUERY, text)]) for text in documents])
    assert np.abs(together - alone).max() < 1e-4


def test_predict_takes_pairs_with_different_queries(tiny):
    pairs = [("read a file", "csv"), ("parse a date", "csv"), ("read a file", "date")]
    together = tiny.predict(pairs)
    alone = [float(tiny.predict([pair])[0]) for pair in pairs]
    assert together == pytest.approx(alone, abs=1e-5)
    assert len(set(np.round(together, 3))) == 3


def test_more_than_a_block_equals_scoring_each_part(tiny):
    texts = [f"text number {at % 97} of many" for at in range(2 * BLOCK + 5)]
    ranking = tiny.rank("number many", texts, top_k=None)
    assert sorted(hit.index for hit in ranking) == list(range(len(texts)))
    scores = {hit.index: hit.score for hit in ranking}
    for at in (0, BLOCK - 1, BLOCK, 2 * BLOCK + 4):
        assert scores[at] == pytest.approx(
            float(tiny.predict([("number many", texts[at])])[0]), abs=1e-4
        )


def test_truncation_is_reported_and_only_where_it_happens(tiny):
    ranking = tiny.rank(QUERY, ["short", "word " * 500], top_k=None)
    assert {hit.index: hit.truncated for hit in ranking} == {0: False, 1: True}
    assert ranking.timings.truncated == 1
    exact = tiny.rank("a", ["file"], top_k=None)
    assert not exact[0].truncated


def test_the_part_beyond_the_limit_is_not_read(tiny):
    long = "csv reader " * 200
    first, second = tiny.predict([(QUERY, long), (QUERY, long + "something else " * 50)])
    assert first == second


def test_a_query_that_leaves_no_room_is_an_error(tiny):
    with pytest.raises(InputError, match=r"leaves no room.*max_length is 64"):
        tiny.rank("word " * 100, ["text"])


def test_nothing_is_scored_before_all_candidates_are_checked(tiny):
    with pytest.raises(InputError, match="candidate 2"):
        tiny.rerank(QUERY, [{"text": "a"}, {"text": "b"}, {"txt": "c"}])


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "\x00",
        "a" * 1_000_000,
        "שלום עולם",
        "مرحبا بالعالم",
        "🙂👩‍👩‍👧",
        "\u202eevil\u202c",
        "é",
    ],
    ids=["empty", "blank", "nul", "million", "hebrew", "arabic", "emoji", "override", "accent"],
)
def test_any_valid_text_gets_a_finite_score(tiny, text):
    (score,) = tiny.predict([(QUERY, text)])
    assert np.isfinite(score)


def test_timings_count_what_was_read(tiny, documents):
    timings = tiny.rank(QUERY, documents).timings
    assert timings.candidates == 100
    assert timings.tokens > 100
    stages = timings.tokenize_ms + timings.batch_ms + timings.infer_ms + timings.rank_ms
    assert 0 < stages <= timings.total_ms


def test_eight_threads_get_the_scores_of_one(tiny, documents):
    pairs = [(QUERY, text) for text in documents]
    expected = tiny.predict(pairs)
    results: dict[int, np.ndarray] = {}

    def work(number):
        for _ in range(5):
            results[number] = tiny.predict(pairs[number:] + pairs[:number])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, scores in results.items():
        np.testing.assert_allclose(np.roll(scores, number), expected, atol=1e-5)
    assert len(results) == 8


def test_an_error_in_one_call_leaves_the_reranker_usable(tiny, monkeypatch):
    import openvino as ov

    calls = []

    def broken(_, output):
        calls.append(output)
        raise RuntimeError("planted")

    with monkeypatch.context() as patched:
        patched.setattr(ov.InferRequest, "get_output_tensor", broken)
        for _ in range(5):
            with pytest.raises(EngineError, match="planted"):
                tiny.predict([(QUERY, "text")])
    assert calls
    assert np.isfinite(tiny.predict([(QUERY, "text")] * 10)).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"precision": "fp16"}, "precision is 'fp16', expected one of auto, fp32, int8"),
        ({"device": "tpu"}, "device 'tpu' is not on this machine; there is cpu"),
        ({"device": 3}, "device is 3"),
        ({"threads": 0}, "threads is 0"),
        ({"threads": 2.0}, "threads is 2.0"),
        ({"threads": 10**12}, "threads is 1000000000000, expected at most 1024"),
        ({"cache_dir": 5}, "cache_dir is 5"),
        ({"model_name": None}, "model_name is None"),
        ({"model_name": b"abc"}, "model_name is b'abc'"),
        ({"model_name": "~nosuchuser/x"}, "'~nosuchuser/x' is not a valid folder"),
        ({"model_name": "x" * 5000}, "xxx' is not a valid folder or name: it has 5000 "),
        ({"local_files_only": "yes"}, "local_files_only is 'yes'"),
        ({"revision": 5}, "revision is 5"),
        ({"activation": "relu6"}, "activation is 'relu6', expected one of sigmoid"),
        ({"max_batch_tokens": -1}, "max_batch_tokens is -1"),
        ({"max_length": 65}, "max_length 65 is more than the 64 positions.*max_length=64"),
        ({"max_length": 4}, "max_length is 4, expected an integer of at least 5"),
        ({"revision": "main"}, "revision 'main' only applies to hub models"),
    ],
)
def test_bad_options_name_the_value_and_the_way_out(parity, options, message):
    with pytest.raises(InputError, match=message):
        CrossEncoderReranker(**({"model_name": parity / "bert", "max_length": 64} | options))


def test_unknown_options_are_refused(parity):
    with pytest.raises(TypeError, match="batch_size"):
        CrossEncoderReranker(parity / "bert", max_length=64, batch_size=3)
    with pytest.raises(TypeError):
        CrossEncoderReranker(parity / "bert", 64, "fp32")


def test_activation_can_be_chosen(parity, documents):
    pairs = [(QUERY, text) for text in documents[:9]]

    def scores(activation):
        return CrossEncoderReranker(
            parity / "bert", 64, precision="fp32", activation=activation
        ).predict(pairs)

    logits = scores("identity")
    np.testing.assert_allclose(scores("sigmoid"), 1 / (1 + np.exp(-logits)), rtol=1e-5)
    np.testing.assert_allclose(scores("tanh"), np.tanh(logits), rtol=1e-5)


@pytest.mark.parametrize("max_batch_tokens", [1, 64, 300, 100_000])
def test_the_token_budget_changes_no_score(parity, documents, tiny, max_batch_tokens):
    pairs = [(QUERY, text) for text in documents]
    other = CrossEncoderReranker(
        parity / "bert", 64, precision="fp32", max_batch_tokens=max_batch_tokens
    )
    np.testing.assert_allclose(other.predict(pairs), tiny.predict(pairs), atol=1e-5)


def test_info_says_what_runs(tiny, parity):
    from secondpass.models.digest import file_sha256

    info = tiny.info
    assert info.architecture == "bert"
    assert info.weights_sha256 == file_sha256(parity / "bert" / "model.safetensors")
    assert info.tokenizer_sha256 == file_sha256(parity / "bert" / "tokenizer.json")
    assert (info.precision, info.arithmetic, info.device) == ("fp32", "f32", "cpu")
    assert info.max_length == 64
    assert info.threads >= 1


def test_score_is_what_rank_puts_in_order(tiny, documents):
    scores = tiny.score(QUERY, documents)
    hits = {hit.index: hit for hit in tiny.rank(QUERY, documents, None)}
    assert len(scores) == len(hits) == 100
    for index, hit in hits.items():
        assert scores.scores[index] == hit.score
        assert scores.logits[index] == hit.logit
        assert scores.truncated[index] == hit.truncated
        assert (scores.tokens[index], scores.exit_layer[index]) == (hit.tokens, NO_EXIT)
    assert scores.scored.all()
    assert scores.timings.tokens == tiny.rank(QUERY, documents).timings.tokens


def test_score_pairs_says_what_was_cut_in_input_order(tiny):
    pairs = [("read a file", "csv"), ("parse a date", "word " * 500), ("read a file", "date")]
    scores = tiny.score_pairs(pairs)
    assert scores.truncated.tolist() == [False, True, False]
    assert scores.scores == pytest.approx(tiny.predict(pairs), abs=1e-6)
    assert scores.timings.candidates == 3


def test_many_queries_rank_as_each_alone(tiny, documents):
    queries = [QUERY, "wait for a lock", "sort a list"]
    lists = [documents, documents[:7], []]
    found = tiny.rank_many(queries, lists, 5)
    for query, texts, ranking in zip(queries, lists, found, strict=True):
        alone = tiny.rank(query, texts, 5)
        assert [hit.index for hit in ranking] == [hit.index for hit in alone]
        assert [hit.score for hit in ranking] == pytest.approx(
            [hit.score for hit in alone], abs=1e-5
        )
        assert ranking.timings.tokens == alone.timings.tokens
    assert tiny.rank_many([], []) == []


@pytest.mark.parametrize(
    ("queries", "lists", "message"),
    [
        (["a", "b"], [["t"]], "there are 2 queries and 1 lists of texts"),
        (["a", ""], [["t"], ["t"]], "query '' is empty"),
        (["a"], ["text"], "texts is str 'text', expected a list"),
        ("ab", [["t"], ["t"]], "queries is str 'ab', expected a list"),
    ],
)
def test_many_queries_are_checked(tiny, queries, lists, message):
    with pytest.raises(InputError, match=message):
        tiny.rank_many(queries, lists)


def test_a_budget_leaves_texts_without_a_score(tiny, documents):
    scores = tiny.score(QUERY, documents, budget_ms=1e-6)
    assert not scores.scored.any()
    assert np.isnan(scores.logits).all()
    assert (scores.timings.candidates, scores.timings.reranked) == (100, 0)


def test_a_closed_reranker_frees_what_it_holds(parity, tmp_path):
    with CrossEncoderReranker(
        parity / "bert", 64, precision="fp32", cache=tmp_path / "scores", cache_dir=tmp_path
    ) as reranker:
        reranker.rank(QUERY, ["csv"], budget_ms=60_000)
    with pytest.raises(EngineError, match="closed"):
        reranker.rank(QUERY, ["csv"])
    reranker.close()
    again = CrossEncoderReranker(
        parity / "bert", 64, precision="fp32", cache=tmp_path / "scores", cache_dir=tmp_path
    )
    assert again.rank(QUERY, ["csv"]).timings.cached == 1


def test_every_label_is_scored_in_order_and_alone(parity):
    reranker = CrossEncoderReranker(parity / "bert-two-labels", 64, precision="fp32", threads=1)
    pairs = [("read the csv rows", "rows " * length) for length in (9, 0, 40, 1)]
    found = reranker.predict(pairs, all_labels=True)
    assert found.shape == (4, 2)
    assert np.ptp(found[:, 0] - found[:, 1]) > 1e-3
    for pair, scores in zip(pairs, found, strict=True):
        np.testing.assert_allclose(reranker.predict(pair, all_labels=True), scores, atol=1e-5)
