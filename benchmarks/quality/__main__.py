"""Measure nDCG@10 of BM25, the bi-encoder and rerankers on the same candidates.

    make quality

Our bias: we made the reranker, and its training and its fusion weight were chosen by looking at
these collections. Collections that nobody looked at are the better judge.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from benchmarks.pages import add_page_options, parse_with_pages, place
from benchmarks.quality import markdown, picture
from benchmarks.quality.assemble import BI_ENCODER
from benchmarks.quality.markdown import PAGE, TABLE
from benchmarks.quality.result import Quality, read_result
from benchmarks.quality.run import Plan, run
from benchmarks.quality.scorers import BiEncoder, CrossEncoder, Scorer
from secondpass import Embedder
from secondpass.cli.output import progress
from secondpass.errors import SecondpassError
from secondpass.options.fusion import DEFAULT_WEIGHT

EMBEDDED = "int8"
COLLECTIONS = (
    "dl19",
    "scifact",
    "noveleval",
    "cisi",
    "cranfield",
    "xquad_en",
    "course_faq",
    "arguana",
)


def main() -> None:
    """Measure, or show what was measured."""
    arguments = _arguments()
    try:
        result = read_result(arguments.show) if arguments.show else _measured(arguments)
    except SecondpassError as error:
        sys.exit(f"error: {error}")
    if result is None:
        sys.exit("stopped before one collection was done; --resume goes on with what was scored")
    if arguments.picture:
        picture.save(picture.draw(result, arguments.pictured), arguments.picture)
    for file in arguments.into:
        place(file, {PAGE: markdown.page(result), TABLE: markdown.table(result)})
    print(markdown.page(result))


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


def _measured(arguments: argparse.Namespace) -> Quality | None:
    folders = [arguments.data / name for name in arguments.only]
    for folder in folders:
        if not folder.is_dir():
            sys.exit(f"there is no collection {folder}; name the folder of all with --data")
    scorers: list[Scorer] = [BiEncoder(BI_ENCODER, Embedder())]
    scorers += [reranker(one) for one in arguments.reranker]
    scorers.append(CrossEncoder(EMBEDDED))
    weight = arguments.fusion_weight
    plan = Plan(
        folders=folders,
        scorers=scorers,
        fusions=[(f"{of} + {weight:g} BM25", of, weight) for of in arguments.fuse],
        depth=arguments.depth,
        queries=arguments.queries,
        seed=arguments.seed,
        command=shlex.join(["python", "-m", "benchmarks.quality", *sys.argv[1:]]),
    )
    return run(plan, arguments.out, resume=arguments.resume, progress=progress)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.quality", description=(__doc__ or "").splitlines()[0]
    )
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
    add("--fuse", nargs="*", default=[EMBEDDED], metavar="LABEL", help="rerankers to fuse")
    add("--fusion-weight", type=float, default=DEFAULT_WEIGHT, help="of z(BM25) beside z(logit)")
    add("--depth", type=int, default=100, help="candidates of a query")
    add("--queries", type=int, help="a seeded choice of so many queries of each collection")
    add("--seed", type=int, default=0)
    add_page_options(parser, out="the result as JSON; scores go into a folder beside it")
    add("--resume", action="store_true", help="use the scores that an earlier run left there")
    add("--picture", type=Path, help="draw it, as .svg or .png")
    add("--pictured", nargs="+", metavar="LABEL", help="systems in the picture, by default all")
    return parse_with_pages(parser)


if __name__ == "__main__":
    main()
