"""Asks for a subcommand's optional dependencies before its work, not after minutes of it."""

from __future__ import annotations

from importlib.util import find_spec

from secondpass.errors import MissingExtraError

_SEARCH = ("lancedb", "pyarrow", "semantic_text_splitter", "sqlglot")
_MEASURE = ("bm25s", "ir_measures", "jinja2", "lancedb", "matplotlib", "psutil", "scipy")
# What each extra brings that some part of the work needs.
_MODULES = {
    "batch": ("pyarrow",),
    "search": _SEARCH,
    "measure": _MEASURE,
    "train": (*_MEASURE, "accelerate", "datasets", "sentence_transformers", "torch"),
    "serve": ("anyio", "httptools", "starlette", "uvicorn"),
    "mcp": ("anyio", "mcp"),
    "watch": ("watchfiles",),
}


def require_extra(extra: str, command: str) -> None:
    """Raise unless all that an extra brings is installed; `command` is what needs it.

    Raises:
        MissingExtraError: something is not; the message holds the pip line.
    """
    if any(find_spec(module) is None for module in _MODULES[extra]):
        raise MissingExtraError(f"secondpass {command}", extra)
