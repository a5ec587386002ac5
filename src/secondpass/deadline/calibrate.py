"""Measures a few small blocks, which gives the cost of any."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from secondpass.deadline.budget import Now
from secondpass.deadline.cost import Cost
from secondpass.scoring.scored import Scored

# Scores texts for a query.
ScoreBlock = Callable[[str, Sequence[str]], Scored]

_QUERY = "what is measured"
_SENTENCE = "The reader takes one row after another and gives each of them a name and a number. "
# One short text; enough short ones for every stream; a few long ones, for attention.
_ONE, _SHORT, _LONG = (1, 1), (12, 1), (3, 12)
# The first round compiles for its shapes and is not kept, unless it took so long that compiling is
# a small part of it: a slow model is not measured again.
_ROUNDS = 4
_ENOUGH_MS = 1000.0


@dataclass(frozen=True, slots=True)
class Measured:
    """One block as it was scored: milliseconds without tokenising, and what tokenising took."""

    texts: int
    bytes: int
    tokens: int
    ms: float
    tokenise_ms: float

    @property
    def length(self) -> float:
        """Return the tokens of one of its texts, which are all alike."""
        return self.tokens / self.texts


def calibrate(score: ScoreBlock, *, streams: int, max_length: int, now: Now) -> Cost:
    """Return the cost of this model on this machine, from a few rounds of small blocks.

    The least time of each block counts: a time can be disturbed upwards only.
    """
    started = now()
    rounds = [_round(score, now, 0)]
    while len(rounds) < _ROUNDS and (now() - started) * 1000 < _ENOUGH_MS:
        rounds.append(_round(score, now, len(rounds)))
    kept = rounds[1:] or rounds
    one, short, long = (min(same, key=lambda each: each.ms) for same in zip(*kept, strict=True))
    return fit(one, short, long, streams=streams, max_length=max_length)


def fit(one: Measured, short: Measured, long: Measured, *, streams: int, max_length: int) -> Cost:
    """Solve for the cost: a token's by length from two blocks, a block's own from one text.

    Nothing is below zero, and everything is above it that a division needs to be.
    """
    rates = short.ms / short.tokens, long.ms / long.tokens
    longer = long.length - short.length
    attention_ms = max(0.0, (rates[1] - rates[0]) / longer) if longer > 0 else 0.0
    token_ms = max(rates[0] - attention_ms * short.length, 1e-6)
    alone_ms = streams * one.length * (token_ms + attention_ms * one.length)
    return Cost(
        block_ms=max(one.ms - alone_ms, 0.01),
        byte_ms=long.tokenise_ms / long.bytes,
        token_ms=token_ms,
        attention_ms=attention_ms,
        tokens_per_byte=short.tokens / short.bytes,
        max_length=max_length,
        streams=streams,
    )


def _round(score: ScoreBlock, now: Now, number: int) -> tuple[Measured, Measured, Measured]:
    one, short, long = (_measure(score, now, number, *block) for block in (_ONE, _SHORT, _LONG))
    return one, short, long


def _measure(score: ScoreBlock, now: Now, number: int, texts: int, sentences: int) -> Measured:
    # Numbered, so that no text is the same as another: what is remembered takes no time.
    given = [f"{number} {at} {_SENTENCE * sentences}" for at in range(texts)]
    started = now()
    stats = score(_QUERY, given).stats
    spent_ms = (now() - started) * 1000
    return Measured(
        texts=texts,
        bytes=sum(len(text.encode()) for text in given),
        tokens=max(1, stats.tokens),
        ms=max(spent_ms - stats.tokenise_ms, 0.0),
        tokenise_ms=stats.tokenise_ms,
    )
