"""Content hashes of model files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from secondpass.errors import ModelFileError


def file_sha256(file: Path) -> str:
    """Return the hex SHA-256 of a file's bytes."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def files_sha256(files: Iterable[Path]) -> str:
    """Return one hex SHA-256 for several files: a single file's own hash, else a hash of hashes."""
    digests = [file_sha256(file) for file in files]
    if len(digests) == 1:
        return digests[0]
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()


def text_sha256(text: str) -> str:
    """Return the hex SHA-256 of a text's UTF-8 bytes."""
    return hashlib.sha256(text.encode()).hexdigest()


def require_sha256(file: Path, expected: str) -> None:
    """Raise a ModelFileError unless a file is the one that was meant."""
    found = file_sha256(file)
    if found != expected:
        raise ModelFileError(f"{file}: sha256 is {found}, expected {expected}")
