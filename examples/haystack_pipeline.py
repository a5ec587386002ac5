"""Haystack: BM25 finds twenty documents, the reranker keeps the best three.

In a clone: pip install ".[haystack]"
"""

import builtins
import inspect

from haystack import Document, Pipeline
from haystack.components.retrievers.in_memory import InMemoryBM25Retriever
from haystack.document_stores.in_memory import InMemoryDocumentStore

from secondpass.integrations.haystack import SecondpassRanker

texts = {name: inspect.getdoc(it) for name, it in vars(builtins).items() if inspect.isbuiltin(it)}
store = InMemoryDocumentStore()
store.write_documents([Document(id=name, content=text) for name, text in texts.items()])

pipeline = Pipeline()
pipeline.add_component("retriever", InMemoryBM25Retriever(store, top_k=20))
pipeline.add_component("ranker", SecondpassRanker(top_k=3, score_threshold=0.0))
pipeline.connect("retriever.documents", "ranker.documents")

query = "put a list in order without changing it"
results = pipeline.run({"retriever": {"query": query}, "ranker": {"query": query}})
for document in results["ranker"]["documents"]:
    print(f"{document.score:.3f}  {document.id}")
