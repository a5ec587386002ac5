"""python -m recipes.embedded.distill: on the device, try some beginnings, train the best on.

Writes student_lower.safetensors and student_upper.safetensors (float16: what training changed), and
student_dev.npz: every head's logits of the development collections.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn.functional import kl_div, log_softmax, softmax

from recipes.embedded.groups import Drawn, Groups
from recipes.embedded.optimizer import Optimizer
from recipes.embedded.progress import Progress
from recipes.embedded.settings import RECIPE, Settings, Training, read_settings
from recipes.embedded.student import Student, begin, trained_parts
from recipes.embedded.student_dev import StudentDev, score

_REPORTED = 500  # steps
_LOSS_EVERY = 50  # steps
_SAVED = 500  # steps
_NOTHING = -1e4
_LEAST_VARIANCE = 1e-6
# How many steps' groups tell the scale of a beginning.
_SCALED_BY = 8
# Shares of the way from the beginning to the end of training, tried on development collections.
SHARES = (1.0, 0.75, 0.5)


def main(arguments: list[str] | None = None) -> None:
    """Try each beginning, go on with the best, and write it."""
    options = parse(arguments)
    settings, progress = read_recipe(options), Progress()
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cuda.enable_cudnn_sdp(False)  # it plans anew for every shape
    torch.manual_seed(settings.training.seed)
    options.out.mkdir(parents=True, exist_ok=True)
    groups = Groups(options.pack, options.labels, settings, options.device, progress)
    dev = StudentDev(options.pack, options.labels, options.device, progress)
    name, student = best_beginning(options, settings, groups, dev, progress)
    progress(f"== {name} goes on")
    begun = {key: value.detach().clone() for key, value in student.learning.items()}
    seconds = 60 * options.minutes - progress.seconds
    train(
        student,
        groups,
        seconds,
        settings.training,
        progress,
        lasting=True,
        keep=lambda: save(student, name, options.out),
    )
    settle(student, begun, dev, settings, progress)
    save(student, name, options.out)
    progress("saved")
    _, logits = dev.evaluate(student, settings.dev.queries)
    np.savez_compressed(options.out / "student_dev.npz", **logits)
    progress("done")


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pack", type=Path, required=True, help="texts.npz.xz and dev.npz.xz")
    parser.add_argument("--labels", type=Path, required=True, help="what label.py wrote")
    parser.add_argument("--models", type=Path, required=True, help="folder of .safetensors files")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--recipe", type=Path, default=RECIPE)
    parser.add_argument("--device", default="cuda")
    parser.add_argument(
        "--minutes", type=float, default=7.3, help="from the start to the last step"
    )
    parser.add_argument("--try-minutes", type=float, default=0.5, help="for each beginning")
    parser.add_argument("--compile", action="store_true", help="the layers, by torch.compile")
    parser.add_argument("--groups", type=int, help="in one step (default: the recipe's), to try")
    return parser.parse_args(arguments)


def read_recipe(options: argparse.Namespace) -> Settings:
    """Return the recipe, with other groups where that is asked for."""
    settings = read_settings(options.recipe)
    groups = options.groups or settings.training.groups
    return replace(settings, training=replace(settings.training, groups=groups))


def best_beginning(
    options: argparse.Namespace,
    settings: Settings,
    groups: Groups,
    dev: StudentDev,
    progress: Progress,
) -> tuple[str, Student]:
    """Train each beginning for a while; return the one with the best mean nDCG@10, and its name.

    An only one is not trained here.
    """
    tried = {}
    for name, beginning in settings.beginnings.items():
        progress(f"== {name}")
        student = begin(beginning, options.models, settings.exit_heads).prepare(options.device)
        if options.compile:
            student.compile_layers()
        scale_to_goals(student, groups, settings.training)
        if len(settings.beginnings) == 1:
            return name, student
        if beginning.trained_layers:
            dev.evaluate(student, settings.dev.queries_while_trying, quick=True)
        train(student, groups, 60 * options.try_minutes, settings.training, progress, lasting=False)
        value, _ = dev.evaluate(student, settings.dev.queries_while_trying, quick=True)
        if options.device == "cuda":
            progress(f"{torch.cuda.max_memory_allocated() / 2**30:.1f} GiB at most")
        tried[name] = (value, student)
    best = max(tried, key=lambda name: tried[name][0])
    return best, tried[best][1]


def train(
    student: Student,
    groups: Groups,
    seconds: float,
    training: Training,
    report: Callable[[str], None],
    *,
    lasting: bool,
    keep: Callable[[], None] = lambda: None,
) -> None:
    """Train for `seconds`, which may be none; the rate ends at 0 if `lasting`.

    `keep` is called from time to time.
    """
    rates = training.rates if lasting else training.rates_while_trying
    optimizer = Optimizer(student, rates, training, groups.device)
    student.train()
    begun, step, running = time.monotonic(), 0, math.nan
    while (passed := time.monotonic() - begun) < seconds:
        step += 1
        loss = loss_of(student, groups, training)
        loss.backward()
        done = passed / seconds if lasting else 0.0
        optimizer.step(rate_share(step, done, training.warmup_steps))
        if step == 1 or step % _LOSS_EVERY == 0:
            value = float(loss.detach())
            running = value if step <= _LOSS_EVERY else 0.9 * running + 0.1 * value
        if step % _REPORTED == 0:
            report(f"step {step} loss {running:.4f}")
        if step % _SAVED == 0:
            keep()
    pairs = step * training.groups * training.group_size
    head = student.head
    report(
        f"{step} steps, {pairs:,} pairs, loss {running:.4f}, "
        f"cross bias {head.cross_bias.tolist()}, weights {head.weights.tolist()}"
    )


def rate_share(step: int, done: float, warmup_steps: int) -> float:
    """Return the share of the peak rate: up for some steps, down along a cosine by what is done."""
    return min(1.0, step / warmup_steps) * 0.5 * (1 + math.cos(math.pi * done))


def loss_of(student: Student, groups: Groups, training: Training) -> Tensor:
    """Return the divergence of every head from the ensemble over drawn groups, weighed."""
    drawn = groups.draw(training.groups)
    logits, rows, columns = logits_of(student, groups, drawn, training)
    device = groups.device
    real = torch.tensor(drawn.candidates >= 0, device=device)
    goals = torch.tensor(drawn.goals, device=device)
    first_stage = torch.tensor(drawn.first_stage, device=device)
    weights = {"end": training.end_loss, "early": training.early_loss}
    total = torch.zeros((), device=device)
    for name, values in logits.items():
        mine = torch.zeros_like(goals).index_put((rows, columns), values.float())
        total = total + weights.get(name, training.exit_loss) * divergence(mine, goals, real)
        if name == "end":
            distance = ((mine - goals).square() * real).sum() / real.sum()
            fused = standardized(mine, real) + standardized(first_stage, real)
            fused = fused * slope(fused.detach(), goals, real)
            total = total + training.anchor_loss * distance
            total = total + training.fused_loss * divergence(fused, goals, real)
    return total


def logits_of(
    student: Student, groups: Groups, drawn: Drawn, training: Training
) -> tuple[dict[str, Tensor], Tensor, Tensor]:
    """Return each head's logits of the candidates drawn, and the rows and columns they stand in."""
    rows, columns = np.nonzero(drawn.candidates >= 0)
    logits = score(
        student,
        groups.queries,
        groups.passages,
        drawn.queries[rows],
        drawn.candidates[rows, columns],
        training.batch_tokens,
    )
    return logits, *(torch.tensor(side, device=groups.device) for side in (rows, columns))


def divergence(mine: Tensor, goals: Tensor, real: Tensor) -> Tensor:
    """Return the mean over groups of the divergence from the goals' softmax."""
    mine, goals = (values.masked_fill(~real, _NOTHING) for values in (mine, goals))
    return kl_div(log_softmax(mine, -1), softmax(goals, -1), reduction="batchmean")


def standardized(values: Tensor, real: Tensor) -> Tensor:
    """Return each row with mean 0 and deviation 1 over what is real; the rest 0."""
    values = centered(values, real)
    variance = values.square().sum(-1, keepdim=True) / real.sum(-1, keepdim=True)
    return values / (variance + _LEAST_VARIANCE).sqrt()


def centered(values: Tensor, real: Tensor) -> Tensor:
    """Return each row less its mean over what is real; the rest 0."""
    values = values * real
    return (values - values.sum(-1, keepdim=True) / real.sum(-1, keepdim=True)) * real


def slope(values: Tensor, goals: Tensor, real: Tensor) -> Tensor:
    """Return what brings the values closest to the goals, by least squares within the rows."""
    values = centered(values, real)
    return (values * centered(goals, real)).sum() / values.square().sum()


@torch.no_grad()
def scale_to_goals(student: Student, groups: Groups, training: Training) -> None:
    """Give the last logit the ensemble's scale: a beginning has a probability's, or any."""
    drawn = groups.draw(_SCALED_BY * training.groups)
    logits, rows, columns = logits_of(student, groups, drawn, training)
    goals = torch.tensor(drawn.goals, device=groups.device)
    real = torch.tensor(drawn.candidates >= 0, device=groups.device)
    end = torch.zeros_like(goals).index_put((rows, columns), logits["end"].float())
    factor = slope(end, goals, real)
    offset = ((goals - factor * end) * real).sum() / real.sum()
    student.scale(float(factor), float(offset))


@torch.no_grad()
def settle(
    student: Student,
    begun: Mapping[str, Tensor],
    dev: StudentDev,
    settings: Settings,
    report: Callable[[str], None],
) -> None:
    """Go back part of the way to the beginning if the development collections are better there.

    Wortsman et al., "Robust fine-tuning of zero-shot models", CVPR 2022 (WiSE-FT).
    """
    trained = {name: value.clone() for name, value in student.learning.items()}
    found = {}
    for share in SHARES:
        _mix(student, begun, trained, share)
        report(f"== {share} of the way")
        found[share], _ = dev.evaluate(student, settings.dev.queries_while_trying)
    best = max(found, key=lambda share: found[share])
    report(f"== {best} of the way is kept")
    _mix(student, begun, trained, best)


def _mix(
    student: Student, begun: Mapping[str, Tensor], trained: Mapping[str, Tensor], share: float
) -> None:
    for name, value in student.learning.items():
        value.copy_(torch.lerp(begun[name], trained[name], share))
    student.take_masters()


def save(student: Student, beginning: str, folder: Path) -> None:
    """Write what training changed, in two files."""
    for part, tensors in trained_parts(student):
        save_file(
            tensors,
            folder / f"student_{part}.safetensors",
            metadata={"beginning": beginning, "join": str(student.join)},
        )


if __name__ == "__main__":
    main()
