"""Cohere's SDK, both versions, each by its `base_url`."""

import json
import sys

import cohere
from cohere.types import RerankRelevantSpans


def order(answer):
    return [[one.index, one.relevance_score] for one in answer.results]


def fails(kind, call):
    try:
        call()
    except kind as error:
        return error.body["message"]
    raise AssertionError(f"no {kind.__name__}")


given = json.loads(sys.argv[1])
asked = {name: given[name] for name in ("query", "documents", "model")}
texts = given["documents"]

second = cohere.ClientV2(given["key"], base_url=given["url"])
answer = second.rerank(**asked, top_n=None, max_tokens_per_doc=None, priority=None)
assert answer.meta.api_version.version == "2"
assert answer.meta.reranked == len(texts)
print(json.dumps({"client": "cohere v2", "order": order(answer)}))
assert len(second.rerank(**asked, top_n=2).results) == 2
spans = second.rerank(
    **asked, relevant_spans=RerankRelevantSpans(mode="enabled", threshold=0.0, max_spans=1)
)
for one in spans.results:
    (span,) = one.relevant_spans
    assert (span.start, span.end) == (0, len(texts[one.index]))
    assert span.score == one.relevance_score
raw = second.with_raw_response.rerank(
    **asked, request_options={"additional_body_parameters": {"budget_ms": 60_000}}
)
assert raw.headers["x-reranked"] == str(len(texts))
other = asked | {"model": "no-such-model"}
assert "not found" in fails(cohere.NotFoundError, lambda: second.rerank(**other))
assert "empty" in fails(
    cohere.BadRequestError, lambda: second.rerank(**(asked | {"documents": []}))
)
assert "token" in fails(
    cohere.UnauthorizedError,
    lambda: cohere.ClientV2("wrong", base_url=given["url"]).rerank(**asked),
)

first = cohere.Client(given["key"], base_url=given["url"])
answer = first.rerank(**asked, return_documents=True, top_n=None, max_chunks_per_doc=None)
assert [one.document.text for one in answer.results] == [texts[one.index] for one in answer.results]
print(json.dumps({"client": "cohere v1", "order": order(answer)}))
answer = first.rerank(
    query=asked["query"],
    model=asked["model"],
    documents=[{"title": text, "n": "1"} for text in texts],
    rank_fields=["title"],
)
print(json.dumps({"client": "cohere v1, rank_fields", "order": order(answer)}))
