"""What holds for every format: nulls, strings for values, limits and the order of results."""

import json

import pytest
from fake_service import FakeService
from serve_client import fake_client

from secondpass.serve.rerank import ROUTES
from secondpass.serve.wire.format import UNUSED

QUERY = "sheep give warm wool"
DOCUMENTS = ["cows give milk", "sheep give wool", "wool is warm", "milk"]
BODIES = {
    "secondpass": {"query": QUERY, "texts": DOCUMENTS},
    "cohere-v2": {"query": QUERY, "documents": DOCUMENTS},
    "cohere-v1": {"query": QUERY, "documents": DOCUMENTS},
    "tei": {"query": QUERY, "texts": DOCUMENTS},
    "vllm-score": {"queries": QUERY, "documents": DOCUMENTS},
}
# Each format once, and the other routes that have it.
PATHS = {}
for _route in ROUTES:
    for _form in _route.formats.values():
        PATHS.setdefault(_form, []).append(_route.path)
CASES = [(paths[0], form) for form, paths in PATHS.items()]
every_format = pytest.mark.parametrize(
    ("path", "form"), CASES, ids=[f"{path}-{form.name}" for path, form in CASES]
)


def optional_fields(form):
    return [name for name in form.request.__struct_fields__ if name not in BODIES[form.name]]


def post(client, path, body, **headers):
    response = client.post(path, json=body, headers=headers)
    return response.status_code, json.loads(response.text)


def results_of(answer):
    if isinstance(answer, list):
        return answer
    if "scores" in answer:  # the native format, whose order is that of the request
        rows = enumerate(answer["scores"])
        return [
            {"index": at, "score": score or 0.0} | ({"reranked": False} if score is None else {})
            for at, score in rows
        ]
    return answer.get("results") or answer["data"]


def indexes(answer):
    return [one["index"] for one in results_of(answer)]


def without_identity(answer):
    if isinstance(answer, dict):
        return {name: value for name, value in answer.items() if name not in ("id", "created")}
    return answer


@every_format
def test_every_optional_field_may_be_null(path, form):
    body = BODIES[form.name]
    with fake_client() as client:
        status, plain = post(client, path, body)
        assert status == 200
        for names in [[name] for name in optional_fields(form)] + [optional_fields(form)]:
            status, answer = post(client, path, body | dict.fromkeys(names))
            assert (status, without_identity(answer)) == (200, without_identity(plain)), names


@pytest.mark.parametrize(
    ("form", "paths"), PATHS.items(), ids=lambda value: getattr(value, "name", "")
)
def test_every_route_of_a_format_answers_alike(form, paths):
    wrong = BODIES[form.name] | {"effort": "quick"}
    with fake_client() as client:
        first, refused = (
            [
                (status, without_identity(answer))
                for status, answer in (post(client, path, body) for path in paths)
            ]
            for body in (BODIES[form.name], wrong)
        )
    assert first[0][0] == 200
    assert all(one == first[0] for one in first)
    assert [status for status, _ in refused] == [form.statuses.get("invalid", 400)] * len(paths)


@every_format
def test_every_document_comes_back(path, form):
    with fake_client() as client:
        assert sorted(indexes(post(client, path, BODIES[form.name])[1])) == [0, 1, 2, 3]


@every_format
def test_fields_that_change_no_answer_are_taken_without_a_word(path, form):
    with fake_client() as client:
        for name in UNUSED:
            response = client.post(path, json=BODIES[form.name] | {name: 5})
            assert response.status_code == 200
            assert "x-warnings" not in response.headers


@every_format
def test_a_field_that_is_not_known_is_said(path, form):
    with fake_client() as client:
        response = client.post(path, json=BODIES[form.name] | {"effrt": "fast"})
        assert response.headers["x-warnings"] == "'effrt' is not used; did you mean 'effort'?"


@every_format
def test_many_unknown_fields_are_counted(path, form):
    with fake_client() as client:
        response = client.post(path, json=BODIES[form.name] | {f"é{n}": n for n in range(500)})
        assert response.status_code == 200
        assert response.headers["x-warnings"].endswith("490 further fields are not used")
        assert response.headers["x-warnings"].startswith("'\\xe90' is not used; ")


@every_format
@pytest.mark.parametrize("value", ["quick", 3, ["full"], {}])
def test_an_effort_that_there_is_not_is_named(path, form, value):
    with fake_client() as client:
        status, answer = post(client, path, BODIES[form.name] | {"effort": value})
        assert 400 <= status < 500
        assert "effort" in json.dumps(answer)


@every_format
@pytest.mark.parametrize("value", [0, -5, "soon", "inf", "nan", True, [1]])
def test_a_budget_that_is_none_is_named(path, form, value):
    with fake_client() as client:
        status, answer = post(client, path, BODIES[form.name] | {"budget_ms": value})
        assert 400 <= status < 500
        assert "budget_ms" in json.dumps(answer)


@every_format
@pytest.mark.parametrize("value", ["0", "-5", "soon", "inf", "nan", "", "1e999"])
def test_a_header_that_is_no_budget_is_named(path, form, value):
    with fake_client() as client:
        status, answer = post(client, path, BODIES[form.name], **{"x-budget-ms": value})
        assert 400 <= status < 500
        assert "x-budget-ms" in json.dumps(answer)


@every_format
def test_what_is_spent_is_the_same_from_body_and_header(path, form):
    spent = {"effort": "fast", "budget_ms": 2.5, "when_late": "partial"}
    headers = {"x-effort": "fast", "x-budget-ms": "2.5", "x-when-late": "partial"}
    service = FakeService()
    with fake_client(service) as client:
        first = post(client, path, BODIES[form.name] | spent)[1]
        second = post(client, path, BODIES[form.name], **headers)[1]
    assert without_identity(first) == without_identity(second)
    assert [(job.effort, job.budget_ms) for job in service.jobs] == [("fast", 2.5)] * 2


@every_format
def test_what_the_budget_left_is_last_and_said(path, form):
    with fake_client() as client:
        response = client.post(path, json=BODIES[form.name] | {"budget_ms": 2})
    answer = response.json()
    results = results_of(answer)
    unscored = [one["index"] for one in results if one.get("reranked") is False]
    assert unscored == [2, 3]
    if form.name not in ("vllm-score", "secondpass"):  # whose order is that of the request
        assert indexes(answer)[-2:] == [2, 3]
    scores = [one.get("relevance_score", one.get("score")) for one in results]
    assert all(isinstance(score, float) for score in scores)
    assert response.headers["x-reranked"] == "2"
    assert "2 documents not scored" in response.headers["x-warnings"]


@every_format
@pytest.mark.parametrize("name", [None, "", "default", "default/not-specified", "fake"])
def test_the_first_model_answers_where_none_is_named(path, form, name):
    with fake_client() as client:
        response = client.post(path, json=BODIES[form.name] | {"model": name})
        assert (response.status_code, response.headers["x-model"]) == (200, "fake")


@every_format
def test_another_model_answers_by_its_name(path, form):
    with fake_client() as client:
        response = client.post(path, json=BODIES[form.name] | {"model": "other"})
        assert response.headers["x-model"] == "other"


@every_format
def test_an_instruction_reaches_the_service(path, form):
    service = FakeService()
    with fake_client(service) as client:
        client.post(path, json=BODIES[form.name] | {"instruction": "about wool"})
    assert service.jobs[-1].instruction == "about wool"


@every_format
def test_equal_scores_keep_the_order_of_the_request(path, form):
    texts = (
        {"documents": ["x"] * 300} if "documents" in BODIES[form.name] else {"texts": ["x"] * 300}
    )
    with fake_client() as client:
        assert indexes(post(client, path, BODIES[form.name] | texts)[1]) == list(range(300))


@every_format
def test_a_thousand_documents_are_taken_and_one_more_is_not(path, form):
    field = "texts" if "texts" in BODIES[form.name] else "documents"
    with fake_client() as client:
        status, answer = post(client, path, BODIES[form.name] | {field: ["x"] * 1000})
        assert (status, len(indexes(answer))) == (200, 1000)
        status, answer = post(client, path, BODIES[form.name] | {field: ["x"] * 1001})
        assert status == 422
        assert "1001" in json.dumps(answer)


@every_format
def test_empty_and_odd_texts_are_scored(path, form):
    field = "texts" if "texts" in BODIES[form.name] else "documents"
    odd = ["", " ", "\x00", "\U0001f600", "é" * 50, '"', "\u2028"]
    with fake_client() as client:
        assert sorted(indexes(post(client, path, BODIES[form.name] | {field: odd})[1])) == [
            *range(7)
        ]


@pytest.mark.parametrize("path", ["/v1/rerank", "/rerank"])
@pytest.mark.parametrize("value", ["true", "True", "1", 1, True])
def test_strings_that_say_true_are_true(path, value):
    with fake_client() as client:
        body = BODIES["cohere-v1"] | {"return_documents": value}
        assert post(client, path, body)[1]["results"][0]["document"] == {"text": DOCUMENTS[1]}
        body = BODIES["tei"] | {"return_text": value}
        assert post(client, path, body)[1][0]["text"] == DOCUMENTS[1]


@pytest.mark.parametrize("value", ["false", "False", "0", 0, False, None])
def test_strings_that_say_false_are_false(value):
    with fake_client() as client:
        body = BODIES["cohere-v1"] | {"return_documents": value}
        assert "document" not in post(client, "/rerank", body)[1]["results"][0]


@pytest.mark.parametrize("value", ["yes", 2, "", [], {}])
def test_what_is_neither_is_named(value):
    with fake_client() as client:
        body = BODIES["cohere-v1"] | {"return_documents": value}
        status, answer = post(client, "/rerank", body)
        assert status == 400
        assert "return_documents" in answer["message"]


@pytest.mark.parametrize(("top_n", "count"), [(1, 1), ("2", 2), (4, 4), (99, 4), (None, 4)])
def test_top_n_counts_results(top_n, count):
    with fake_client() as client:
        for path in ("/v2/rerank", "/v1/rerank"):
            body = BODIES["cohere-v2"] | {"top_n": top_n}
            assert len(post(client, path, body)[1]["results"]) == count


@pytest.mark.parametrize("top_n", [-1, 1.5, "many", [2]])
def test_a_top_n_that_counts_nothing_is_named(top_n):
    with fake_client() as client:
        for path in ("/v2/rerank", "/v1/rerank"):
            status, answer = post(client, path, BODIES["cohere-v2"] | {"top_n": top_n})
            assert status == 400
            assert "top_n" in answer["message"]


def test_scores_are_asked_for_in_0_to_1_where_the_format_says_so():
    service = FakeService()
    with fake_client(service) as client:
        for path, form in CASES:
            client.post(path, json=BODIES[form.name])
    asked = {form.name: job.activation for (_, form), job in zip(CASES, service.jobs, strict=True)}
    sigmoid = dict.fromkeys(("cohere-v2", "cohere-v1", "tei"), "sigmoid")
    assert asked == {**sigmoid, "vllm-score": None, "secondpass": None}


def spans(client, texts, **asked):
    body = {"query": QUERY, "documents": texts, "relevant_spans": {"mode": "enabled", **asked}}
    results = post(client, "/v2/rerank", body)[1]["results"]
    return {one["index"]: one.get("relevant_spans") for one in results}


def test_a_span_counts_code_points():
    text = "\U0001f411 é sheep give wool and warm things to all \U0001f411"
    with fake_client(FakeService(window=4)) as client:
        ((span,),) = spans(client, [text]).values()
    assert text[span["start"] : span["end"]] == "\U0001f411 é sheep give"


@pytest.mark.parametrize(
    ("threshold", "with_spans"),
    [(None, [0, 1, 2]), (0.25, [1, 2]), (0.5, [1]), (0.75, []), (0, [0, 1, 2])],
)
def test_spans_are_those_above_the_threshold(threshold, with_spans):
    with fake_client() as client:
        given = spans(client, DOCUMENTS, threshold=threshold)
    assert sorted(at for at, of_text in given.items() if of_text) == with_spans


def test_a_text_that_was_cut_has_a_span_only_where_it_is_known():
    cut = "wool sheep " * 20
    with fake_client() as client:
        assert spans(client, [cut]) == {0: None}
    with fake_client(FakeService(window=8)) as client:
        assert spans(client, [cut])[0][0]["end"] == len(" ".join(cut.split()[:8]))


def test_no_span_is_given_unasked():
    with fake_client() as client:
        for asked in (None, {"mode": "disabled"}, {"mode": None}):
            body = BODIES["cohere-v2"] | {"relevant_spans": asked}
            assert "relevant_spans" not in post(client, "/v2/rerank", body)[1]["results"][0]


def test_pairs_of_many_queries_come_back_in_their_order():
    queries = ["wool", "milk", "wool", "sheep give", "milk"]
    documents = ["milk", "milk", "wool", "sheep", "wool"]
    service = FakeService()
    with fake_client(service) as client:
        body = {"queries": queries, "documents": documents, "use_activation": True}
        scores = [one["score"] for one in post(client, "/score", body)[1]["data"]]
    assert scores == [0.0, 1.0, 1.0, 0.5, 0.0]
    assert [job.query for job in service.jobs] == ["wool", "milk", "sheep give"]
