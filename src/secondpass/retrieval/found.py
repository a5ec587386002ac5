"""A row of a store to a document; its stored metadata, token ids and states are checked.

Token ids that the store has no digest of, or another one, are not used: the text is tokenized. So
it is with states: the text is read from the start.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondpass.checks import shortened
from secondpass.errors import Either, IndexFileError
from secondpass.retrieval.records import decode_metadata
from secondpass.retrieval.stores.contract import (
    TOKEN_IDS,
    TOKEN_IDS_DIGEST,
    Feature,
    FeatureIdentity,
    FoundRow,
)
from secondpass.scoring.passage import Passage, TextFeatures
from secondpass.scoring.tokenized import TokenizedText, ids_digest
from secondpass.states.codec import STATE_COLUMNS, STATES_DIGEST, Columns, damage, precision_of
from secondpass.types import RetrievedDocument

# Unicode's compatibility forms make up to 18 characters of one, byte tokens up to 4 of each of
# these, and some tokenizers put one token before every text.
_MOST_TOKENS_A_CHARACTER = 18 * 4


def to_document(row: FoundRow, location: str) -> RetrievedDocument:
    """Return a row as a document; its text brings the token ids and states that are kept of it.

    Raises:
        IndexFileError: its metadata, its token ids or its states are damaged.
    """
    return RetrievedDocument(
        row.id,
        _with_features(row, location),
        decode_metadata(row.metadata, row.id),
        None if row.similarity is None else max(-1.0, min(1.0, row.similarity)),
        row.bm25,
    )


def _with_features(row: FoundRow, location: str) -> str:
    ids, states = _token_ids(row, location), _states(row, location)
    if states is None:
        return row.text if ids is None else TokenizedText(row.text, *ids)
    encoder = row.identities[STATES_DIGEST].digest
    token_ids, tokenizer, digest = (None, "", None) if ids is None else ids
    return Passage(row.text, TextFeatures(token_ids, tokenizer, digest, states, encoder))


def _token_ids(row: FoundRow, location: str) -> tuple[NDArray[Any], str, int] | None:
    """Return a row's token ids, the tokenizer's digest and their own; None where it has none."""
    ids, identity = row.features.get(TOKEN_IDS), row.identities.get(TOKEN_IDS)
    digest = row.features.get(TOKEN_IDS_DIGEST)
    if ids is None or identity is None or digest is None or digest.shape != (1,):
        return None
    if not np.issubdtype(ids.dtype, np.integer):
        raise _damaged(row, location, "token ids", f"they are {ids.dtype}, expected integers")
    most = 1 + _MOST_TOKENS_A_CHARACTER * len(row.text)
    if len(ids) > most:
        why = f"{len(ids)} of a text that can have {most} at most"
        raise _damaged(row, location, "token ids", why)
    if len(ids) and not 0 <= int(ids.min()) <= int(ids.max()) < identity.end:
        why = f"{int(ids.min())} to {int(ids.max())}, expected 0 to {identity.end - 1}"
        raise _damaged(row, location, "token ids", why)
    return ids, identity.digest, int(digest[0])


def _states(row: FoundRow, location: str) -> Columns | None:
    """Return a row's columns of states; None where it has none, or its text is too long."""
    precision = precision_of(list(row.identities))
    if precision is None:
        return None
    kept = {name: row.features.get(name) for name in STATE_COLUMNS[precision]}
    digest = kept[STATES_DIGEST]
    if digest is None or not len(digest):
        return None
    columns = {name: value for name, value in kept.items() if value is not None}
    width = row.identities[STATES_DIGEST].end
    why = damage(columns, width) if width > 0 else f"they are {width} numbers a token"
    if why is not None:
        raise _damaged(row, location, "states", why)
    return columns


def with_digests(
    texts: Sequence[str],
    columns: Mapping[str, Sequence[Feature]],
    identities: Mapping[str, FeatureIdentity],
) -> Mapping[str, Sequence[Feature]]:
    """Return the columns, and beside token ids the column that `to_document` checks them by."""
    if TOKEN_IDS not in columns:
        return columns
    tokenizer = identities[TOKEN_IDS].digest
    digests = [
        None if ids is None else np.array([ids_digest(text, ids, tokenizer)])
        for text, ids in zip(texts, columns[TOKEN_IDS], strict=True)
    ]
    return {**columns, TOKEN_IDS_DIGEST: digests}


def with_digest_identity(
    identities: Mapping[str, FeatureIdentity],
) -> Mapping[str, FeatureIdentity]:
    """Return the identities of the columns of `with_digests`."""
    if TOKEN_IDS not in identities:
        return identities
    digest = FeatureIdentity(identities[TOKEN_IDS].digest, 2**63)
    return {**identities, TOKEN_IDS_DIGEST: digest}


def _damaged(row: FoundRow, location: str, what: str, why: str) -> IndexFileError:
    return IndexFileError(
        f"index {location}: the {what} of document {shortened(row.id)} are damaged: {why}; ",
        Either("add it again with replace=True, or make the index anew", "make the index anew"),
    )
