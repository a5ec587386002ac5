"""A larger bi-encoder whose cosines go into what a phase is taught; it is not shipped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from torch import Tensor

from recipes.embedded.groups import Mined
from recipes.embedded.sources import Source

Drawn = Sequence[tuple[list[tuple[int, int]], list[float]]]


class Tutor:
    """Unit vectors of the texts of some sources, by text number.

    A group of these is taught `own_share` * what the model gave when its phase began
    + `scale` * the tutor's cosine; a group of other sources is left as it is.
    """

    def __init__(
        self, folder: Path, sources: Sequence[Source], mined: Sequence[Mined], of: Mapping[str, Any]
    ) -> None:
        self._share, self._scale = of["own_share"], of["scale"]
        self._vectors: dict[int, Tensor] = {}
        encoder = SentenceTransformer(str(folder), local_files_only=True)
        for source, places in zip(sources, mined, strict=True):
            if source.name not in of["sources"]:
                continue
            encoder.max_seq_length = of["max_tokens"]
            questions = [question.text for question in source.questions]
            texts = [*source.passages, *questions]
            with torch.autocast("cpu", dtype=torch.bfloat16):
                vectors = encoder.encode(texts, convert_to_tensor=True, normalize_embeddings=True)
            for at, vector in enumerate(vectors.half()):
                self._vectors[places.passages.start + at] = vector

    def beside(self, known: Tensor, drawn: Drawn) -> Tensor:
        """Return what the groups are taught, [groups, texts]: `known`, the tutor's view added."""
        taught = known.clone()
        for at, (pairs, _) in enumerate(drawn[: len(known)]):
            if all(number in self._vectors for pair in pairs for number in pair):
                cosines = torch.tensor([self._cosine(*pair) for pair in pairs])
                taught[at] = self._share * known[at] + self._scale * cosines
        return taught

    def _cosine(self, query: int, text: int) -> float:
        return float(self._vectors[query].float() @ self._vectors[text].float())
