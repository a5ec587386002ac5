"""Follows a run: counts, evaluates, keeps the best, ends it on time."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from secondpass.errors import ScoreError
from secondpass.training.history import DevPoint, History, LossPoint
from secondpass.training.schedule import Schedule

# The number of evaluations of a run without `evaluate_every`.
EVALUATIONS = 5


@dataclass(frozen=True, slots=True)
class Progress:
    """The state of a run. `best` is the dev point whose weights are kept."""

    step: int
    done: float
    loss: float | None
    latest: DevPoint | None
    best: DevPoint | None


class Watcher(TrainerCallback):  # type: ignore[misc]
    """Called by the trainer after each step.

    `evaluate` gives nDCG@10 by development collection, empty where there is none; `keep_best`
    writes the weights out. Without `evaluate_every` it is asked at each fifth of the run.
    """

    def __init__(
        self,
        history: History,
        schedule: Schedule,
        *,
        evaluate_every: int | None,
        evaluate: Callable[[], Mapping[str, float]],
        keep_best: Callable[[], None],
        report: Callable[[Progress], None],
    ) -> None:
        self._history = history
        self._schedule = schedule
        self._evaluate_every = evaluate_every
        self._evaluate = evaluate
        self._keep_best = keep_best
        self._report = report
        self._parts = 0

    def count(self, module: Any, inputs: tuple[Any, ...]) -> None:
        """Count the pairs and tokens that are trained on: a forward hook of the model."""
        if module.training:
            mask = inputs[0]["attention_mask"]
            self._history.pairs += len(mask)
            self._history.tokens += int(mask.sum())

    def evaluate_now(self) -> None:
        """Add a dev point, unless this step has one, and keep the weights if they are the best."""
        dev = self._history.dev
        if dev and dev[-1].step == self._history.step:
            return
        begun = time.monotonic()
        ndcg = self._evaluate()
        if not ndcg:
            return
        self._history.evaluating.append(time.monotonic() - begun)
        point = DevPoint(self._history.step, ndcg, math.fsum(ndcg.values()) / len(ndcg))
        dev.append(point)
        if self._history.best() is point:
            self._keep_best()

    def on_train_begin(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """Evaluate the model as it comes; a resumed run was evaluated before."""
        self._history.step = state.global_step
        if not state.global_step:
            self.evaluate_now()
        self._parts = self._parts_done(state.global_step)
        self._tell()

    def on_step_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """Evaluate when it is time; stop, with a checkpoint, when the run is over."""
        self._history.step = state.global_step
        over = self._schedule.done(state.global_step) >= 1
        if over:
            control.should_training_stop = control.should_log = True
        if over or self._is_due(state.global_step):
            self.evaluate_now()
            # A fifth that an evaluation took needs no evaluation of its own.
            self._parts = self._parts_done(state.global_step)
            # So that a run never resumes from before the weights that are kept as the best.
            control.should_save = True
        self._tell()

    def on_log(
        self, args: Any, state: Any, control: Any, logs: Mapping[str, Any], **more: Any
    ) -> None:
        """Keep the loss.

        Raises:
            ScoreError: it is not a finite number.
        """
        if "loss" not in logs:
            return
        loss = float(logs["loss"])
        if not math.isfinite(loss):
            raise ScoreError(
                f"the loss is {loss} at step {state.global_step}: lower --learning-rate, or train "
                "with --precision fp32"
            )
        self._history.losses.append(LossPoint(state.global_step, loss))

    def on_save(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """Write the history into the checkpoint that was just made."""
        self._history.write(Path(args.output_dir) / f"checkpoint-{state.global_step}")

    def _is_due(self, step: int) -> bool:
        if self._evaluate_every:
            return step % self._evaluate_every == 0
        return self._parts_done(step) > self._parts

    def _parts_done(self, step: int) -> int:
        return int(self._schedule.done(step) * EVALUATIONS)

    def _tell(self) -> None:
        history = self._history
        self._report(
            Progress(
                step=history.step,
                done=self._schedule.done(history.step),
                loss=history.losses[-1].loss if history.losses else None,
                latest=history.dev[-1] if history.dev else None,
                best=history.best(),
            )
        )
