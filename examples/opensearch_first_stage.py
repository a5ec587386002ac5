"""OpenSearch finds by words and vectors, the reranker orders; prints the query where none runs.

In a clone: pip install ".[search]" opensearch-py
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

from secondpass import CrossEncoderReranker, Embedder, RetrievedDocument, SearchPipeline

# `normalization-processor` brings the scores of both parts together; OpenSearch 2.10 or later.
SEARCH_PIPELINE = {
    "phase_results_processors": [
        {
            "normalization-processor": {
                "normalization": {"technique": "min_max"},
                "combination": {
                    "technique": "arithmetic_mean",
                    "parameters": {"weights": [0.3, 0.7]},
                },
            }
        }
    ]
}


def hybrid_query(
    query: str,
    vector: Sequence[float],
    limit: int,
    *,
    where: Mapping[str, Any] | None = None,
    text_field: str = "text",
    vector_field: str = "vector",
) -> dict[str, Any]:
    """Return the body of a hybrid search; `where` is a clause of OpenSearch, such as a `range`.

    The filter is in both parts, so that it is applied before the search and not after it.
    """
    knn: dict[str, Any] = {"vector": list(vector), "k": limit}
    words: dict[str, Any] = {"match": {text_field: {"query": query}}}
    if where is not None:
        knn["filter"] = dict(where)
        words = {"bool": {"must": [words], "filter": [dict(where)]}}
    return {
        "size": limit,
        "_source": {"excludes": [vector_field]},
        "query": {"hybrid": {"queries": [words, {"knn": {vector_field: knn}}]}},
    }


def documents(answer: Mapping[str, Any], text_field: str = "text") -> list[RetrievedDocument]:
    """Return the documents of an answer, in its order."""
    return [
        RetrievedDocument(
            hit["_id"], hit["_source"][text_field], hit["_source"], None, fused=hit["_score"]
        )
        for hit in answer["hits"]["hits"]
    ]


class OpenSearchRetriever:
    """An index whose documents have `text` and, embedded by `embedder`, `vector`."""

    def __init__(self, client: Any, index: str, embedder: Embedder, pipeline: str) -> None:
        self.client, self.index, self.embedder, self.pipeline = client, index, embedder, pipeline

    def search(
        self, query: str, limit: int = 10, *, where: Mapping[str, Any] | None = None
    ) -> list[RetrievedDocument]:
        """Return the best documents by words and vectors, best first."""
        (vector,) = self.embedder.embed_queries([query])
        body = hybrid_query(query, vector.tolist(), limit, where=where)
        parameters = {"search_pipeline": self.pipeline}
        return documents(self.client.search(index=self.index, body=body, params=parameters))


def main() -> None:
    """Search the index `manual` of a server, if OPENSEARCH_URL names one."""
    query = "how do I renew a certificate"
    url = os.environ.get("OPENSEARCH_URL")
    if url is None:
        body = hybrid_query(query, [0.1, 0.2], 50, where={"term": {"lang": "en"}})
        print("OPENSEARCH_URL is not set; the body of a query, with a vector of two numbers:")
        print(json.dumps(body, indent=2))
        return
    from opensearchpy import OpenSearch

    client = OpenSearch(url)
    client.transport.perform_request("PUT", "/_search/pipeline/both", body=SEARCH_PIPELINE)
    retriever = OpenSearchRetriever(client, "manual", Embedder(), "both")
    for hit in SearchPipeline(retriever, CrossEncoderReranker(), depth=50).search(query, top_k=5):
        print(f"{hit.rank} (was {hit.first_rank})  {hit.hit.score:.3f}  {hit.document.id}")


if __name__ == "__main__":
    main()
