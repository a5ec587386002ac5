"""What reading a text beside a query gives: one row of a structured array for each text.

These are the facts that do not depend on the activation, on who else is ranked, or on how the
result is put in order, so they are also what a score cache keeps.
"""

from __future__ import annotations

from collections.abc import Iterable
from struct import Struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondpass.scoring.merging import WINDOW, Merged

# The score cache's keys depend on it: with another field no older entry is found.
READING = np.dtype([("logit", "<f4"), ("window", WINDOW)])

# One row of READING for each text.
Readings = NDArray[Any]

# What of a row is as long for every text, in its order; the spans follow.
_NUMBERS = Struct("<f5q")


def readings_of(merged: Merged) -> Readings:
    """Return the columns as rows: READING [n].

    Which text of a block it was is no fact of the text, and left out.
    """
    readings = np.empty(len(merged.logits), READING)
    readings["logit"] = merged.logits
    readings["window"] = merged.best
    readings["window"]["text"] = 0
    return readings


def to_bytes(readings: Readings) -> list[bytes]:
    """Return each row as bytes, which are longer the more spans it has."""
    return [
        _NUMBERS.pack(logit, *numbers) + spans
        for logit, (*numbers, spans) in zip(
            readings["logit"].tolist(), readings["window"].tolist(), strict=True
        )
    ]


def from_bytes(rows: Iterable[bytes]) -> Readings:
    """Return the rows that `to_bytes` made these of."""
    size = _NUMBERS.size
    parts = ((*_NUMBERS.unpack_from(row), row[size:]) for row in rows)
    return np.array([(logit, tuple(window)) for logit, *window in parts], READING)
