"""A server of the Model Context Protocol, by which language models rerank and search.

    from secondpass import CrossEncoderReranker
    from secondpass.integrations.mcp import build_server, serve_stdio

    serve_stdio(build_server(CrossEncoderReranker))

Nothing is loaded before the first call that needs it. A call runs in a thread of its own, so that
the others are answered meanwhile.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import partial
from inspect import signature
from threading import Lock
from typing import Annotated, Any, Generic, TypeVar

import msgspec
import numpy as np
from msgspec import Meta

from secondpass import __version__
from secondpass.checks import counted, did_you_mean, integer, misfit, one_of, shortened
from secondpass.errors import InputError, MissingExtraError, SecondpassError
from secondpass.options.mode import MODES, Mode
from secondpass.pipeline import Retriever, SearchPipeline, SecondPass
from secondpass.types import Hit

try:
    import anyio
    from mcp import MCPError
    from mcp.server import Server, ServerRequestContext
    from mcp.server.stdio import stdio_server
    from mcp.types import (
        INVALID_PARAMS,
        CallToolRequestParams,
        CallToolResult,
        ListToolsResult,
        PaginatedRequestParams,
        TextContent,
        Tool,
        ToolAnnotations,
    )
except ImportError as error:
    raise MissingExtraError("secondpass.integrations.mcp", "mcp") from error

logger = logging.getLogger(__name__)

T = TypeVar("T")
Taken = TypeVar("Taken", bound=msgspec.Struct)

Query = Annotated[
    str, Meta(description="The question or search query, in words. It must not be empty.")
]
TopK = Annotated[int, Meta(ge=1, description="How many results to return, the best first.")]
MinScore = Annotated[
    float | None,
    Meta(description="Leave out what scores below this. Without it nothing is left out."),
]
Score = Annotated[
    float,
    Meta(
        description="How well the text answers the query; higher is better. Of the model that "
        "comes with secondpass it is the probability of relevance, from 0 to 1."
    ),
]
Truncated = Annotated[
    bool, Meta(description="True where the text was too long and its end was not scored.")
]
Dropped = Annotated[int, Meta(description="How many texts scored below min_score.")]


class RerankArguments(msgspec.Struct, forbid_unknown_fields=True):
    """What `rerank` takes."""

    query: Query
    texts: Annotated[list[str], Meta(description="The texts to rank, each as a string.")]
    top_k: TopK = 10
    min_score: MinScore = None


class RankedText(msgspec.Struct):
    """A text and its score."""

    index: Annotated[int, Meta(description="The text's position in `texts`, from 0.")]
    score: Score
    text: str
    truncated: Truncated


class RerankResult(msgspec.Struct):
    """What `rerank` gives: the best texts, best first."""

    results: list[RankedText]
    dropped: Dropped


class SearchArguments(msgspec.Struct, forbid_unknown_fields=True):
    """What `search` takes."""

    query: Query
    top_k: TopK = 10
    min_score: MinScore = None
    where: Annotated[
        str | None,
        Meta(
            description="Search only documents of which this condition over the index's columns is "
            "true, such as: year >= 2020 AND lang = 'en'. An error names the columns there are."
        ),
    ] = None


class FoundDocument(msgspec.Struct):
    """A document of the index and its scores."""

    id: str
    score: Score
    similarity: Annotated[
        float | None,
        Meta(description="The cosine of query and document; null where no vectors were compared."),
    ]
    text: str
    metadata: dict[str, Any]
    truncated: Truncated


class SearchResult(msgspec.Struct):
    """What `search` gives: the best documents, best first."""

    results: list[FoundDocument]
    dropped: Dropped


@dataclass(frozen=True, slots=True)
class _Offered(Generic[Taken]):
    """A tool: its description, the types of its arguments and its result, and what it does."""

    name: str
    title: str
    about: str
    takes: type[Taken]
    gives: type[msgspec.Struct]
    call: Callable[[Taken], msgspec.Struct]

    def described(self) -> Tool:
        """Return what a client is told of it."""
        return Tool(
            name=self.name,
            title=self.title,
            description=self.about,
            input_schema=_schema(self.takes),
            output_schema=_schema(self.gives),
            annotations=ToolAnnotations(
                read_only_hint=True, idempotent_hint=True, open_world_hint=False
            ),
        )

    def answer(self, arguments: Mapping[str, Any]) -> bytes:
        """Return the result of a call as JSON.

        Raises:
            SecondpassError: the arguments are not usable, or a model or the index cannot be loaded.
        """
        return msgspec.json.encode(self.call(self._read(arguments)), enc_hook=_plain)

    def _read(self, arguments: Mapping[str, Any]) -> Taken:
        known = self.takes.__struct_fields__
        for name in arguments:
            if name not in known:
                raise InputError(
                    f"{self.name} has no argument {shortened(name)}, only {', '.join(known)}"
                    f"{did_you_mean(name, known)}"
                )
        try:
            # Some models write a number as a string.
            return msgspec.convert(arguments, self.takes, strict=False)
        except msgspec.ValidationError as error:
            raise InputError(f"the call of {self.name} {misfit(arguments, str(error))}") from None


class _Once(Generic[T]):
    """Makes a value when it is first asked for, once for all threads. An error is not kept."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._lock = Lock()
        self._made: list[T] = []

    def __call__(self) -> T:
        with self._lock:
            if not self._made:
                self._made.append(self._make())
            return self._made[0]


def build_server(
    load_reranker: Callable[[], SecondPass],
    open_index: Callable[[], Retriever] | None = None,
    *,
    depth: int = 100,
    mode: Mode | None = None,
    tell: Callable[[SecondpassError], str] = str,
) -> Server[Any]:
    """Return a server with the tool `rerank`, and with an index the tool `search`.

    Args:
        load_reranker: makes the reranker when it is first needed; `CrossEncoderReranker` itself
            makes the embedded one.
        open_index: opens what `search` searches, when it is first needed; None for no such tool.
        depth: how many documents a search retrieves and reranks.
        mode: how the index is searched, as of `SearchPipeline`.
        tell: what a client is told of an error, which is an answer for the language model to read.

    Raises:
        InputError: `depth` is not an integer of at least 1, or `mode` not a mode.
    """
    integer("depth", depth)
    if mode is not None:
        one_of("mode", mode, MODES)
    reranker = _Once(load_reranker)
    tools: list[_Offered[Any]] = [
        _Offered(
            "rerank",
            "Rerank texts",
            "Order texts by how well each answers a query, best first, with a cross-encoder that "
            "runs on this machine. Use it to choose among passages, search results or snippets.",
            RerankArguments,
            RerankResult,
            lambda asked: _rerank(reranker(), asked),
        )
    ]
    if open_index is not None:
        index = _Once(open_index)
        pipeline = _Once(lambda: SearchPipeline(index(), reranker(), depth, mode=mode))
        tools.append(
            _Offered(
                "search",
                "Search documents",
                f"Search the documents of this server's index: {counted(depth, 'document')} near "
                "to the query are found and reranked, and the best are returned with their text, "
                "best first.",
                SearchArguments,
                SearchResult,
                lambda asked: _search(pipeline(), index(), asked),
            )
        )
    return _server_of({tool.name: tool for tool in tools}, tell)


def serve_stdio(server: Server[Any]) -> None:
    """Serve one client over standard input and output, until it closes them.

    Standard output is the protocol's alone: what else is printed goes to standard error.
    """
    anyio.run(_serve_stdio, server)


async def _serve_stdio(server: Server[Any]) -> None:
    # What is printed meanwhile must not wait in a buffer that is written after the protocol's end.
    async with stdio_server() as (incoming, outgoing):
        with redirect_stdout(sys.stderr):
            await server.run(incoming, outgoing, server.create_initialization_options())


def _server_of(
    tools: Mapping[str, _Offered[Any]], tell: Callable[[SecondpassError], str]
) -> Server[Any]:
    async def list_tools(
        _: ServerRequestContext[Any], __: PaginatedRequestParams | None
    ) -> ListToolsResult:
        return ListToolsResult(tools=[tool.described() for tool in tools.values()])

    async def call_tool(
        _: ServerRequestContext[Any], asked: CallToolRequestParams
    ) -> CallToolResult:
        if asked.name not in tools:
            raise MCPError(
                INVALID_PARAMS,
                f"there is no tool {shortened(asked.name)}, only {', '.join(tools)}",
            )
        answer = partial(tools[asked.name].answer, asked.arguments or {})
        try:
            result = await anyio.to_thread.run_sync(answer, abandon_on_cancel=True)
        except SecondpassError as error:
            return CallToolResult(content=[_text(tell(error))], is_error=True)
        except Exception as error:
            logger.exception("a call of %s failed", asked.name)
            said = f"{asked.name} failed: {type(error).__name__}: {shortened(str(error))}"
            return CallToolResult(content=[_text(said)], is_error=True)
        # As text too, for clients that do not read structured content.
        return CallToolResult(
            content=[_text(result.decode())], structured_content=msgspec.json.decode(result)
        )

    return Server(
        "secondpass",
        version=__version__,
        title="secondpass",
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


def _rerank(reranker: SecondPass, asked: RerankArguments) -> RerankResult:
    ranking = reranker.rank(asked.query, asked.texts, asked.top_k, **_least(asked.min_score))
    return RerankResult(
        [RankedText(hit.index, hit.known_score, **_read_of(hit)) for hit in ranking],
        ranking.timings.dropped,
    )


def _search(pipeline: SearchPipeline, index: Retriever, asked: SearchArguments) -> SearchResult:
    if asked.where is not None:
        _require_filters(index)
    found = pipeline.search(asked.query, asked.top_k, min_score=asked.min_score, where=asked.where)
    return SearchResult(
        [
            FoundDocument(
                id=one.document.id,
                score=one.hit.known_score,
                similarity=one.document.similarity,
                metadata=dict(one.document.metadata),
                **_read_of(one.hit),
            )
            for one in found
        ],
        found.timings.rerank.dropped,
    )


def _require_filters(index: Retriever) -> None:
    """Raise where a first stage of one's own takes no condition."""
    parameters = signature(index.search).parameters.values()
    if not any(one.name == "where" or one.kind is one.VAR_KEYWORD for one in parameters):
        raise InputError("where is not taken by this server's index: leave it out")


def _least(min_score: float | None) -> dict[str, Any]:
    """Return the option where it is asked for: a second pass of one's own may do without it."""
    return {} if min_score is None else {"min_score": min_score}


def _read_of(hit: Hit) -> dict[str, Any]:
    # A text of an index carries its token ids; JSON is written of plain strings alone.
    return {"text": str(hit.text), "truncated": hit.truncated}


def _plain(value: Any) -> Any:
    """Return a value that JSON has no type for as one it has: NumPy's as numbers, or else text."""
    return value.tolist() if isinstance(value, np.generic | np.ndarray) else str(value)


def _schema(kind: type[Any]) -> dict[str, Any]:
    """Return the JSON Schema of a struct, an object at its root."""
    _, components = msgspec.json.schema_components([kind])
    schema: dict[str, Any] = components.pop(kind.__name__)
    return schema | ({"$defs": components} if components else {})


def _text(text: str) -> TextContent:
    return TextContent(type="text", text=text)
