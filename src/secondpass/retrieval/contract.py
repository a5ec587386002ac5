"""What an embedder is to an index, and the check that it keeps its word."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from secondpass.errors import ModelError

Vectors = NDArray[np.float32]

# float32 sums of a thousand squares are exact to about 1e-5.
LENGTH_TOLERANCE = 1e-3


class TextEmbedder(Protocol):
    """A loaded bi-encoder. Must be safe to call from several threads if the index is."""

    @property
    def name(self) -> str:
        """For messages."""
        ...

    @property
    def digest(self) -> str:
        """A hash of all that decides the vectors: weights, precision, rules."""
        ...

    @property
    def dimension(self) -> int:
        """Numbers in a vector."""
        ...

    def embed(
        self, texts: Sequence[str], *, progress: Callable[[int], None] | None = None
    ) -> Vectors:
        """Return float32 [n, dimension], each row of length 1, in the order of the texts.

        `progress` is called with the number of texts just finished.
        """
        ...


@runtime_checkable
class TextTokeniser(Protocol):
    """What an embedder may be as well: then an index keeps the token ids of its texts."""

    @property
    def tokenizer_digest(self) -> str:
        """The `tokenizer_digest` of scoring/tokenised.py: who has the same may use the ids."""
        ...

    def tokenise(self, texts: Sequence[str]) -> list[NDArray[np.int32]]:
        """Return the ids of each whole text, without special tokens."""
        ...


class EmbedderIdentity(NamedTuple):
    """What an index remembers of the embedder it was made with."""

    name: str
    digest: str
    dimension: int

    @classmethod
    def of(cls, embedder: TextEmbedder) -> EmbedderIdentity:
        """Read an embedder's identity."""
        return cls(str(embedder.name), str(embedder.digest), int(embedder.dimension))

    def agrees_with(self, other: EmbedderIdentity) -> bool:
        """Tell whether both make the same vectors. The name may differ: a folder can be moved."""
        return (self.digest, self.dimension) == (other.digest, other.dimension)

    def __str__(self) -> str:
        return f"{self.name!r} (digest {self.digest[:12]}, {self.dimension} dimensions)"


def embed_checked(
    embedder: TextEmbedder, texts: Sequence[str], progress: Callable[[int], None] | None = None
) -> Vectors:
    """Embed texts: float32 [n, dimension].

    Raises:
        ModelError: the answer has another shape or type, or a row whose length is not 1.
    """
    vectors = embedder.embed(texts, progress=progress)
    shape = (len(texts), embedder.dimension)
    if vectors.shape != shape or vectors.dtype != np.float32:
        raise ModelError(
            f"embedder {embedder.name!r} returned {vectors.dtype} {list(vectors.shape)}, expected "
            f"float32 {list(shape)}"
        )
    lengths = np.linalg.norm(vectors, axis=1)
    # Written so that a length that is no number counts as wrong.
    wrong = np.flatnonzero(~(np.abs(lengths - 1) <= LENGTH_TOLERANCE))
    if wrong.size:
        raise ModelError(
            f"embedder {embedder.name!r} returned a vector of length {lengths[wrong[0]]:.6g} for "
            f"{texts[wrong[0]][:40]!r}, expected 1: normalise the vectors"
        )
    return vectors
