"""secondpass demo: two-stage search over the documentation of the running Python."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from secondpass.checks import counted
from secondpass.cli import output, terminal
from secondpass.cli.extras import require_extra
from secondpass.cli.options import json_rows_instead_option
from secondpass.cli.passages import hit_snippet, show_snippet
from secondpass.cli.search import result_rows
from secondpass.cli.table import middle

if TYPE_CHECKING:
    from secondpass.retrieval.embedder import Embedder
    from secondpass.retrieval.index import Index
    from secondpass.types import SearchHit, SearchResult

# Each with the document that answers it, in every Python from 3.11 on.
QUESTIONS = {
    "read settings from an ini file": "configparser.RawConfigParser.read",
    "measure how long a small piece of code takes": "timeit",
    "round a number to the nearest even": "round",
    "guess the type of a file from its name": "mimetypes.guess_type",
}
CHOSEN = "The questions were chosen to show it: secondpass eval measures what it does on yours."
_WIDTH = 80


@click.command("demo")
@click.argument("questions", nargs=-1, metavar="[QUESTION]...")
@click.option(
    "--depth",
    type=click.IntRange(min=1),
    default=100,
    show_default=True,
    help="How many documents are retrieved and reranked.",
)
@click.option(
    "--top-k", type=click.IntRange(min=1), default=5, show_default=True, help="How many to print."
)
@json_rows_instead_option
def command(questions: tuple[str, ...], depth: int, top_k: int, as_json: bool) -> None:
    """Search the docstrings of this Python's standard library, without reranking and with it.

    The index is made at the first run and kept for the next. Give your own QUESTIONs to ask them.
    """
    require_extra("search", "demo")
    from secondpass.pipeline import SearchPipeline
    from secondpass.reranker import CrossEncoderReranker
    from secondpass.retrieval.embedder import Embedder

    index = open_index(Embedder())
    pipeline = SearchPipeline(index, CrossEncoderReranker(), depth)
    # The first query also starts the engines; its time is not shown.
    pipeline.search("warm up", top_k=1)
    asked = [(question, pipeline.search(question, None)) for question in questions or QUESTIONS]
    if as_json:
        for question, result in asked:
            rows = result_rows(result.hits[:top_k], question)
            output.print_json_lines({"question": question, **row} for row in rows)
        return
    output.show(f"{len(index)} documents in {index.folder}")
    for question, result in asked:
        _print_question(question, result, top_k)
    output.show()
    output.show_wrapped(conclusion(asked))


def open_index(embedder: Embedder) -> Index:
    """Open the demo's index, or make it with a progress bar."""
    from secondpass.demo.stdlib_index import open_stdlib_index
    from secondpass.settings import Settings

    return open_stdlib_index(embedder, Settings.from_environment().cache_dir, output.progress)


def _print_question(question: str, result: SearchResult, top_k: int) -> None:
    """Print both orders side by side, the best document's text, and where the answer moved."""
    reranked = result.hits[:top_k]
    before = sorted(result.hits, key=lambda hit: hit.first_rank)
    width = terminal.width() or _WIDTH
    # Beside the names stand the rank, the rank before with an arrow, and the gaps.
    room = (width - len("rank") - len("rank before") - 6) // 2
    output.show(f"\n{question}\n")
    output.print_table(
        ("rank", "first stage", "reranked", "rank before"),
        [
            (
                str(hit.rank),
                middle(first.document.id, room),
                middle(hit.document.id, room),
                f"{hit.first_rank} {_arrow(hit)}".rstrip(),
            )
            for first, hit in zip(before, reranked, strict=False)
        ],
    )
    if reranked:
        output.show()
        if before[0] is not reranked[0]:
            _print_passage("First before", question, before[0])
        _print_passage("First reranked", question, reranked[0])
    answer = QUESTIONS.get(question)
    if answer is not None:
        output.show_wrapped(f"Answer: {answer}, {_moved(_answering(answer, result))}.")


def _print_passage(which: str, question: str, hit: SearchHit) -> None:
    """Print which document it is, and the passage of it with most of the question's words."""
    output.show_wrapped(f"{which}: {terminal.harmless(hit.document.id)}")
    show_snippet(hit_snippet(question, hit.hit, named=hit.document.id), "    ")


def _arrow(hit: SearchHit) -> str:
    if hit.first_rank == hit.rank:
        return ""
    return "↑" if hit.rank < hit.first_rank else "↓"


def _answering(answer: str, result: SearchResult) -> SearchHit | None:
    # A long one is there in chunks, whose ids add a place to its own.
    return next((hit for hit in result.hits if hit.document.id.split("#")[0] == answer), None)


def _moved(hit: SearchHit | None) -> str:
    if hit is None:
        return "not among the documents that were retrieved"
    if hit.rank == hit.first_rank:
        return f"at rank {hit.rank} before and after"
    return f"from rank {hit.first_rank} to {hit.rank}"


def conclusion(asked: list[tuple[str, SearchResult]]) -> str:
    """Say what reranking did to the answers, or to the first place."""
    if all(question in QUESTIONS for question, _ in asked):
        found = [_answering(QUESTIONS[question], result) for question, result in asked]
        hits = [hit for hit in found if hit is not None]
        up = sum(hit.rank < hit.first_rank for hit in hits)
        down = sum(hit.rank > hit.first_rank for hit in hits)
        moved = (
            f"Of {len(asked)} answers reranking moved {up} up and {down} down; "
            f"{len(asked) - up - down} did not move."
        )
        return f"{moved} {CHOSEN}"
    changed = sum(bool(result.hits) and result.hits[0].first_rank != 1 for _, result in asked)
    return (
        f"Reranking changed the first document of {changed} of {counted(len(asked), 'question')}."
    )
