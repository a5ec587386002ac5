"""One hash for the content of a file, a folder or an index, the same on every machine."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from secondpass.errors import InputError
from secondpass.models.digest import file_sha256
from secondpass.retrieval.stores.contract import VectorStore
from secondpass.retrieval.stores.lance import LanceStore, is_index


def content_sha256(path: Path) -> str:
    """Return the hex SHA-256 of a file's bytes, a folder's files, or an index's documents.

    A folder's hash is over the relative names and hashes of the files in it, so it does not depend
    on where the folder lies. An index lays its files out anew with every write; what counts are
    its documents and the embedder that made its vectors.

    Raises:
        InputError: there is nothing at this path.
    """
    if path.is_file():
        return file_sha256(path)
    if not path.is_dir():
        raise InputError(f"there is no file or folder {path}")
    return documents_sha256(LanceStore.open(path)) if is_index(path) else files_in_sha256(path)


def files_in_sha256(folder: Path, pattern: str = "*") -> str:
    """Return one hash for the files under a folder whose names match."""
    files = [file for file in folder.rglob(pattern) if file.is_file()]
    return _sha256_of_rows(
        f"{file.relative_to(folder).as_posix()}\0{file_sha256(file)}" for file in files
    )


def documents_sha256(store: VectorStore) -> str:
    """Return one hash for a store's documents and the embedder that made its vectors."""
    embedder = store.identity().embedder
    rows = store.scan(["id", "digest"])
    return _sha256_of_rows(
        [f"{embedder.digest}\0{embedder.dimension}", *(f"{id_}\0{digest}" for id_, digest in rows)]
    )


def _sha256_of_rows(rows: Iterable[str]) -> str:
    """Hash rows in sorted order: neither a file system nor a table keeps one."""
    return hashlib.sha256("\n".join(sorted(rows)).encode()).hexdigest()
