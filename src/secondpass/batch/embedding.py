"""A corpus embedded into shards, here or on Ray, of which one index is made.

Records are cut into shards, each shard is embedded into a file that is named by what it is made of,
and then an index reads the files in place of embedding: `FromShards` is an embedder to it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from itertools import islice
from typing import Any, NamedTuple, Protocol

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from secondpass.batch.parquet import read_parquet, to_parquet
from secondpass.batch.place import Place, held
from secondpass.batch.shards import is_shard, shard_name
from secondpass.checks import shortened
from secondpass.errors import InputError
from secondpass.graph.build import BUILDER_VERSION
from secondpass.progress import Advance, ProgressBar, silent
from secondpass.retrieval.blocks import BATCH
from secondpass.retrieval.contract import Features, Progress
from secondpass.retrieval.embedder import Embedder
from secondpass.retrieval.stores.contract import TOKEN_IDS, FeatureIdentity, Vectors
from secondpass.retrieval.stores.features import from_arrow, to_arrow

# Texts of a shard: half a minute of work or so.
SHARD_TEXTS = 32 * BATCH
_TEXT, _VECTOR = "text_digest", "vector"
_DIGEST_BYTES = 16
_PREFIX = "vectors-"

# Gives the texts of a corpus in order, the same each time.
Texts = Callable[[], Iterator[str]]


class TextShard(NamedTuple):
    """A shard's file, and how many texts and characters it is made of."""

    name: str
    texts: int
    characters: int


@dataclass(frozen=True, slots=True)
class Embedding:
    """What is left to embed: shards that are not there, and where they go."""

    texts: Texts
    place: Place
    shard_texts: int
    key: bytes
    missing: Mapping[str, TextShard]

    def blocks(self) -> Iterator[tuple[TextShard, list[str]]]:
        """Yield the missing shards and their texts.

        Raises:
            InputError: the texts are no longer those that were planned.
        """
        seen = 0
        for shard, block in _cut(self.texts(), self.shard_texts, self.key):
            if shard.name in self.missing:
                seen += 1
                yield shard, block
        if seen < len(self.missing):
            raise _changed()


class Runner(Protocol):
    """Where a corpus is embedded: in this process, or on Ray."""

    def __call__(self, embedder: Embedder, work: Embedding, advance: Advance) -> None:
        """Embed and write the missing shards; `advance` is called with the texts that are done."""
        ...


def embed_here(embedder: Embedder, work: Embedding, advance: Advance) -> None:
    """Embed and write the missing shards in this process, one after another."""
    for shard, block in work.blocks():
        write_vectors(work.place, shard.name, embedder, block)
        advance(shard.texts)


@contextmanager
def embedded(
    texts: Texts,
    embedder: Embedder,
    place: Place,
    *,
    runner: Runner = embed_here,
    shard_texts: int = SHARD_TEXTS,
    progress: ProgressBar = silent,
    on_wait: Callable[[], None] = lambda: None,
) -> Iterator[FromShards]:
    """Embed texts into shards, and give an embedder that has their vectors.

    What is there already is kept, whatever ended the process before. At the end of the block the
    shards are removed, unless by an error: then the next call goes on from them.

    Args:
        texts: gives the texts in the order in which they will be asked for.
        embedder: decides the vectors; on Ray each actor loads its own.
        place: where the shards are, which every node has to see.
        runner: where they are embedded, by default in this process.
        shard_texts: the most texts of a shard.
        progress: shows how many texts are done.
        on_wait: called where another process writes there, before waiting for it.

    Raises:
        InputError: the place holds other files, or the texts changed meanwhile.
        EngineError: as the runner.
        OSError: a shard cannot be written.
    """
    key = _key(embedder)
    with held(place, on_wait):
        there = set(_own_files(place))
        shards = [shard for shard, _ in _cut(texts(), shard_texts, key)]
        known = (one for one in shards if one.name in there)
        whole = {one.name for one in known if count_vectors(place, one.name) == one.texts}
        missing = {one.name: one for one in shards if one.name not in whole}
        with progress("embedding into files", sum(one.texts for one in missing.values())) as done:
            runner(embedder, Embedding(texts, place, shard_texts, key, missing), done)
        yield FromShards(embedder, place, shards)
        for name in there.union(shard.name for shard in shards):
            place.remove(name)


class FromShards:
    """An embedder that has read its vectors: of the texts of a corpus, each once and in order."""

    def __init__(self, embedder: Embedder, place: Place, shards: Sequence[TextShard]) -> None:
        self._embedder = embedder
        self._rows = _rows(place, shards)

    @property
    def name(self) -> str:
        """The embedder's name."""
        return self._embedder.name

    @property
    def digest(self) -> str:
        """The embedder's digest."""
        return self._embedder.digest

    @property
    def dimension(self) -> int:
        """Numbers in a vector."""
        return self._embedder.dimension

    @property
    def feature_identities(self) -> Mapping[str, FeatureIdentity]:
        """What decides the columns of `features`."""
        return self._embedder.feature_identities

    def embed(self, texts: Sequence[str], *, progress: Progress | None = None) -> Vectors:
        """Return the vectors of the next texts."""
        return self.features(texts, progress=progress).vectors

    def features(self, texts: Sequence[str], *, progress: Progress | None = None) -> Features:
        """Return the vectors and token ids of the next texts.

        Raises:
            InputError: they are not the next texts of the corpus.
        """
        rows = list(islice(self._rows, len(texts)))
        if [row.text for row in rows] != [_digest(text) for text in texts]:
            raise _changed()
        if progress is not None:
            progress(len(rows))
        vectors = np.stack([row.vector for row in rows]) if rows else self._none()
        return Features(vectors, {TOKEN_IDS: [row.token_ids for row in rows]})

    def _none(self) -> Vectors:
        return np.empty((0, self.dimension), np.float32)


def write_vectors(place: Place, name: str, embedder: Embedder, texts: Sequence[str]) -> None:
    """Embed a shard's texts, in the batches in which an index embeds, and write what they give."""
    parts = [embedder.features(texts[at : at + BATCH]) for at in range(0, len(texts), BATCH)]
    vectors = np.concatenate([part.vectors for part in parts])
    token_ids = [ids for part in parts for ids in part.columns[TOKEN_IDS]]
    flat = pa.array(vectors.ravel(), pa.float32())
    table = pa.table(
        {
            _TEXT: pa.array([_digest(text) for text in texts], pa.binary(_DIGEST_BYTES)),
            _VECTOR: pa.FixedSizeListArray.from_arrays(flat, embedder.dimension),
            TOKEN_IDS: to_arrow(TOKEN_IDS, token_ids, len(texts)),
        }
    )
    place.write(name, to_parquet(table))


def count_vectors(place: Place, name: str) -> int | None:
    """Return how many texts' vectors a shard's file has; None for one that is not there or whole.

    A file that is damaged is not whole.
    """
    try:
        with place.open(name) as stream:
            return int(pq.read_metadata(stream).num_rows)
    except (OSError, pa.ArrowException):
        return None


def encode_texts(texts: Sequence[str]) -> bytes:
    """Return texts as JSON; `decode_texts` gives them back."""
    return msgspec.json.encode(texts)


def decode_texts(data: bytes) -> list[str]:
    """Return the texts of `encode_texts`."""
    return msgspec.json.decode(data, type=list[str])


class _Row(NamedTuple):
    text: bytes
    vector: Vectors
    token_ids: Any


def _rows(place: Place, shards: Sequence[TextShard]) -> Iterator[_Row]:
    """Yield what the shards hold; one of them is in memory at a time."""
    for shard in shards:
        table = read_parquet(place, shard.name)
        vectors = table.column(_VECTOR).combine_chunks().flatten().to_numpy()
        columns = (
            table.column(_TEXT).to_pylist(),
            vectors.reshape(shard.texts, -1),
            from_arrow(TOKEN_IDS, table.column(TOKEN_IDS)),
        )
        yield from map(_Row._make, zip(*columns, strict=True))


def _cut(
    texts: Iterator[str], most_texts: int, key: bytes
) -> Iterator[tuple[TextShard, list[str]]]:
    """Yield the shards of texts, and the texts of each."""
    number = 0
    while block := list(islice(texts, most_texts)):
        name = shard_name(encode_texts(block), number, key, _PREFIX)
        yield TextShard(name, len(block), sum(map(len, block))), block
        number += 1


def _own_files(place: Place) -> list[str]:
    """Return the shards that are in a place.

    Raises:
        InputError: it holds something else.
    """
    files = [name for name in place.names() if not name.startswith(".")]
    for name in files:
        if not is_shard(name, _PREFIX):
            raise InputError(
                f"{place.url} holds {shortened(name)}, which is not a file of vectors: name an "
                "empty folder for them, or a new one"
            )
    return files


def _key(embedder: Embedder) -> bytes:
    """Return a digest of what decides vectors and token ids."""
    identity = embedder.feature_identities[TOKEN_IDS]
    decide = [embedder.digest, str(identity), BUILDER_VERSION]
    return blake2b(json.dumps(decide).encode(), digest_size=32).digest()


def _digest(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=_DIGEST_BYTES).digest()


def _changed() -> InputError:
    return InputError(
        "the documents have changed while they were embedded: what is embedded is kept; run the "
        "command again"
    )
