"""The demo's index: the docstrings of the running Python, made once and kept."""

from __future__ import annotations

import atexit
import platform
import shutil
import tempfile
import warnings
from pathlib import Path

from secondpass.atomic import try_writing
from secondpass.demo.stdlib_docs import stdlib_documents
from secondpass.ingest.chunking import Chunker
from secondpass.ingest.readers import split_long
from secondpass.locks import locked
from secondpass.progress import ProgressBar, silent
from secondpass.retrieval.blocks import BATCH, in_blocks
from secondpass.retrieval.embedder import Embedder
from secondpass.retrieval.index import Index
from secondpass.retrieval.records import to_record
from secondpass.retrieval.stores.lance import is_index
from secondpass.retrieval.stores.lance_schema import FORMAT


def open_stdlib_index(embedder: Embedder, cache_dir: Path, progress: ProgressBar = silent) -> Index:
    """Open the index of this Python and this embedder under `cache_dir`, or make it.

    It is filled under another name, so half an index is never found; one that was interrupted is
    gone on with. `progress` is only called where there is something to embed. A `cache_dir` that
    cannot be written is a warning: the index is made in a temporary folder then, for this time
    only.
    """
    name = f"python-{platform.python_version()}-{embedder.digest[:12]}"
    folder = cache_dir / "demo" / f"format-{FORMAT}" / name
    if _is_filled(folder, embedder):
        return Index.open(folder, embedder)
    folder = _writable(folder)
    begun = folder.with_name(f"{folder.name}.begun")
    with locked(begun.with_suffix(".lock")):
        if not _is_filled(folder, embedder):  # as it is if another process was first
            _fill(Index.create(begun, embedder, exist_ok=True), embedder, progress)
            shutil.rmtree(folder, ignore_errors=True)
            begun.rename(folder)
    return Index.open(folder, embedder)


def _is_filled(folder: Path, embedder: Embedder) -> bool:
    return is_index(folder) and len(Index.open(folder, embedder)) > 0


def _fill(index: Index, embedder: Embedder, progress: ProgressBar) -> None:
    """Add the docstrings; one that is longer than the embedder reads is cut into chunks."""
    chunker = Chunker(embedder.tokenizer, max_tokens=embedder.most_tokens)
    records = [to_record(one, one.id) for one in stdlib_documents()]
    there = index.ids()
    parts = (part for record in records for part in split_long(record, chunker))
    missing = [one for one in parts if one.id not in there]
    with progress("embedding", len(missing)) as advance:
        for block in in_blocks(iter(missing)):
            index.add(block, replace=True, batch_size=BATCH, progress=advance)


def _writable(place: Path) -> Path:
    """Return the place, or one in a temporary folder where nothing can be written at the first."""
    try:
        try_writing(place.with_name("trial"))
        return place
    except OSError as error:
        warnings.warn(
            f"{place} cannot be written ({error.strerror}); the demo's index is made in a "
            "temporary folder. Set SECONDPASS_CACHE_DIR to a folder that can be written to keep it",
            stacklevel=3,
        )
    folder = tempfile.mkdtemp(prefix="secondpass-demo-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder) / place.name
