"""Measures a few small blocks, which gives the cost of any."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import count

from secondpass.cost.line import Point, fit
from secondpass.cost.text_cost import TextCost
from secondpass.cost.turns import in_turns
from secondpass.scoring.scored import Scored

# Seconds of a clock that never goes back.
Now = Callable[[], float]
# Scores texts for a query.
ScoreBlock = Callable[[str, Sequence[str]], Scored]
# Makes of texts such as calls will bring, outside of what is measured.
ReadTexts = Callable[[list[str]], Sequence[str]]

_QUERY = "what is measured"
_SENTENCE = "The reader takes one row after another and gives each of them a name and a number. "
# One short text; enough short ones for every stream; a few long ones, for attention: each as
# (texts, sentences).
_BLOCKS = ((1, 1), (12, 1), (3, 12))
# The first round starts the engine, so that another is needed, however long it takes.
_REPEATS = 1, 3
_SECONDS = 1.0
# A block that took no time that can be measured.
_LEAST_MS = 0.01


@dataclass(frozen=True, slots=True)
class Measured:
    """One block as it was scored: milliseconds without tokenizing, and what tokenizing took."""

    texts: int
    bytes: int
    tokens: int
    ms: float
    tokenize_ms: float

    def point(self, streams: int) -> Point:
        """Return the block as a call; of fewer texts than streams one stream takes the time."""
        ms = max(self.ms, _LEAST_MS)
        return Point(max(self.texts, streams), self.tokens / self.texts, ms)


def calibrate(
    score: ScoreBlock, *, streams: int, max_length: int, now: Now, read: ReadTexts = list
) -> TextCost:
    """Return the cost of this model on this machine, from a few rounds of small blocks.

    The least time of each block counts: a time can be disturbed upwards only.
    """
    numbers = count()
    rounds = in_turns(
        lambda block: _measure(score, now, read, next(numbers), *block),
        _BLOCKS,
        seconds=_SECONDS,
        repeats=_REPEATS,
        now=now,
    )
    least = [min(same, key=lambda each: each.ms) for same in zip(*rounds, strict=True)]
    return text_cost(*least, streams=streams, max_length=max_length)


def text_cost(
    one: Measured, short: Measured, long: Measured, *, streams: int, max_length: int
) -> TextCost:
    """Fit the cost to blocks of one text, of several short ones and of a few long ones.

    Nothing is below zero, and everything is above it that a division needs to be.
    """
    line = fit([block.point(streams) for block in (one, short, long)], each_candidate=False)
    return TextCost(
        replace(line, call_ms=max(line.call_ms, 0.01), token_ms=max(line.token_ms, 1e-6)),
        byte_ms=long.tokenize_ms / long.bytes,
        tokens_per_byte=short.tokens / short.bytes,
        max_length=max_length,
        streams=streams,
    )


def _measure(
    score: ScoreBlock, now: Now, read: ReadTexts, number: int, texts: int, sentences: int
) -> Measured:
    # Numbered, so that no text is the same as another: what is remembered takes no time.
    given = read([f"{number} {at} {_SENTENCE * sentences}" for at in range(texts)])
    started = now()
    stats = score(_QUERY, given).stats
    spent_ms = (now() - started) * 1000
    return Measured(
        texts=texts,
        bytes=sum(len(text.encode()) for text in given),
        tokens=max(1, stats.tokens),
        ms=max(spent_ms - stats.tokenize_ms, 0.0),
        tokenize_ms=stats.tokenize_ms,
    )
