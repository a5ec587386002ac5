"""Time secondpass beside its rivals: same weights, same candidates, a process each, interleaved.

    make bench-speed

Our bias: we wrote it. Against it: rivals get their best batch size where they have one, the rounds
go round the contestants so that a slow minute hits all, and each row shows how well its order
agrees with fp32's, so that speed bought with wrong scores would show. Rows whose order says nothing
about these weights (exits without trained heads, the embedded model) say so in its place.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.run import Benchmark, command, main, now
from benchmarks.speed.markdown import pages
from benchmarks.speed.ours import OURS
from benchmarks.speed.result import Result
from benchmarks.speed.run import ROOT, run
from benchmarks.speed.work import make_work, token_counts
from secondpass.environment.machine import read_machine
from secondpass.environment.software import read_software
from secondpass.errors import InputError
from secondpass.models.digest import file_sha256

RIVALS = (
    "sentence_transformers_default",
    "sentence_transformers_best",
    "sentence_transformers_bf16",
    "flashrank_int8",
    "sentence_transformers_openvino_int8",
)
CONTESTANTS = (*RIVALS, *OURS)


def _measure(arguments: argparse.Namespace) -> Iterator[Result]:
    weights = arguments.model / "model.safetensors"
    if not weights.exists():
        raise InputError(f"there is no {weights}; name a BERT folder with --model")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        work = make_work(
            arguments.model,
            Path(scratch),
            rounds=arguments.rounds,
            depth=arguments.depth,
            seed=arguments.seed,
        )
        yield Result(
            created=now(),
            command=command("speed"),
            machine=read_machine(),
            software=read_software(),
            model=arguments.model.name,
            weights_sha256=file_sha256(weights),
            depth=arguments.depth,
            seed=arguments.seed,
            tokens_mean=float(np.mean(token_counts(work))),
            rows=run(work, Path(scratch), arguments.only),
        )


def _add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--model", type=Path, default=ROOT.parent / "shared" / "models" / "minilm-ce-first")
    add("--rounds", type=int, default=9)
    add("--depth", type=int, default=100, help="candidates of a query")
    add("--seed", type=int, default=7)
    add("--only", nargs="+", default=CONTESTANTS, metavar="NAME", help="these contestants only")


BENCHMARK = Benchmark("speed", __doc__ or "", Result, _add_options, _measure, pages)

if __name__ == "__main__":
    main(BENCHMARK)
