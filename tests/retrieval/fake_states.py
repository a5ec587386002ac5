"""A late-joined model for tests: its states depend on the text and on its own name."""

from __future__ import annotations

from hashlib import sha256

import numpy as np
from compact_directions import drawn_directions

from secondpass.states.codec import encode, to_columns


class FakeEncoder:
    """Gives a state a word; a text of more than `most` words is too long."""

    def __init__(self, name="fake model", width=4, most=20):
        self.states_identity = sha256(name.encode()).hexdigest()
        self.states_width = width
        self.most = most
        self.given = []

    def encode_texts(self, texts, precision="int8"):
        self.given += texts
        return [self._columns(text, precision) for text in texts]

    def _columns(self, text, precision):
        words = text.split()
        if len(words) > self.most:
            return None
        seed = int.from_bytes(sha256((self.states_identity + text).encode()).digest()[:8], "little")
        states = np.random.default_rng(seed).standard_normal((len(words), self.states_width))
        directions = drawn_directions(self.states_width)
        kept = encode(states.astype(np.float32), precision, _no_lengths, directions)
        return to_columns(kept, text, self.states_identity)


def _no_lengths(states):
    return np.zeros(len(states) + 1)
