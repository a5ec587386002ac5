"""secondpass train."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from secondpass.cli import INTERRUPTED, output
from secondpass.cli.extras import require_extra
from secondpass.cli.options import json_instead_option, options_of
from secondpass.training.recipe import Recipe

if TYPE_CHECKING:
    from secondpass.retrieval.embedder import Embedder
    from secondpass.training.dev import DevSet
    from secondpass.training.outcome import Outcome
    from secondpass.training.run import Prepared

CARD = "CARD.md"
_PATH = click.Path(path_type=Path)
_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command("train")
@click.option(
    "--train",
    "train_paths",
    type=_PATH,
    multiple=True,
    required=True,
    help="JSON Lines of query, positive, negatives; or a BEIR folder with qrels/train.tsv. "
    "Give several to mix them.",
)
@click.option(
    "--dev",
    "dev_folders",
    type=_FOLDER,
    multiple=True,
    help="BEIR folder whose nDCG@10 chooses the best step; without one the last is kept.",
)
@click.option("--out", type=_FOLDER, required=True, help="Folder of the best model and its card.")
@options_of(Recipe)
@click.option("--licence", "licences", multiple=True, metavar="FILE=TEXT", help="For the card.")
@json_instead_option
@click.option("--resume", is_flag=True, help="Continue from the newest checkpoint in --out.")
def command(
    train_paths: tuple[Path, ...],
    dev_folders: tuple[Path, ...],
    out: Path,
    licences: tuple[str, ...],
    resume: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Fine-tune a cross-encoder on your own queries and passages, and write a card of the run."""
    require_extra("train", "train")
    from secondpass.training.licence import parse_licences
    from secondpass.training.load_trainable import check_trainable
    from secondpass.training.out_folder import prepare_out
    from secondpass.training.run import open_history, recipe_settings, run, settings_of

    if options["minutes"] is None and options["steps"] is None:
        options["minutes"] = 25.0
    recipe = Recipe(**options)
    check_trainable(recipe.model, recipe.max_length)
    stated = parse_licences(licences, train_paths)
    prepare_out(out, resume=resume)
    # The recipe's settings are compared before minutes of mining, those of the data after.
    if not open_history(out, recipe_settings(recipe), resume=resume).step and resume:
        output.say(f"note: {out} has no whole checkpoint yet: the run begins anew")
    prepared = prepare(recipe, train_paths, stated, dev_folders)
    settings = settings_of(
        recipe,
        [one.sha256 for one in prepared.data],
        [one.collection.sha256 for one in prepared.dev],
    )
    history = open_history(out, settings, resume=resume)
    with output.training_bar() as show:
        outcome = run(prepared, history, out, report=lambda at: show(at.done, _in_words(at)))
    _write_card(outcome, out)
    if as_json:
        output.print_json_lines([_as_row(outcome, out)])
    else:
        _say_result(outcome, out)
    if not outcome.complete:
        sys.exit(INTERRUPTED)


def prepare(
    recipe: Recipe,
    train_paths: Sequence[Path],
    licences: dict[str, str],
    dev_folders: Sequence[Path],
) -> Prepared:
    """Read and mine all that a run needs, with a bar on what takes long."""
    from secondpass.retrieval.embedder import Embedder
    from secondpass.settings import Settings
    from secondpass.training.data import mix, read_training_data
    from secondpass.training.dev import open_dev_sets
    from secondpass.training.mining import Mining
    from secondpass.training.run import Prepared

    cache_dir = Settings.from_environment().cache_dir
    dev = open_dev_sets(
        dev_folders,
        queries=recipe.dev_queries,
        depth=recipe.dev_depth,
        seed=recipe.seed,
        cache_dir=cache_dir,
        progress=output.progress,
    )
    data = read_training_data(train_paths, licences, _queries(dev))
    embedder = Embedder()
    mining = Mining(recipe.mine, embedder, cache_dir, output.progress, recipe.nearest_negative)
    mixture, facts = mix(data, recipe, mining)
    return Prepared(recipe, mixture, facts, dev, _describe(embedder))


def _queries(dev: Sequence[DevSet]) -> list[str]:
    """Return the texts of every judged query, also of those that are not asked."""
    return [text for one in dev for text in one.judged_queries]


def _describe(embedder: Embedder) -> str:
    info = embedder.info
    return f"{info.name}, {info.precision}, weights sha256 {info.weights_sha256}"


def _in_words(at: Any) -> str:
    parts = [f"step {at.step:,}"]
    if at.loss is not None:
        parts.append(f"loss {at.loss:.3f}")
    if at.latest is not None:
        parts.append(f"nDCG@10 {at.latest.mean:.4f} (best {at.best.mean:.4f}, step {at.best.step})")
    return ", ".join(parts)


def _write_card(outcome: Outcome, out: Path) -> None:
    from secondpass.environment.machine import read_machine
    from secondpass.environment.software import read_software
    from secondpass.result_file import write_report
    from secondpass.training.card import to_card

    card = to_card(
        outcome,
        machine=read_machine(),
        software=read_software(),
        command=output.command_line(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    write_report(out / CARD, card)


def _as_row(outcome: Outcome, out: Path) -> dict[str, Any]:
    history = outcome.history
    return {
        "out": str(out),
        "complete": outcome.complete,
        "kept_step": outcome.kept_step,
        "steps": history.step,
        "pairs": history.pairs,
        "tokens": history.tokens,
        "seconds": outcome.seconds,
        "dev": [point._asdict() for point in history.dev],
    }


def _say_result(outcome: Outcome, out: Path) -> None:
    for line in in_words(outcome, out):
        output.show(line)


def in_words(outcome: Outcome, out: Path) -> Iterator[str]:
    """Yield the lines that say what a run came to."""
    history = outcome.history
    if not outcome.complete:
        yield "INCOMPLETE: interrupted; --resume continues from the newest checkpoint"
    for point in history.dev:
        values = ", ".join(f"{name} {value:.4f}" for name, value in point.ndcg.items())
        yield f"step {point.step:>6,}  nDCG@10 {point.mean:.4f}  ({values})"
    evaluating = sum(history.evaluating)
    of_them = f", {evaluating / 60:.1f} of them in evaluation" if history.dev else ""
    yield (
        f"{history.step:,} step{'' if history.step == 1 else 's'}, {history.pairs:,} pairs and "
        f"{history.tokens:,} tokens in {outcome.seconds / 60:.1f} minutes{of_them}"
    )
    if evaluating > outcome.seconds / 2:
        yield (
            "evaluation took most of the time: less --dev-queries, less --dev-depth or a higher "
            "--evaluate-every leaves more for training, and so do more --minutes"
        )
    yield f"{out} holds {_kept(outcome)}; {out / CARD} says how they came about"


def _kept(outcome: Outcome) -> str:
    if outcome.kept_step is None:
        return "no weights"
    if outcome.kept_step == 0 and outcome.history.step:
        return "the weights of step 0, those it started from, since no other step was better"
    return f"the weights of step {outcome.kept_step}"
