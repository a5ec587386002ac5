"""Qdrant finds, the reranker orders: any store is a first stage once it has a `search`.

In a clone: pip install ".[search]" qdrant-client
"""

import builtins
import inspect

from qdrant_client import QdrantClient, models

from secondpass import CrossEncoderReranker, Embedder, RetrievedDocument, SearchPipeline


class QdrantRetriever:
    """A collection whose payloads have `id` and `text`, embedded by `embedder`."""

    def __init__(self, client: QdrantClient, collection: str, embedder: Embedder) -> None:
        self.client, self.collection, self.embedder = client, collection, embedder

    def search(
        self, query: str, limit: int = 10, *, where: models.Filter | None = None
    ) -> list[RetrievedDocument]:
        """Return the nearest documents of which a filter is true, nearest first."""
        (vector,) = self.embedder.embed_queries([query])
        found = self.client.query_points(
            self.collection, query=vector.tolist(), query_filter=where, limit=limit
        )
        return [
            RetrievedDocument(one.payload["id"], one.payload["text"], one.payload, one.score)
            for one in found.points
        ]


def make_collection(embedder: Embedder) -> QdrantClient:
    """Put the documentation of the built-in functions into Qdrant, in this process."""
    functions = {n: inspect.getdoc(it) for n, it in vars(builtins).items() if inspect.isbuiltin(it)}
    client = QdrantClient(":memory:")
    client.create_collection(
        "functions",
        vectors_config=models.VectorParams(
            size=embedder.dimension, distance=models.Distance.COSINE
        ),
    )
    vectors = embedder.embed(functions.values())
    client.upsert(
        "functions",
        [
            models.PointStruct(
                id=at, vector=vector.tolist(), payload={"id": name, "text": text, "letter": name[0]}
            )
            for at, ((name, text), vector) in enumerate(
                zip(functions.items(), vectors, strict=True)
            )
        ],
    )
    return client


def main() -> None:
    """Search all functions, then those that begin with an s."""
    embedder = Embedder()
    client = make_collection(embedder)
    retriever = QdrantRetriever(client, "functions", embedder)
    pipeline = SearchPipeline(retriever, CrossEncoderReranker(), depth=20)
    query = "put a list in order without changing it"
    begins = models.FieldCondition(key="letter", match=models.MatchValue(value="s"))
    for where in (None, models.Filter(must=[begins])):
        for hit in pipeline.search(query, top_k=3, where=where):
            print(f"{hit.rank} (was {hit.first_rank})  {hit.hit.score:.3f}  {hit.document.id}")
        print()
    client.close()


if __name__ == "__main__":
    main()
