"""LlamaIndex: a vector index finds twenty nodes, the reranker keeps the best three.

In a clone: pip install ".[llamaindex]"
"""

import builtins
import inspect

from llama_index.core import VectorStoreIndex
from llama_index.core.embeddings import BaseEmbedding
from llama_index.core.schema import TextNode

from secondpass import Embedder
from secondpass.integrations.llamaindex import SecondpassRerank

embedder = Embedder()


class Local(BaseEmbedding):
    """The embedded bi-encoder as LlamaIndex's embedding."""

    def _get_text_embedding(self, text: str) -> list[float]:
        return embedder.embed([text])[0].tolist()

    def _get_query_embedding(self, query: str) -> list[float]:
        return embedder.embed_queries([query])[0].tolist()

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_query_embedding(query)


texts = {name: inspect.getdoc(it) for name, it in vars(builtins).items() if inspect.isbuiltin(it)}
nodes = [TextNode(text=text, id_=name) for name, text in texts.items()]
retriever = VectorStoreIndex(nodes, embed_model=Local()).as_retriever(similarity_top_k=20)
query = "put a list in order without changing it"
reranker = SecondpassRerank(top_n=3)
for node in reranker.postprocess_nodes(retriever.retrieve(query), query_str=query):
    print(f"{node.score:.3f}  {node.node_id}")
