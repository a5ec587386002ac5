"""python -m recipes.embedded.compiling: on the device, is a compiled student the faster one?

Trains both in turn on made-up labels, and writes "--compile" to a file if the compiled one is. What
it compiled is in the caches of torch afterwards. Meant to run while label.py does.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from recipes.embedded.distill import loss_of
from recipes.embedded.groups import Groups
from recipes.embedded.optimizer import Optimizer
from recipes.embedded.progress import Progress
from recipes.embedded.ragged import load_arrays
from recipes.embedded.settings import RECIPE, TEACHERS, Settings, read_settings
from recipes.embedded.student import begin

_ROUNDS = 5
# Of the device's memory: label.py needs the rest.
_MEMORY = 0.2
# Below the recipe's, for the same reason.
_BATCH_TOKENS = 16384


def main(arguments: list[str] | None = None) -> None:
    """Time both and write the file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--labels", type=Path, required=True, help="where made-up ones are written")
    parser.add_argument("--out", type=Path, required=True, help="the file of options")
    parser.add_argument("--recipe", type=Path, default=RECIPE)
    parser.add_argument("--device", default="cuda")
    options = parser.parse_args(arguments)
    settings, progress = read_settings(options.recipe), Progress()
    training = replace(settings.training, batch_tokens=_BATCH_TOKENS)
    settings = replace(settings, training=training)
    if options.device == "cuda":
        torch.cuda.set_per_process_memory_fraction(_MEMORY)
    write_labels(options.pack, options.labels, settings)
    groups = Groups(options.pack, options.labels, settings, options.device, progress)
    steps = {
        name: training_steps(options, settings, groups, compiled=name == "compiled")
        for name in ("plain", "compiled")
    }
    for run in steps.values():
        next(run)
    progress("both have begun")
    seconds = {name: [] for name in steps}
    for _ in range(_ROUNDS):
        for name, run in steps.items():
            seconds[name].append(next(run))
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    progress(f"{medians['plain']:.3f} s a few steps, {medians['compiled']:.3f} s compiled")
    faster = medians["compiled"] < medians["plain"]
    options.out.write_text("--compile" if faster else "", encoding="utf-8")


def write_labels(pack: Path, labels: Path, settings: Settings) -> None:
    """Write candidates and scores at random."""
    arrays, random = load_arrays(pack / "texts.npz.xz"), np.random.default_rng(0)
    first, last = arrays["ranges"][arrays["source"]].T
    shape = (len(first), settings.mining.candidates)
    candidates = random.integers(first[:, None], last[:, None], shape).astype(np.int32)
    scores = random.standard_normal((*shape, len(TEACHERS))).astype(np.float16)
    labels.mkdir(parents=True, exist_ok=True)
    np.save(labels / "candidates.npy", candidates)
    np.save(labels / "scores01.npy", scores[..., :2])
    np.save(labels / "scores23.npy", scores[..., 2:])
    np.savez(labels / "dev_scores.npz", spread=np.ones(len(TEACHERS)))


def training_steps(
    options: argparse.Namespace, settings: Settings, groups: Groups, *, compiled: bool
) -> Iterator[float]:
    """Yield the seconds of a few steps, again and again."""
    training = settings.training
    beginning = next(iter(settings.beginnings.values()))
    student = begin(beginning, options.models, settings.exit_heads).prepare(options.device)
    if compiled:
        student.compile_layers()
    optimizer = Optimizer(student, training.rates, training, options.device)
    student.train()
    while True:
        begun = time.monotonic()
        for _ in range(4):
            loss = loss_of(student, groups, training)
            loss.backward()
            optimizer.step(0.1)
        float(loss.detach())
        yield time.monotonic() - begun


if __name__ == "__main__":
    main()
