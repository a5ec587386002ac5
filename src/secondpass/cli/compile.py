"""secondpass compile MODEL."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from secondpass.cli import output
from secondpass.cli.extras import require_extra
from secondpass.cli.options import FiniteFloatRange, Words, json_report_option, options_of
from secondpass.options.model import RerankerOptions

if TYPE_CHECKING:
    from secondpass.compiling.result import Compiled
    from secondpass.evaluation.collection import Collection

REFUSED = 1

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("compile")
@click.argument("model")
@click.option(
    "--precision", type=Words(["int8"]), default="int8", show_default=True, help="What to write."
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder to write.  [default: the model's name and -int8, in this folder]",
)
@click.option(
    "--calibrate",
    type=_FILE,
    help="JSON Lines with 'query' and 'text', or 'positive'.  [default: text that ships]",
)
@click.option("--eval", "collection", help="Judged collection to compare nDCG@10 on, as for eval.")
@click.option(
    "--max-queries", type=click.IntRange(min=1), help="Random sample of this many queries of it."
)
@click.option(
    "--min-tau",
    type=FiniteFloatRange(-1, 1),
    default=0.9,
    show_default=True,
    help="Lowest mean Kendall tau of fp32 and int8 over all texts.",
)
@click.option(
    "--min-top10-tau",
    type=FiniteFloatRange(-1, 1),
    default=0.7,
    show_default=True,
    help="The same over fp32's ten best.",
)
@click.option(
    "--max-loss",
    type=FiniteFloatRange(0, 1),
    default=0.01,
    show_default=True,
    help="Most nDCG@10 that may be lost on --eval.",
)
@click.option(
    "--min-speedup",
    type=FiniteFloatRange(0),
    default=1.0,
    show_default=True,
    help="Lowest ratio of the median time of MODEL at 'auto' to int8's.",
)
@options_of(RerankerOptions, "max_length")
@click.option("--revision", help="Branch, tag or commit of a hub model.")
@click.option("--threads", type=click.IntRange(min=1), help="Compute threads.")
@json_report_option
def command(
    model: str,
    precision: str,
    out: Path | None,
    calibrate: Path | None,
    collection: str | None,
    max_queries: int | None,
    min_tau: float,
    min_top10_tau: float,
    max_loss: float,
    min_speedup: float,
    max_length: int,
    revision: str | None,
    threads: int | None,
    as_json: bool,
) -> None:
    """Write MODEL as int8 into a folder, if it ranks like fp32 and is faster than 'auto' here.

    The folder loads by its path, as --model FOLDER, and holds the report as compile.json. The exit
    status is 0 where it was written, 1 where it was refused and nothing is left behind, 2 where it
    could not be tried.
    """
    require_extra("measure", "compile")
    from secondpass.cli.loading import check_reranker
    from secondpass.compiling.compile import compile_model
    from secondpass.compiling.folder import check_new
    from secondpass.compiling.limits import Limits

    out = Path(f"{Path(model).name}-{precision}") if out is None else out
    check_new(out)
    check_reranker(model, revision=revision)
    compiled = compile_model(
        model,
        out,
        calibrate=calibrate,
        collection=_open(collection, max_queries),
        limits=Limits(min_tau, min_top10_tau, max_loss, min_speedup),
        max_length=max_length,
        threads=threads,
        revision=revision,
        command=output.command_line(),
        progress=output.progress,
    )
    if output.for_a_person(as_json):
        print_compiled(compiled)
    else:
        output.print_report(compiled)
    for one in compiled.refused:
        output.say(f"refused: {one.what} is {one.value:.4f}, below {one.limit:g}; {one.way_out}")
    if compiled.refused:
        sys.exit(REFUSED)


def print_compiled(compiled: Compiled) -> None:
    """Print both precisions side by side, then what decides, then the folder."""
    one = compiled
    rows = [
        ("median ms of one rerank", f"{one.speed.fp32_ms:.1f}", f"{one.speed.int8_ms:.1f}"),
        ("weights on disk, MB", f"{one.size.fp32 / 1e6:.1f}", f"{one.size.int8 / 1e6:.1f}"),
        ("peak memory, MB", f"{one.memory.fp32 / 1e6:.0f}", f"{one.memory.int8 / 1e6:.0f}"),
    ]
    if one.quality is not None:
        rows.insert(0, (one.quality.measure, f"{one.quality.fp32:.4f}", f"{one.quality.int8:.4f}"))
    output.print_table(("", "fp32", "int8"), rows)
    output.show()
    output.print_table(
        ("what decides", "value", "at least", ""),
        [
            (each.what, f"{each.value:.4f}", f"{each.limit:g}", "met" if each.met else "not met")
            for each in one.criteria
        ],
    )
    output.show(f"\n{_notes(one)}")
    if one.folder is not None:
        output.show(f"written to {one.folder}; load it with --model {shlex.quote(one.folder)}")


def _notes(compiled: Compiled) -> str:
    """Say what the numbers are over, and what "auto" takes where it is another precision."""
    agreement, speed = compiled.agreement, compiled.speed
    auto = "what 'auto' computes here"
    if speed.auto_ms is not None:
        auto = f"{speed.auto_ms:.1f} ms at 'auto', {speed.speedup:.2f} times int8's"
    return (
        f"tau over {agreement.queries} queries, {agreement.texts} texts each "
        f"(lowest {agreement.lowest_tau:.3f}, over the top 10 {agreement.lowest_top10_tau:.3f}); "
        f"{agreement.top10_shared:.0%} of the top 10 shared; "
        f"speed over {speed.rounds} rounds of {speed.texts} texts; the source takes "
        f"{auto}; fp32 takes {speed.speedup_over_fp32:.2f} times int8's"
    )


def _open(name: str | None, max_queries: int | None) -> Collection | None:
    if name is None:
        return None
    from secondpass.evaluation.open_collection import open_collection

    collection = open_collection(name)
    return collection if max_queries is None else collection.sample(max_queries, 0)
