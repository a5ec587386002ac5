"""An embedder that takes a known time on a fake clock."""

from hashlib import sha256

import numpy as np


class SlowEmbedder:
    name = "slow"
    digest = "0" * 64
    dimension = 8

    def __init__(self, clock, seconds):
        self._clock = clock
        self._seconds = seconds

    def embed(self, texts, *, progress=None):
        self._clock.sleep(self._seconds)
        rows = []
        for text in texts:
            seed = int.from_bytes(sha256(text.encode()).digest()[:8], "little")
            row = np.random.default_rng(seed).standard_normal(self.dimension)
            rows.append(row / np.linalg.norm(row))
        return np.asarray(rows, np.float32)
