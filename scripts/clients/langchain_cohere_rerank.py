"""langchain-cohere's `CohereRerank`, by its `base_url`."""

import json
import sys

from langchain_cohere import CohereRerank
from langchain_core.documents import Document

given = json.loads(sys.argv[1])
reranker = CohereRerank(
    cohere_api_key=given["key"], base_url=given["url"], model=given["model"], top_n=None
)
documents = [Document(text, metadata={"at": at}) for at, text in enumerate(given["documents"])]
found = reranker.compress_documents(documents, given["query"])
order = [[one.metadata["at"], one.metadata["relevance_score"]] for one in found]
print(json.dumps({"client": "langchain-cohere", "order": order}))
