"""recipe.toml as typed values: every number that decides what the model becomes."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RECIPE = Path(__file__).parent / "recipe.toml"
TEACHERS = ("cross_encoder", "late_interaction", "bge", "minilm")
# The teacher that is the first stage of a search with the embedded pair.
FIRST_STAGE = "bge"


@dataclass(frozen=True, slots=True)
class Tokens:
    """Where each text is cut, in tokens without the special ones."""

    passage: int
    query: int
    long_query: int
    dev_document: int
    dev_query: int


@dataclass(frozen=True, slots=True)
class Source:
    """One file of training pairs; `long` of its passages stand as queries too."""

    kind: str
    queries: int = sys.maxsize
    long: int = 0
    negatives: int = 3
    weight: float = 0.7


@dataclass(frozen=True, slots=True)
class Pool:
    """Candidates of one first stage: how many, and the weight of one in the choice."""

    depth: int
    weight: float


@dataclass(frozen=True, slots=True)
class Mining:
    """Which candidates a training query gets."""

    candidates: int
    seed: int
    own_weight: float
    bm25: Pool
    bge: Pool
    minilm: Pool
    random: Pool


@dataclass(frozen=True, slots=True)
class Dev:
    """The development collections; `kinds` names those that choose a kind's weights."""

    queries: int
    queries_while_trying: int
    depth: int
    seed: int
    kinds: Mapping[str, list[str]]


@dataclass(frozen=True, slots=True)
class Ensemble:
    """The teachers' weights for each kind of query, in the order of TEACHERS."""

    sharpness: float
    positive_bonus: float
    weights: Mapping[str, tuple[float, ...]]


@dataclass(frozen=True, slots=True)
class Rates:
    """Peak learning rates: of the uppermost layer, and of the heads."""

    layers: float
    heads: float


@dataclass(frozen=True, slots=True)
class Training:
    """What one step draws, and how it learns."""

    seed: int
    groups: int
    group_size: int
    least_candidates: int
    batch_tokens: int
    sampling_power: float
    long_share: float
    warmup_steps: int
    rates_while_trying: Rates
    rates: Rates
    layer_decay: float
    weight_decay: float
    clip: float
    end_loss: float
    fused_loss: float
    early_loss: float
    exit_loss: float
    anchor_loss: float


@dataclass(frozen=True, slots=True)
class Beginning:
    """Layers of an encoder that a student begins as."""

    encoder: str
    layers: list[int]
    join: int
    cross_bias: float
    trained_layers: bool = False


@dataclass(frozen=True, slots=True)
class Fit:
    """What the calibration is fitted on."""

    collections: list[str]
    early_bonus: float
    queries: int
    pairs: int
    seed: int
    first_relevant_grade: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole recipe."""

    join_layer: int
    tokens: Tokens
    sources: Mapping[str, Source]
    other_sources: Source
    mining: Mining
    dev: Dev
    ensemble: Ensemble
    exit_heads: tuple[int, ...]
    training: Training
    beginnings: Mapping[str, Beginning]
    fit: Fit
    schedules: Mapping[str, Any]

    def source(self, name: str) -> Source:
        """Return the settings of a file of training pairs."""
        return self.sources.get(name, self.other_sources)


def read_settings(file: Path = RECIPE) -> Settings:
    """Read a recipe; a name that is missing or not known is a TypeError or a KeyError."""
    table = tomllib.loads(file.read_text(encoding="utf-8"))
    return Settings(
        join_layer=table["base"]["join_layer"],
        tokens=Tokens(**table["tokens"]),
        sources={name: Source(**source) for name, source in table["sources"].items()},
        other_sources=Source(**table["other_sources"]),
        mining=Mining(**_with(Pool, table["mining"])),
        dev=Dev(**table["dev"]),
        ensemble=Ensemble(**table["ensemble"] | {"weights": _weights(table["ensemble"])}),
        exit_heads=tuple(table["student"]["exits"]),
        training=Training(**_with(Rates, table["training"])),
        beginnings={name: Beginning(**row) for name, row in table["beginnings"].items()},
        fit=Fit(**table["fit"]),
        schedules=table["exits"],
    )


def _with(kind: type, table: Mapping[str, Any]) -> dict[str, Any]:
    """Return the table with each table in it as a value of `kind`."""
    return {
        name: kind(**value) if isinstance(value, dict) else value for name, value in table.items()
    }


def _weights(ensemble: Mapping[str, Any]) -> dict[str, tuple[float, ...]]:
    return {
        kind: tuple(weights[teacher] for teacher in TEACHERS)
        for kind, weights in ensemble["weights"].items()
    }
