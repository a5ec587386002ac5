"""The model in training as a second pass, so that the evaluation can rerank with it."""

from __future__ import annotations

from typing import Any

from secondpass.scoring.scores import plain_scores
from secondpass.training.recipe import TrainingPrecision
from secondpass.types import Scores

# Pairs of one forward pass.
_BATCH = 32


class TorchSecondPass:
    """Scores by the logits of a sentence-transformers CrossEncoder."""

    def __init__(self, model: Any, precision: TrainingPrecision) -> None:
        self._model = model
        self._precision = precision

    def score(self, query: str, texts: list[str]) -> Scores:
        """Return every text's logit, which is its score, in the order of the texts."""
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
        return plain_scores(logits.float().cpu().numpy())
