"""What an index takes on disk, predicted from the lengths of its documents."""

from __future__ import annotations

import numpy as np

from secondpass.states.codec import (
    STATE_COLUMNS,
    STATE_LENGTHS,
    STATE_SCALES,
    STATE_TYPES,
    STATES_DIGEST,
    StatePrecision,
    numbers_a_token,
)

# Of the embedded bi-encoder: 384 numbers of 4 bytes.
_VECTOR_BYTES = 4 * 384
# A token is so many characters of English, and as an id so many bytes: a file keeps no more bits
# than a number needs.
_TOKEN_CHARACTERS = 5
_ID_BYTES = 2
# Id, digests, metadata and source of a document.
_ROW_BYTES = 150


def token_bytes(precision: StatePrecision, width: int) -> int:
    """Return how many bytes the states of a token take; `width` is the numbers of one."""
    each = numbers_a_token(precision, width)
    numbers = {STATE_SCALES: 1, STATE_LENGTHS: 1, STATES_DIGEST: 0}
    return sum(
        np.dtype(STATE_TYPES[name]).itemsize * numbers.get(name, each)
        for name in STATE_COLUMNS[precision]
    )


def document_bytes(tokens: int) -> int:
    """Return how many bytes a document of so many tokens takes without states."""
    return _VECTOR_BYTES + _ROW_BYTES + (_TOKEN_CHARACTERS + _ID_BYTES) * tokens
