"""Measures one reranker at a few depths and lengths."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from secondpass.bench.clock import Clock
from secondpass.cost.line import Point, padded
from secondpass.cost.turns import in_turns
from secondpass.plan.texts import QUERY
from secondpass.reranker import CrossEncoderReranker

LENGTHS = (32, 96, 224, 448)
# Tokens of all candidates together; what is less than one batch costs more for each token.
SIZES = (600, 2400, 9000)
# Fewer candidates than these, one number for each size, would not tell a call from a candidate.
LEAST = (1, 2, 4)
# The P95 of 20 is the second largest: one slow moment does not make it.
REPEATS = 20
# Of a model so slow that the time is over before; the P95 of these is their largest.
FEWEST_REPEATS = 5
TURNS = REPEATS + 1


@dataclass(frozen=True, slots=True)
class Subject:
    """A loaded reranker and texts for it; `overhead` is the query's and the special tokens.

    `as_kept` gives the texts as an index gives them, with their states if it keeps some.
    """

    reranker: CrossEncoderReranker
    make_text: Callable[[int, int], str]
    overhead: int
    clock: Clock
    as_kept: Callable[[list[str]], list[str]] = list

    def length(self, document_tokens: int) -> int:
        """Return the tokens of a document with the query, as far as they are scored."""
        return min(self.reranker.info.max_length, document_tokens + self.overhead)

    def measure(self, candidates: int, document_tokens: int) -> Point:
        """Rerank `candidates` texts of `document_tokens` tokens once."""
        texts = self.as_kept(
            [self.make_text(document_tokens, number) for number in range(candidates)]
        )
        started = self.clock.now()
        self.reranker.rank(QUERY, texts)
        spent_ms = (self.clock.now() - started) * 1000
        return Point(candidates, padded(self.length(document_tokens)), spent_ms)


def calibrate(subject: Subject, seconds: float, advance: Callable[[int], None]) -> list[Point]:
    """Measure a grid of settings in about `seconds` seconds, each `REPEATS` times.

    The settings take turns, so a slow moment of the machine falls on all of them. The first turn
    warms up and is not kept; it tells how many more there is time for. `advance` is called
    after each of the `TURNS`, and once for those that there is no time for.
    """
    turns = in_turns(
        lambda setting: subject.measure(*setting),
        settings(subject, seconds),
        seconds=seconds,
        repeats=(FEWEST_REPEATS, REPEATS),
        now=subject.clock.now,
        advance=advance,
    )
    return [point for turn in turns for point in turn]


def settings(subject: Subject, seconds: float) -> list[tuple[int, int]]:
    """Return (candidates, document tokens) of a grid that fits in the time.

    A slow model is measured with fewer candidates; one so slow that `LEAST` takes longer than the
    time that is given takes longer.
    """
    longest = subject.length(max(LENGTHS)) - subject.overhead
    lengths = sorted({min(length, longest) for length in LENGTHS})
    subject.measure(4, lengths[0])
    probe = subject.measure(8, lengths[-1])
    token_seconds = probe.ms / 1000 / (probe.candidates * probe.length)
    affordable = seconds / (token_seconds * TURNS * len(lengths) * sum(SIZES))
    return sorted(
        {
            (max(least, round(size * min(1.0, affordable) / subject.length(length))), length)
            for size, least in zip(SIZES, LEAST, strict=True)
            for length in lengths
        }
    )
