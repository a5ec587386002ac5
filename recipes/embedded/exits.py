"""Heads for early exits below the join: the layers stay, only what reads their states is trained.

Each is an early head (cosine and late interaction) on the states after so many layers, trained on
the same groups as the model, and put on the model's logits by a line fitted on dev candidates.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import softmax

from recipes.embedded.groups import GroupSampler
from recipes.embedded.states import BelowJoin
from recipes.embedded.train import listwise
from secondpass.training.late_join import EarlyHead

_BATCH_PAIRS = 32


def train_exits(
    below: BelowJoin, sampler: GroupSampler, width: int, settings: Mapping[str, Any]
) -> dict[int, EarlyHead]:
    """Return a trained head for each of `settings["heads"]`, numbers of layers."""
    heads = nn.ModuleDict({str(layers): EarlyHead(width) for layers in settings["heads"]})
    optimize = torch.optim.AdamW(heads.parameters(), lr=settings["learning_rate"])
    begun, step = time.monotonic(), 0
    while (done := (time.monotonic() - begun) / 60 / settings["minutes"]) < 1:
        step += 1
        for group in optimize.param_groups:
            group["lr"] = settings["learning_rate"] * min(1, step / 8) * max(0.02, 1 - done)
        drawn = [sampler.draw() for _ in range(settings["groups"])]
        teacher = softmax(torch.tensor([known for _, known in drawn]), -1)
        pairs = [pair for group, _ in drawn for pair in group]
        scores = {layers: score(below, head, int(layers), pairs) for layers, head in heads.items()}
        loss = sum(
            listwise(logits.view(teacher.shape), teacher, settings["distillation"])
            for logits in scores.values()
        )
        optimize.zero_grad(set_to_none=True)
        loss.backward()
        optimize.step()
    return {int(layers): head for layers, head in heads.items()}


def score(
    below: BelowJoin, head: EarlyHead, layers: int, pairs: Sequence[tuple[int, int]]
) -> Tensor:
    """Return the head's logits of pairs of text numbers, in their order."""
    order = np.argsort([below.length(*pair) for pair in pairs], kind="stable")
    logits = []
    for start in range(0, len(order), _BATCH_PAIRS):
        chosen = order[start : start + _BATCH_PAIRS]
        logits.append(head(*below.pairs([pairs[at] for at in chosen], layers)))
    return torch.cat(logits)[torch.as_tensor(np.argsort(order))]


def on_the_models_scale(head: Tensor, model: Tensor) -> tuple[float, float]:
    """Return scale and offset of the least-squares line from a head's logits to the model's."""
    scale, offset = np.polyfit(head.numpy(), model.numpy(), 1)
    return float(scale), float(offset)


def stored(
    heads: Mapping[int, EarlyHead], lines: Mapping[int, tuple[float, float]]
) -> dict[str, Tensor]:
    """Return the tensors of the model's file; a head at the join has a line only."""
    tensors = {}
    for layers, head in heads.items():
        parts = head.state_dict()
        tensors |= {
            f"exits.{layers}.{name.removeprefix('interaction.')}": value
            for name, value in parts.items()
        }
    for layers, (scale, offset) in lines.items():
        tensors[f"exits.{layers}.scale"] = torch.tensor([scale])
        tensors[f"exits.{layers}.offset"] = torch.tensor([offset])
    return tensors
