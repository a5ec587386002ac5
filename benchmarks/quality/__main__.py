"""Measure nDCG@10 of BM25, the bi-encoder and rerankers on the same candidates.

    make quality

Our bias: we made the reranker, and its training and its fusion weight were chosen by looking at
these collections. Collections that nobody looked at are the better judge.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from benchmarks.quality import markdown, picture
from benchmarks.quality.assemble import BI_ENCODER, BM25
from benchmarks.quality.result import Quality
from benchmarks.quality.run import Plan, measure_all
from benchmarks.quality.score_files import ScoreFiles
from benchmarks.quality.scorers import BiEncoder, CrossEncoder
from benchmarks.quality.task import COLLECTIONS, bm25_candidates, dense_candidates
from benchmarks.run import Benchmark, command, main
from secondpass import Embedder
from secondpass.cli.output import progress
from secondpass.errors import InputError
from secondpass.options.fusion import PAIR_FUSION, Fusion


def reranker(text: str) -> CrossEncoder:
    """Load what `FOLDER=LABEL` or `FOLDER@option=value,...=LABEL` asks for; at fp32 by default.

    Options are those of `CrossEncoderReranker`; the folder "embedded" is its default model.
    """
    source, separator, label = text.rpartition("=")
    if not separator or not label:
        raise SystemExit(f"--reranker {text}: write FOLDER=LABEL")
    folder, _, chosen = source.partition("@")
    options = {name: _value(one) for name, one in _pairs(chosen)}
    if folder == "embedded":
        return CrossEncoder(label, **options)
    return CrossEncoder(label, folder, **{"precision": "fp32", **options})


def _pairs(chosen: str) -> list[tuple[str, str]]:
    pairs = [one.partition("=") for one in chosen.split(",") if one]
    if not all(separator for _, separator, _ in pairs):
        raise SystemExit(f"--reranker ...@{chosen}: write OPTION=VALUE,OPTION=VALUE")
    return [(name, value) for name, _, value in pairs]


def _value(text: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _measure(arguments: argparse.Namespace) -> Iterator[Quality]:
    folders = [arguments.data / name for name in arguments.only]
    for folder in folders:
        if not folder.is_dir():
            raise InputError(f"there is no collection {folder}; name the folder with --data")
    dense = arguments.first_stage == "dense"
    first = BI_ENCODER if dense else BM25
    weight, fusion = arguments.fusion_weight, PAIR_FUSION
    if weight is not None or not dense:
        fusion = Fusion.checked("weighted", weight)
    named = first if fusion == PAIR_FUSION else f"{fusion.weight:g} {first}"
    embedder = Embedder()
    plan = Plan(
        folders=folders,
        scorers=[
            *(() if dense else (BiEncoder(BI_ENCODER, embedder),)),
            *map(reranker, arguments.reranker),
            CrossEncoder(picture.SHIPPED),
        ],
        fusions=[(f"{of} + {named}", of, fusion) for of in arguments.fuse],
        depth=arguments.depth,
        queries=arguments.queries,
        seed=arguments.seed,
        command=command("quality"),
        first_stage=first,
        find=dense_candidates(embedder, progress) if dense else bm25_candidates,
    )
    kept = ScoreFiles(arguments.out.with_suffix(".scores"), resume=arguments.resume)
    yield from measure_all(plan, kept, progress)


def _add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--data", type=Path, default=Path("../shared/data/eval"), help="holds the collections")
    add("--only", nargs="+", default=COLLECTIONS, metavar="NAME", help="these collections only")
    add(
        "--reranker",
        action="append",
        default=[],
        metavar="FOLDER[@OPTION=VALUE,...]=LABEL",
        help="a further reranker, at fp32 unless said otherwise; the embedded one is always there",
    )
    add("--fuse", nargs="*", default=[picture.SHIPPED], metavar="LABEL", help="rerankers to fuse")
    add(
        "--first-stage",
        choices=("bm25", "dense"),
        default="bm25",
        help="the run file's BM25, or the embedded bi-encoder over all documents, as in a search",
    )
    add(
        "--fusion-weight",
        type=float,
        help="of z(first stage) beside z(logit); by default what a search takes",
    )
    add("--depth", type=int, default=100, help="candidates of a query")
    add("--queries", type=int, help="random sample of this many queries of each collection")
    add("--seed", type=int, default=0)
    add("--resume", action="store_true", help="use the scores that lie beside --out")


BENCHMARK = Benchmark(
    "quality", __doc__ or "", Quality, _add_options, _measure, markdown.pages, picture.draw
)

if __name__ == "__main__":
    main(BENCHMARK)
