"""The software: Python and the versions of the packages that decide results or speed."""

from __future__ import annotations

import platform
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version

_PACKAGES = (
    "bm25s",
    "huggingface-hub",
    "ir-measures",
    "lancedb",
    "numpy",
    "openvino",
    "pyarrow",
    "pytrec-eval-terrier",
    "safetensors",
    "scipy",
    "secondpass",
    "sentence-transformers",
    "tokenizers",
    "torch",
)


@dataclass(frozen=True, slots=True)
class Software:
    """Versions; a package that is not installed is left out."""

    python: str
    implementation: str
    packages: dict[str, str] = field(default_factory=dict)


def read_software() -> Software:
    """Read the versions of what is installed."""
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # an extra that is not installed
            continue
    return Software(platform.python_version(), platform.python_implementation(), found)
