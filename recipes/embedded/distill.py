"""python -m recipes.embedded.distill: on the device, try some beginnings, train the best on.

Writes student_lower.safetensors and student_upper.safetensors (float16: what training changed), and
student_dev.npz: every head's logits of the development collections.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn.functional import kl_div, log_softmax, softmax

from recipes.embedded.groups import Groups
from recipes.embedded.optimizer import Optimizer
from recipes.embedded.progress import Progress
from recipes.embedded.settings import RECIPE, Settings, Training, read_settings
from recipes.embedded.student import Student, begin, trained_parts
from recipes.embedded.student_dev import StudentDev, score

_REPORTED = 500  # steps
_LOSS_EVERY = 50  # steps
_NOTHING = -1e4


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
    seconds = 60 * options.minutes - progress.seconds
    train(student, groups, seconds, settings.training, progress, lasting=True)
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
    """Train each beginning for a while; return the one with the best mean nDCG@10, and its name."""
    tried = {}
    for name, beginning in settings.beginnings.items():
        progress(f"== {name}")
        student = begin(beginning, options.models, settings.exit_heads).prepare(options.device)
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
) -> None:
    """Train for so many seconds, no step if none are left; the rate ends at 0 if `lasting`."""
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
    real = drawn.candidates >= 0
    rows, columns = real.nonzero(as_tuple=True)
    logits = score(
        student,
        groups.queries,
        groups.passages,
        drawn.queries[rows],
        drawn.candidates[rows, columns],
        training.batch_tokens,
    )
    goal = softmax(drawn.goals.masked_fill(~real, _NOTHING), -1)
    weights = {"end": 1.0, "early": training.early_loss}
    total = torch.zeros((), device=rows.device)
    for name, values in logits.items():
        mine = torch.full(real.shape, _NOTHING, device=rows.device)
        mine = mine.masked_scatter(real, values.float())
        value = kl_div(log_softmax(mine, -1), goal, reduction="batchmean")
        if name == "end":
            distance = (values.float() - drawn.goals[real]).square().mean()
            value = value + training.anchor_loss * distance
        total = total + weights.get(name, training.exit_loss) * value
    return total


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
