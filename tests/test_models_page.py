"""docs/reference/models.md is made of what the matrix saw, and names the models people use."""

import json

from benchmarks.models.result import newest_result
from scripts.models_page import PAGE, PARITY_FILE, ROWS, page

# Those of the tests of sentence-transformers that a user would look for first.
ASKED = {
    "cross-encoder/ms-marco-MiniLM-L6-v2",
    "BAAI/bge-reranker-v2-m3",
    "mixedbread-ai/mxbai-rerank-base-v1",
    "jinaai/jina-reranker-v2-base-multilingual",
    "Alibaba-NLP/gte-multilingual-reranker-base",
    "cross-encoder/ettin-reranker-17m-v1",
    "Qwen/Qwen3-Reranker-0.6B",
    "zeroentropy/zerank-1-small",
    "Derify/ChemRanker-alpha-sim",
}
SEEN = json.loads(PARITY_FILE.read_text(encoding="utf-8"))


def test_the_page_is_current():
    text = PAGE.read_text(encoding="utf-8")
    assert page(text, SEEN, newest_result()) == text, "make models-page"


def test_every_row_has_a_kind_that_was_tried():
    known = {**SEEN["kinds"], **SEEN["refused"]}
    assert [row.name for row in ROWS if row.kind not in known] == []


def test_no_model_has_two_rows():
    names = [row.name for row in ROWS]
    assert len(names) == len(set(names))
    assert set(names) >= ASKED


def test_parity_keeps_to_what_the_page_promises():
    for kind, one in SEEN["kinds"].items():
        causal = kind.startswith(("qwen", "gemma"))
        assert one["parity"] <= (1e-3 if causal else 1e-4), kind
