"""AdamW over float32 masters of what computes in bfloat16, and over the heads as they are."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from recipes.embedded.settings import Rates, Training
from recipes.embedded.student import Student

BETAS = (0.9, 0.98)


class Optimizer:
    """Each layer learns slower than the one above it."""

    def __init__(self, student: Student, rates: Rates, training: Training, device: str) -> None:
        self._student = student
        layers = student.layers
        self._clip = training.clip
        self._parameters = [parameter for layer in layers for parameter in layer.parameters()]
        self._masters = [student.masters[id(parameter)] for parameter in self._parameters]
        inside = set(map(id, self._parameters))
        self._heads = [
            parameter
            for parameter in student.parameters()
            if parameter.requires_grad and id(parameter) not in inside
        ]
        groups = [
            {
                "params": [student.masters[id(parameter)] for parameter in layer.parameters()],
                "peak": rates.layers * training.layer_decay ** (len(layers) - 1 - number),
                "weight_decay": training.weight_decay,
            }
            for number, layer in enumerate(layers)
        ]
        groups.append({"params": self._heads, "peak": rates.heads, "weight_decay": 0.0})
        self._adam = torch.optim.AdamW(groups, lr=rates.layers, betas=BETAS, fused=device == "cuda")

    def step(self, share: float) -> None:
        """Take a step at this share of every group's peak rate."""
        for parameter, master in zip(self._parameters, self._masters, strict=True):
            master.grad = _taken_gradient(parameter)
        learning = [value for value in (*self._masters, *self._heads) if value.grad is not None]
        nn.utils.clip_grad_norm_(learning, self._clip)
        for group in self._adam.param_groups:
            group["lr"] = group["peak"] * share
        self._adam.step()
        self._adam.zero_grad(set_to_none=True)
        self._student.take_masters()


def _taken_gradient(parameter: Tensor) -> Tensor:
    gradient = parameter.grad.float()
    parameter.grad = None
    return gradient
