"""Index: documents and their vectors in a store, searched exactly."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from itertools import islice
from math import inf
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np

from secondpass.atomic import WRITING
from secondpass.checks import integer, shortened
from secondpass.errors import Either, IndexExistsError, IndexFileError, InputError
from secondpass.native import RefusedInForks, rebuilt
from secondpass.progress import ProgressBar, silent
from secondpass.retrieval.content_hash import documents_sha256
from secondpass.retrieval.contract import (
    LENGTH_TOLERANCE,
    Progress,
    TextEmbedder,
    checked_features,
    features_of,
    identity_of,
    queries_checked,
)
from secondpass.retrieval.found import to_document, with_digest_identity, with_digests
from secondpass.retrieval.records import Record, checked_id, decode_metadata, to_record
from secondpass.retrieval.state_encoder import EmbeddedEncoder
from secondpass.retrieval.states import (
    StateColumns,
    lacking_states,
    precision_of,
    tokenizer_of,
    without_states,
)
from secondpass.retrieval.stores.contract import (
    TOKEN_IDS,
    Approximation,
    EmbedderIdentity,
    FeatureIdentity,
    Rows,
    StoreIdentity,
    Vectors,
    VectorStore,
)
from secondpass.retrieval.stores.lance import OWN_FILES, LanceStore, is_index
from secondpass.scoring.candidates import checked_query, checked_texts
from secondpass.settings import absolute
from secondpass.states.codec import STATE_PRECISIONS, STATES_DIGEST, StatePrecision
from secondpass.states.contract import StateEncoder
from secondpass.types import Document, RetrievedDocument


class Stored(NamedTuple):
    """What is known of a document without its text: a digest of its content, and its source."""

    digest: str
    source: str | None


class Index(RefusedInForks):
    """Documents, their metadata and their vectors. Make it with create or open: a folder on disk.

    Any number of threads and processes may read while one writes: each read sees the latest
    commit, whole, and each add or delete is one commit. Commits wait for each other, those of other
    processes too.

    Args:
        store: where they are kept; `MemoryStore` keeps them in this process.
        embedder: the one that the store was made for.
        encoder: the late-joined cross-encoder whose states of the texts it keeps, if it keeps any;
            None for the embedded one, which is loaded when a text is added.

    Raises:
        IndexFileError: the store was made for another embedder.
    """

    def __init__(
        self, store: VectorStore, embedder: TextEmbedder, *, encoder: StateEncoder | None = None
    ) -> None:
        self._store = store
        self._embedder = embedder
        self._encoder: StateEncoder = EmbeddedEncoder() if encoder is None else encoder
        self._said_other_states = False
        stored, given = store.identity().embedder, identity_of(embedder)
        if not stored.agrees_with(given):
            raise IndexFileError(
                f"index {store.location} was made with the embedder {stored}, not with {given}: "
                "open it with ",
                Either(f"Embedder({stored.name!r})", f"--embedder {stored.name}"),
                ", or make a new index with ",
                Either("Index.create", "secondpass index PATH... --into DIR"),
                " and add the documents again",
            )

    @classmethod
    def create(
        cls,
        folder: str | os.PathLike[str],
        embedder: TextEmbedder,
        *,
        exist_ok: bool = False,
        states: StatePrecision | None = None,
        encoder: StateEncoder | None = None,
    ) -> Index:
        """Make an empty index in a folder that is new or empty.

        Args:
            folder: where; folders above it are made too.
            embedder: every text of the index, and every query, is embedded with it.
            exist_ok: open the index that is there, if there is one.
            states: keep each text's states below the join of the cross-encoder, so that a search
                begins there: "int8", some 390 bytes a token, or "float16", some 770. None for none.
            encoder: a late-joined cross-encoder, by default the embedded one.

        Raises:
            IndexExistsError: there is an index already.
            InputError: the folder holds something else, or is a file; `states` is no such name, or
                the index that is there keeps others; the encoder is not late-joined.
            IndexFileError: the folder cannot be written.
            MissingExtraError: LanceDB is not installed.
        """
        precision = None if states is None else _checked_states(states)
        path = absolute(folder)
        if is_index(path):
            if exist_ok:
                return cls.open(path, embedder, encoder=encoder)._checked_to_keep(precision)
            raise IndexExistsError(
                f"there is an index in {path}",
                Either("; use Index.open, or pass exist_ok=True", ""),
            )
        check_vacant(path)
        made_by = EmbeddedEncoder() if encoder is None else encoder
        columns = None if precision is None else StateColumns(made_by, precision)
        store = LanceStore.create(path, store_identity(embedder, columns))
        return cls(store, embedder, encoder=made_by)

    @classmethod
    def open(
        cls,
        folder: str | os.PathLike[str],
        embedder: TextEmbedder,
        *,
        encoder: StateEncoder | None = None,
    ) -> Index:
        """Open an index with the embedder it was made with.

        Args:
            folder: where it is.
            embedder: the one it was made with.
            encoder: makes the states of texts that are added, if the index keeps some; by default
                the embedded cross-encoder. Texts get none from another than made the first.

        Raises:
            IndexFileError: no index is there, it cannot be read, or it has another embedder.
            MissingExtraError: LanceDB is not installed.
        """
        path = absolute(folder)
        if not is_index(path):
            raise IndexFileError(
                f"there is no index in {path}; make one with ",
                Either("Index.create", "secondpass index PATH... --into DIR"),
            )
        return cls(LanceStore.open(path), embedder, encoder=encoder)

    def add(
        self,
        documents: Iterable[Document | Record | Mapping[str, Any]],
        *,
        replace: bool = False,
        batch_size: int = 1024,
        progress: Progress | None = None,
    ) -> int:
        """Embed documents and keep them: all of them in one commit, or, after any error, none.

        They are taken one by one, so that memory holds one batch and every id; but with `replace`,
        and ids that are there already, LanceDB holds the added data in memory as it merges.

        A vector is of as many tokens as the embedder reads: where texts have more, it warns. Cut
        them into chunks first; `secondpass index` does.

        Args:
            documents: Documents, or mappings: `text` (else `content`) is the text, `id` the id (a
                digest of the content without it), every other field metadata. A text may be empty.
            replace: put a document in the place of one with its id; of two in this call with one
                id the later is kept. Without it such an id is an error.
            batch_size: texts that are embedded at a time.
            progress: called with the number of texts just embedded.

        Returns:
            How many documents were put into the index.

        Raises:
            InputError: a document that cannot be kept as it is; the message names its position.
            IndexFileError: the folder cannot be read or written.
        """
        integer("batch_size", batch_size)
        if isinstance(documents, str | bytes | Mapping) or not isinstance(documents, Iterable):
            raise InputError(f"documents is {type(documents).__name__}, expected a list of them")
        records = _records(documents) if replace else self._new_records(documents)
        return self._store.write(self._embedded(records, batch_size, progress), replace=replace)

    def delete(self, ids: Iterable[str]) -> int:
        """Remove the documents with these ids in one commit; an unknown id is not an error.

        Returns:
            How many documents were removed.

        Raises:
            InputError: `ids` is one string, or holds something that is not an id.
        """
        given = enumerate(checked_texts(ids, "ids"))
        return self._store.delete({checked_id(id_, f"ids[{at}]") for at, id_ in given})

    def search(self, query: str, limit: int = 10) -> list[RetrievedDocument]:
        """Return the documents nearest to a query by cosine, nearest first.

        Every vector is compared, so the answer is exact; not so where the vectors are more than
        memory holds and `approximate` was called. Equal similarities are in the order of their ids.
        An index of less than `limit` documents gives all of them.

        Raises:
            InputError: the query is empty, or `limit` is not an integer of at least 1.
            IndexFileError: the folder cannot be read, or what it keeps of a document is damaged.
        """
        integer("limit", limit)
        return self.search_vector(self.embed_query(query), limit)

    def embed_query(self, query: str) -> Vectors:
        """Return a query's unit vector, float32 [dimension]: the first half of `search`.

        Raises:
            InputError: the query is empty.
        """
        vector: Vectors = queries_checked(self._embedder, [checked_query(query)])[0]
        return vector

    def search_vector(self, vector: Vectors, limit: int = 10) -> list[RetrievedDocument]:
        """Return the documents nearest to a vector, nearest first: the second half of `search`.

        Raises:
            InputError: the vector has another dimension or no direction, or `limit` is not an
                integer of at least 1.
            IndexFileError: the folder cannot be read, or what it keeps of a document is damaged.
        """
        found = self._store.nearest(self._unit(vector), integer("limit", limit))
        return [to_document(row, self._store.location) for row in found]

    @property
    def states(self) -> StatePrecision | None:
        """How it keeps the states of its texts: "int8", "float16", or None for not at all."""
        return precision_of(self._store.identity().features)

    def has_states_of(self, encoder: StateEncoder) -> bool:
        """Tell whether it keeps states that this encoder makes."""
        features = self._store.identity().features
        precision = precision_of(features)
        return precision is not None and StateColumns(encoder, precision).are_in(features)

    def keep_states(self, states: StatePrecision) -> None:
        """Keep states of every text that is added from now on, as `create` does.

        Texts that are there have none until `add_states` is called. States of another precision, or
        of another model, are dropped.

        Raises:
            InputError: `states` is no such name, or the encoder is not late-joined.
            IndexFileError: the folder cannot be written.
        """
        self._keep(StateColumns(self._encoder, _checked_states(states)))

    def add_states(self, states: StatePrecision = "int8", *, progress: ProgressBar = silent) -> int:
        """Keep states, and encode the texts that have none.

        Vectors and token ids stay as they are. It commits block by block: a process that dies keeps
        what is committed, and the next call goes on from there.

        Args:
            states: as for `create`; of another precision, or of another model, all are encoded.
            progress: makes a bar from a description and a total.

        Returns:
            How many texts were encoded; one that is too long for the encoder counts too.

        Raises:
            InputError: as `keep_states`.
            IndexFileError: the folder cannot be read or written.
        """
        columns = StateColumns(self._encoder, _checked_states(states))
        self._keep(columns)
        count = 0
        lacking = sum(1 for _ in self._store.scan(["id"], lacking=STATES_DIGEST))
        if not lacking:
            return 0
        with progress("encoding", lacking) as advance:
            for rows in lacking_states(self._store, columns, advance):
                self._store.fill(rows)
                count += len(rows.id)
        self._store.tidy()
        return count

    @property
    def embedder(self) -> EmbedderIdentity:
        """Name, digest and dimension of the embedder of all its vectors."""
        return identity_of(self._embedder)

    @property
    def folder(self) -> Path:
        """The folder it lies in.

        Raises:
            InputError: it lies in none.
        """
        if self.directory is None:
            raise InputError(f"an index {self._store.location} has no folder")
        return self.directory

    @property
    def directory(self) -> Path | None:
        """The folder it lies in, None for one in memory."""
        return self._store.folder if isinstance(self._store, LanceStore) else None

    def ids(self) -> set[str]:
        """Return the id of every document."""
        return {id_ for (id_,) in self._store.scan(["id"])}

    def stored(self) -> dict[str, Stored]:
        """Return id -> digest and source of every document, to tell what has changed."""
        rows = self._store.scan(["id", "digest", "source"])
        return {id_: Stored(digest, source) for id_, digest, source in rows}

    def documents(self) -> Iterator[Document]:
        """Yield every document, in no order."""
        for id_, text, encoded in self._store.scan(["id", "text", "metadata"]):
            yield Document(id_, text, decode_metadata(encoded, id_))

    def content_sha256(self) -> str:
        """Return a hash over the documents and the embedder that made their vectors."""
        return documents_sha256(self._store)

    def optimize(self, *, keep_minutes: float = 60.0) -> None:
        """Merge the files of many small adds into few, and free the space of what was replaced.

        What a writer left that died in its commit is freed when it is a week old.

        Args:
            keep_minutes: commits younger than this stay on disk, for readers that are still in
                them. Must be above 0.

        Raises:
            InputError: `keep_minutes` is not a number above 0.
            IndexFileError: the folder cannot be read or written.
        """
        number = isinstance(keep_minutes, int | float) and not isinstance(keep_minutes, bool)
        if not number or not 0 < keep_minutes < inf:
            raise InputError(f"keep_minutes is {keep_minutes!r}, expected a number above 0")
        self._store.optimize(timedelta(minutes=keep_minutes))

    def approximate(self, *, progress: ProgressBar = silent) -> Approximation | None:
        """Make searches that would compare all vectors on disk compare a part of them.

        It is for an index whose vectors do not fit in memory: as long as they do, searches stay
        exact. The part is the least that finds 98.5 % of what an exact search finds among the 100
        nearest, measured on vectors of the index. What is added later is compared exactly until
        `optimize` takes it in.

        Args:
            progress: makes a bar from a description and a total.

        Returns:
            What was chosen and the recall that was measured; None for an index in memory, or of
            less than 1,000 documents.

        Raises:
            IndexFileError: the folder cannot be read or written.
        """
        return self._store.approximate(progress)

    def mend(self) -> int:
        """Remove all documents but one of each id; return how many were removed.

        No id is there twice, unless something else than this class wrote to the folder.
        """
        return self._store.mend()

    def tidy(self) -> None:
        """Do what `optimize` does if enough has been replaced for it to pay.

        Raises:
            IndexFileError: the folder cannot be written.
        """
        self._store.tidy()

    def __len__(self) -> int:
        return self._store.count()

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the folder and the embedder's options: another process opens both."""
        given = self._store, self._embedder, self._encoder
        known = {"_store": self._store, "_embedder": self._embedder, "_encoder": self._encoder}
        return rebuilt, (_rebuilt_index, given, type(self), known)

    def __repr__(self) -> str:
        return f"Index({self._store.location!r}, {self._embedder.name!r})"

    def _new_records(self, documents: Iterable[Any]) -> Iterator[Record]:
        """Yield checked records, each with an id that neither the index nor this call has."""
        present, positions = self.ids(), dict[str, int]()
        for position, record in enumerate(_records(documents)):
            if record.id in present:
                raise InputError(
                    f"document {position}: id {shortened(record.id)} is already in the index "
                    f"{self._store.location}; pass replace=True to put it in the old one's place"
                )
            if record.id in positions:
                raise InputError(
                    f"document {position}: id {shortened(record.id)} is also document "
                    f"{positions[record.id]}'s; leave one out, or pass replace=True to keep the "
                    "later"
                )
            positions[record.id] = position
            yield record

    def _embedded(
        self, records: Iterator[Record], batch_size: int, progress: Progress | None
    ) -> Iterator[Rows]:
        """Yield the records as rows, `batch_size` at a time."""
        while batch := list(islice(records, batch_size)):
            texts = [record.text for record in batch]
            features = checked_features(self._embedder, texts, progress)
            identities = features_of(self._embedder)
            columns = dict(with_digests(texts, features.columns, identities))
            stored = self._store.identity().features
            given = dict(with_digest_identity(identities))
            if (states := self._state_columns(stored)) is not None:
                given.update(states.identities)
                tokenizer = tokenizer_of(identities)
                columns.update(states.of(texts, columns.get(TOKEN_IDS), tokenizer))
            shared = [name for name, made_by in stored.items() if given.get(name) == made_by]
            yield Rows(
                id=[record.id for record in batch],
                text=texts,
                metadata=[record.metadata for record in batch],
                digest=[record.digest for record in batch],
                source=[record.source for record in batch],
                vectors=features.vectors,
                features={name: columns[name] for name in shared},
            )

    def _state_columns(self, stored: Mapping[str, FeatureIdentity]) -> StateColumns | None:
        """Return what makes the states that the store keeps; None for none, or if ours differ."""
        precision = precision_of(stored)
        if precision is None:
            return None
        columns = StateColumns(self._encoder, precision)
        if columns.are_in(stored):
            return columns
        if not self._said_other_states:
            self._said_other_states = True
            warnings.warn(
                f"the states in index {self._store.location} were made by another model: texts "
                "that are added have none, and are read from the start; encode all anew with "
                f"index.add_states({precision!r}) or 'secondpass index --states {precision}' (said "
                "once)",
                stacklevel=2,
            )
        return None

    def _keep(self, columns: StateColumns) -> None:
        features = self._store.identity().features
        if not columns.are_in(features):
            # All go first: states of either precision share columns.
            self._store.change_features(without_states(features))
            self._store.change_features({**without_states(features), **columns.identities})

    def _checked_to_keep(self, states: StatePrecision | None) -> Self:
        if states is not None and self.states != states:
            raise InputError(
                f"the index {self._store.location} is there and keeps "
                f"{self.states or 'no'} states, not {states}: add them with ",
                Either(f"index.add_states({states!r})", f"secondpass index --states {states}"),
            )
        return self

    def _unit(self, vector: Vectors) -> Vectors:
        shape = (self._embedder.dimension,)
        if np.shape(vector) != shape:
            raise InputError(f"vector has the shape {np.shape(vector)}, expected {shape}")
        length = float(np.linalg.norm(vector))
        if not 0 < length < inf:
            raise InputError(f"vector has the length {length}, expected a direction")
        # A unit vector stays as it is, to the last bit.
        return vector if abs(length - 1) <= LENGTH_TOLERANCE else vector / np.float32(length)


def store_identity(embedder: TextEmbedder, states: StateColumns | None = None) -> StoreIdentity:
    """Return what a store for this embedder, and for states, is to be made with."""
    features = dict(with_digest_identity(features_of(embedder)))
    if states is not None:
        features.update(states.identities)
    return StoreIdentity(identity_of(embedder), features)


def _rebuilt_index(store: VectorStore, embedder: TextEmbedder, encoder: StateEncoder) -> Index:
    return Index(store, embedder, encoder=encoder)


def _checked_states(states: object) -> StatePrecision:
    for precision in STATE_PRECISIONS:
        if states == precision:
            return precision
    expected = " or ".join(map(repr, STATE_PRECISIONS))
    raise InputError(f"states is {shortened(states)}, expected {expected}")


def _records(documents: Iterable[Any]) -> Iterator[Record]:
    for position, item in enumerate(documents):
        yield to_record(item, f"document {position}")


def check_vacant(folder: Path) -> None:
    """Check that an index can be made in a folder.

    Raises:
        InputError: the folder holds something else, or is a file.
    """
    if folder.is_dir() and not all(_is_own(entry.name) for entry in folder.iterdir()):
        raise InputError(f"folder {folder} holds something else; name a new or an empty one")
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file, expected a folder")


def _is_own(name: str) -> bool:
    return name in OWN_FILES or name.startswith(WRITING)
