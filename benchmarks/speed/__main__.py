"""Time secondpass beside its rivals: same weights, same candidates, a process each, interleaved.

    make bench-speed

Our bias: we wrote it. Against it: rivals get their best batch size where they have one, the rounds
go round the contestants so that a slow minute hits all, and each row shows how well its order
agrees with fp32's, so that speed bought with wrong scores would show. Rows whose order says nothing
about these weights (exits without trained heads, the embedded model) say so in its place.
"""

from __future__ import annotations

import argparse
import shlex
import sys
import tempfile
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from benchmarks.pages import add_page_options, parse_with_pages, place
from benchmarks.speed.markdown import MARKER, page
from benchmarks.speed.result import SCHEMA, Result, read_result, write_result
from benchmarks.speed.run import ROOT, run
from benchmarks.speed.work import make_work, token_counts
from secondpass.facts.machine import read_machine
from secondpass.facts.software import read_software
from secondpass.models.digest import file_sha256

CONTESTANTS = (
    "sentence_transformers_default",
    "sentence_transformers_best",
    "flashrank_int8",
    "sentence_transformers_openvino_int8",
    "secondpass_auto",
    "secondpass_int8",
    "secondpass_token_ids",
    "secondpass_cache",
    "secondpass_balanced",
    "secondpass_fast",
    "embedded_full",
    "embedded_balanced",
    "embedded_fast",
)


def main() -> None:
    """Measure, or show what was measured."""
    arguments = _arguments()
    if arguments.show:
        result = read_result(arguments.show)
    else:
        result = _measured(arguments)
        write_result(result, arguments.out)
    for file in arguments.into:
        place(file, {MARKER: page(result)})
    print(page(result))


def _measured(arguments: argparse.Namespace) -> Result:
    if not (arguments.model / "model.safetensors").exists():
        sys.exit(f"{arguments.model} holds no model.safetensors; name a BERT folder with --model")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        work = make_work(
            arguments.model,
            Path(scratch),
            rounds=arguments.rounds,
            depth=arguments.depth,
            seed=arguments.seed,
        )
        rows = run(work, Path(scratch), arguments.only)
        tokens_mean = float(np.mean(token_counts(work)))
    return Result(
        schema=SCHEMA,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        command=shlex.join(["python", "-m", "benchmarks.speed", *sys.argv[1:]]),
        machine=asdict(read_machine()),
        software=asdict(read_software()),
        model=arguments.model.name,
        weights_sha256=file_sha256(arguments.model / "model.safetensors"),
        depth=arguments.depth,
        seed=arguments.seed,
        tokens_mean=tokens_mean,
        rows=rows,
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.speed", description=(__doc__ or "").splitlines()[0]
    )
    add = parser.add_argument
    add("--model", type=Path, default=ROOT.parent / "shared" / "models" / "minilm-ce-first")
    add("--rounds", type=int, default=9)
    add("--depth", type=int, default=100, help="candidates of a query")
    add("--seed", type=int, default=7)
    add("--only", nargs="+", default=CONTESTANTS, metavar="NAME", help="these contestants only")
    add_page_options(parser, out="the result as JSON, every time in it")
    return parse_with_pages(parser)


if __name__ == "__main__":
    main()
