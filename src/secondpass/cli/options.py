"""Options of the command, made of the fields of the options dataclasses."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from typing import Any

import click

from secondpass.checks import MOST_INTEGER, did_you_mean, shortened
from secondpass.options.call import RankOptions
from secondpass.options.fusion import FUSIONS
from secondpass.options.kinds import (
    Choice,
    Choices,
    DefaultLength,
    Integer,
    Kind,
    Length,
    Number,
    Texts,
    YesOrNo,
)
from secondpass.options.mode import MODES
from secondpass.options.model import BI_ENCODER, RerankerOptions
from secondpass.options.option import IsDataclass, Option, declared

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


class _IntegerRange(click.IntRange):
    """A range of integers; that one has 64 bits is said only of a larger one."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the integer, or fail with one line."""
        number = int(super().convert(value, param, ctx))
        if number > MOST_INTEGER:
            self.fail(f"{shortened(number)} is more than {MOST_INTEGER}", param, ctx)
        return number


class _LengthRange(_IntegerRange):
    """A length; the default is left as it is, so that it is told from a number that was given."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number."""
        return (
            value if isinstance(value, DefaultLength) else int(super().convert(value, param, ctx))
        )


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


# `STATE_PRECISIONS` of states/codec.py, without numpy.
STATES = ("int8", "float16", "compact")


class Words(click.Choice[str]):
    """One of some words; the nearest is suggested where another is given."""

    def get_invalid_choice_message(self, value: Any, ctx: click.Context | None) -> str:
        """Return the error's text."""
        message = super().get_invalid_choice_message(value, ctx).rstrip(".")
        return message + did_you_mean(value, self.choices)


class Query(click.types.StringParamType):
    """A query; in a locale whose encoding lacks its characters it is read as UTF-8."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text of the bytes that were typed, where they are UTF-8."""
        given = str(super().convert(value, param, ctx))
        try:
            return os.fsencode(given).decode()
        except UnicodeError:  # refused by whoever takes it
            return given


def options_of(options: type[IsDataclass], *names: str) -> Callable[[Command], Command]:
    """Add the options of a dataclass that have a flag: all in its order, or `names` in theirs.

    The command gets each by the name of its field.
    """

    def add(command: Command) -> Command:
        known = declared(options)
        for name in reversed(names or tuple(known)):
            one, default = known[name]
            if one.flag is not None:
                command = _option(name, one.flag, one, default)(command)
        return command

    return add


def reranker_options(command: Command) -> Command:
    """Add what every command takes that loads a reranker."""
    names = ("model_name", "max_length", "precision", "effort", "threads")
    return options_of(RerankerOptions, *names)(command)


def all_reranker_options(command: Command) -> Command:
    """Add every option of a reranker that has a flag."""
    return options_of(RerankerOptions)(command)


def states_option(command: Command) -> Command:
    """Add --states."""
    return click.option(
        "--states",
        type=Words(STATES),
        help="Use texts' states below the join of the cross-encoder, kept this way.",
    )(command)


def embedder_option(command: Command) -> Command:
    """Add --embedder."""
    return click.option(
        "--embedder",
        metavar="NAME",
        default=BI_ENCODER,
        show_default=False,
        help="Hub name or folder of the bi-encoder.  [default: the embedded one]",
    )(command)


def pair_fuse_option(command: Command) -> Command:
    """Add --fuse, which is None where it is not given: the models decide then."""
    return click.option(
        "--fuse",
        type=Words(FUSIONS),
        help="Rank by the first stage as well: by reciprocal ranks, or by z-scores.  "
        "[default: weighted for the embedded models, none for others]",
    )(command)


def mode_option(command: Command) -> Command:
    """Add --mode, which is None where it is not given."""
    return click.option(
        "--mode",
        type=Words(MODES),
        help="How the index is searched: by vectors, by words, or by both.  [default: dense]",
    )(command)


def rank_options(command: Command) -> Command:
    """Add every option of a call that has a flag."""
    return options_of(RankOptions)(command)


def json_option(command: Command) -> Command:
    """Add --json to a command that prints rows."""
    return _json_flag("Print JSON Lines, as into a pipe.")(command)


def json_report_option(command: Command) -> Command:
    """Add --json to a command that prints one report, as JSON into a pipe."""
    return _json_flag("Print one JSON object, as into a pipe.")(command)


def json_instead_option(command: Command) -> Command:
    """Add --json to a command that prints text into a pipe too."""
    return _json_flag("Print one JSON object in place of text.")(command)


def json_rows_instead_option(command: Command) -> Command:
    """Add --json to a command that prints rows as text into a pipe too."""
    return _json_flag("Print JSON Lines in place of text.")(command)


def _json_flag(text: str) -> Callable[[Command], Command]:
    return click.option("--json", "as_json", is_flag=True, help=text)


def _option(name: str, flag: str, one: Option, default: Any) -> Callable[[Command], Command]:
    """Return click's option; what stands for the default is said, and left to the dataclass."""
    text = one.on_command or one.help
    return click.option(
        flag,
        name,
        type=_type(one.kind),
        is_flag=isinstance(one.kind, YesOrNo),
        multiple=isinstance(one.kind, Choices | Texts),
        default=None if one.means else default,
        show_default=one.means is None and default is not None and default is not False,
        metavar=one.metavar,
        help=text if one.means in (None, "none") else f"{text}  [default: {one.means}]",
    )


def _type(kind: Kind) -> click.ParamType[Any]:
    match kind:
        case Length():
            return _LengthRange(1)
        case Integer(least, most):
            return _IntegerRange(least, None if most == MOST_INTEGER else most)
        case Number(None, None, None):
            return FiniteFloat()
        case Number(least, above, below):
            low = above if least is None else least
            return FiniteFloatRange(low, below, min_open=least is None, max_open=True)
        case YesOrNo():
            return click.BOOL
        case Choice(words) | Choices(words):
            return Words(words)
    return click.STRING
