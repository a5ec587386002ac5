"""The demo's index: the docstrings of the running Python, made once and kept."""

from __future__ import annotations

import atexit
import platform
import shutil
import tempfile
import warnings
from pathlib import Path

from secondpass.demo.stdlib_docs import stdlib_documents
from secondpass.errors import IndexFileError
from secondpass.progress import ProgressBar, silent
from secondpass.retrieval.embedder import Embedder
from secondpass.retrieval.index import Index
from secondpass.retrieval.stores.lance import FORMAT


def open_stdlib_index(embedder: Embedder, cache_dir: Path, progress: ProgressBar = silent) -> Index:
    """Open the index of this Python and this embedder under `cache_dir`, or make it.

    It is filled in one commit, so half an index is never kept. `progress` is only called where
    there is something to embed. A `cache_dir` that cannot be written is a warning: the index is
    made in a temporary folder then, for this time only.
    """
    name = f"python-{platform.python_version()}-{embedder.digest[:12]}"
    index = _create(cache_dir, name, embedder)
    if not len(index):
        documents = list(stdlib_documents())
        with progress("embedding", len(documents)) as advance:
            index.add(documents, progress=advance)
    return index


def _create(cache_dir: Path, name: str, embedder: Embedder) -> Index:
    try:
        return Index.create(cache_dir / "demo" / f"format-{FORMAT}" / name, embedder, exist_ok=True)
    except IndexFileError as error:
        warnings.warn(
            f"{error}; the demo's index is made in a temporary folder. Set SECONDPASS_CACHE_DIR to "
            "a folder that can be written to keep it",
            stacklevel=3,
        )
    folder = tempfile.mkdtemp(prefix="secondpass-demo-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Index.create(Path(folder) / name, embedder)
