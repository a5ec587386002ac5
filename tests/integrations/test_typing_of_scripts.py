"""What mypy says of a user's script with the drop-in and with each framework, strictly."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

pytest.importorskip("mypy")

# By the package that it needs: a script, and calls behind it that are errors, each with the word
# that mypy has to say of it.
SCRIPTS = {
    "secondpass": (
        """
import numpy as np
from numpy.typing import NDArray

from secondpass import CrossEncoder

model = CrossEncoder("embedded/cross-encoder", max_length=128, precision="auto")
pairs = [("a query", "a text"), ("a query", "another")]
scores: NDArray[np.float32] = model.predict(pairs, batch_size=64)
lists: NDArray[np.float32] = model.predict([["a query", "a text"]])
one = model.predict(("a query", "a text"))
tensor = model.predict(pairs, convert_to_tensor=True)
best: int = model.rank("a query", ["a text"], top_k=1)[0]["corpus_id"]
length: int = model.max_seq_length
labels: int = model.num_labels
with_prompt = model.predict(pairs, prompt="Find: ", processing_kwargs={"text": {"max_length": 8}})
""",
        {
            "model.predict(pairs, batch_size='many')": "batch_size",
            "model.predict(pairs, batchsize=3)": "batchsize",
            "CrossEncoder('a', max_lenght=3)": "max_lenght",
            "model.rank('a', ['b'], top_k='all')": "top_k",
            "model.fit()": "fit",
        },
    ),
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
            "compressor = 'of another type'": "BaseDocumentCompressor",
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
            "postprocessor = 'of another type'": "BaseNodePostprocessor",
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
            "found = ['of another type']": "Document",
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
            "reranker = 'of another type'": "Reranker",
        },
    ),
    "mcp": (
        """
from functools import partial

from mcp.server import Server

from secondpass import CrossEncoderReranker, Embedder, Index
from secondpass.integrations.mcp import build_server, serve_stdio

server = build_server(CrossEncoderReranker)
searching = build_server(
    partial(CrossEncoderReranker, effort="fast"), lambda: Index.open("a", Embedder()), depth=50
)
name: str = searching.name
serve_stdio(server)
""",
        {
            "build_server(CrossEncoderReranker())": "CrossEncoderReranker",
            "build_server(CrossEncoderReranker, dept=3)": "dept",
            "build_server(CrossEncoderReranker, depth='all')": "depth",
            "build_server(CrossEncoderReranker, mode='words')": "mode",
            "server = 'of another type'": "Server",
        },
    ),
    "pyterrier": (
        """
from secondpass import CrossEncoderReranker
from secondpass.integrations.pyterrier import SecondpassReranker

transformer = SecondpassReranker(CrossEncoderReranker(effort="fast"), text_field="body")
first = transformer % 10
field: str = transformer.text_field
""",
        {
            "SecondpassReranker('a model')": "CrossEncoderReranker",
            "SecondpassReranker(text_fields='body')": "text_fields",
            "SecondpassReranker(text_field=3)": "text_field",
            "first = 'of another type'": "Transformer",
        },
    ),
}
# What is read: the frameworks, whose types are in our signatures, and what these are made of. All
# else that frameworks import is taken for Any, which halves the time and hides nothing of ours.
READ = ("secondpass", "pydantic", *(name.partition(".")[0] for name in SCRIPTS))
CONFIG = f"""[mypy]
strict = True
follow_imports = skip

[mypy-{",".join(f"{name}.*" for name in READ)}]
follow_imports = silent
"""


def installed(name):
    root, _, inner = name.partition(".")
    return find_spec(root) is not None and (not inner or find_spec(name) is not None)


def file_of(package):
    return f"with_{package.partition('.')[0]}.py"


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """All scripts in one run, for what they import in common is checked once."""
    folder = tmp_path_factory.mktemp("scripts")
    (folder / "mypy.ini").write_text(CONFIG)
    made = [file_of(package) for package in SCRIPTS if installed(package)]
    for package, (right, wrong) in SCRIPTS.items():
        (folder / file_of(package)).write_text(right + "\n".join(wrong) + "\n")
    ran = subprocess.run(
        [sys.executable, "-m", "mypy", "--cache-dir", os.devnull, *made],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "MYPYPATH": str(Path(__file__).parents[2] / "src")},
    )
    assert not ran.stderr
    return ran.stdout.splitlines()


# mypy reads the frameworks themselves.
@pytest.mark.timeout(600)
@pytest.mark.parametrize("package", SCRIPTS)
def test_right_calls_pass_and_wrong_ones_are_errors(package, request):
    if not installed(package):
        pytest.skip(f"{package} is not installed")
    right, wrong = SCRIPTS[package]
    lines = [
        line for line in request.getfixturevalue("said") if line.startswith(f"{file_of(package)}:")
    ]
    first = right.count("\n") + 1
    errors = {int(line.split(":")[1]) for line in lines if ": error: " in line}
    assert errors == set(range(first, first + len(wrong))), lines
    for number, name in enumerate(wrong.values(), start=first):
        assert any(f":{number}:" in line and name in line for line in lines), lines
