"""Every file of examples/ runs, where what it imports is installed."""

import ast
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parent.parent.parent / "examples").glob("*.py"))
# What the first line that an example prints has, where the same models make it.
FIRST = {
    "ask_docs.py": "What happens to an index when a file is gone?",
    "dspy_rerank.py": "Sheep give wool",
    "haystack_pipeline.py": "sorted",
    "lancedb_hybrid.py": "sorted",
    "langchain_retriever.py": "sorted",
    "llamaindex_postprocessor.py": "sorted",
    "mcp_client.py": "rerank: Order texts",
    "opensearch_first_stage.py": "OPENSEARCH_URL is not set",
    "pyterrier_rerank.py": "qid docno",
    "qdrant_first_stage.py": "1 (was ",
}


def missing(file):
    """Return the packages that a file imports and that are not installed."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module.partition(".")[0])
    return sorted(name for name in names if find_spec(name) is None)


def test_there_is_an_example_of_each():
    assert set(FIRST) <= {file.name for file in EXAMPLES}


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.name)
def test_an_example_runs(file, tmp_path):
    if absent := missing(file):
        pytest.skip(f"{', '.join(absent)} not installed")
    # Without a network: a name that is looked up goes to a proxy that is not there.
    nowhere = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:9")
    ran = subprocess.run(
        [sys.executable, str(file)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, **nowhere, "HF_HUB_OFFLINE": "1", "HAYSTACK_TELEMETRY_ENABLED": "False"},
        timeout=240,
    )
    assert ran.returncode == 0, ran.stderr
    first, *_ = ran.stdout.splitlines()
    assert FIRST.get(file.name, "") in first, ran.stdout


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.name)
def test_an_example_says_what_to_install(file):
    assert "pip install" in ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))
