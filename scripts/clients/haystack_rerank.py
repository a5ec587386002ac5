"""Haystack's `HuggingFaceTEIRanker`."""

import json
import sys

from haystack import Document
from haystack.utils import Secret
from haystack_integrations.components.rankers.huggingface_api import HuggingFaceTEIRanker
from haystack_integrations.components.rankers.huggingface_api.ranker import TruncationDirection

given = json.loads(sys.argv[1])
ranker = HuggingFaceTEIRanker(
    url=given["url"], top_k=len(given["documents"]), token=Secret.from_token(given["key"])
)
documents = [Document(content=text, id=str(at)) for at, text in enumerate(given["documents"])]
for more in ({}, {"truncation_direction": TruncationDirection.RIGHT}):
    found = ranker.run(query=given["query"], documents=documents, **more)["documents"]
order = [[int(one.id), one.score] for one in found]
print(json.dumps({"client": "Haystack HuggingFaceTEIRanker", "order": order}))
