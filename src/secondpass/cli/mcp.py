"""secondpass mcp."""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from secondpass.cli.extras import require_extra
from secondpass.cli.options import all_reranker_options, embedder_option, mode_option
from secondpass.options.mode import Mode


@click.command("mcp")
@click.option("--index", "folder", metavar="DIR", help="An index, which the tool search searches.")
@click.option(
    "--depth",
    type=click.IntRange(min=1),
    default=100,
    show_default=True,
    help="How many documents a search retrieves and reranks.",
)
@mode_option
@embedder_option
@all_reranker_options
def command(folder: str | None, depth: int, mode: Mode | None, embedder: str, **given: Any) -> None:
    """Offer a language model the tools rerank and, with --index, search.

    Speaks the Model Context Protocol over standard input and output: the client, such as Claude
    Desktop, VS Code or Cursor, starts this command. Models are loaded by the first call that needs
    them.
    """
    require_extra("mcp", "mcp")
    if folder is not None:
        require_extra("search", "mcp --index")
    from secondpass.cli.loading import check_reranker, open_index, reranker_of
    from secondpass.cli.wording import told
    from secondpass.integrations.mcp import build_server, serve_stdio
    from secondpass.models.folder import find_folder
    from secondpass.reranker import CrossEncoderReranker
    from secondpass.retrieval.places import check_there

    options = reranker_of(**given)
    for name in options.models:
        check_reranker(name, revision=options.revision)
    if folder is not None:
        # All that can be known without loading a model.
        check_there(folder)
        find_folder(embedder)
    server = build_server(
        partial(CrossEncoderReranker.from_options, options),
        None if folder is None else partial(open_index, folder, embedder, options.threads),
        depth=depth,
        mode=mode,
        tell=partial(told, command=command),
    )
    serve_stdio(server)
