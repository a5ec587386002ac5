"""A model under examination: as users score with it, and its engine for odd batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from secondpass.doctor.texts import QUERY, TEXTS
from secondpass.loaded_model import LoadedModel
from secondpass.models.spec import ModelSpec
from secondpass.models.tokenizer import load_tokenizer
from secondpass.scorer import score_texts
from secondpass.scoring.batches import pad_batch
from secondpass.scoring.encode import TextEncoder
from secondpass.scoring.pairs import Pair, PairLayout, read_pair_layout

Logits = NDArray[np.float32]

# How far two logits of the same pair may be apart where all span 1 or less, else that share of what
# they span. At bfloat16 or int8 a rounding that flips moves a logit by far more than the last bit
# of float32: the embedded model's by 0.2 % of the span.
_EXACT = ("fp32", "f32")
_TOLERANCE, _COARSE_TOLERANCE = 1e-4, 0.02


@dataclass(frozen=True)
class Subject:
    """What the checks of behaviour need."""

    model: LoadedModel
    layout: PairLayout
    pairs: tuple[Pair, ...]

    @classmethod
    def of(cls, model: LoadedModel) -> Subject:
        """Lay the probe texts out as the model takes them."""
        tokenizer = load_tokenizer(model.spec.tokenizer_file)
        layout = read_pair_layout(tokenizer)
        query, *texts = TextEncoder(tokenizer, threads=1).encode([QUERY, *TEXTS])
        room = model.max_length - layout.special_tokens - len(query)
        pairs = tuple(layout.join(query, text[:room]) for text in texts)
        return cls(model, layout, pairs)

    @property
    def spec(self) -> ModelSpec:
        """Return what the model's folder says."""
        return self.model.spec

    @cached_property
    def logits(self) -> Logits:
        """Return what the probe texts score together, which the checks compare with."""
        return score(self.model, QUERY, TEXTS)

    @property
    def tolerance(self) -> float:
        """Return how far two logits of the same pair may be apart."""
        info = self.model.info
        exact = (info.precision, info.arithmetic) == _EXACT
        share = _TOLERANCE if exact else _COARSE_TOLERANCE
        return share * max(1.0, float(np.ptp(self.logits)))

    def run(self, pair: Pair, length: int, *, types: NDArray[np.int32] | None = None) -> float:
        """Return the logit of one pair padded to `length`, with other token types if given."""
        typed = pair if types is None else Pair(pair.ids, types)
        batch = pad_batch([typed], np.zeros(1, np.intp), length, self.spec.padding_id)
        return float(self.model.engine.run([batch])[0][0, 0])


def score(model: LoadedModel, query: str, texts: Sequence[str]) -> Logits:
    """Return one logit for each text, in input order."""
    return score_texts(model, query, texts).logits
