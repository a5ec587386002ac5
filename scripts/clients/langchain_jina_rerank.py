"""langchain-community's `JinaRerank`, whose address is a constant of its module."""

import json
import sys

from langchain_community.document_compressors import JinaRerank, jina_rerank
from langchain_core.documents import Document

given = json.loads(sys.argv[1])
jina_rerank.JINA_API_URL = f"{given['url']}/v1/rerank"
reranker = JinaRerank(jina_api_key=given["key"], model=given["model"], top_n=None)
documents = [Document(text, metadata={"at": at}) for at, text in enumerate(given["documents"])]
found = reranker.compress_documents(documents, given["query"])
order = [[one.metadata["at"], one.metadata["relevance_score"]] for one in found]
print(json.dumps({"client": "langchain-community JinaRerank", "order": order}))
said = ""
try:
    reranker.rerank(documents, given["query"], model="no-such-model")
except RuntimeError as error:
    said = str(error)
assert "not found" in said
