"""What an extra of a framework installs: the framework, what that needs, and no torch."""

import importlib.metadata
import re
import tomllib
from pathlib import Path

import pytest

packaging_requirements = pytest.importorskip("packaging.requirements")

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
# What each extra names, without versions.
EXTRAS = {
    "langchain": {"langchain-core"},
    "llamaindex": {"llama-index-core"},
    "haystack": {"haystack-ai"},
    "mcp": {"mcp"},
    "pyterrier": {"pyterrier", "pandas"},
}
HEAVY = {"torch", "transformers", "sentence-transformers", "tensorflow", "onnxruntime", "langchain"}


def requirements(written, extras=frozenset({""})):
    """Yield what is needed here: name and extras."""
    for one in map(packaging_requirements.Requirement, written):
        if one.marker is None or any(one.marker.evaluate({"extra": extra}) for extra in extras):
            yield re.sub(r"[-_.]+", "-", one.name).lower(), frozenset(one.extras) | {""}


def all_needed(written):
    """Return the names of all that is needed, and of what that needs, as far as it is installed."""
    found, waiting = set(), list(requirements(written))
    while waiting:
        name, extras = waiting.pop()
        if (name, extras) in found:
            continue
        found.add((name, extras))
        try:
            needed = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue
        waiting += requirements(needed, extras)
    return {name for name, _ in found}


@pytest.mark.parametrize("extra", EXTRAS)
def test_an_extra_brings_its_framework_and_nothing_heavy(extra):
    written = PROJECT["optional-dependencies"][extra]
    assert {name for name, _ in requirements(written)} == EXTRAS[extra]
    assert not all_needed(written) & HEAVY
    assert not all_needed(PROJECT["dependencies"]) & HEAVY
