"""The training loop: softmax over each group, beside the teacher's, at the end and at the join."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, kl_div, log_softmax, softmax

from recipes.embedded.groups import GroupSampler
from recipes.embedded.states import States
from secondpass.training.late_join import JointHead

BATCH_TOKENS = 4096


def score(
    model: JointHead, states: States, pairs: Sequence[tuple[int, int]], budget: int = BATCH_TOKENS
) -> tuple[Tensor, Tensor]:
    """Return the logits of the end and of the join for pairs of text numbers, in their order."""
    at, ends, joins = [], [], []
    for chosen, x, query, text in states.pairs(pairs, budget):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            end, join = model(x, query, text)
        at.append(torch.as_tensor(chosen))
        ends.append(end.float())
        joins.append(join.float())
    back = torch.argsort(torch.cat(at))
    return torch.cat(ends)[back], torch.cat(joins)[back]


def optimizer(model: JointHead, training: Mapping[str, Any]) -> torch.optim.AdamW:
    """Return AdamW with one rate for the layers, one for the heads, no decay on vectors."""
    body = list(model.layers.parameters())
    head = [p for name, p in model.named_parameters() if not name.startswith("layers")]
    groups = [
        {
            "params": [p for p in parameters if (p.ndim > 1) == matrices],
            "weight_decay": training["weight_decay"] if matrices else 0.0,
            "lr": rate,
            "full_rate": rate,
        }
        for parameters, rate in (
            (body, training["learning_rate"]),
            (head, training["head_learning_rate"]),
        )
        for matrices in (True, False)
    ]
    return torch.optim.AdamW(groups, betas=(0.9, 0.98))


def train(
    model: JointHead,
    states: States,
    sampler: GroupSampler,
    recipe: Mapping[str, Any],
    phase: Mapping[str, Any],
    after: Callable[[int, float], None],
) -> int:
    """Train one phase; return its steps. `after` sees each step's loss.

    The rate rises over the warm-up and then falls in a straight line with whichever of the
    schedule's steps and minutes is further along.
    """
    schedule, begun = phase["schedule"], time.monotonic()
    optimize = optimizer(model, recipe["training"] | phase["rates"])
    start = copy.deepcopy(model).eval() if phase["anchored"] else None
    for step in range(1, phase["stop_after"] + 1):
        minutes = (time.monotonic() - begun) / 60
        done = max(step / schedule["steps"], minutes / schedule["minutes"])
        if done >= 1:
            return step - 1
        for group in optimize.param_groups:
            warm = min(1, step / schedule["warmup_steps"])
            group["lr"] = group["full_rate"] * warm * max(0.02, 1 - done)
        loss = group_loss(model, start, states, sampler, recipe, phase)
        optimize.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimize.step()
        after(step, float(loss.detach()))
    return int(phase["stop_after"])


def group_loss(
    model: JointHead,
    start: JointHead | None,
    states: States,
    sampler: GroupSampler,
    recipe: Mapping[str, Any],
    phase: Mapping[str, Any],
) -> Tensor:
    """Return the loss of one step's groups: of questions first, then of texts that ask.

    The teacher is the sampler's, or the model itself as it was when its phase began.
    """
    questions = recipe["training"]["groups"] - phase["text_groups"]
    drawn = [sampler.draw() for _ in range(questions)]
    drawn += [sampler.draw_texts() for _ in range(phase["text_groups"])]
    pairs = [pair for group, _ in drawn for pair in group]
    known = torch.tensor([of for _, of in drawn])
    if start is not None:
        with torch.no_grad():
            known = score(start, states, pairs)[0].view(known.shape)
    teacher = softmax(known, -1)

    def loss(logits: Tensor) -> Tensor:
        of_question, of_text = logits.split([questions, phase["text_groups"]])
        answers, texts = teacher.split([questions, phase["text_groups"]])
        total = listwise(of_question, answers, phase["distillation"])
        if len(of_text):
            total = total + phase["text_distillation"] * divergence(of_text, texts)
        return total

    end, join = (logits.view(teacher.shape) for logits in score(model, states, pairs))
    return loss(end) + recipe["training"]["early_exit"] * loss(join)


def listwise(logits: Tensor, teacher: Tensor, distillation: float) -> Tensor:
    """Return the cross-entropy of the positive, which is first, plus the teacher's divergence."""
    first = torch.zeros(len(logits), dtype=torch.long)
    return cross_entropy(logits, first) + distillation * divergence(logits, teacher)


def divergence(logits: Tensor, teacher: Tensor) -> Tensor:
    """Return the mean Kullback-Leibler divergence of the groups from the teacher's."""
    return kl_div(log_softmax(logits, -1), teacher, reduction="batchmean")
