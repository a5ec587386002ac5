"""Directions of compact states for tests."""

from __future__ import annotations

import numpy as np

from secondpass.states.compact import Directions, directions_of


def drawn_directions(width, seed=0):
    """Return directions at right angles, of no states."""
    drawn = np.random.default_rng(seed).standard_normal((width, width))
    axes = np.linalg.qr(drawn)[0][: sum(directions_of(width))]
    return Directions(np.zeros(width, np.float32), (axes / 4).astype(np.float32))
