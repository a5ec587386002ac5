"""The index of a server, for its page: what a search finds before the second pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import anyio
import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from secondpass.options.serve import ServeOptions
from secondpass.pipeline import retrieve
from secondpass.retrieval.chunk_places import chunk_place
from secondpass.serve.body import decoded, read_body
from secondpass.serve.rerank import json_response
from secondpass.serve.wire.documents import check_characters

if TYPE_CHECKING:
    from secondpass.retrieval.index import Index

_MOST = 1000


class Search(msgspec.Struct):
    """A query, and how many documents are wanted."""

    query: str
    limit: Annotated[int, Meta(ge=1, le=_MOST)] = 50


class Passage(msgspec.Struct):
    """A document that was found; `similarity` is the cosine of query and document.

    `place` is the page and the heading of a chunk, empty where they are not known.
    """

    id: str
    text: str
    similarity: float
    place: str


class Found(msgspec.Struct):
    """The documents nearest to the query, nearest first, and the milliseconds they took."""

    passages: list[Passage]
    retrieve_ms: float


def first_stage_routes(index: Index | None, options: ServeOptions) -> list[BaseRoute]:
    """Return `/playground/index`, which says what there is, and `/playground/search`."""
    one_at_a_time = anyio.CapacityLimiter(1)

    async def about(_: Request) -> Response:
        documents = None if index is None else await anyio.to_thread.run_sync(index.__len__)
        return json_response({"documents": documents, "max_documents": options.max_documents})

    async def search(request: Request) -> Response:
        assert index is not None
        asked = decoded(await read_body(request, options), Search)
        check_characters([asked.query], [], options)
        limit = min(asked.limit, options.max_documents)
        found = await anyio.to_thread.run_sync(
            retrieve, index, asked.query, limit, limiter=one_at_a_time
        )
        # A text of an index carries its token ids; JSON is written of plain strings alone.
        passages = [
            Passage(one.id, str(one.text), one.score, chunk_place(one.metadata))
            for one in found.documents
        ]
        return json_response(Found(passages, found.retrieve_ms))

    routes: list[BaseRoute] = [Route("/playground/index", about)]
    if index is not None:
        routes.append(Route("/playground/search", search, methods=["POST"]))
    return routes
