"""Results of rows as Arrow tables: one row for each row that was read, in its order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from secondpass.batch.parquet import to_parquet
from secondpass.batch.place import Place
from secondpass.batch.rows import Row
from secondpass.types import Hit

# A document's place in its row, best first; without a score there is an error.
RANKING = pa.list_(
    pa.struct(
        [
            ("index", pa.int32()),
            ("id", pa.string()),
            ("score", pa.float32()),
            ("logit", pa.float32()),
            ("fused", pa.float64()),
            ("truncated", pa.bool_()),
            ("error", pa.string()),
        ]
    )
)
SCHEMA = pa.schema(
    [("row", pa.int64()), ("id", pa.string()), ("ranking", RANKING), ("error", pa.string())]
)
_STATS = b"secondpass"


class Ranked(NamedTuple):
    """A row's documents, best first, or why it was not scored."""

    row: Row
    hits: Sequence[Hit]
    error: str | None

    @property
    def bad_documents(self) -> int:
        """Return how many of the documents have an error in place of a score."""
        return sum(hit.error is not None for hit in self.hits)

    def ranking(self) -> list[dict[str, Any]] | None:
        """Return the documents as values of `RANKING`; None for a row with an error."""
        return None if self.error is not None else [self._document(hit) for hit in self.hits]

    def _document(self, hit: Hit) -> dict[str, Any]:
        document = self.row.documents[hit.index]
        return {
            "index": hit.index,
            "id": document.id,
            "score": hit.score,
            "logit": hit.logit,
            "fused": hit.fused,
            "truncated": hit.truncated,
            "error": document.error or hit.error,
        }


@dataclass(frozen=True, slots=True)
class Stats:
    """What a shard's file holds; `computed` says by which arithmetic, engine and processor."""

    rows: int
    pairs: int
    failed_rows: int
    failed_documents: int
    computed: str


def to_table(ranked: Sequence[Ranked]) -> pa.Table:
    """Return the results as a table of `SCHEMA`."""
    columns = {
        "row": [one.row.number for one in ranked],
        "id": [one.row.id for one in ranked],
        "ranking": [one.ranking() for one in ranked],
        "error": [one.error for one in ranked],
    }
    return pa.table(columns, schema=SCHEMA)


def stats_of(ranked: Sequence[Ranked], computed: str) -> Stats:
    """Return what the results hold."""
    return Stats(
        rows=len(ranked),
        pairs=sum(len(one.row.documents) for one in ranked),
        failed_rows=sum(one.error is not None for one in ranked),
        failed_documents=sum(one.bad_documents for one in ranked),
        computed=computed,
    )


def write(place: Place, name: str, ranked: Sequence[Ranked], computed: str) -> Stats:
    """Write a shard's results, whole or not at all, and return what they hold."""
    stats = stats_of(ranked, computed)
    table = to_table(ranked).replace_schema_metadata({_STATS: msgspec.json.encode(stats)})
    place.write(name, to_parquet(table))
    return stats


def read_stats(place: Place, name: str) -> Stats | None:
    """Return what a shard's file holds; None for one that is damaged or not ours."""
    try:
        with place.open(name) as stream:
            metadata = pq.read_metadata(stream).metadata or {}
        return msgspec.json.decode(metadata[_STATS], type=Stats)
    except (OSError, pa.ArrowException, KeyError, msgspec.DecodeError):
        return None
