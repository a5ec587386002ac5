"""The outcome of a training run, as the card and the terminal report it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from secondpass.training.history import History
from secondpass.training.recipe import Recipe


@dataclass(frozen=True, slots=True)
class DataFacts:
    """One file or folder of --train. `kept_out` counts examples whose query is a dev query,
    `without_negative` those that mining left with nothing, `too_near` candidates the filter took.
    """

    name: str
    sha256: str
    licence: str
    examples: int
    passages: int
    kept_out: int
    without_negative: int
    too_near: int
    unused_fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DevFacts:
    """One folder of --dev, as it was asked."""

    name: str
    sha256: str
    queries: int
    depth: int
    first_stage: str
    first_stage_ndcg: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """A run. `kept_step` is the step whose weights the folder holds, None where it holds none;
    `complete` is false where it was interrupted. `embedder` is the bi-encoder that mined.
    """

    recipe: Recipe
    history: History
    data: tuple[DataFacts, ...]
    dev: tuple[DevFacts, ...]
    sources: Mapping[str, int]
    embedder: str
    base_sha256: str
    weights_sha256: str | None
    device: str
    kept_step: int | None
    seconds: float
    complete: bool
