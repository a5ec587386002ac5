"""LangChain: a vector store finds twenty documents, the reranker keeps the best three.

In a clone: pip install ".[langchain]" langchain-classic
"""

import builtins
import inspect

from langchain_classic.retrievers import ContextualCompressionRetriever
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import InMemoryVectorStore

from secondpass import Embedder
from secondpass.integrations.langchain import SecondpassRerank


class Local(Embeddings):
    """The embedded bi-encoder as LangChain's embeddings."""

    model = Embedder()

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return self.model.embed(texts).tolist()

    def embed_query(self, text: str) -> list[float]:
        return self.model.embed_queries([text])[0].tolist()


texts = {name: inspect.getdoc(it) for name, it in vars(builtins).items() if inspect.isbuiltin(it)}
store = InMemoryVectorStore(Local())
store.add_documents([Document(text, id=name) for name, text in texts.items()])
retriever = ContextualCompressionRetriever(
    base_compressor=SecondpassRerank(top_n=3),
    base_retriever=store.as_retriever(search_kwargs={"k": 20}),
)
for document in retriever.invoke("put a list in order without changing it"):
    print(f"{document.metadata['relevance_score']:.3f}  {document.id}")
