"""The vectors of a corpus on disk, in parts: each is a finished file or none."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from secondpass.atomic import replacing, sweep, try_writing
from secondpass.regular_files import open_regular
from secondpass.retrieval.stores.contract import Vectors
from secondpass.settings import warn_not_kept

# Texts of a part: about a minute of embedding is lost with an interrupt, at most.
PART = 2048


class KeptVectors:
    """Parts of one corpus by one embedder.

    A folder that takes no files is one warning, when the first part is found missing.

    Args:
        folder: where all corpora are kept.
        name: stands for the corpus and the embedder.
        dimension: of each vector.
    """

    def __init__(self, folder: Path, name: str, dimension: int) -> None:
        self._folder = folder
        self._name = name
        self._dimension = dimension
        # None as long as it was not tried.
        self._keeps: bool | None = None
        sweep(folder)

    def part(self, start: int, count: int) -> Vectors | None:
        """Return the vectors of the `count` texts from `start` on, None if they are not there."""
        vectors = _read(self._file(start), (count, self._dimension))
        if vectors is None and self._keeps is None:
            self._try(start)
        return vectors

    def keep(self, start: int, vectors: Vectors) -> None:
        """Keep a part, if the folder takes files."""
        if not self._keeps:
            return
        try:
            with replacing(self._file(start)) as written:
                np.save(written, vectors)
        except OSError as error:
            self._give_up(error)

    def _try(self, start: int) -> None:
        self._keeps = True
        try:
            try_writing(self._file(start))
        except OSError as error:
            self._give_up(error)

    def _file(self, start: int) -> Path:
        return self._folder / f"{self._name}-{start}.npy"

    def _give_up(self, error: OSError) -> None:
        self._keeps = False
        warn_not_kept(self._folder.parent, error)


def _read(file: Path, shape: tuple[int, int]) -> Vectors | None:
    try:
        with open_regular(file) as stream:
            vectors: Vectors = np.load(stream, allow_pickle=False)
    except (OSError, ValueError, EOFError):  # not there, or damaged
        return None
    return vectors if vectors.shape == shape and vectors.dtype == np.float32 else None
