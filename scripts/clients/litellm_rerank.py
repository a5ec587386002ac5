"""LiteLLM's `rerank`, as each provider whose format the server has."""

import json
import os
import sys

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # else it asks GitHub for prices
import litellm

litellm.telemetry = False
given = json.loads(sys.argv[1])
for provider in ("cohere", "jina_ai", "hosted_vllm", "infinity", "huggingface"):
    answer = litellm.rerank(
        model=f"{provider}/{given['model']}",
        query=given["query"],
        documents=given["documents"],
        api_base=given["url"],
        api_key=given["key"],
        return_documents=provider != "infinity",  # whose documents are strings
    )
    order = [[one["index"], one["relevance_score"]] for one in answer.results]
    print(json.dumps({"client": f"LiteLLM {provider}", "order": order}))
    for one in answer.results:
        text = (one.get("document") or {}).get("text")
        assert text in (None, given["documents"][one["index"]])
