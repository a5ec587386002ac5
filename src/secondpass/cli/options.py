"""Options that several subcommands share."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import click

from secondpass.scoring.cascade_rule import DEFAULT_KEEP
from secondpass.scoring.effort import EFFORTS
from secondpass.scoring.fusion_rule import DEFAULT_WEIGHT, FUSIONS
from secondpass.scoring.window_rule import LONG_DOCUMENTS, SELECT_TOKENS

Command = Callable[..., Any]


class FiniteFloatRange(click.FloatRange):
    """A range of numbers; click's own takes nan, and infinity where there is no maximum."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number, or fail with one line."""
        # Asked first, for infinity is also out of a range that has a maximum.
        if not math.isfinite(click.FLOAT.convert(value, param, ctx)):
            self.fail(f"{value} is not a finite number", param, ctx)
        return float(super().convert(value, param, ctx))


class FiniteFloat(click.types.FloatParamType):
    """Any number but nan and infinity, which click's own takes."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number, or fail with one line."""
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number", param, ctx)
        return number


_PRECISIONS = click.Choice(["auto", "fp32", "int8"])


def reranker_options(command: Command) -> Command:
    """Add --model, --max-length, --precision, --effort and --threads."""
    for option in reversed(
        [
            click.option(
                "--model",
                metavar="NAME",
                help="Hub name or folder of the cross-encoder.  [default: the embedded one]",
            ),
            click.option(
                "--max-length",
                type=click.IntRange(min=1),
                default=512,
                show_default=True,
                help="Most tokens of query and text together.",
            ),
            click.option("--precision", type=_PRECISIONS, default="auto", show_default=True),
            click.option(
                "--effort",
                type=click.Choice(EFFORTS),
                default="full",
                show_default=True,
                help="Let the hopeless leave early; the model needs exits, as the embedded has.",
            ),
            click.option(
                "--threads",
                type=click.IntRange(min=1),
                help="Compute threads.  [default: the processors this process may use]",
            ),
        ]
    ):
        command = option(command)
    return command


def cascade_options(command: Command) -> Command:
    """Add --cascade and --keep."""
    for option in (
        click.option(
            "--keep",
            type=click.IntRange(min=1),
            help=f"How many --model reads after --cascade.  [default: {DEFAULT_KEEP}]",
        ),
        click.option(
            "--cascade",
            metavar="SMALL",
            help="Hub name or folder of a smaller model that reads all first; --model reads the "
            "best of them again.",
        ),
    ):
        command = option(command)
    return command


def fusion_options(command: Command) -> Command:
    """Add --fuse and --fuse-weight."""
    for option in (
        click.option(
            "--fuse-weight",
            type=FiniteFloatRange(min=0),
            help=f"What the first stage counts in --fuse weighted.  [default: {DEFAULT_WEIGHT}]",
        ),
        click.option(
            "--fuse",
            type=click.Choice(FUSIONS),
            default="none",
            show_default=True,
            help="Rank by the first stage as well: by reciprocal ranks, or by z-scores.",
        ),
    ):
        command = option(command)
    return command


def window_options(command: Command) -> Command:
    """Add --long-documents, --stride and --select-tokens."""
    for option in (
        click.option(
            "--select-tokens",
            type=click.IntRange(min=1),
            help="Most tokens of a text that --long-documents select reads.  "
            f"[default: {SELECT_TOKENS}]",
        ),
        click.option(
            "--stride",
            type=click.IntRange(min=1),
            help="Tokens from one window's start to the next.  [default: half a window]",
        ),
        click.option(
            "--long-documents",
            type=click.Choice(LONG_DOCUMENTS),
            default="truncate",
            show_default=True,
            help="What is read of a text that does not fit: the beginning, all of it in windows "
            "that count by the best or the three best, or the sentences with the query's words.",
        ),
    ):
        command = option(command)
    return command


def min_score_option(command: Command) -> Command:
    """Add --min-score."""
    return click.option(
        "--min-score",
        type=FiniteFloat(),
        help="Drop what the model scores below this, and say how many.",
    )(command)


def budget_option(command: Command) -> Command:
    """Add --budget-ms."""
    return click.option(
        "--budget-ms",
        type=FiniteFloatRange(min=0, min_open=True),
        help="Milliseconds it may take; what there is no time to read follows, in its order.",
    )(command)


def top_k_option(command: Command) -> Command:
    """Add --top-k."""
    return click.option(
        "--top-k",
        type=click.IntRange(min=1),
        default=10,
        show_default=True,
        help="How many to print.",
    )(command)


def cache_option(command: Command) -> Command:
    """Add --cache."""
    return click.option(
        "--cache",
        metavar="DIR",
        help="Keep scores in this folder and read no query and text twice.",
    )(command)


def json_option(command: Command) -> Command:
    """Add --json."""
    return click.option(
        "--json", "as_json", is_flag=True, help="Print JSON Lines, as into a pipe."
    )(command)
