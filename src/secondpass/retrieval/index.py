"""Index: documents, their vectors and terms in a store, searched exactly."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import islice
from math import inf
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np

from secondpass.checks import (
    called,
    described,
    finite_number,
    integer,
    listed,
    one_of,
    shortened,
    with_members,
    yes_or_no,
)
from secondpass.errors import Argument, Either, IndexExistsError, IndexFileError, InputError
from secondpass.native import RefusedInForks, rebuilt, require_no_fork
from secondpass.options.mode import MODES, Mode
from secondpass.progress import ProgressBar, silent
from secondpass.retrieval.blocks import BATCH
from secondpass.retrieval.columns import checked_columns, column_values, new_columns, values_of
from secondpass.retrieval.content_hash import documents_sha256
from secondpass.retrieval.contract import (
    LENGTH_TOLERANCE,
    Progress,
    TextEmbedder,
    check_embedder,
    checked_features,
    features_of,
    identity_of,
    queries_checked,
)
from secondpass.retrieval.found import to_document, with_digest_identity, with_digests
from secondpass.retrieval.hybrid import hybrid
from secondpass.retrieval.places import create_store, is_there, open_store, place_of
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
    TERMS,
    TOKEN_IDS,
    Approximation,
    EmbedderIdentity,
    FeatureIdentity,
    FeatureRows,
    GraphApproximation,
    Rows,
    StoreIdentity,
    Vectors,
    VectorStore,
)
from secondpass.retrieval.stores.filters import ColumnType, Filter, Value, holds
from secondpass.retrieval.stores.lance import LanceStore
from secondpass.retrieval.stores.postgres_address import Address
from secondpass.retrieval.terms import TERMS_IDENTITY, document_terms, query_terms
from secondpass.retrieval.where import checked_where
from secondpass.scoring.candidates import checked_query, checked_texts
from secondpass.states.codec import STATE_PRECISIONS, STATES_DIGEST, StatePrecision
from secondpass.states.contract import StateEncoder
from secondpass.types import Document, RetrievedDocument

# What is asked of an encoder that is given.
_OF_ENCODER = ("states_identity", "states_width", "encode_texts")
# A hundred years.
_MOST_MINUTES = 100 * 366 * 24 * 60
# LanceDB holds what it merges in memory.
_TERMS_BLOCK = 64 * BATCH


class Stored(NamedTuple):
    """What is known of a document without its text: a digest of its content, and its source."""

    digest: str
    source: str | None


class Index(RefusedInForks):
    """Documents, their metadata and their vectors. Make it with create or open.

    It is a folder on disk, or tables in PostgreSQL, named by an address such as
    `postgresql://user@host/database?index=papers`.

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
        check_embedder(embedder)
        if encoder is not None:
            with_members("encoder", encoder, _OF_ENCODER, "a late-joined cross-encoder")
        self._store = store
        self._embedder = embedder
        self._encoder: StateEncoder = EmbeddedEncoder() if encoder is None else encoder
        self._said_other_states = False
        self._seen_terms = False
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
        folder: str | os.PathLike[str] | Address,
        embedder: TextEmbedder,
        *,
        exist_ok: bool = False,
        states: StatePrecision | None = None,
        encoder: StateEncoder | None = None,
        columns: Mapping[str, type | str] | None = None,
    ) -> Index:
        """Make an empty index in a folder that is new or empty, or in a database.

        Args:
            folder: where; folders above it are made too. Or the address of a database.
            embedder: every text of the index, and every query, is embedded with it.
            exist_ok: open the index that is there, if there is one.
            states: keep each text's states below the join of the cross-encoder, so that a search
                begins there: "compact", 98 bytes a token of the embedded model, "int8", 390, or
                "float16", 772. None for none.
            encoder: a late-joined cross-encoder, by default the embedded one.
            columns: fields of the metadata that searches can be filtered by, and their types: str,
                int, float or bool, such as `{"year": int}`. An index that is there must declare
                them.

        Raises:
            IndexExistsError: there is an index already.
            InputError: the folder holds something else, or is a file; `states` is no such name, or
                the index that is there keeps others; the encoder is not late-joined; `columns` are
                none, or the index that is there does not declare them.
            IndexFileError: the folder cannot be written.
            MissingExtraError: LanceDB is not installed, or for an address psycopg.
        """
        yes_or_no("exist_ok", exist_ok)
        precision = None if states is None else _checked_states(states)
        declared = checked_columns({} if columns is None else columns)
        check_embedder(embedder)
        place = place_of(folder)
        if is_there(place):
            if exist_ok:
                opened = cls.open(folder, embedder, encoder=encoder)
                return opened._checked_to_keep(precision)._checked_to_declare(declared)
            raise IndexExistsError(
                f"there is an index in {place}",
                Either("; use Index.open, or pass exist_ok=True", ""),
            )
        made_by = EmbeddedEncoder() if encoder is None else encoder
        made = None if precision is None else StateColumns(made_by, precision)
        store = create_store(place, store_identity(embedder, made, declared))
        return cls(store, embedder, encoder=made_by)

    @classmethod
    def open(
        cls,
        folder: str | os.PathLike[str] | Address,
        embedder: TextEmbedder,
        *,
        encoder: StateEncoder | None = None,
    ) -> Index:
        """Open an index with the embedder it was made with.

        Args:
            folder: where it is, or its address.
            embedder: the one it was made with.
            encoder: makes the states of texts that are added, if the index keeps some; by default
                the embedded cross-encoder. Texts get none from another than made the first.

        Raises:
            IndexFileError: no index is there, it cannot be read, or it has another embedder.
            MissingExtraError: LanceDB is not installed, or for an address psycopg.
        """
        return cls(open_store(folder), embedder, encoder=encoder)

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
            EngineError: this process is a fork of one that had loaded a model.
        """
        require_no_fork()  # before the store starts threads of its own here
        integer("batch_size", batch_size)
        yes_or_no("replace", replace)
        if progress is not None:
            called("progress", progress, "a function of a number of texts")
        if isinstance(documents, str | bytes | Mapping) or not _is_iterable(documents):
            raise InputError(f"documents is {type(documents).__name__}, expected a list of them")
        records = _records(documents) if replace else self._new_records(documents)
        return self._store.write(self._embedded(records, batch_size, progress), replace=replace)

    def delete(self, ids: Iterable[str] | None = None, *, where: str | Filter | None = None) -> int:
        """Remove the documents with these ids in one commit; an unknown id is not an error.

        Args:
            ids: which documents.
            where: in place of ids, the documents of which this is true, as for `search`.

        Returns:
            How many documents were removed.

        Raises:
            InputError: `ids` is one string, or holds something that is not an id; `where` is not a
                condition over the declared columns; both are given, or none.
        """
        if (ids is None) == (where is None):
            raise InputError("give either ids or where: what is to be deleted?")
        if ids is None:
            return self._store.delete_where(checked_where(where, self.columns))
        # The order does not count here.
        ordered = list(ids) if isinstance(ids, set | frozenset) else ids
        given = enumerate(checked_texts(ordered, "ids"))
        return self._store.delete({checked_id(id_, f"ids[{at}]") for at, id_ in given})

    def search(
        self,
        query: str,
        limit: int = 10,
        *,
        mode: Mode = "dense",
        where: str | Filter | None = None,
    ) -> list[RetrievedDocument]:
        """Return the best documents for a query, best first.

        "dense" compares vectors: every one of them, so the answer is exact; not so where they are
        more than memory holds and `approximate` was called. An index of less than `limit` documents
        gives all of them. "bm25" finds the documents with words of the query, by the Okapi BM25 of
        Lucene, exactly too, and embeds nothing. "hybrid" takes what both find, each with both
        scores, and ranks by z(similarity) + 0.3 z(BM25). Equal scores are in the order of ids.

        Args:
            query: what is searched for.
            limit: how many documents are wanted.
            mode: "dense", "bm25" or "hybrid".
            where: a condition over declared columns, such as `"year >= 2020 AND lang = 'en'"`, or
                the same as a filter: only documents of which it is true are searched.

        Raises:
            InputError: the query is empty, `limit` is not an integer of at least 1, or `where` is
                not a condition over declared columns.
            IndexFileError: the folder cannot be read, or what it keeps of a document is damaged;
                with "bm25" and "hybrid", it keeps no terms of its documents.
        """
        integer("limit", limit)
        one_of("mode", mode, MODES)
        if mode == "bm25":
            return self.search_terms(query, limit, where=where)
        vector = self.embed_query(query)
        if mode == "dense":
            return self.search_vector(vector, limit, where=where)
        return self.search_hybrid(query, vector, limit, where=where)

    def embed_query(self, query: str) -> Vectors:
        """Return a query's unit vector, float32 [dimension]: the first half of `search`.

        Raises:
            InputError: the query is empty.
        """
        vector: Vectors = queries_checked(self._embedder, [checked_query(query)])[0]
        return vector

    def search_vector(
        self, vector: Vectors, limit: int = 10, *, where: str | Filter | None = None
    ) -> list[RetrievedDocument]:
        """Return the documents nearest to a vector, nearest first: the second half of `search`.

        Raises:
            InputError: the vector has another dimension or no direction, or as `search`.
            IndexFileError: as `search`.
        """
        integer("limit", limit)
        found = self._store.nearest(self._unit(vector), limit, where=self._filter(where))
        return [to_document(row, self._store.location) for row in found]

    def search_terms(
        self, query: str, limit: int = 10, *, where: str | Filter | None = None
    ) -> list[RetrievedDocument]:
        """Return the documents with words of the query: `search` in the mode "bm25".

        Raises:
            InputError, IndexFileError: as `search`.
        """
        integer("limit", limit)
        terms = query_terms(checked_query(query))
        self._require_terms()
        found = self._store.matching(terms, limit, where=self._filter(where))
        return [to_document(row, self._store.location) for row in found]

    def search_hybrid(
        self, query: str, vector: Vectors, limit: int = 10, *, where: str | Filter | None = None
    ) -> list[RetrievedDocument]:
        """Return the best documents by vector and by terms: the second half of `search`, "hybrid".

        Args:
            query: its words are searched for.
            vector: its vector, of `embed_query`.
            limit: how many documents are wanted.
            where: as for `search`.

        Raises:
            InputError, IndexFileError: as `search_vector` and `search_terms`.
        """
        integer("limit", limit)
        terms = query_terms(checked_query(query))
        self._require_terms()
        unit, condition = self._unit(vector), self._filter(where)
        found = hybrid(self._store, unit, terms, limit, where=condition)
        return [
            replace(to_document(row, self._store.location), fused=score) for row, score in found
        ]

    @property
    def columns(self) -> Mapping[str, ColumnType]:
        """The declared columns, by which searches can be filtered, and their types."""
        return self._store.identity().columns

    def declare(self, columns: Mapping[str, type | str]) -> None:
        """Declare columns of an index that is there: its documents' metadata are read for them.

        Nothing is embedded again. All documents have the columns after it, or, after any error,
        none has.

        Args:
            columns: as for `create`; one that is declared already stays.

        Raises:
            InputError: a document has a value of another type, or a column is declared with
                another type.
            IndexFileError: the folder cannot be read or written.
        """
        new = new_columns(checked_columns(columns), self.columns, self._store.location)
        if not new:
            return

        def values(metadata: str) -> Any:
            fields = decode_metadata(metadata, "a document")
            return column_values(fields, new, f"a document of {fields.get('source', 'the index')}")

        self._store.declare(new, values)

    @property
    def keeps_terms(self) -> bool:
        """Whether it keeps its documents' terms, for "bm25" and "hybrid"; one of old may not."""
        return TERMS_IDENTITY.items() <= self._store.identity().features.items()

    def add_terms(self, *, progress: ProgressBar = silent) -> int:
        """Keep the terms of all documents, and make those that are lacking.

        An index that `create` makes keeps them from the start. It commits block by block: a process
        that dies keeps what is committed, and the next call goes on from there.

        Args:
            progress: makes a bar from a description and a total.

        Returns:
            How many documents had none.

        Raises:
            IndexFileError: the folder cannot be read or written.
        """
        features = self._store.identity().features
        if not self.keeps_terms:
            self._store.change_features({**features, **TERMS_IDENTITY})
        lacking = {id_ for (id_,) in self._store.scan(["id"], lacking=TERMS)}
        count = 0
        with progress("counting words", len(lacking)) as advance:
            while lacking:
                # Scanned anew for each block: the commit of a scan that lasts may be freed.
                scan = self._store.scan(["id", "digest", "text"], lacking=TERMS)
                block = list(islice((row for row in scan if row[0] in lacking), _TERMS_BLOCK))
                if not block:
                    break
                ids, digests, texts = map(list, zip(*block, strict=True))
                terms = {TERMS: [document_terms(text) for text in texts]}
                self._store.fill(FeatureRows(ids, digests, terms))
                lacking.difference_update(ids)
                count += len(block)
                advance(len(block))
        return count

    @property
    def states(self) -> StatePrecision | None:
        """How it keeps the states of its texts, such as "int8", or None for not at all."""
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
            IndexFileError: the folder cannot be read or written, or another writer made it keep
                other states meanwhile.
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
            raise InputError(f"the index {self._store.location} has no folder")
        return self.directory

    @property
    def location(self) -> str:
        """Where it is, for messages: its folder, or its address without the password."""
        return self._store.location

    @property
    def directory(self) -> Path | None:
        """The folder it lies in, None for one in memory or in a database."""
        return self._store.folder if isinstance(self._store, LanceStore) else None

    def ids(self, *, where: str | Filter | None = None) -> set[str]:
        """Return the id of every document, or of those of which `where` is true, as for `search`.

        Raises:
            InputError: `where` is not a condition over the declared columns.
        """
        condition = self._filter(where)
        if condition is None:
            return {id_ for (id_,) in self._store.scan(["id"])}
        columns = self.columns
        return {
            id_
            for id_, encoded in self._store.scan(["id", "metadata"])
            if holds(condition, values_of(decode_metadata(encoded, id_), columns, id_))
        }

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
                them. Above 0, and at most a hundred years.

        Raises:
            InputError: `keep_minutes` is not such a number.
            IndexFileError: the folder cannot be read or written.
        """
        minutes = finite_number(keep_minutes)
        if minutes is None or not 0 < minutes <= _MOST_MINUTES:
            raise InputError(
                Argument("keep_minutes"),
                f" is {described(keep_minutes)}, expected a number above 0 and of at most "
                f"{_MOST_MINUTES:,}",
            )
        self._store.optimize(timedelta(minutes=minutes))

    def approximate(
        self, *, progress: ProgressBar = silent
    ) -> Approximation | GraphApproximation | None:
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
            # Of one commit: an answer takes a store as long as a search.
            identity = self._store.identity()
            stored = identity.features
            given = {**with_digest_identity(identities), **TERMS_IDENTITY}
            columns[TERMS] = [document_terms(text) for text in texts]
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
                columns=_declared_of(batch, identity.columns),
                identities={name: stored[name] for name in shared},
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
            # All go first: states of all precisions share columns.
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

    def _checked_to_declare(self, columns: Mapping[str, ColumnType]) -> Self:
        new = new_columns(columns, self.columns, self._store.location)
        if new:
            raise InputError(
                f"the index {self._store.location} is there and does not declare {listed(new)}: "
                "declare them with ",
                Either(f"index.declare({new!r})", "secondpass index --column NAME:TYPE"),
            )
        return self

    def _filter(self, where: str | Filter | None) -> Filter | None:
        return None if where is None else checked_where(where, self.columns)

    def _require_terms(self) -> None:
        # Asked once: the answer takes a store as long as a search.
        self._seen_terms = self._seen_terms or self.keeps_terms
        if not self._seen_terms:
            raise IndexFileError(
                f'the index {self._store.location} keeps no terms of its documents, which "bm25" '
                'and "hybrid" search by: make them with ',
                Either("index.add_terms()", "secondpass index PATH... --into DIR"),
                ", or search with ",
                Argument("mode", "dense"),
            )

    def _unit(self, vector: Vectors) -> Vectors:
        shape = (self._embedder.dimension,)
        try:
            given = np.shape(vector)
        except ValueError:  # lists of unequal lengths, or too deep
            raise InputError(
                Argument("vector"), f" is {described(vector)}, expected an array of shape {shape}"
            ) from None
        if given != shape:
            raise InputError(f"vector has the shape {given}, expected {shape}")
        length = float(np.linalg.norm(vector))
        if not 0 < length < inf:
            raise InputError(f"vector has the length {length}, expected a direction")
        # A unit vector stays as it is, to the last bit.
        return vector if abs(length - 1) <= LENGTH_TOLERANCE else vector / np.float32(length)


def store_identity(
    embedder: TextEmbedder,
    states: StateColumns | None = None,
    columns: Mapping[str, ColumnType] | None = None,
) -> StoreIdentity:
    """Return what a store for this embedder, for states and declared columns, is made with."""
    features = {**with_digest_identity(features_of(embedder)), **TERMS_IDENTITY}
    if states is not None:
        features.update(states.identities)
    return StoreIdentity(identity_of(embedder), features, columns or {})


def _rebuilt_index(store: VectorStore, embedder: TextEmbedder, encoder: StateEncoder) -> Index:
    return Index(store, embedder, encoder=encoder)


def _checked_states(states: object) -> StatePrecision:
    return one_of("states", states, STATE_PRECISIONS)


def _declared_of(
    batch: Sequence[Record], declared: Mapping[str, ColumnType]
) -> dict[str, Sequence[Value | None]]:
    """Return the values of the declared columns, by column."""
    if not declared:
        return {}
    rows = [
        column_values(
            decode_metadata(record.metadata, record.id),
            declared,
            f"document {shortened(record.id)}",
        )
        for record in batch
    ]
    return dict(zip(declared, zip(*rows, strict=True), strict=True))


def _is_iterable(value: object) -> bool:
    try:
        iter(value)  # type: ignore[call-overload]
    except TypeError:  # what an array without a dimension raises too
        return False
    return True


def _records(documents: Iterable[Any]) -> Iterator[Record]:
    for position, item in enumerate(documents):
        yield to_record(item, f"document {position}")
