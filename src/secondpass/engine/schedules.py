"""What an effort means for a loaded model: its schedule of exits, and running by it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondpass.engine.contract import Batch, Engine, Exits
from secondpass.errors import InputError, ModelFileError
from secondpass.models.spec import ModelSpec
from secondpass.scoring.batches import restore_order
from secondpass.scoring.effort import Effort, Schedule, read_schedules
from secondpass.scoring.exits import going_on
from secondpass.scoring.merging import READ_WHOLE, Left, read_whole
from secondpass.scoring.ranking import Scores

# What the hidden states of one block may take between two stages.
_STATE_BYTES = 256 * 1024**2


def find_schedule(effort: Effort, spec: ModelSpec, engine: Engine) -> Schedule:
    """Return after which layers how many go on; no exits for "full".

    Raises:
        InputError: the model has no exits, or none for this effort; the message says what does.
        ModelFileError: its config names a layer without a head.
    """
    if effort == "full":
        return ()
    file = spec.folder / "config.json"
    schedules = read_schedules(spec.config, file)
    if engine.exits is None or effort not in schedules:
        lacking = "'exits' in its config.json" if engine.exits else "exit heads"
        raise InputError(
            f"effort is {effort!r}, but {spec.name} has no {lacking}: use effort='full', a model "
            "with trained exits such as the embedded one, or two models, "
            "CrossEncoderReranker(cascade=[small, large])"
        )
    _require_heads(schedules[effort], engine.exits, f"{file}: {effort}")
    return schedules[effort]


def _require_heads(schedule: Schedule, exits: Exits, where: str) -> None:
    for one in schedule:
        if one.layers not in exits.layers:
            raise ModelFileError(
                f"{where} has an exit after {one.layers} layers, where the model has no head; it "
                f"has one after {', '.join(map(str, exits.layers))}"
            )


def run(
    engine: Engine, batches: Sequence[Batch], schedule: Schedule, texts: NDArray[np.integer[Any]]
) -> tuple[Scores, Left]:
    """Return a logit for each row in input order; without exits all are read whole.

    `texts` is the number of each row's text, ascending: the windows of a text go on together.
    """
    if not schedule or engine.exits is None:
        logits = restore_order(batches, engine.run(batches))[:, 0]
        return logits, read_whole(len(logits))
    exits = {one.layers: one for one in schedule}
    staged = engine.exits.run(
        batches, tuple(exits), lambda layers, logits: going_on(logits, texts, exits[layers])
    )
    whole = staged.exit_layer == 0
    return staged.logits, np.where(whole, np.int16(READ_WHOLE), staged.exit_layer)


def block_texts(engine: Engine, schedule: Schedule, *, max_length: int, most: int) -> int:
    """Return how many texts are chosen among at a time: their states have to fit in memory."""
    if not schedule or engine.exits is None:
        return most
    return max(1, min(most, _STATE_BYTES // (engine.exits.state_bytes * max_length)))
