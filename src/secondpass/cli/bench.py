"""secondpass bench."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from secondpass.cli import INTERRUPTED, output
from secondpass.cli.extras import require_extra
from secondpass.cli.options import (
    FiniteFloatRange,
    json_instead_option,
    options_of,
    reranker_options,
    states_option,
)
from secondpass.cli.table_options import text_column_option
from secondpass.errors import InputError
from secondpass.options.call import RankOptions

if TYPE_CHECKING:
    from secondpass.bench.result import BenchResult, Setting
    from secondpass.bench.workload import Loaded, Workload
    from secondpass.cli.outputs import Outputs
    from secondpass.reranker import CrossEncoderReranker
    from secondpass.states.codec import StatePrecision

_DEPTHS = "10,20,50,100,200"


@click.command("bench")
@click.option("--index", "folder", metavar="DIR", help="Ask this index.  [default: the demo's]")
@click.option("--queries", "queries_file", metavar="FILE", help="One query a line, or JSON Lines.")
@click.option(
    "--candidates",
    "candidates_file",
    metavar="FILE",
    help="Rerank these for each query: no index, no dense stage.",
)
@text_column_option
@click.option(
    "-n",
    "--queries-count",
    type=click.IntRange(min=1),
    default=200,
    show_default=True,
    help="How many queries are timed.",
)
@click.option(
    "--warm-up",
    type=click.IntRange(min=0),
    default=10,
    show_default=True,
    help="How many are asked before, untimed.",
)
@click.option(
    "--depth",
    type=click.IntRange(min=1),
    default=100,
    show_default=True,
    help="How many candidates are reranked.",
)
@options_of(RankOptions, "top_k")
@reranker_options
@states_option
@click.option(
    "--clients",
    type=click.IntRange(min=1, max=256),
    default=1,
    show_default=True,
    help="Queries at a time: each client asks again when it is answered.",
)
@click.option(
    "--rate",
    type=FiniteFloatRange(min=1e-6, max=1e6),
    metavar="R",
    help="Let R queries a second arrive, answered or not; latency counts from arrival.",
)
@click.option(
    "--depths", default=_DEPTHS, show_default=True, help="Of the depth curve; 'none' leaves it out."
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=13,
    show_default=True,
    help="Of the choice of queries, and of the intervals.",
)
@json_instead_option
@click.option("--json-out", "json_file", metavar="FILE", help="Write every measurement as JSON.")
@click.option("--html", "html_file", metavar="FILE", help="Write a page with the figures.")
def command(
    folder: str | None,
    queries_file: str | None,
    candidates_file: str | None,
    as_json: bool,
    json_file: str | None,
    html_file: str | None,
    **options: Any,
) -> BenchResult:
    """Measure what reranking takes, by stage, beside dense retrieval: P50, P95 and P99.

    Without data it searches the docstrings of this Python's standard library, as the demo does, for
    first sentences of its documents. Of an index that keeps states, and with --states, it also
    shows what each effort takes from there. Ctrl-C prints what has been measured so far.
    """
    from secondpass.bench.clock import WallClock
    from secondpass.bench.run import run
    from secondpass.cli.outputs import Outputs

    require_extra("measure", "bench")
    outputs = Outputs(
        {"--json-out": json_file, "--html": html_file},
        read={"--queries": queries_file, "--candidates": candidates_file},
    )
    setting = _setting(options)
    loaded, workload = _load(folder, queries_file, candidates_file, setting.seed, options)
    result = run(loaded, workload, setting, WallClock(), output.progress)
    if as_json:
        output.print_report(result)
    else:
        _print(result)
    _write(result, outputs)
    if not result.complete:
        sys.exit(INTERRUPTED)
    outputs.finish()
    return result


def _setting(options: dict[str, Any]) -> Setting:
    from secondpass.bench.result import Setting

    return Setting(
        depth=options["depth"],
        top_k=options["top_k"],
        queries=options["queries_count"],
        warm_up=options["warm_up"],
        loop="closed" if options["rate"] is None else "open",
        clients=options["clients"],
        rate_per_second=options["rate"],
        depths=_depths(options["depths"]),
        seed=options["seed"],
        command=output.command_line(),
        states=options["states"],
    )


def _depths(text: str) -> tuple[int, ...]:
    if text == "none":
        return ()
    parts = text.split(",")
    if not all(part.strip().isdecimal() and int(part) > 0 for part in parts):
        raise InputError(f"--depths is {text!r}, expected integers like {_DEPTHS}, or none")
    return tuple(sorted({int(part) for part in parts}))


def _load(
    folder: str | None,
    queries_file: str | None,
    candidates_file: str | None,
    seed: int,
    options: dict[str, Any],
) -> tuple[Loaded, Workload]:
    """Load the models, timed, and what is asked of them."""
    from secondpass.bench.clock import WallClock
    from secondpass.bench.workload import Loaded, candidates_workload, index_workload, timed_load
    from secondpass.cli.candidates import read_candidates
    from secondpass.cli.demo import open_index
    from secondpass.cli.loading import check_reranker
    from secondpass.retrieval.embedder import Embedder
    from secondpass.retrieval.index import Index
    from secondpass.scoring.candidates import candidate_text

    model = {
        name: options[name]
        for name in ("model_name", "max_length", "precision", "threads", "effort")
    }
    check_reranker(model["model_name"])
    if queries_file is not None:
        _check_queries(queries_file)
    clock = WallClock()
    if candidates_file is not None:
        if folder is not None:
            raise InputError("--candidates are reranked as they are: leave --index out")
        candidates = read_candidates(candidates_file)
        field = options["text_column"]
        with candidates.named():
            texts = [candidate_text(one, at, field) for at, one in enumerate(candidates)]
        workload = candidates_workload(texts, candidates_file, queries_file, seed=seed)
        reranker, reranker_ms = _timed(model, options["states"])
        return Loaded(reranker, reranker_ms), workload
    embedder, embedder_ms = timed_load(lambda: Embedder(threads=options["threads"]), clock)
    index = open_index(embedder) if folder is None else Index.open(folder, embedder)
    workload = index_workload(index, queries_file, seed=seed)
    reranker, reranker_ms = _timed(model, options["states"])
    return Loaded(reranker, reranker_ms, embedder.info, embedder_ms), workload


def _timed(
    model: dict[str, Any], states: StatePrecision | None
) -> tuple[CrossEncoderReranker, float]:
    """Load the reranker, timed.

    Raises:
        InputError: it has no states of this kind.
    """
    from secondpass.bench.clock import WallClock
    from secondpass.bench.workload import timed_load
    from secondpass.cli.loading import load_reranker

    reranker, milliseconds = timed_load(lambda: load_reranker(**model), WallClock())
    if states is not None:
        reranker.passages([], states)
    return reranker, milliseconds


def _check_queries(file: str) -> None:
    """Read the queries before models are loaded and an index is made.

    Raises:
        InputError: they cannot be read.
    """
    from secondpass.bench.workload import read_queries

    path = Path(file)
    if file.isdecimal() and not path.exists():
        raise InputError(f"--queries {file} is no file: did you mean -n {file}?")
    if path.is_file() or not path.exists():  # a pipe can be read only once
        read_queries(file)


def _print(result: BenchResult) -> None:
    from secondpass.bench.report import EFFORT_HEAD, depth_rows, effort_rows
    from secondpass.bench.setting_lines import facts, start_lines
    from secondpass.bench.summary_text import notes, summary
    from secondpass.bench.table import brief_cells

    _print_lines(facts(result))
    output.show("")
    output.print_table(
        ("stage", "P50 ms", "P95 ms", "P99 ms", "mean ms"),
        [[row.label, *brief_cells(row)] for row in result.rows],
    )
    output.show("")
    _print_lines(start_lines(result))
    if result.depth_curve:
        output.show("")
        output.print_table(
            ("depth", "candidates", "rerank P50 ms", "rerank P95 ms"), depth_rows(result)
        )
    if result.from_states:
        output.show("")
        output.print_table(EFFORT_HEAD, effort_rows(result))
    output.show(f"\n{summary(result)}")
    for note in notes(result):
        output.say(f"note: {note}")


def _print_lines(lines: list[tuple[str, str]]) -> None:
    for name, value in lines:
        output.show(f"{name + ':':19}{value}")


def _write(result: BenchResult, outputs: Outputs) -> None:
    from secondpass.bench.report import make_page
    from secondpass.result_file import write_report, write_result

    outputs.write("--json-out", lambda file: write_result(file, result))
    outputs.write("--html", lambda file: write_report(file, make_page(result)))
