"""secondpass rerank QUERY [FILE]."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import click

from secondpass.checks import counted
from secondpass.cli import output
from secondpass.cli.candidates import read_candidates
from secondpass.cli.options import Query, all_reranker_options, json_option, rank_options
from secondpass.cli.table_options import delimiter_option, text_column_option
from secondpass.types import Ranking

if TYPE_CHECKING:
    from secondpass.serve.remote import RemoteReranker


@click.command("rerank")
@click.argument("query", type=Query())
@click.argument("file", default="-")
@click.option("--plain", is_flag=True, help="Each line is the text of a candidate, never JSON.")
@text_column_option
@delimiter_option
@rank_options
@click.option(
    "--first-stage-score",
    metavar="FIELD",
    default="score",
    show_default=True,
    help="The candidates' field that --fuse weighted uses.",
)
@click.option(
    "--server",
    metavar="URL",
    help="Ask a server, started with `secondpass serve`, in place of loading a model; --model is "
    "then a name that it has. The key is SECONDPASS_API_KEY.",
)
@all_reranker_options
@json_option
def command(
    query: str,
    file: str,
    plain: bool,
    text_column: str | None,
    delimiter: str | None,
    first_stage_score: str,
    server: str | None,
    as_json: bool,
    **given: Any,
) -> None:
    """Rerank the candidates in FILE (or standard input) for QUERY.

    FILE holds JSON Lines, one JSON array, or lines of plain text: the first line decides. A
    candidate is an object with "text", else "content", or a bare string; a plain line is a text.
    A FILE whose name ends in .csv, .tsv or .parquet is a table, each row a candidate. Prints a
    table to a terminal and JSON Lines into a pipe, best first, every field kept and
    "cross_encoder_score" added, with --fuse "fused_score" too, and with --budget-ms whether it was
    "reranked"; loading the model is not part of that time. A text that was cut says "truncated",
    "tokens" and "dropped_tokens"; one scored in windows has its best "window", and one whose
    sentences were selected has their places, "windows". With --cascade, "scored_by" is "first"
    where only the smaller model scored it, else "second".
    """
    from secondpass.cli.loading import load_reranker, remote_reranker, split_options
    from secondpass.scoring.candidates import with_scores
    from secondpass.scoring.usable import usable_candidates

    options, model_options = split_options(given)
    remote = None if server is None else remote_reranker(server, model_options)
    candidates = read_candidates(file, plain=plain, delimiter=delimiter)
    skip = options.on_error == "skip"
    # Before a model is loaded.
    with candidates.named():
        usable_candidates(
            candidates, first_stage_score, options.fusion(), skip=skip, text_field=text_column
        )
    local = load_reranker(**model_options) if remote is None else None
    ranking = (local or cast("RemoteReranker", remote)).rank_candidates(
        query, candidates, options, first_stage_score, text_column
    )
    if output.for_a_person(as_json):
        _print_table(ranking)
    else:
        output.print_json_lines(
            with_scores(
                candidates,
                ranking,
                marked=options.may_leave_some,
                query_truncated=ranking.timings.query_dropped_tokens > 0,
            )
        )
    timings = ranking.timings
    output.say_skipped(timings.skipped, timings.candidates)
    output.say_cut_query(timings.query_dropped_tokens)
    if local is None:
        output.say_truncated_by_server(timings)
    else:
        output.warn_truncated(timings, model_options | {"max_length": local.info.max_length})
    output.say_dropped(timings.dropped, timings.candidates, options.min_score)
    output.say_unscored(timings.reranked, timings.candidates, options.budget_ms)


def _print_table(ranking: Ranking) -> None:
    fused = any(hit.fused is not None for hit in ranking)
    timings = ranking.timings
    output.print_table(
        ("rank", "was", *(["fused"] if fused else []), "score", "text"),
        [
            (
                rank,
                hit.index + 1,
                *([hit.fused if hit.reranked else "-"] if fused else []),
                output.score(hit),
                output.passage(hit),
            )
            for rank, hit in enumerate(ranking, start=1)
        ],
        caption=f"{counted(timings.candidates, 'candidate')}{output.from_cache(timings.cached)}, "
        f"{timings.total_ms:.0f} ms",
    )
