"""The model in training as a second pass, so that the evaluation can rerank with it."""

from __future__ import annotations

from typing import Any

from secondpass.scoring.fusion import best_first
from secondpass.training.recipe import TrainingPrecision
from secondpass.types import Hit, Ranking, Timings

# Pairs of one forward pass.
_BATCH = 32


class TorchSecondPass:
    """Ranks by the logits of a sentence-transformers CrossEncoder."""

    def __init__(self, model: Any, precision: TrainingPrecision) -> None:
        self._model = model
        self._precision = precision

    def rank(self, query: str, texts: list[str], top_k: int | None = 10) -> Ranking:
        """Return the best texts, best first."""
        import torch

        with torch.autocast(
            self._model.device.type, torch.bfloat16, enabled=self._precision == "bf16"
        ):
            logits = self._model.predict(
                [(query, text) for text in texts],
                batch_size=_BATCH,
                activation_fn=torch.nn.Identity(),
                show_progress_bar=False,
                convert_to_tensor=True,
            )
        order = best_first(logits.float().cpu().numpy())[:top_k].tolist()
        hits = tuple(Hit(at, float(logits[at]), texts[at], False) for at in order)
        return Ranking(hits, Timings(candidates=len(texts), reranked=len(texts)))
