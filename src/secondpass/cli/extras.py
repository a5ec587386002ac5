"""Asks for a subcommand's optional dependencies before its work, not after minutes of it."""

from __future__ import annotations

from importlib.util import find_spec

from secondpass.errors import MissingExtraError

# What the extra `train` brings beside what `measure` does.
_TRAIN = ("accelerate", "datasets", "sentence_transformers", "torch")
# What the extra `serve` brings.
_SERVE = ("anyio", "httptools", "starlette", "uvicorn")
# What the extra `mcp` brings.
_MCP = ("anyio", "mcp")
# What the extra `measure` brings that some part of a measurement needs.
_MEASURE = ("bm25s", "ir_measures", "jinja2", "lancedb", "matplotlib", "psutil", "scipy")


def require_batch(command: str) -> None:
    """Raise a MissingExtraError, which holds the pip line, unless the extra is installed whole."""
    if find_spec("pyarrow") is None:
        raise MissingExtraError(f"secondpass {command}", "batch")


def require_measure(command: str) -> None:
    """Raise a MissingExtraError, which holds the pip line, unless the extra is installed whole."""
    if any(find_spec(module) is None for module in _MEASURE):
        raise MissingExtraError(f"secondpass {command}", "measure")


def require_train(command: str) -> None:
    """Raise a MissingExtraError, which holds the pip line, unless the extra is installed whole."""
    if any(find_spec(module) is None for module in (*_MEASURE, *_TRAIN)):
        raise MissingExtraError(f"secondpass {command}", "train")


def require_serve(command: str) -> None:
    """Raise a MissingExtraError, which holds the pip line, unless the extra is installed whole."""
    if any(find_spec(module) is None for module in _SERVE):
        raise MissingExtraError(f"secondpass {command}", "serve")


def require_mcp(command: str) -> None:
    """Raise a MissingExtraError, which holds the pip line, unless the extra is installed whole."""
    if any(find_spec(module) is None for module in _MCP):
        raise MissingExtraError(f"secondpass {command}", "mcp")
