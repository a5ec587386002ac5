"""The card of a trained model: what really happened, as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from secondpass.environment.machine import Machine
from secondpass.environment.software import Software
from secondpass.training.history import History
from secondpass.training.mining import TOP
from secondpass.training.outcome import DataFacts, Outcome
from secondpass.training.sampling import probabilities

# Rows of the loss table; a longer history is thinned.
_LOSS_ROWS = 20


def to_card(
    outcome: Outcome, *, machine: Machine, software: Software, command: str, created: str
) -> str:
    """Return the card. `command` is what was called, `created` the time in ISO 8601."""
    parts = [
        f"# A cross-encoder, trained from {outcome.recipe.model}",
        *([] if outcome.complete else [_INCOMPLETE]),
        f"Made {created} by\n\n    {command}",
        _kept(outcome),
        f"## Data\n\n{_data(outcome)}",
        f"## Run\n\n{_run(outcome, machine, software)}",
        f"## nDCG@10 on the development collections\n\n{_dev(outcome)}",
        f"## Loss\n\n{_loss(outcome.history)}",
    ]
    return "\n\n".join(parts) + "\n"


_INCOMPLETE = (
    "**INCOMPLETE: the run was interrupted.** What follows is of the steps until then; the same "
    "command with `--resume` continues from the newest checkpoint."
)


def _kept(outcome: Outcome) -> str:
    if outcome.kept_step is None:
        return "No weights were kept: the run ended before its first evaluation."
    best = outcome.history.best()
    why = (
        "the last: there was no development collection to choose by"
        if best is None
        else f"the best of {len(outcome.history.dev)} evaluations, nDCG@10 {best.mean:.4f}"
    )
    untrained = " These are the weights it started from." if outcome.kept_step == 0 else ""
    return (
        f"The weights are those of **step {outcome.kept_step}** of {outcome.history.step}, "
        f"{why}.{untrained} sha256 of model.safetensors: {outcome.weights_sha256}."
    )


def _data(outcome: Outcome) -> str:
    rows = [
        (
            dataset.name,
            f"{dataset.examples:,}",
            f"{dataset.passages:,}",
            dataset.licence,
            dataset.sha256,
        )
        for dataset in outcome.data
    ]
    table = _table(("set", "examples", "passages", "licence", "sha256"), rows)
    shares = probabilities(list(outcome.sources.values()), outcome.recipe.temperature)
    mixed = _table(
        ("source", "examples with a negative", "share of the draws"),
        [
            (name, f"{size:,}", f"{share:.1%}")
            for (name, size), share in zip(outcome.sources.items(), shares, strict=True)
        ],
    )
    return "\n\n".join([table, *_data_notes(outcome), mixed])


def _data_notes(outcome: Outcome) -> Iterable[str]:
    stages = " and ".join(
        {"bm25": "BM25", "dense": "the bi-encoder"}[m] for m in outcome.recipe.mine
    )
    yield (
        f"Negatives: each example's own, and the top {TOP} of {stages} among its set's passages, "
        f"without those nearer to the query than {outcome.recipe.nearest_negative} of the "
        f"positive's cosine (by {outcome.embedder})."
    )
    yield from (note for one in outcome.data for note in _set_notes(one))


def _set_notes(dataset: DataFacts) -> Iterable[str]:
    if dataset.too_near:
        yield f"{dataset.name}: the filter left out {dataset.too_near:,} candidates."
    if dataset.kept_out:
        yield (
            f"{dataset.name}: {dataset.kept_out:,} examples left out, their queries are dev "
            "queries."
        )
    if dataset.without_negative:
        yield (
            f"{dataset.name}: {dataset.without_negative:,} examples left out, they have no "
            "negative."
        )
    if dataset.unused_fields:
        yield f"{dataset.name}: fields not used: {', '.join(dataset.unused_fields)}."


def _run(outcome: Outcome, machine: Machine, software: Software) -> str:
    recipe, history = outcome.recipe, outcome.history
    rate = history.pairs / outcome.seconds if outcome.seconds else 0.0
    lines = {
        "started from": f"{recipe.model}, weights sha256 {outcome.base_sha256}",
        "loss": f"{recipe.loss}, groups of 1 positive and up to {recipe.negatives} negatives",
        "steps": f"{history.step:,} of {recipe.batch_groups} groups",
        "seen": f"{history.pairs:,} pairs, {history.tokens:,} tokens, at most "
        f"{recipe.max_length} in a pair",
        "learning rate": f"{recipe.learning_rate:g}, rising for a tenth of the run, then falling "
        "to 0; AdamW, weight decay 0.01",
        "precision": recipe.precision,
        "seed": str(recipe.seed),
        "wall time": f"{outcome.seconds / 60:.1f} minutes without mining, of them "
        f"{sum(history.evaluating) / 60:.1f} in evaluation, {rate:.1f} pairs a second",
        "hardware": f"{outcome.device}; {machine.processor}, {machine.cores_usable} cores usable, "
        f"{machine.memory_total / 2**30:.1f} GiB memory",
        "software": f"Python {software.python}, "
        + ", ".join(f"{name} {version}" for name, version in software.packages.items()),
    }
    if recipe.share_of_start:
        lines["evaluated and kept"] = (
            f"{recipe.share_of_start:g} of the weights it started from and "
            f"{1 - recipe.share_of_start:g} of those trained (WiSE-FT, arXiv:2109.01903)"
        )
    return "\n".join(f"- {name}: {text}" for name, text in lines.items())


def _dev(outcome: Outcome) -> str:
    if not outcome.dev:
        return "None was given."
    names = [one.name for one in outcome.dev]
    mean = sum(one.first_stage_ndcg for one in outcome.dev) / len(outcome.dev)
    first = ("first stage", *(f"{one.first_stage_ndcg:.4f}" for one in outcome.dev), f"{mean:.4f}")
    rows = [
        (str(point.step), *(f"{point.ndcg[name]:.4f}" for name in names), f"{point.mean:.4f}")
        for point in outcome.history.dev
    ]
    asked = "\n".join(
        f"- {one.name}: {one.queries} queries, the top {one.depth} of {one.first_stage}, "
        f"sha256 {one.sha256}"
        for one in outcome.dev
    )
    return f"{_table(('step', *names, 'mean'), [first, *rows])}\n\n{asked}"


def _loss(history: History) -> str:
    points = history.losses
    if not points:
        return "None was logged."
    step = -(-len(points) // _LOSS_ROWS)
    thinned = [*points[:-1][::step], points[-1]]
    return _table(("step", "loss"), [(str(one.step), f"{one.loss:.4f}") for one in thinned])


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
