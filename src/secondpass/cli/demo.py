"""secondpass demo: two-stage search over the documentation of the running Python."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from secondpass.cli import output
from secondpass.cli.search import print_result

if TYPE_CHECKING:
    from secondpass.retrieval.embedder import Embedder
    from secondpass.retrieval.index import Index

QUESTIONS = (
    "read a csv file whose first row names the columns",
    "run a function later in another thread and wait for its result",
    "remove a folder and everything in it",
)


@click.command("demo")
@click.argument("questions", nargs=-1, metavar="[QUESTION]...")
@click.option("--depth", type=click.IntRange(min=1), default=100, show_default=True)
@click.option("--top-k", type=click.IntRange(min=1), default=10, show_default=True)
def command(questions: tuple[str, ...], depth: int, top_k: int) -> None:
    """Search the docstrings of this Python's standard library and rerank what is found.

    The index is made at the first run and kept for the next. Give your own QUESTIONs to ask them.
    """
    from secondpass.pipeline import SearchPipeline
    from secondpass.reranker import CrossEncoderReranker
    from secondpass.retrieval.embedder import Embedder

    index = open_index(Embedder())
    click.echo(f"{len(index)} documents in {index.folder}")
    pipeline = SearchPipeline(index, CrossEncoderReranker(), depth)
    # The first query also starts the engines; it is not shown.
    pipeline.search("warm up", top_k=1)
    for question in questions or QUESTIONS:
        click.echo(f"\n{question!r}")
        print_result(pipeline.search(question, top_k))


def open_index(embedder: Embedder) -> Index:
    """Open the demo's index, or make it with a progress bar."""
    from secondpass.demo.stdlib_index import open_stdlib_index
    from secondpass.settings import Settings

    return open_stdlib_index(embedder, Settings.from_environment().cache_dir, output.progress)
