"""What an embedder is to an index, and the check of the vectors it returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np

from secondpass.checks import with_members
from secondpass.errors import ModelError
from secondpass.retrieval.stores.contract import (
    EmbedderIdentity,
    Feature,
    FeatureIdentity,
    Vectors,
)

# float32 sums of a thousand squares are exact to about 1e-5.
LENGTH_TOLERANCE = 1e-3

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Features:
    """What an index keeps of some texts: unit vectors [n, dimension], and columns of n entries."""

    vectors: Vectors
    columns: Mapping[str, Sequence[Feature]] = field(default_factory=dict)


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

    def embed(self, texts: Sequence[str], *, progress: Progress | None = None) -> Vectors:
        """Return float32 [n, dimension], each row of length 1, in the order of the texts.

        `progress` is called with the number of texts just finished.
        """
        ...


@runtime_checkable
class QueryEmbedder(Protocol):
    """What an embedder may be as well: one that embeds queries in another way than documents."""

    def embed_queries(self, queries: Sequence[str]) -> Vectors:
        """Return float32 [n, dimension], each row of length 1, in the order of the queries."""
        ...


@runtime_checkable
class FeatureEmbedder(Protocol):
    """What an embedder may be as well: then an index keeps more of its texts than vectors."""

    @property
    def feature_identities(self) -> Mapping[str, FeatureIdentity]:
        """What decides each column of `features`."""
        ...

    def features(self, texts: Sequence[str], *, progress: Progress | None = None) -> Features:
        """Return the vectors that `embed` gives, and the columns, in the order of the texts."""
        ...


def check_embedder(embedder: object) -> None:
    """Check that something may be an embedder.

    Raises:
        InputError: it lacks a part of `TextEmbedder`.
    """
    asked = ("name", "digest", "dimension", "embed")
    with_members("embedder", embedder, asked, "an embedder, such as Embedder()")


def identity_of(embedder: TextEmbedder) -> EmbedderIdentity:
    """Return an embedder's identity."""
    return EmbedderIdentity(str(embedder.name), str(embedder.digest), int(embedder.dimension))


def features_of(embedder: TextEmbedder) -> Mapping[str, FeatureIdentity]:
    """Return the features an embedder gives; most give none."""
    return embedder.feature_identities if isinstance(embedder, FeatureEmbedder) else {}


def checked_features(
    embedder: TextEmbedder, texts: Sequence[str], progress: Progress | None = None
) -> Features:
    """Embed texts, with whatever else the embedder gives of them.

    Raises:
        ModelError: as `embed_checked`.
    """
    if not isinstance(embedder, FeatureEmbedder):
        return Features(embed_checked(embedder, texts, progress))
    features = embedder.features(texts, progress=progress)
    _check(embedder, texts, features.vectors)
    return features


def embed_checked(
    embedder: TextEmbedder, texts: Sequence[str], progress: Progress | None = None
) -> Vectors:
    """Embed texts: float32 [n, dimension].

    Raises:
        ModelError: the answer has another shape or type, or a row whose length is not 1.
    """
    vectors = embedder.embed(texts, progress=progress)
    _check(embedder, texts, vectors)
    return vectors


def queries_checked(embedder: TextEmbedder, queries: Sequence[str]) -> Vectors:
    """Embed queries: float32 [n, dimension]; as documents where the embedder has one way only.

    Raises:
        ModelError: as `embed_checked`.
    """
    if not isinstance(embedder, QueryEmbedder):
        return embed_checked(embedder, queries)
    vectors = embedder.embed_queries(queries)
    _check(embedder, queries, vectors)
    return vectors


def _check(embedder: TextEmbedder, texts: Sequence[str], vectors: Vectors) -> None:
    shape = (len(texts), embedder.dimension)
    if vectors.shape != shape or vectors.dtype != np.float32:
        raise ModelError(
            f"embedder {embedder.name!r} returned {vectors.dtype} {list(vectors.shape)}, expected "
            f"float32 {list(shape)}"
        )
    lengths = np.linalg.norm(vectors, axis=1)
    # Written so that a length that is not a number counts as wrong.
    wrong = np.flatnonzero(~(np.abs(lengths - 1) <= LENGTH_TOLERANCE))
    if wrong.size:
        raise ModelError(
            f"embedder {embedder.name!r} returned a vector of length {lengths[wrong[0]]:.6g} for "
            f"{texts[wrong[0]][:40]!r}, expected 1: normalize the vectors"
        )
