"""secondpass serve."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from secondpass.cli import output
from secondpass.cli.extras import require_extra
from secondpass.cli.options import all_reranker_options, embedder_option, options_of
from secondpass.errors import InputError
from secondpass.options.serve import ServeOptions

if TYPE_CHECKING:
    from socket import socket

    from secondpass.retrieval.index import Index
    from secondpass.serve.keys import Keys
    from secondpass.serve.models import ModelEntry


@click.command("serve")
@all_reranker_options
@click.option(
    "--name",
    "names",
    multiple=True,
    metavar="NAME",
    help="A further name that clients may give for the model, such as rerank-v3.5.",
)
@click.option(
    "--also",
    multiple=True,
    metavar="[NAME=]MODEL",
    help="A further model, with the same options, loaded when a client first asks for it.",
)
@click.option("--index", "folder", metavar="DIR", help="An index that the page at / may search.")
@embedder_option
@options_of(ServeOptions)
def command(
    names: tuple[str, ...], also: tuple[str, ...], folder: str | None, embedder: str, **given: Any
) -> None:
    """Answer rerank requests over HTTP, as Cohere, Jina, text-embeddings-inference and vLLM do.

    /v2/rerank is Cohere's, /v1/rerank and /rerank are Cohere's, Jina's and
    text-embeddings-inference's, /score is vLLM's; /docs lists them all. Listens on this machine
    alone: for another --host give a key in SECONDPASS_API_KEY or --api-key-file, or pass --no-auth.
    """
    require_extra("serve", "serve")
    if folder is not None:
        require_extra("search", "serve --index")
    from secondpass.cli.loading import open_index, reranker_of
    from secondpass.options.option import declared
    from secondpass.serve.keys import Keys
    from secondpass.serve.models import ModelEntry, ModelNames
    from secondpass.serve.run import listen

    of_server = declared(ServeOptions).keys()
    options = ServeOptions(**{name: value for name, value in given.items() if name in of_server})
    of_model = {name: value for name, value in given.items() if name not in of_server}
    default = reranker_of(**of_model)
    entries = [ModelEntry(default.models[-1], default, names)]
    entries += [_also(one, of_model) for one in also]
    ModelNames(entries)
    keys = Keys.read(options)
    index = None if folder is None else open_index(folder, embedder, of_model["threads"])
    with listen(options) as opened:
        _serve(entries, options, keys, opened, index)


def _serve(
    entries: Sequence[ModelEntry],
    options: ServeOptions,
    keys: Keys,
    opened: socket,
    index: Index | None,
) -> None:
    """Serve until a signal, with all that is seen from outside."""
    from secondpass.serve.app import build_app
    from secondpass.serve.batching import BatchingService
    from secondpass.serve.contract import Failed
    from secondpass.serve.logs import log_to
    from secondpass.serve.observing import observing_layer, observing_routes
    from secondpass.serve.run import server_of, url_of
    from secondpass.serve.tracing import Tracing

    tracing = Tracing.to_collector() if options.trace else None
    log_to(sys.stderr)
    service = BatchingService(
        entries,
        most_wait_ms=options.max_wait_ms,
        timeout_s=options.timeout_s,
        idle_s=options.unload_after_s,
        grace_s=options.grace_s,
    )
    layer = observing_layer(service.metrics, tracing, log_text=options.log_text)
    routes = observing_routes(service.metrics)
    app = build_app(service, options, keys, index=index, routes=routes, middleware=[layer])
    said = f"{entries[0].name} is served at {url_of(opened)}, described at /docs"
    server = server_of(app, options, lambda: output.say(said))
    try:
        server.run(sockets=[opened])
    except Failed as failed:  # the default model cannot be loaded
        raise failed.__cause__ or failed from None
    finally:
        if tracing is not None:
            tracing.close()


def _also(given: str, of_model: dict[str, Any]) -> Any:
    """Return the entry of a further model, which has a name of its own or its model's."""
    from secondpass.cli.loading import reranker_of
    from secondpass.models.folder import find_folder
    from secondpass.serve.models import ModelEntry

    name, _, model = given.partition("=") if "=" in given else (given, "", given)
    if not name or not model:
        raise InputError(f"--also is {given[:80]!r}, expected MODEL or NAME=MODEL")
    if of_model.get("cascade") is not None:
        raise InputError("--also cannot be used with --cascade: serve each in its own process")
    options = reranker_of(**(of_model | {"model_name": model}))
    find_folder(model)  # it is loaded when it is asked for, but known now
    return ModelEntry(name, options)
