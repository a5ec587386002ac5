"""A whole run: model, trainer and watcher put together; returns its outcome."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from secondpass.atomic import beside
from secondpass.models.digest import file_sha256
from secondpass.training.dev import DevSet, evaluate
from secondpass.training.history import History
from secondpass.training.load_trainable import check_trainable, load_trainable
from secondpass.training.mixture import Mixture
from secondpass.training.out_folder import (
    CHECKPOINTS,
    check_same_settings,
    newest_checkpoint,
)
from secondpass.training.outcome import DataFacts, Outcome
from secondpass.training.recipe import Recipe
from secondpass.training.schedule import Schedule
from secondpass.training.torch_second_pass import TorchSecondPass

if TYPE_CHECKING:
    from secondpass.training.start_weights import StartWeights

WEIGHTS = "model.safetensors"


@dataclass(frozen=True, slots=True)
class Prepared:
    """All that a run needs, read and mined."""

    recipe: Recipe
    mixture: Mixture
    data: tuple[DataFacts, ...]
    dev: tuple[DevSet, ...]
    embedder: str


def open_history(out: Path, settings: Mapping[str, object], *, resume: bool) -> History:
    """Begin a history, or read the newest checkpoint's; without one the run begins anew.

    Raises:
        InputError: the checkpoint is of other settings; all that are given must be the same.
    """
    newest = newest_checkpoint(out) if resume else None
    if newest is None:
        return History(settings)
    history = History.read(newest)
    check_same_settings(history, settings)
    return history


def settings_of(recipe: Recipe, train: Sequence[str], dev: Sequence[str]) -> dict[str, object]:
    """Return what must not change when a run is resumed: the recipe and the data's hashes."""
    return recipe_settings(recipe) | {"train": list(train), "dev": list(dev)}


def recipe_settings(recipe: Recipe) -> dict[str, object]:
    """Return those of the settings that are known before the data is read."""
    settings: dict[str, object] = asdict(recipe)
    return settings | {"mine": list(recipe.mine)}


def run(
    prepared: Prepared, history: History, out: Path, *, report: Callable[[Any], None]
) -> Outcome:
    """Train to the end or to an interrupt; the outcome says which.

    A run that is over trains no more; where it was ended before it kept its weights, they are kept.

    Raises:
        InputError: the model is not available.
        ScoreError: the loss is not a finite number.
    """
    from transformers import set_seed
    from transformers.utils import logging

    from secondpass.training.start_weights import StartWeights

    # Neither bars nor messages short of a warning may write into our progress bar.
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    recipe = prepared.recipe
    set_seed(recipe.seed)
    model = load_trainable(recipe.model, recipe.max_length)
    start = StartWeights(model, recipe.share_of_start)
    schedule = _schedule(recipe, history)
    trainer = _make_trainer(model, start, prepared, history, schedule, out, report)
    resumed = newest_checkpoint(out) if history.step else None
    over = resumed is not None and schedule.done(history.step) >= 1
    history.restart_clock()
    complete = True
    try:
        if over:
            trainer.take_weights(resumed)
        else:
            trainer.train(resume_from_checkpoint=None if resumed is None else str(resumed))
        if not prepared.dev or not (out / WEIGHTS).exists():
            _keep(model, start, out)
    except KeyboardInterrupt:
        complete = False
    return _outcome(
        prepared,
        history,
        out,
        base_sha256=check_trainable(recipe.model, recipe.max_length).weights_sha256,
        device=str(model.device),
        complete=complete,
    )


def _schedule(recipe: Recipe, history: History) -> Schedule:
    seconds = None if recipe.minutes is None else recipe.minutes * 60
    return Schedule(recipe.steps, seconds, history.seconds, history.last_evaluation)


def _make_trainer(
    model: Any,
    start: StartWeights,
    prepared: Prepared,
    history: History,
    schedule: Schedule,
    out: Path,
    report: Callable[[Any], None],
) -> Any:
    from secondpass.training.trainer import GroupTrainer
    from secondpass.training.watcher import Watcher

    recipe = prepared.recipe

    def measure() -> Mapping[str, float]:
        with start.mixed_in():
            return evaluate(prepared.dev, TorchSecondPass(model, recipe.precision))

    watcher = Watcher(
        history,
        schedule,
        evaluate_every=recipe.evaluate_every,
        evaluate=measure,
        keep_best=lambda: _keep(model, start, out),
        report=report,
    )
    model.register_forward_pre_hook(watcher.count)
    return GroupTrainer(
        model=model,
        recipe=recipe,
        mixture=prepared.mixture,
        schedule=schedule,
        folder=out / CHECKPOINTS,
        callback=watcher,
    )


def _keep(model: Any, start: StartWeights, out: Path) -> None:
    """Write the weights beside and move each file, so that nobody loads half of one."""
    from secondpass.training.trainer import save_model

    with beside(out / "model") as written:
        with start.mixed_in():
            save_model(model, written)
        for file in written.iterdir():
            file.replace(out / file.name)


def _outcome(
    prepared: Prepared,
    history: History,
    out: Path,
    *,
    base_sha256: str,
    device: str,
    complete: bool,
) -> Outcome:
    best = history.best()
    last = history.step if complete and not prepared.dev else None
    return Outcome(
        recipe=prepared.recipe,
        history=history,
        data=prepared.data,
        dev=tuple(one.facts() for one in prepared.dev),
        sources=prepared.mixture.sizes,
        embedder=prepared.embedder,
        base_sha256=base_sha256,
        weights_sha256=file_sha256(out / WEIGHTS) if (out / WEIGHTS).exists() else None,
        device=device,
        kept_step=best.step if best else last,
        seconds=history.seconds(),
        complete=complete,
    )
