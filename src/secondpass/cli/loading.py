"""Makes the models that a subcommand asks for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from secondpass.errors import Argument, InputError
from secondpass.options.call import RankOptions
from secondpass.options.model import CROSS_ENCODER, RerankerOptions
from secondpass.options.option import declared

if TYPE_CHECKING:
    from secondpass.reranker import CrossEncoderReranker
    from secondpass.retrieval.index import Index
    from secondpass.serve.remote import RemoteReranker


def load_reranker(**given: Any) -> CrossEncoderReranker:
    """Return the reranker of the options of `cli.options`, by the names of their fields.

    Raises:
        InputError: one is not usable.
    """
    options = reranker_of(**given)
    from secondpass.reranker import CrossEncoderReranker

    return CrossEncoderReranker.from_options(options)


# What a request may say of the model; the rest was said where the server was started.
_OF_A_REQUEST = ("model_name", "effort", "instruction")


def remote_reranker(url: str, given: dict[str, Any]) -> RemoteReranker:
    """Return the reranker whose model is in a server.

    Raises:
        InputError: an option is given that only the server has.
    """
    context = click.get_current_context()
    typed = {
        name: value
        for name, value in given.items()
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE
    }
    for name in typed:
        if name not in _OF_A_REQUEST:
            raise InputError(
                Argument(name), " has no use beside --server: start the server with it"
            )
    from secondpass.serve.remote import RemoteReranker

    return RemoteReranker(
        url,
        model=typed.get("model_name"),
        effort=typed.get("effort"),
        instruction=typed.get("instruction"),
    )


def reranker_of(
    *,
    model_name: str | None = None,
    cascade: str | None = None,
    cache: str | None = None,
    **others: Any,
) -> RerankerOptions:
    """Return the options; on the command the model is the second of a cascade."""
    model = CROSS_ENCODER if model_name is None else model_name
    return RerankerOptions.from_dict(
        {
            "model_name": model if cascade is None else CROSS_ENCODER,
            "cascade": None if cascade is None else [cascade, model],
            # "memory" would be a name here: what a command keeps in memory is lost with it.
            "cache": None if cache is None else Path(cache),
            **others,
        }
    )


def check_reranker(name: str | None, *, revision: str | None = None) -> None:
    """Read what a model is, before any work, without loading it.

    Raises:
        ModelError: it is not there, not whole, or no cross-encoder.
    """
    from secondpass.models.folder import find_folder
    from secondpass.models.spec import read_cross_encoder_spec

    read_cross_encoder_spec(find_folder(CROSS_ENCODER if name is None else name, revision=revision))


def open_index(folder: str, embedder: str, threads: int | None) -> Index:
    """Return the index of a folder, with the embedder that its queries are for.

    Raises:
        IndexFileError: no index is there, it cannot be read, or it has another embedder.
        ModelError: the embedder is not there, or not whole.
    """
    from secondpass.retrieval.embedder import Embedder
    from secondpass.retrieval.index import Index

    return Index.open(folder, Embedder(embedder, threads=threads))


def split_options(given: dict[str, Any]) -> tuple[RankOptions, dict[str, Any]]:
    """Return the options of the call, checked, and those that are left, of the reranker."""
    of_call = given.keys() & {name for name, (one, _) in declared(RankOptions).items() if one.flag}
    call = {name: value for name, value in given.items() if name in of_call}
    return RankOptions(**call), {name: given[name] for name in given.keys() - of_call}
