"""A row of a store to a document; its stored metadata and token ids are checked.

Token ids that the store has no digest of, or another one, are not used: the text is tokenized.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

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
from secondpass.scoring.tokenized import TokenizedText, ids_digest
from secondpass.types import RetrievedDocument

# Unicode's compatibility forms make up to 18 characters of one, byte tokens up to 4 of each of
# these, and some tokenizers put one token before every text.
_MOST_TOKENS_A_CHARACTER = 18 * 4


def to_document(row: FoundRow, location: str) -> RetrievedDocument:
    """Return a row as a document; its text brings the token ids that are kept of it.

    Raises:
        IndexFileError: its metadata or its token ids are damaged.
    """
    return RetrievedDocument(
        row.id,
        _with_token_ids(row, location),
        decode_metadata(row.metadata, row.id),
        max(-1.0, min(1.0, row.similarity)),
    )


def _with_token_ids(row: FoundRow, location: str) -> str:
    ids, identity = row.features.get(TOKEN_IDS), row.identities.get(TOKEN_IDS)
    digest = row.features.get(TOKEN_IDS_DIGEST)
    if ids is None or identity is None or digest is None or digest.shape != (1,):
        return row.text
    if not np.issubdtype(ids.dtype, np.integer):
        raise _damaged(row, location, f"they are {ids.dtype}, expected integers")
    most = 1 + _MOST_TOKENS_A_CHARACTER * len(row.text)
    if len(ids) > most:
        raise _damaged(row, location, f"{len(ids)} of a text that can have {most} at most")
    if len(ids) and not 0 <= int(ids.min()) <= int(ids.max()) < identity.end:
        raise _damaged(
            row, location, f"{int(ids.min())} to {int(ids.max())}, expected 0 to {identity.end - 1}"
        )
    return TokenizedText(row.text, ids, identity.digest, int(digest[0]))


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


def _damaged(row: FoundRow, location: str, why: str) -> IndexFileError:
    return IndexFileError(
        f"index {location}: the token ids of document {shortened(row.id)} are damaged: {why}; ",
        Either("add it again with replace=True, or make the index anew", "make the index anew"),
    )
