"""Rows to shards, which are scored, written and done again: of the same rows the same names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import msgspec

from secondpass.batch.rows import Row

SHARD_PAIRS = 10_000
_PREFIX, _SUFFIX = "part-", ".parquet"
# What reads the folder as data leaves out names that begin with a dot.
_WAITING = ".rows-"
_DIGEST_BYTES = 12

_Rows = list[Row]


@dataclass(frozen=True, slots=True)
class Shard:
    """Consecutive rows, from the row `first` on, and the name of the file of their results.

    `pairs` counts the documents, `characters` those of their texts.
    """

    name: str
    first: int
    rows: int
    pairs: int
    characters: int


def cut(rows: Iterable[Row], most_pairs: int) -> Iterator[_Rows]:
    """Yield consecutive rows with at most `most_pairs` documents; a longer row stands alone.

    A row without documents counts as one.
    """
    block: _Rows = []
    pairs = 0
    for row in rows:
        more = max(1, len(row.documents))
        if block and pairs + more > most_pairs:
            yield block
            block, pairs = [], 0
        block.append(row)
        pairs += more
    if block:
        yield block


def describe(block: Sequence[Row], number: int, key: bytes) -> Shard:
    """Return the shard of a block; its name is a hash of the rows and of all that decides scores.

    Args:
        block: the rows.
        number: which shard of the batch it is, from 0.
        key: a digest of model and options.
    """
    return Shard(
        name=shard_name(encode(block), number, key),
        first=block[0].number,
        rows=len(block),
        pairs=sum(len(row.documents) for row in block),
        characters=sum(len(one.text) for row in block for one in row.documents),
    )


def shard_name(content: bytes, number: int, key: bytes, prefix: str = _PREFIX) -> str:
    """Return the name of a shard: a hash of what is read for it and of what decides its results."""
    digest = blake2b(content, digest_size=_DIGEST_BYTES, key=key).hexdigest()
    return f"{prefix}{number:06d}-{digest}{_SUFFIX}"


def encode(block: Sequence[Row]) -> bytes:
    """Return rows as JSON; `decode` gives them back."""
    return msgspec.json.encode(block)


def decode(data: bytes) -> _Rows:
    """Return the rows of `encode`."""
    return msgspec.json.decode(data, type=_Rows)


def is_shard(name: str, prefix: str = _PREFIX) -> bool:
    """Tell whether a file of this name holds results."""
    return name.startswith(prefix) and name.endswith(_SUFFIX)


def waiting_name(shard: str) -> str:
    """Return the name of the file that holds a shard's rows until it is scored."""
    return f"{_WAITING}{shard}.json"


def is_waiting(name: str) -> bool:
    """Tell whether a file of this name holds rows that wait."""
    return name.startswith(_WAITING)
