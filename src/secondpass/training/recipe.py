"""Every number a training run depends on: the options of `secondpass train`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from secondpass.errors import InputError
from secondpass.options.kinds import Choice, Choices, Integer, Number, Text
from secondpass.options.option import check_fields, option

Loss = Literal["listwise", "lambda"]
TrainingPrecision = Literal["bf16", "fp32"]
Miner = Literal["bm25", "dense"]

_LOSSES: tuple[Loss, ...] = get_args(Loss)
_PRECISIONS: tuple[TrainingPrecision, ...] = get_args(TrainingPrecision)
_MINERS: tuple[Miner, ...] = get_args(Miner)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How to train. A run ends after `steps` or `minutes`, whichever comes first.

    Raises:
        InputError: a value is not usable; the message names it.
    """

    model: str | None = option(
        None,
        Text("a hub name or a folder"),
        "Hub name or folder to start from (safetensors).",
        flag="--model",
        metavar="NAME",
    )
    minutes: float | None = option(
        None,
        Number(above=0),
        "Stop after this many minutes.",
        means="25, or --steps",
        flag="--minutes",
    )
    steps: int | None = option(None, Integer(), "Stop after this many steps.", flag="--steps")
    loss: Loss = option("listwise", Choice(_LOSSES), "What is minimized.", flag="--loss")
    max_length: int = option(512, Integer(), "Tokens of a pair.", flag="--max-length")
    batch_groups: int = option(8, Integer(), "Groups in a step.", flag="--batch-groups")
    negatives: int = option(
        7, Integer(), "Negatives beside the positive of a group.", flag="--negatives"
    )
    learning_rate: float = option(
        2e-5, Number(above=0), "The highest learning rate.", flag="--learning-rate"
    )
    precision: TrainingPrecision = option(
        "bf16",
        Choice(_PRECISIONS),
        "Arithmetic; weights are fp32.",
        flag="--precision",
    )
    temperature: float = option(
        2.0,
        Number(above=0),
        "Mixes sources by size^(1/T): 1 by size, large all alike.",
        flag="--temperature",
    )
    mine: tuple[Miner, ...] = option(
        _MINERS,
        Choices(_MINERS),
        "First stages whose top results become negatives.",
        flag="--mine",
    )
    nearest_negative: float = option(
        0.95,
        Number(above=0),
        "Highest cosine of a negative with the query, as a share of the positive's; more where all "
        "answers are labeled.",
        flag="--nearest-negative",
    )
    share_of_start: float = option(
        0.0,
        Number(least=0, below=1),
        "Share of the start weights in what is kept: 0.5 is half way.",
        flag="--share-of-start",
    )
    evaluate_every: int | None = option(
        None,
        Integer(),
        "Steps between evaluations.",
        means="a fifth of the run",
        flag="--evaluate-every",
        metavar="STEPS",
    )
    checkpoint_every: int = option(
        200,
        Integer(),
        "Steps between checkpoints; there is one after each evaluation too.",
        flag="--checkpoint-every",
        metavar="STEPS",
    )
    dev_queries: int = option(50, Integer(), "Most queries of a folder.", flag="--dev-queries")
    dev_depth: int = option(50, Integer(), "Candidates of a query.", flag="--dev-depth")
    seed: int = option(0, Integer(0), "Of every random choice.", flag="--seed")

    def __post_init__(self) -> None:
        check_fields(self)
        if self.steps is None and self.minutes is None:
            raise InputError("neither steps nor minutes is given: say when to end")
