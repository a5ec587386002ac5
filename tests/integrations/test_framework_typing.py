"""What mypy says of a user's script with each framework, strictly and without our settings."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import secondpass

pytest.importorskip("mypy")

SCRIPTS = {
    "langchain_core": (
        """
from langchain_core.documents import BaseDocumentCompressor, Document

from secondpass import CrossEncoderReranker
from secondpass.integrations.langchain import SecondpassRerank

compressor: BaseDocumentCompressor = SecondpassRerank(top_n=3, threads=2, min_score=0.1)
other = SecondpassRerank(reranker=CrossEncoderReranker(), budget_ms=50, effort="fast")
for document in other.compress_documents([Document("a text")], "a query"):
    score: float | None = document.metadata["relevance_score"]
""",
        {
            "SecondpassRerank(top_n='all')": "top_n",
            "SecondpassRerank(treads=2)": "treads",
            "SecondpassRerank(effort='slow')": "effort",
        },
    ),
    "llama_index.core": (
        """
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import NodeWithScore, TextNode

from secondpass import CrossEncoderReranker
from secondpass.integrations.llamaindex import SecondpassRerank

postprocessor: BaseNodePostprocessor = SecondpassRerank(top_n=3, precision="fp32")
other = SecondpassRerank(reranker=CrossEncoderReranker(), on_error="skip")
nodes = [NodeWithScore(node=TextNode(text="a text"))]
best: float | None = other.postprocess_nodes(nodes, query_str="a query")[0].score
""",
        {
            "SecondpassRerank(top_n='all')": "top_n",
            "SecondpassRerank(treads=2)": "treads",
            "SecondpassRerank(precision='fp8')": "precision",
        },
    ),
    "haystack": (
        """
from haystack import Document, Pipeline

from secondpass import CrossEncoderReranker
from secondpass.integrations.haystack import SecondpassRanker

ranker = SecondpassRanker(top_k=3, score_threshold=0.0, max_length=256)
other = SecondpassRanker(reranker=CrossEncoderReranker(), fuse="rrf")
pipeline = Pipeline()
pipeline.add_component("ranker", ranker)
found: list[Document] = other.run(query="a query", documents=[Document(content="a text")])[
    "documents"
]
""",
        {
            "SecondpassRanker(top_k='all')": "top_k",
            "SecondpassRanker(min_score=2)": "min_score",
            "SecondpassRanker(fuse='sum')": "fuse",
        },
    ),
    "lancedb": (
        """
import lancedb
from lancedb.rerankers import Reranker

from secondpass import CrossEncoderReranker
from secondpass.integrations.lancedb import SecondpassReranker

reranker: Reranker = SecondpassReranker(column="body", long_documents="max")
other = SecondpassReranker(reranker=CrossEncoderReranker(), return_score="all")
table = lancedb.connect("folder").open_table("texts")
rows = table.search("a query", query_type="hybrid").rerank(other).to_list()
""",
        {
            "SecondpassReranker(columns='body')": "columns",
            "SecondpassReranker(return_score='some')": "return_score",
            "SecondpassReranker(long_documents='all')": "long_documents",
        },
    ),
}


def installed(name):
    root, _, inner = name.partition(".")
    return find_spec(root) is not None and (not inner or find_spec(name) is not None)


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """All scripts in one run, for what they import in common is checked once."""
    folder = tmp_path_factory.mktemp("scripts")
    made = [file_of(framework) for framework in SCRIPTS if installed(framework)]
    for framework, (right, wrong) in SCRIPTS.items():
        (folder / file_of(framework)).write_text(right + "\n".join(wrong) + "\n")
    ran = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file=", *made],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "MYPYPATH": str(Path(secondpass.__file__).parent.parent)},
    )
    assert not ran.stderr
    return ran.stdout.splitlines()


def file_of(framework):
    return f"with_{framework.partition('.')[0]}.py"


# mypy reads the frameworks themselves, which takes a minute or two.
@pytest.mark.timeout(900)
@pytest.mark.parametrize("framework", SCRIPTS)
def test_right_calls_pass_and_wrong_ones_are_errors(framework, request):
    if not installed(framework):
        pytest.skip(f"{framework} is not installed")
    right, wrong = SCRIPTS[framework]
    lines = [
        line
        for line in request.getfixturevalue("said")
        if line.startswith(f"{file_of(framework)}:")
    ]
    first = right.count("\n") + 1
    errors = {int(line.split(":")[1]) for line in lines if ": error: " in line}
    assert errors == set(range(first, first + len(wrong))), lines
    for number, name in enumerate(wrong.values(), start=first):
        assert any(f":{number}:" in line and name in line for line in lines), lines
