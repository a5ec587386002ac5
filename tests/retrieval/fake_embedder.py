"""An embedder for tests: equal texts have equal unit vectors, different texts unrelated ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray


class FakeEmbedder:
    def __init__(self, name: str = "fake", dimension: int = 16) -> None:
        self.name = name
        self.dimension = dimension
        self.digest = sha256(f"{name} {dimension}".encode()).hexdigest()
        self.batch_sizes: list[int] = []

    def embed(
        self, texts: Sequence[str], *, progress: Callable[[int], None] | None = None
    ) -> NDArray[np.float32]:
        self.batch_sizes.append(len(texts))
        vectors = np.stack([self._vector(text) for text in texts])
        if progress is not None:
            progress(len(texts))
        return vectors

    def _vector(self, text: str) -> NDArray[np.float32]:
        seed = int.from_bytes(sha256(text.encode()).digest()[:8], "little")
        vector = np.random.default_rng(seed).standard_normal(self.dimension)
        return (vector / np.linalg.norm(vector)).astype(np.float32)
