"""Time one script with one import changed: sentence-transformers' CrossEncoder, and ours.

    make bench-drop-in

`script.py` is the script; ours is its text with the import replaced, and nothing else. Against our
bias: sentence-transformers also gets its best batch size and its OpenVINO backend, each round goes
round the contestants, and the largest difference of a score stands beside the time.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmarks.drop_in.lists import LENGTHS, lists
from benchmarks.drop_in.result import Result, Row, Timed, pages
from benchmarks.run import Benchmark, command, main, now
from benchmarks.speed.run import ROOT, Contestant, in_turn
from benchmarks.speed.work import Work, as_float32, token_counts
from secondpass.environment.machine import read_machine
from secondpass.environment.software import read_software
from secondpass.errors import InputError
from secondpass.models.digest import file_sha256

# The first is what the others' scores are compared with.
CONTESTANTS = ("theirs_default", "theirs_best", "theirs_openvino", "ours", "ours_auto")


def _measure(arguments: argparse.Namespace) -> Iterator[Result]:
    weights = arguments.model / "model.safetensors"
    if not weights.exists():
        raise InputError(f"there is no {weights}; name a BERT folder with --model")
    # A backend looks for files of its own on the hub.
    os.environ["HF_HUB_OFFLINE"] = "1"
    done: list[Timed] = []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        works = lists(
            as_float32(arguments.model, Path(scratch) / "model"),
            Path(scratch),
            arguments.texts,
            rounds=arguments.rounds,
            depth=arguments.depth,
            seed=arguments.seed,
        )
        for kind, work in works.items():
            done.append(timed(kind, work, arguments.only))
            yield Result(
                created=now(),
                command=command("drop_in"),
                machine=read_machine(),
                software=read_software(),
                model=arguments.model.name,
                weights_sha256=file_sha256(weights),
                depth=arguments.depth,
                seed=arguments.seed,
                kinds=tuple(done),
            )


def timed(kind: str, work: Work, names: Sequence[str]) -> Timed:
    """Let each contestant score each list in turn."""
    modules = [f"benchmarks.drop_in.contestants.{name}" for name in names]
    asked = in_turn(work, Path(work.scratch), modules)
    rows = [
        Row(name, one.label, one.detail, tuple(one.ms), apart(asked[0], one))
        for name, one in zip(names, asked, strict=True)
    ]
    return Timed(kind, float(np.mean(token_counts(work))), tuple(rows))


def apart(base: Contestant, one: Contestant) -> float:
    """Return the largest difference of a score."""
    return float(np.abs(np.array(base.scores) - np.array(one.scores)).max())


def _add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--model", type=Path, default=ROOT.parent / "shared" / "models" / "minilm-ce-first")
    add("--texts", nargs="+", choices=tuple(LENGTHS), default=tuple(LENGTHS))
    add("--rounds", type=int, default=5)
    add("--depth", type=int, default=100, help="candidates of a query")
    add("--seed", type=int, default=7)
    add("--only", nargs="+", default=CONTESTANTS, choices=CONTESTANTS, metavar="NAME")


BENCHMARK = Benchmark("drop_in", __doc__ or "", Result, _add_options, _measure, pages)

if __name__ == "__main__":
    main(BENCHMARK)
