"""secondpass search QUERY --index DIR."""

from __future__ import annotations

from typing import Any

import click

from secondpass.cli import output
from secondpass.cli.options import json_option, reranker_options, top_k_option
from secondpass.types import SearchResult


@click.command("search")
@click.argument("query")
@click.option("--index", "folder", required=True, metavar="DIR", help="The index to search.")
@click.option(
    "--depth",
    type=click.IntRange(min=1),
    default=100,
    show_default=True,
    help="How many documents are retrieved and reranked.",
)
@top_k_option
@reranker_options
@json_option
def command(
    query: str, folder: str, depth: int, top_k: int, as_json: bool, **model_options: Any
) -> None:
    """Retrieve the DEPTH documents nearest to QUERY, rerank them, print the best."""
    from secondpass.cli.loading import load_reranker
    from secondpass.pipeline import SearchPipeline
    from secondpass.retrieval.embedder import Embedder
    from secondpass.retrieval.index import Index

    index = Index.open(folder, Embedder(threads=model_options["threads"]))
    reranker = load_reranker(**model_options)
    result = SearchPipeline(index, reranker, depth).search(query, top_k)
    if output.for_a_person(as_json):
        print_result(result)
    else:
        output.print_json_lines(_rows(result))
    timings = result.timings.rerank
    output.warn_truncated(timings.truncated, timings.candidates, model_options["max_length"])


def print_result(result: SearchResult) -> None:
    """Print both ranks, the score, the document, and the milliseconds of each stage."""
    output.print_table(
        ("rank", "was", "score", "document", "text"),
        [
            (
                hit.rank,
                hit.first_rank,
                hit.score,
                hit.document.id,
                # A text that begins with its own name would show it twice.
                output.one_line(hit.document.text.removeprefix(hit.document.id)),
            )
            for hit in result
        ],
    )
    timings = result.timings
    stages = timings.rerank
    click.echo(
        f"retrieve {timings.retrieve_ms:.0f} ms; "
        f"rerank {stages.candidates} candidates {stages.total_ms:.0f} ms "
        f"(tokenise {stages.tokenise_ms:.0f}, batch {stages.batch_ms:.0f}, "
        f"infer {stages.infer_ms:.0f}, rank {stages.rank_ms:.0f}); total {timings.total_ms:.0f} ms"
    )


def _rows(result: SearchResult) -> list[dict[str, Any]]:
    return [
        {
            "id": hit.document.id,
            "text": hit.document.text,
            **({"metadata": hit.document.metadata} if hit.document.metadata else {}),
            "similarity": hit.document.similarity,
            "first_rank": hit.first_rank,
            "rank": hit.rank,
            "cross_encoder_score": hit.score,
        }
        for hit in result
    ]
