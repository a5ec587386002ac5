"""Pairs a second of random weights of true shapes: ours and sentence-transformers', interleaved.

    make bench-models
    make bench-models MODELS_MORE="--only minilm-l6"

A process each, which takes its turn in every round. The weights are random, so that only the time
means anything. A shape that the file of the result holds already is not timed again.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np

from benchmarks.models.markdown import pages
from benchmarks.models.result import Result, Shape, Timed
from benchmarks.models.shapes import MAX_LENGTH, SHAPES, missing_config, write_shape
from benchmarks.run import Benchmark, command, main, now
from benchmarks.speed.run import Contestant
from benchmarks.speed.work import QUERIES, Work, token_counts
from secondpass.demo.stdlib_docs import stdlib_documents
from secondpass.environment.machine import read_machine
from secondpass.environment.software import read_software
from secondpass.errors import InputError
from secondpass.result_file import read_result

_OWN = "benchmarks.models.contestants"
CONTESTANTS = {
    "sentence_transformers_default": "sentence_transformers_default",
    "sentence_transformers_openvino": f"{_OWN}.sentence_transformers_openvino",
    "sentence_transformers_openvino_int8": f"{_OWN}.sentence_transformers_openvino_int8",
    "sentence_transformers_onnx_int8": f"{_OWN}.sentence_transformers_onnx_int8",
    "secondpass_fp32": f"{_OWN}.secondpass_fp32",
    "secondpass_auto": "secondpass_auto",
    "secondpass_int8": f"{_OWN}.secondpass_int8",
}
_CALIBRATION = 16


def _measure(arguments: argparse.Namespace) -> Iterator[Result]:
    for names, known, what in (
        (arguments.only, SHAPES, "shape"),
        (arguments.contestants, CONTESTANTS, "contestant"),
    ):
        for name in names:
            if name not in known:
                raise InputError(f"there is no {what} {name!r}; there is {', '.join(known)}")
    # Backends look for files of their own on the hub.
    os.environ["HF_HUB_OFFLINE"] = "1"
    done: list[Shape] = []
    if arguments.out.exists():
        done += read_result(arguments.out, Result, "result").shapes
    for name in arguments.only:
        if name not in {one.name for one in done}:
            if missing := missing_config(name):
                print(f"{name}: left out: {missing}", file=sys.stderr)
                continue
            with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
                done.append(time_shape(name, Path(scratch), arguments))
        yield Result(
            created=now(),
            command=command("models"),
            machine=read_machine(),
            software=read_software(),
            shapes=tuple(sorted(done, key=lambda one: list(SHAPES).index(one.name))),
        )


def time_shape(name: str, scratch: Path, arguments: argparse.Namespace) -> Shape:
    """Write a shape, load all contestants one after the other, and time them in turn."""
    print(f"{name}: writing", file=sys.stderr)
    parameters = write_shape(name, scratch / "model")
    work = make_work(name, scratch, arguments.rounds, arguments.seed)
    work.save(scratch / "work.json")
    running: dict[str, Contestant] = {}
    failed: dict[str, str] = {}
    try:
        for one in arguments.contestants:
            print(f"{name}: loading {one}", file=sys.stderr)
            contestant = Contestant(CONTESTANTS[one], scratch / "work.json")
            running[one] = contestant
            try:
                contestant.load()
            except SystemExit:
                running.pop(one).close()
                failed[one] = _last_line(scratch / f"{CONTESTANTS[one]}.log")
                print(f"{name}: {one} failed: {failed[one]}", file=sys.stderr)
        turn = list(running.values())
        for number in range(len(work.queries)):
            start = number % len(turn)
            for contestant in turn[start:] + turn[:start]:
                contestant.score(number)
    finally:
        for contestant in running.values():
            contestant.close()
    return Shape(
        name=name,
        parameters=parameters,
        pairs=SHAPES[name].pairs,
        tokens_mean=float(np.mean(token_counts(work))),
        rows=tuple(_row(one, running.get(one), failed) for one in arguments.contestants),
        transformers=version("transformers"),
    )


def make_work(name: str, scratch: Path, rounds: int, seed: int) -> Work:
    """Draw a list of candidates for each round; others calibrate."""
    chance, shape = random.Random(seed), SHAPES[name]
    texts = [one.text[: shape.characters] for one in stdlib_documents() if len(one.text) > 500]
    chance.shuffle(texts)
    calibration, pool = texts[:_CALIBRATION], texts[_CALIBRATION:]
    return Work(
        model=str(scratch / "model"),
        scratch=str(scratch),
        queries=[QUERIES[at % len(QUERIES)] for at in range(rounds)],
        candidates=[chance.sample(pool, shape.pairs) for _ in range(rounds)],
        calibration=[[chance.choice(QUERIES), text] for text in calibration],
        max_length=MAX_LENGTH,
    )


def _row(name: str, contestant: Contestant | None, failed: dict[str, str]) -> Timed:
    if contestant is None:
        return Timed(name, name, "", (), failed[name])
    seconds = tuple(spent / 1000 for spent in contestant.ms)
    return Timed(name, contestant.label, contestant.detail, seconds)


def _last_line(log: Path) -> str:
    lines: Sequence[str] = log.read_text().strip().splitlines() or ["it said nothing"]
    return lines[-1][:200]


def _add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--only", nargs="+", default=list(SHAPES), metavar="SHAPE", help="these shapes only")
    add("--contestants", nargs="+", default=list(CONTESTANTS), metavar="NAME")
    add("--rounds", type=int, default=5)
    add("--seed", type=int, default=7)


BENCHMARK = Benchmark("models", __doc__ or "", Result, _add_options, _measure, pages)

if __name__ == "__main__":
    main(BENCHMARK)
