"""The demo's index: the docstrings of the running Python, made once and kept."""

from __future__ import annotations

import platform
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from secondpass.retrieval.embedder import Embedder
from secondpass.retrieval.index import Index
from secondpass.retrieval.stdlib_docs import stdlib_documents

ProgressBar = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]


def open_stdlib_index(embedder: Embedder, cache_dir: Path, progress: ProgressBar) -> Index:
    """Open the index of this Python and this embedder under `cache_dir`, or make it.

    It is filled in one commit, so half an index is never kept. `progress` is only called where
    there is something to embed.
    """
    name = f"python-{platform.python_version()}-{embedder.digest[:12]}"
    index = Index.create(cache_dir / "demo" / name, embedder, exist_ok=True)
    if not len(index):
        documents = list(stdlib_documents())
        with progress("embedding", len(documents)) as advance:
            index.add(documents, progress=advance)
    return index
