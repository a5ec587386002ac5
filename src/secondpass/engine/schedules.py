"""The exit schedule of an effort for a loaded model, and running batches by it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from secondpass.engine.contract import NO_EXIT, Batch, Engine, Exits, Staged
from secondpass.engine.parted import PartedModel
from secondpass.errors import Argument, Either, InputError, ModelFileError
from secondpass.models.spec import ModelSpec
from secondpass.options.effort import Effort
from secondpass.scoring.batches import restore_order
from secondpass.scoring.effort import Schedule, read_join_exits, read_schedules
from secondpass.scoring.exits import going_on
from secondpass.scoring.sequences import Owners

# What the hidden states of one block may take between two stages.
STATE_BYTES = 256 * 1024**2


def find_schedule(effort: Effort, spec: ModelSpec, engine: Engine) -> Schedule:
    """Return the share of texts that continues after each exit layer; no exits for "full".

    Raises:
        InputError: the model has no exits, or none for this effort; the message says what does.
            "instant" has none: it is late interaction, `find_join_schedule`.
        ModelFileError: its config names a layer without a head.
    """
    if effort == "full":
        return ()
    if effort == "instant":
        raise _without_late_interaction(spec)
    file = spec.folder / "config.json"
    schedules = read_schedules(spec.config, file)
    if engine.exits is None or effort not in schedules:
        lacking = "'exits' in its config.json" if engine.exits else "exit heads"
        raise InputError(
            Argument("effort"),
            f" is {effort!r}, but {spec.name} has no {lacking}: use ",
            Argument("effort", "full"),
            ", a model with trained exits such as the embedded one, or two models, ",
            Either("cascade=[small, large]", "--cascade SMALL --model LARGE"),
        )
    _require_heads(schedules[effort], engine.exits, f"{file}: {effort}")
    return schedules[effort]


def find_join_schedule(effort: Effort, spec: ModelSpec, parted: PartedModel | None) -> Schedule:
    """Return the exit of an effort at the join, for texts whose states are kept; none for "full".

    Raises:
        InputError: the model has no score at a join, or no exit there for this effort.
        ModelFileError: its config is written in another way.
    """
    if effort == "full":
        return ()
    if parted is None or not parted.exits_at_join:
        raise _without_late_interaction(spec)
    exits = read_join_exits(spec.config, spec.config_file, parted.layer)
    if effort not in exits:
        raise InputError(
            Argument("effort"),
            f" is {effort!r}, but 'exits' in the config.json of {spec.name} has no exit after the "
            f"{parted.layer} layers below its join, from where texts with states go on: use ",
            Argument("effort", "full"),
            " or ",
            Argument("effort", "instant"),
        )
    return (exits[effort],)


def _without_late_interaction(spec: ModelSpec) -> InputError:
    return InputError(
        Argument("effort"),
        f" is 'instant', but {spec.name} has no late interaction with an exit at its join: use ",
        Argument("effort", "full"),
        ", or a late-joined model such as the embedded one",
    )


def _require_heads(schedule: Schedule, exits: Exits, where: str) -> None:
    for exit_ in schedule:
        if exit_.layers not in exits.layers:
            raise ModelFileError(
                f"{where} has an exit after {exit_.layers} layers, where the model has no head; it "
                f"has one after {', '.join(map(str, exits.layers))}"
            )


def run(engine: Engine, batches: Sequence[Batch], schedule: Schedule, owners: Owners) -> Staged:
    """Return a logit for each row in input order; without exits all go through all layers.

    Of a model with several labels it is one of each label, [rows, labels].

    `owners` says of which request and text each row is: exits choose within a request, and the
    windows of a text continue together.
    """
    if not schedule or engine.exits is None:
        rows = restore_order(batches, engine.run(batches))
        logits = rows[:, 0] if rows.shape[1] == 1 else rows
        return Staged(logits, np.full(len(logits), NO_EXIT, np.int16))
    exits = {exit_.layers: exit_ for exit_ in schedule}
    return engine.exits.run(
        batches, tuple(exits), lambda layers, logits: going_on(logits, owners, exits[layers])
    )


def block_texts(engine: Engine, schedule: Schedule, *, max_length: int, most: int) -> int:
    """Return how many texts are chosen among at a time: their states have to fit in memory."""
    if not schedule or engine.exits is None:
        return most
    return max(1, min(most, STATE_BYTES // (engine.exits.state_bytes * max_length)))
