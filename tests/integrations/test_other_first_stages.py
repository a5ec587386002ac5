"""The examples of first stages: Qdrant in this process, and what OpenSearch is asked."""

import sys
from pathlib import Path

import numpy as np
import pytest

from secondpass import SearchPipeline
from secondpass.testing import FakeReranker

sys.path.insert(0, str(Path(__file__).parent.parent.parent / "examples"))


class ToyEmbedder:
    """A vector of what letters a text has."""

    dimension = 26

    def embed(self, texts):
        counts = [[text.lower().count(chr(97 + at)) for at in range(26)] for text in texts]
        made = np.array(counts, np.float32)
        return made / np.linalg.norm(made, axis=1, keepdims=True)

    embed_queries = embed


# What version 3 of OpenSearch documents: hybrid query, efficient k-NN filter, bool filter.
EXPECTED = {
    "size": 20,
    "_source": {"excludes": ["vector"]},
    "query": {
        "hybrid": {
            "queries": [
                {
                    "bool": {
                        "must": [{"match": {"text": {"query": "wool"}}}],
                        "filter": [{"range": {"year": {"gte": 2020}}}],
                    }
                },
                {
                    "knn": {
                        "vector": {
                            "vector": [0.5, 1.0],
                            "k": 20,
                            "filter": {"range": {"year": {"gte": 2020}}},
                        }
                    }
                },
            ]
        }
    },
}


def test_the_query_of_opensearch():
    from opensearch_first_stage import hybrid_query

    where = {"range": {"year": {"gte": 2020}}}
    assert hybrid_query("wool", [0.5, 1.0], 20, where=where) == EXPECTED
    plain = hybrid_query("wool", (0.5, 1.0), 5, text_field="body", vector_field="v")
    assert plain["query"]["hybrid"]["queries"] == [
        {"match": {"body": {"query": "wool"}}},
        {"knn": {"v": {"vector": [0.5, 1.0], "k": 5}}},
    ]
    assert plain["_source"] == {"excludes": ["v"]}


def test_the_answer_of_opensearch_is_reranked():
    from opensearch_first_stage import OpenSearchRetriever

    asked = []

    class Client:
        def search(self, *, index, body, params):
            asked.append((index, body["size"], params))
            hits = [
                {"_id": "a", "_score": 1.0, "_source": {"text": "the date", "lang": "en"}},
                {"_id": "b", "_score": 0.5, "_source": {"text": "how to read a csv file"}},
            ]
            return {"hits": {"hits": hits}}

    retriever = OpenSearchRetriever(Client(), "manual", ToyEmbedder(), "both")
    pipeline = SearchPipeline(retriever, FakeReranker(), depth=20)
    result = pipeline.search("read a csv file", where={"term": {"lang": "en"}})
    assert [(hit.document.id, hit.first_rank) for hit in result] == [("b", 2), ("a", 1)]
    assert result.hits[1].document.metadata["lang"] == "en"
    assert result.hits[1].document.score == 1.0
    assert asked == [("manual", 20, {"search_pipeline": "both"})]


@pytest.mark.filterwarnings("ignore")
def test_qdrant_in_this_process():
    models = pytest.importorskip("qdrant_client").models
    from qdrant_first_stage import QdrantRetriever, make_collection

    embedder = ToyEmbedder()
    client = make_collection(embedder)
    pipeline = SearchPipeline(
        QdrantRetriever(client, "functions", embedder), FakeReranker(), depth=10
    )
    found = pipeline.search("return the length of an object")
    assert len(found) == 10
    assert all(hit.document.text and -1 <= hit.document.score <= 1.001 for hit in found)
    begins = models.FieldCondition(key="letter", match=models.MatchValue(value="s"))
    few = pipeline.search("return the sum", where=models.Filter(must=[begins]))
    assert few.hits
    assert all(hit.document.id.startswith("s") for hit in few)
    client.close()
