"""What a store is to an index: rows in, the nearest rows out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from secondpass.errors import IndexFileError
from secondpass.progress import ProgressBar
from secondpass.retrieval.stores.filters import ColumnType, Filter, Value
from secondpass.states.codec import STATE_TYPES

Vectors = NDArray[np.float32]
# A word of a text as a number.
Terms = NDArray[np.uint32]
# A row's entry of a feature column, one-dimensional; None where the row has none.
Feature = NDArray[Any] | None

Column = Literal["id", "text", "metadata", "digest", "source"]

TOKEN_IDS = "token_ids"
# One number: what says that the token ids are those of the text.
TOKEN_IDS_DIGEST = "token_ids_digest"
# The terms of a text, each as often as it comes: `retrieval/terms.py`. A search by terms reads
# them, and a row that is found comes without.
TERMS = "terms"
# Feature column -> the type of its numbers. A new feature is a line here.
FEATURE_TYPES: Mapping[str, type[np.generic]] = {
    TOKEN_IDS: np.int32,
    TOKEN_IDS_DIGEST: np.int64,
    TERMS: np.uint32,
    **STATE_TYPES,
}


class EmbedderIdentity(NamedTuple):
    """What a store remembers of the embedder that its vectors are of."""

    name: str
    digest: str
    dimension: int

    def agrees_with(self, other: EmbedderIdentity) -> bool:
        """Tell whether both make the same vectors. The name may differ: a folder can be moved."""
        return (self.digest, self.dimension) == (other.digest, other.dimension)

    def __str__(self) -> str:
        return f"{self.name!r} (digest {self.digest[:12]}, {self.dimension} dimensions)"


class FeatureIdentity(NamedTuple):
    """What decides a feature column: a digest, and a bound.

    All token ids are below `end`; of other columns it is a number that goes with the digest.
    """

    digest: str
    end: int


@dataclass(frozen=True, slots=True)
class StoreIdentity:
    """What a store was made for: the embedder for ever, the features until they are changed.

    `columns` are the declared ones, by which rows can be filtered, and their types.
    """

    embedder: EmbedderIdentity
    features: Mapping[str, FeatureIdentity] = field(default_factory=dict)
    columns: Mapping[str, ColumnType] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows, by column: each has one entry a row, `vectors` is float32 [n, dimension].

    `metadata` is JSON, `digest` stands for text and metadata, `source` says which file a row is of.
    `features` and `columns` may lack a column of the store: then these rows have none of it. The
    values of declared columns are of their type, or None.
    `identities` says what made the features, None for what the store keeps: where it keeps others
    by the time of the commit, the rows have none of these.
    """

    id: Sequence[str]
    text: Sequence[str]
    metadata: Sequence[str]
    digest: Sequence[str]
    source: Sequence[str | None]
    vectors: Vectors
    features: Mapping[str, Sequence[Feature]] = field(default_factory=dict)
    columns: Mapping[str, Sequence[Value | None]] = field(default_factory=dict)
    identities: Mapping[str, FeatureIdentity] | None = None


@dataclass(frozen=True, slots=True)
class FeatureRows:
    """Features of rows that are there, by column: of the row with this id, if its digest is this.

    A row of another digest has another text, or is gone: it is left as it is. `identities` says
    what made the features, None for what the store keeps.
    """

    id: Sequence[str]
    digest: Sequence[str]
    features: Mapping[str, Sequence[Feature]]
    identities: Mapping[str, FeatureIdentity] | None = None


@dataclass(frozen=True, slots=True)
class FoundRow:
    """A row that was found; `features` are all but its terms.

    `similarity` is the cosine to the vector that was searched for, not clipped to [-1, 1], and
    `bm25` the score by the terms that were searched for; each is None for the other search.
    `identities` says what decided each of the features when this row was read.
    """

    id: str
    text: str
    metadata: str
    similarity: float | None
    features: Mapping[str, Feature]
    identities: Mapping[str, FeatureIdentity]
    bm25: float | None = None

    @property
    def score(self) -> float:
        """What it was found by."""
        score = self.similarity if self.bm25 is None else self.bm25
        assert score is not None
        return score


class Approximation(NamedTuple):
    """How an approximate search compares: which share of the vectors, and what it finds.

    `probes` of `partitions` parts of the vectors are compared by their codes, and `refine` times as
    many rows as are asked for once more by their vectors. `recall` is the mean share of the
    `depth` nearest that it finds.
    """

    partitions: int
    probes: int
    refine: int
    depth: int
    recall: float

    def __str__(self) -> str:
        return f"compare {self.probes} of {self.partitions} parts of the vectors"


class GraphApproximation(NamedTuple):
    """How an approximate search follows a graph of the vectors, and what it finds.

    It follows the `candidates` nearest it has seen. `recall` is the mean share of the `depth`
    nearest that it finds.
    """

    candidates: int
    depth: int
    recall: float

    def __str__(self) -> str:
        return f"follow the {self.candidates} nearest through a graph of the vectors"


def still_kept(
    made: Mapping[str, FeatureIdentity] | None, kept: Mapping[str, FeatureIdentity]
) -> set[str]:
    """Return the features of those `made` that a store has a use for which keeps these.

    Of the columns of states, which are read together, it is all or none.
    """
    if made is None:
        return set(kept)
    same = {name for name, identity in kept.items() if made.get(name) == identity}
    of_states = kept.keys() & STATE_TYPES.keys()
    whole = of_states <= same and of_states == made.keys() & STATE_TYPES.keys()
    return same if whole else same - STATE_TYPES.keys()


def check_still_kept(
    names: Iterable[str],
    made: Mapping[str, FeatureIdentity] | None,
    kept: Mapping[str, FeatureIdentity],
    location: str,
) -> None:
    """Raise unless a store that keeps `kept` keeps the features of these names as they were made.

    Raises:
        IndexFileError: it does not.
    """
    if not set(names) <= still_kept(made, kept):
        raise IndexFileError(
            f"index {location} keeps other states than those that were being made: another writer "
            "changed that meanwhile; say again which it is to keep"
        )


def check_same_columns(made: Iterable[str], kept: Iterable[str], location: str) -> None:
    """Raise unless rows were made for the columns that a store has declared.

    Raises:
        IndexFileError: another writer declared more meanwhile, whose values the rows lack.
    """
    if more := set(kept) - set(made):
        raise IndexFileError(
            f"index {location} has columns that were declared while documents were being added "
            f"({', '.join(sorted(more))}): add these documents again"
        )


class VectorStore(Protocol):
    """Keeps rows under unique ids. Any number of threads may read while one writes."""

    @property
    def location(self) -> str:
        """Where it is, for messages."""
        ...

    def identity(self) -> StoreIdentity:
        """Return what it was made for."""
        ...

    def count(self) -> int:
        """Return the number of rows."""
        ...

    def write(self, batches: Iterable[Rows], *, replace: bool) -> int:
        """Keep the rows: all of them in one commit, or, after any error, none.

        The batches are taken one by one in the caller's thread, before anything is written; taking
        them may read this store and write to it.

        Args:
            batches: of two rows with one id the later is kept.
            replace: put a row in the place of one with its id.

        Returns:
            How many rows were kept.

        Raises:
            InputError: without `replace`, an id that is there already.
            IndexFileError: the store cannot be written.
        """
        ...

    def nearest(
        self,
        vector: Vectors,
        limit: int,
        *,
        among: Collection[str] | None = None,
        where: Filter | None = None,
    ) -> list[FoundRow]:
        """Return the rows nearest to a unit vector by cosine, nearest first, ties by id.

        Every row is compared, unless `approximate` was called and the store does not hold the
        vectors in memory. A store of less than `limit` rows gives all of them.

        Args:
            vector: float32 [dimension].
            limit: how many, at least 1.
            among: the only ids that may be found; None for all.
            where: true of the only rows that may be found, over declared columns; None for all.
                The search is of these rows: it finds `limit` of them, if there are as many.

        Raises:
            IndexFileError: the store cannot be read.
        """
        ...

    def matching(
        self,
        terms: Terms,
        limit: int,
        *,
        among: Collection[str] | None = None,
        where: Filter | None = None,
    ) -> list[FoundRow]:
        """Return the rows with the highest BM25, highest first, ties by id.

        A row that has none of the terms is not found. The statistics are those of all rows, also
        of those that are not among the ones that may be found.

        Args:
            terms: uint32 [n], of a query; one that comes twice counts twice.
            limit: how many, at least 1.
            among: the only ids that may be found; None for all.
            where: as for `nearest`.

        Raises:
            IndexFileError: the store cannot be read, or a row has no entry of the feature `TERMS`.
        """
        ...

    def approximate(self, progress: ProgressBar) -> Approximation | GraphApproximation | None:
        """Make searches that would read all vectors from disk read a part of them.

        The part is chosen by measuring: the least that finds enough of what an exact search finds.

        Returns:
            What was chosen; None for a store whose searches stay exact.

        Raises:
            IndexFileError: the store cannot be read or written.
        """
        ...

    def scan(
        self, columns: Sequence[Column], *, lacking: str | None = None
    ) -> Iterator[tuple[Any, ...]]:
        """Yield these columns of every row of the latest commit, in no order.

        Args:
            columns: which.
            lacking: only the rows that have none of this feature of the store; None for all rows.

        Raises:
            IndexFileError: the store cannot be read, or does not keep the feature.
        """
        ...

    def change_features(self, features: Mapping[str, FeatureIdentity]) -> None:
        """Keep these features from now on.

        A column that is kept already by the same identity stays; each other one is emptied or new:
        no row has any of it. A process that dies in it may leave columns out.

        Raises:
            IndexFileError: the store cannot be written.
        """
        ...

    def declare(
        self, columns: Mapping[str, ColumnType], values_of: Callable[[str], Sequence[Value | None]]
    ) -> None:
        """Keep these columns too; all rows have them after it, or, after any error, none.

        Args:
            columns: none of which is declared.
            values_of: gives the values of these columns, in their order, of a row's metadata.

        Raises:
            IndexFileError: the store cannot be written.
        """
        ...

    def fill(self, rows: FeatureRows) -> None:
        """Put features to rows in one commit; each row's other features stay as they are.

        Raises:
            IndexFileError: the store cannot be written, or keeps other features than these.
        """
        ...

    def delete(self, ids: Iterable[str]) -> int:
        """Remove the rows with these ids in one commit; return how many were there.

        Raises:
            IndexFileError: the store cannot be written.
        """
        ...

    def delete_where(self, where: Filter) -> int:
        """Remove the rows of which a filter is true in one commit; return how many there were.

        Raises:
            IndexFileError: the store cannot be written.
        """
        ...

    def mend(self) -> int:
        """Remove all rows but one of each id, in one commit; return how many were removed.

        Raises:
            IndexFileError: the store cannot be written.
        """
        ...

    def tidy(self) -> None:
        """Do what `optimize` does if much has been replaced that no reader can still be in.

        Raises:
            IndexFileError: the store cannot be written.
        """
        ...

    def optimize(self, keep: timedelta) -> None:
        """Free the space of what was replaced, but for commits younger than `keep`.

        Raises:
            IndexFileError: the store cannot be written.
        """
        ...
