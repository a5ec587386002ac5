"""States below the join as columns of an index: what makes them, and of which rows they are."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice

import numpy as np

from secondpass.progress import Advance
from secondpass.retrieval.blocks import BATCH, BLOCK_SECONDS, BLOCK_SHARE
from secondpass.retrieval.stores.contract import (
    TOKEN_IDS,
    Feature,
    FeatureIdentity,
    FeatureRows,
    VectorStore,
)
from secondpass.scoring.tokenized import TokenizedText
from secondpass.states.codec import STATE_COLUMNS, STATE_TYPES, STATES_DIGEST, StatePrecision
from secondpass.states.codec import precision_of as precision_of_columns
from secondpass.states.contract import StateEncoder

# LanceDB holds what it merges in memory.
_MOST_BYTES = 64 << 20


class StateColumns:
    """The columns that an encoder makes of texts.

    A text that is too long has none of them but an empty `states_digest`, which says that it was
    seen.
    """

    def __init__(self, encoder: StateEncoder, precision: StatePrecision) -> None:
        self._encoder = encoder
        self.precision = precision
        identity = FeatureIdentity(encoder.states_identity, encoder.states_width)
        self.identities = dict.fromkeys(STATE_COLUMNS[precision], identity)

    def are_in(self, features: Mapping[str, FeatureIdentity]) -> bool:
        """Tell whether an index with these features keeps just such states."""
        return self.identities.items() <= features.items()

    def of(
        self, texts: Sequence[str], token_ids: Sequence[Feature] | None = None, tokenizer: str = ""
    ) -> Mapping[str, Sequence[Feature]]:
        """Return the columns of texts, in order.

        Args:
            texts: the texts.
            token_ids: the ids of each, which the encoder uses if the tokenizer is its own.
            tokenizer: the digest of what made these.
        """
        if token_ids is not None:
            texts = [
                text if ids is None else TokenizedText(text, ids, tokenizer)
                for text, ids in zip(texts, token_ids, strict=True)
            ]
        made = self._encoder.encode_texts(texts, self.precision)
        columns: dict[str, list[Feature]] = {
            name: [None if one is None else one[name] for one in made] for name in self.identities
        }
        columns[STATES_DIGEST] = [
            np.empty(0, np.int64) if one is None else one for one in columns[STATES_DIGEST]
        ]
        return columns


def precision_of(features: Mapping[str, FeatureIdentity]) -> StatePrecision | None:
    """Return how an index with these features keeps states; None for one that keeps none."""
    return precision_of_columns(list(features))


def without_states(features: Mapping[str, FeatureIdentity]) -> dict[str, FeatureIdentity]:
    """Return the features that are not of states."""
    return {name: identity for name, identity in features.items() if name not in STATE_TYPES}


def tokenizer_of(features: Mapping[str, FeatureIdentity]) -> str:
    """Return the digest of the tokenizer of an index's token ids, "" where it keeps none."""
    return features[TOKEN_IDS].digest if TOKEN_IDS in features else ""


def lacking_states(
    store: VectorStore,
    columns: StateColumns,
    advance: Advance,
    now: Callable[[], float] = time.monotonic,
) -> Iterator[FeatureRows]:
    """Yield the states of the rows that have none, in blocks, each to be filled in one commit."""
    began = start = now()
    block: list[FeatureRows] = []
    for rows in _encoded(store, columns, advance):
        block.append(rows)
        long = now() - start >= max(BLOCK_SECONDS, BLOCK_SHARE * (now() - began))
        if long or sum(map(_bytes_of, block)) >= _MOST_BYTES:
            yield _joined(block)
            block, start = [], now()
    if block:
        yield _joined(block)


def _encoded(store: VectorStore, columns: StateColumns, advance: Advance) -> Iterator[FeatureRows]:
    """Yield a batch of rows at a time.

    Each is scanned for anew: the commit of a scan that lasts may be freed meanwhile.
    """
    seen: set[tuple[str, ...]] = set()
    while True:
        rows = store.scan(["id", "digest", "text"], lacking=STATES_DIGEST)
        batch = list(islice((row for row in rows if row[:2] not in seen), BATCH))
        if not batch:
            return
        seen.update(row[:2] for row in batch)
        ids, digests, texts = map(list, zip(*batch, strict=True))
        yield FeatureRows(ids, digests, columns.of(texts), columns.identities)
        advance(len(batch))


def _joined(block: Sequence[FeatureRows]) -> FeatureRows:
    return FeatureRows(
        [id_ for rows in block for id_ in rows.id],
        [digest for rows in block for digest in rows.digest],
        {
            name: [value for rows in block for value in rows.features[name]]
            for name in block[0].features
        },
        block[0].identities,
    )


def _bytes_of(rows: FeatureRows) -> int:
    columns = rows.features.values()
    return sum(value.nbytes for column in columns for value in column if value is not None)
