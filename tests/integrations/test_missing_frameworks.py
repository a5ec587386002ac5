"""Without a framework the import says which extra it needs."""

import subprocess
import sys

import pytest

CODE = """
import sys
sys.modules[{root!r}] = None
try:
    import secondpass.integrations.{module}
except ImportError as error:
    print(type(error).__name__, error.extra, error)
"""


@pytest.mark.parametrize(
    ("module", "root", "extra"),
    [
        ("langchain", "langchain_core", "langchain"),
        ("llamaindex", "llama_index", "llamaindex"),
        ("haystack", "haystack", "haystack"),
        ("lancedb", "lancedb", "search"),
        ("mcp", "mcp", "mcp"),
        ("pyterrier", "pyterrier", "pyterrier"),
    ],
)
def test_the_error_names_the_extra(module, root, extra):
    printed = subprocess.run(
        [sys.executable, "-c", CODE.format(root=root, module=module)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert printed.startswith(f"MissingExtraError {extra} secondpass.integrations.{module} needs")
    assert f"[{extra}]" in printed
