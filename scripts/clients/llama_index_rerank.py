"""llama-index's rerankers for text-embeddings-inference, Jina and Cohere."""

import json
import sys

from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode
from llama_index.postprocessor.cohere_rerank import CohereRerank
from llama_index.postprocessor.jinaai_rerank import JinaRerank
from llama_index.postprocessor.tei_rerank import TextEmbeddingInference

given = json.loads(sys.argv[1])
count, url, key = len(given["documents"]), given["url"], given["key"]
rerankers = {
    "llama-index TEI": TextEmbeddingInference(
        base_url=url, top_n=count, auth_token=f"Bearer {key}"
    ),
    "llama-index Jina": JinaRerank(
        base_url=f"{url}/v1", api_key=key, model=given["model"], top_n=count
    ),
    "llama-index Cohere": CohereRerank(
        base_url=url, api_key=key, model=given["model"], top_n=count
    ),
}
for client, reranker in rerankers.items():
    nodes = [
        NodeWithScore(node=TextNode(text=text, id_=str(at)), score=0.5)
        for at, text in enumerate(given["documents"])
    ]
    found = reranker.postprocess_nodes(nodes, QueryBundle(given["query"]))
    print(json.dumps({"client": client, "order": [[int(one.node_id), one.score] for one in found]}))
