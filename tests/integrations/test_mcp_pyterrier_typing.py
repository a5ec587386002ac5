"""What mypy says of a user's script, strictly and without our settings; and of a missing extra."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import secondpass

api = pytest.importorskip("mypy.api")

SCRIPTS = {
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
        },
    ),
}


@pytest.mark.parametrize("package", SCRIPTS)
def test_right_calls_pass_and_wrong_ones_are_errors(package, tmp_path, monkeypatch):
    if find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    right, wrong = SCRIPTS[package]
    script = tmp_path / "script.py"
    script.write_text(right + "\n".join(wrong) + "\n")
    monkeypatch.setenv("MYPYPATH", str(Path(secondpass.__file__).parent.parent))
    monkeypatch.chdir(tmp_path)
    out, error, _ = api.run(
        ["--strict", "--config-file=", "--cache-dir", str(tmp_path / "cache"), script.name]
    )
    assert not error
    said = [line for line in out.splitlines() if line.startswith(f"{script.name}:")]
    first = right.count("\n") + 1
    errors = {int(line.split(":")[1]) for line in said if ": error: " in line}
    assert errors == set(range(first, first + len(wrong))), out
    for number, name in enumerate(wrong.values(), start=first):
        assert any(name in line for line in said if f":{number}:" in line), out


@pytest.mark.parametrize("package", SCRIPTS)
def test_a_missing_package_names_the_extra(package):
    code = f"""
import sys
sys.modules[{package!r}] = None
try:
    import secondpass.integrations.{package}
except ImportError as error:
    print(type(error).__name__, error.extra, error)
"""
    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert printed.startswith(
        f"MissingExtraError {package} secondpass.integrations.{package} needs the extra"
    )
