"""Exit schedules: the share of candidates that continues after each exit layer."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from secondpass.checks import described, finite_number, is_integer
from secondpass.errors import ModelFileError

# The efforts that config.json has exits for.
SCHEDULED = ("balanced", "fast")
# What stands beside them: the share of candidates that goes on from the join, where states are.
_STATES = "states"

# With fewer candidates an exit saves little and may lose a relevant one.
LEAST_KEPT = 10

_SHAPE = "[layers, share] or [layers, share, least]"


@dataclass(frozen=True, slots=True)
class Exit:
    """After `layers` layers, `share` of all candidates continue, but at least `least`.

    `first_stage` is what a candidate's place in the first stage's order counts beside its logit.
    """

    layers: int
    share: float
    least: int = LEAST_KEPT
    first_stage: float = 0.0

    def keeps(self, candidates: int) -> int:
        """Return how many of `candidates` continue.

        >>> Exit(2, 0.4).keeps(100), Exit(2, 0.4).keeps(12), Exit(2, 0.4).keeps(4)
        (40, 10, 4)
        """
        # Rounded first: 0.07 * 100 is a little more than 7.
        return min(candidates, max(self.least, math.ceil(round(self.share * candidates, 6))))


Schedule = tuple[Exit, ...]


def read_schedules(config: Mapping[str, Any], file: Path) -> dict[str, Schedule]:
    """Read the `exits` of a config.json, such as {"fast": [[2, 0.4], [4, 0.2, 20]]}.

    Layers go up, and no share is larger than the one before: it counts from all candidates. Beside
    the efforts may stand "first_stage", by default 0, and "states" with other exits of the efforts:
    `read_join_exits` reads them.

    Raises:
        ModelFileError: they are written in another way; the message names the file and the place.
    """
    given = _exits_of(config, file, (*SCHEDULED, "first_stage", _STATES))
    return _schedules(given, _first_stage(given, file), str(file))


def read_join_exits(config: Mapping[str, Any], file: Path, layer: int) -> dict[str, Exit]:
    """Read which candidates go on from the join after `layer` layers where their states are kept.

    It is the exit there of "states", such as {"states": {"fast": [[4, 0.2]]}}, or, without it, that
    of the effort itself; "states" may have a "first_stage" of its own. At "instant" no candidate
    goes on.

    Raises:
        ModelFileError: as `read_schedules`.
    """
    given = _exits_of(config, file, (*SCHEDULED, "first_stage", _STATES))
    first_stage = _first_stage(given, file)
    where = f"{file}: {_STATES}"
    states = _exits_of({"exits": given.get(_STATES, {})}, where, (*SCHEDULED, "first_stage"))
    schedules = _schedules(given, first_stage, str(file))
    own = _first_stage({"first_stage": first_stage, **states}, where)
    schedules |= _schedules(states, own, where)
    exits = {
        effort: exit_
        for effort, schedule in schedules.items()
        for exit_ in schedule
        if exit_.layers == layer
    }
    return exits | {"instant": Exit(layer, 0.0, least=0)}


def _exits_of(config: Mapping[str, Any], where: object, known: Sequence[str]) -> Mapping[str, Any]:
    given = config.get("exits", {})
    if not isinstance(given, Mapping) or not set(given) <= set(known):
        raise ModelFileError(
            f"{where} has exits {described(given)}, expected an object with "
            f"{', '.join(map(repr, known))}"
        )
    return given


def _first_stage(given: Mapping[str, Any], file: object) -> float:
    first_stage = finite_number(given.get("first_stage", 0))
    if first_stage is None or first_stage < 0:
        raise ModelFileError(
            f"{file}: first_stage is {described(given['first_stage'])}, expected a number of at "
            "least 0"
        )
    return first_stage


def _schedules(given: Mapping[str, Any], first_stage: float, where: str) -> dict[str, Schedule]:
    return {
        effort: _schedule(given[effort], f"{where}: {effort}", first_stage)
        for effort in SCHEDULED
        if effort in given
    }


def _schedule(entries: Any, where: str, first_stage: float) -> Schedule:
    if not isinstance(entries, list) or not entries:
        raise ModelFileError(f"{where} is {described(entries)}, expected a list of {_SHAPE}")
    schedule = tuple(replace(_exit(entry, where), first_stage=first_stage) for entry in entries)
    for before, after in pairwise(schedule):
        if after.layers <= before.layers or after.share > before.share:
            raise ModelFileError(
                f"{where}: {described(entries)} has to go up in layers and down in shares"
            )
    return schedule


def _exit(entry: Any, where: str) -> Exit:
    if not isinstance(entry, list) or len(entry) not in (2, 3):
        raise ModelFileError(f"{where} has {described(entry)}, expected {_SHAPE}")
    share = finite_number(entry[1])
    counts = (is_integer(entry[0], 0), *(is_integer(value, 1) for value in entry[2:]))
    if share is None or not 0 < share <= 1 or not all(counts):
        raise ModelFileError(
            f"{where} has {described(entry)}, expected {_SHAPE}: integers and a share above "
            "0 of at most 1"
        )
    return Exit(entry[0], share, *entry[2:])
