"""Lets each contestant score each list in turn, and puts the answers into rows."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from benchmarks.speed.result import Row
from benchmarks.speed.work import Work

ROOT = Path(__file__).parent.parent.parent


class Contestant:
    """A process that scores lists when told to."""

    def __init__(self, name: str, work_file: Path) -> None:
        self.name = name
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.speed.contestant", name, str(work_file)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=(work_file.parent / f"{name}.log").open("w"),
            text=True,
        )
        self.ms: list[float] = []
        self.scores: list[list[float]] = []

    def load(self) -> None:
        """Wait until it is ready."""
        ready = self._answer()
        self.label, self.detail = ready["label"], ready["detail"]
        self.incomparable = ready["incomparable"]

    def score(self, number: int) -> None:
        """Score one list and keep time and scores."""
        assert self._process.stdin is not None
        print(number, file=self._process.stdin, flush=True)
        answer = self._answer()
        self.ms.append(answer["ms"])
        self.scores.append(answer["scores"])

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()

    def _answer(self) -> dict:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            sys.exit(f"{self.name} ended with status {self._process.wait()}; see its log")
        return json.loads(line)


def run(work: Work, scratch: Path, names: Sequence[str]) -> tuple[Row, ...]:
    """Let each contestant score each list in turn, and put the answers into rows."""
    contestants = in_turn(work, scratch, names)
    return tuple(_row(contestants[0], one) for one in contestants)


def in_turn(work: Work, scratch: Path, names: Sequence[str]) -> list[Contestant]:
    """Load all one after the other, let each score each list in turn, and end them."""
    file = scratch / "work.json"
    work.save(file)
    contestants: list[Contestant] = []
    with _logs_of_a_failure(scratch), ExitStack() as stack:
        for name in names:
            print(f"loading {name}", file=sys.stderr)
            contestants.append(Contestant(name, file))
            stack.callback(contestants[-1].close)
            contestants[-1].load()
        for number in range(len(work.queries)):
            print(f"round {number + 1} of {len(work.queries)}", file=sys.stderr)
            start = number % len(contestants)
            for contestant in contestants[start:] + contestants[:start]:
                contestant.score(number)
    return contestants


def _row(base: Contestant, one: Contestant) -> Row:
    return Row(
        name=one.name,
        label=one.label,
        detail=one.detail,
        ms=tuple(one.ms),
        spearman=None if one.incomparable else agreement(base.scores, one.scores),
        incomparable=one.incomparable,
    )


def agreement(base: Sequence[Sequence[float]], one: Sequence[Sequence[float]]) -> float:
    """Return Spearman's correlation of two contestants' scores, the mean over the lists."""
    each = [spearmanr(theirs, ours).statistic for theirs, ours in zip(base, one, strict=True)]
    return float(np.mean(each))


@contextmanager
def _logs_of_a_failure(scratch: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        for log in scratch.glob("*.log"):
            print(f"--- {log.name}\n{log.read_text()[-3000:]}", file=sys.stderr)
        raise
