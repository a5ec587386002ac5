"""Over every format the embedded model gives what the library gives."""

import pytest
from starlette.testclient import TestClient

from secondpass import CrossEncoderReranker
from secondpass.options.model import RerankerOptions
from secondpass.options.serve import ServeOptions
from secondpass.serve.app import build_app
from secondpass.serve.batching import BatchingService
from secondpass.serve.keys import Keys
from secondpass.serve.models import ModelEntry

QUERY = "how do I read a csv file?"
LONG = "Cows give milk to people. " * 150 + "csv.reader reads rows of a file."
TEXTS = [
    "Cows give milk.",
    "The csv module reads tabular data: csv.reader returns the rows of a file.",
    "",
    LONG,
    "Ein Schaf gibt Wolle \U0001f411, é.",
    "A file is closed when its with block ends. " * 5,
]
# Texts of a group are padded together, which changes a score in its last digits.
NEAR = 1e-3


@pytest.fixture(scope="module")
def reranker():
    with CrossEncoderReranker() as loaded:
        yield loaded


@pytest.fixture(scope="module")
def client():
    entries = [
        ModelEntry("embedded", RerankerOptions()),
        ModelEntry("windows", RerankerOptions(long_documents="max")),
        ModelEntry("sentences", RerankerOptions(long_documents="select", select_tokens=32)),
    ]
    app = build_app(BatchingService(entries), ServeOptions(), Keys([]))
    with TestClient(app, base_url="http://localhost") as started:
        yield started


def asked(client, path, **body):
    response = client.post(path, json=body)
    assert response.status_code == 200, response.text
    return response.json()


def by_index(results, score):
    return [one[score] for one in sorted(results, key=lambda one: one["index"])]


@pytest.mark.parametrize("path", ["/v2/rerank", "/v1/rerank", "/rerank"])
def test_the_formats_with_documents_give_the_library_s_scores(client, reranker, path):
    results = asked(client, path, query=QUERY, documents=TEXTS)["results"]
    right = reranker.rank(QUERY, TEXTS, top_k=None, activation="sigmoid")
    assert [one["index"] for one in results] == [hit.index for hit in right]
    scores = [one["relevance_score"] for one in results]
    assert scores == pytest.approx([hit.score for hit in right], abs=NEAR)
    assert all(0 <= score <= 1 for score in scores)


@pytest.mark.parametrize("path", ["/v1/rerank", "/rerank"])
@pytest.mark.parametrize("raw", [False, True])
def test_the_format_with_texts_gives_the_library_s_scores(client, reranker, path, raw):
    results = asked(client, path, query=QUERY, texts=TEXTS, raw_scores=raw)
    right = reranker.score(QUERY, TEXTS, activation="identity" if raw else "sigmoid")
    assert by_index(results, "score") == pytest.approx(right.scores.tolist(), abs=10 * NEAR)


def test_pairs_give_the_library_s_scores(client, reranker):
    queries = [QUERY, "wool", "wool", "milk", QUERY, "wool"]
    data = asked(client, "/score", queries=queries, documents=TEXTS)["data"]
    right = reranker.predict(list(zip(queries, TEXTS, strict=True)))
    assert [one["index"] for one in data] == list(range(6))
    assert [one["score"] for one in data] == pytest.approx(right.tolist(), abs=NEAR)


@pytest.mark.parametrize("effort", ["balanced", "fast"])
def test_an_effort_is_the_library_s(client, reranker, effort):
    texts = [f"{text} {number}" for number in range(12) for text in TEXTS]
    results = asked(client, "/v2/rerank", query=QUERY, documents=texts, effort=effort)["results"]
    right = reranker.score(QUERY, texts, effort=effort, activation="sigmoid")
    assert by_index(results, "relevance_score") == pytest.approx(right.scores.tolist(), abs=0.02)


def test_what_was_cut_is_said_as_the_library_says_it(client, reranker):
    answer = asked(client, "/v2/rerank", query=QUERY, documents=TEXTS)
    lost = reranker.score(QUERY, TEXTS).timings.dropped_tokens
    assert answer["meta"]["truncated"] == 1
    assert answer["meta"]["warnings"] == [
        f"1 document did not fit and had {lost} tokens not scored, at index 3"
    ]
    assert answer["meta"]["tokens"]["input_tokens"] == reranker.score(QUERY, TEXTS).timings.tokens


@pytest.mark.parametrize("most", [1, 6, 20])
def test_max_tokens_per_doc_scores_the_beginning_of_each_text(client, reranker, most):
    answer = asked(client, "/v2/rerank", query=QUERY, documents=TEXTS, max_tokens_per_doc=most)
    begun = [reranker.model.encoder.cut(text, most)[0] for text in TEXTS]
    right = reranker.score(QUERY, begun, activation="sigmoid").scores
    assert by_index(answer["results"], "relevance_score") == pytest.approx(right.tolist(), abs=NEAR)
    whole = reranker.score(QUERY, TEXTS)
    tokens = whole.tokens + whole.dropped_tokens
    assert answer["meta"]["truncated"] == int((tokens > most).sum())
    assert (
        f"{sum(max(0, one - most) for one in tokens.tolist())} tokens not scored"
        in (answer["meta"]["warnings"][0])
    )


def test_max_tokens_per_doc_that_cut_nothing_change_nothing(client):
    plain = asked(client, "/v2/rerank", query=QUERY, documents=TEXTS)
    given = asked(client, "/v2/rerank", query=QUERY, documents=TEXTS, max_tokens_per_doc=4096)
    assert given["results"] == [
        {**one, "relevance_score": pytest.approx(one["relevance_score"], abs=NEAR)}
        for one in plain["results"]
    ]
    assert given["meta"]["warnings"] == plain["meta"]["warnings"]


def relevant_spans(client, model, texts):
    asked_for = {"mode": "enabled", "threshold": 0}
    answer = asked(
        client, "/v2/rerank", query=QUERY, documents=texts, model=model, relevant_spans=asked_for
    )
    results = sorted(answer["results"], key=lambda one: one["index"])
    return [one.get("relevant_spans", []) for one in results]


def test_spans_are_the_best_window(client, reranker):
    ((cut,), (whole,)) = (
        relevant_spans(client, "windows", [LONG])[0],
        relevant_spans(client, "windows", [TEXTS[1]])[0],
    )
    assert LONG[cut["start"] : cut["end"]].endswith("reads rows of a file.")
    assert cut["start"] > 0
    assert (whole["start"], whole["end"]) == (0, len(TEXTS[1]))


def test_spans_are_the_selected_sentences(client):
    (spans,) = relevant_spans(client, "sentences", [LONG])
    selected = [LONG[one["start"] : one["end"]].strip() for one in spans]
    assert selected[-1].endswith("csv.reader reads rows of a file.")
    assert sum(map(len, selected)) < len(LONG) / 10


def test_a_text_that_does_not_fit_is_refused_where_cutting_is_forbidden(client):
    body = {"query": QUERY, "texts": TEXTS, "truncate": False}
    response = client.post("/rerank", json=body)
    assert response.status_code == 422
    assert response.json()["error"].startswith("texts[3] has ")
    assert client.post("/rerank", json=body | {"texts": TEXTS[:2]}).status_code == 200


def test_a_query_without_room_for_a_text_is_refused_in_the_format_s_shape(client):
    body = {"query": "word " * 1000, "documents": TEXTS}
    response = client.post("/v2/rerank", json=body)
    assert response.status_code == 400
    assert "query" in response.json()["message"]


def test_a_budget_leaves_every_document_in_the_answer(client):
    texts = [f"{text} {number}" for number in range(100) for text in TEXTS]
    answer = asked(client, "/v2/rerank", query=QUERY, documents=texts, budget_ms=5)
    indexes = [one["index"] for one in answer["results"]]
    assert sorted(indexes) == list(range(600))
    unscored = [one["index"] for one in answer["results"] if one.get("reranked") is False]
    assert len(unscored) == 600 - answer["meta"]["reranked"]
    assert unscored == sorted(unscored) == indexes[answer["meta"]["reranked"] :]
    scores = [one["relevance_score"] for one in answer["results"]]
    assert scores == sorted(scores, reverse=True)


def test_an_effort_that_a_model_does_not_have_is_refused_by_name(client):
    body = {"query": QUERY, "documents": TEXTS, "model": "windows", "effort": "fast"}
    response = client.post("/v2/rerank", json=body)
    assert response.status_code == 400
    assert "effort" in response.json()["message"]
