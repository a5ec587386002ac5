"""secondpass rerank QUERY [FILE]."""

from __future__ import annotations

from typing import Any

import click

from secondpass.cli import output
from secondpass.cli.candidates import read_candidates
from secondpass.cli.options import json_option, reranker_options, top_k_option


@click.command("rerank")
@click.argument("query")
@click.argument("file", default="-")
@top_k_option
@reranker_options
@json_option
def command(query: str, file: str, top_k: int, as_json: bool, **model_options: Any) -> None:
    """Rerank the candidates in FILE (or standard input) for QUERY.

    FILE holds JSON Lines or one JSON array. A candidate is an object with "text", else "content",
    or a bare string. Prints a table to a terminal and JSON Lines into a pipe, best first, every
    field kept and "cross_encoder_score" added.
    """
    from secondpass.cli.loading import load_reranker
    from secondpass.scoring.candidates import candidate_text, with_scores

    candidates = read_candidates(file)
    texts = [candidate_text(candidate, at) for at, candidate in enumerate(candidates)]
    reranker = load_reranker(**model_options)
    ranking = reranker.rank(query, texts, top_k)
    if output.for_a_person(as_json):
        rows = [
            (rank, hit.index + 1, hit.score, output.one_line(hit.text))
            for rank, hit in enumerate(ranking, start=1)
        ]
        timings = ranking.timings
        output.print_table(
            ("rank", "was", "score", "text"),
            rows,
            caption=f"{timings.candidates} candidates, {timings.total_ms:.0f} ms",
        )
    else:
        output.print_json_lines(with_scores(candidates, ranking))
    output.warn_truncated(
        ranking.timings.truncated, ranking.timings.candidates, model_options["max_length"]
    )
