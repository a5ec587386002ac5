"""The routes that score: the body chooses its format, a service scores, the format answers."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeVar

import anyio
import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from secondpass.options.serve import ServeOptions
from secondpass.serve.answer_headers import answer_headers
from secondpass.serve.body import decoded, keys_of, read_body
from secondpass.serve.contract import Answer, Job, Service
from secondpass.serve.failures import log_failure
from secondpass.serve.problems import STATUS, Problem, Refused, problem_of
from secondpass.serve.wire import (
    cohere_v1,
    cohere_v2,
    either,
    native,
    openai_errors,
    tei,
    vllm_score,
)
from secondpass.serve.wire.fields import check_fields
from secondpass.serve.wire.format import Context, Format

T = TypeVar("T")


class Ranked(NamedTuple):
    """What a request was, for who observes it: in `scope["state"]["ranked"]` once it is known."""

    format: str
    jobs: Sequence[Job] = ()
    answers: Sequence[Answer] = ()


@dataclass(frozen=True, slots=True)
class RankRoute:
    """A path that scores, and the formats of its body, each by the field that tells it."""

    path: str
    formats: Mapping[str, Format]
    summary: str

    def format_of(self, given: Mapping[str, Any]) -> Format:
        """Return the format of a body with these fields.

        Raises:
            Refused: it is of none.
        """
        found = [form for field, form in self.formats.items() if field in given]
        if len(found) == 1 or len(self.formats) == 1:
            return (*found, *self.formats.values())[0]
        both, joint = ("both", " and ") if found else ("neither", " nor ")
        fields = joint.join(f"`{field}`" for field in self.formats)
        raise Refused("invalid", f"the body has {both} {fields}: send one of them")


_BY_BODY = {"documents": cohere_v1.FORMAT, "texts": tei.FORMAT}
ROUTES = (
    RankRoute("/v2/rerank", {"documents": cohere_v2.FORMAT}, "Cohere v2"),
    RankRoute("/v1/rerank", _BY_BODY, "Cohere v1 and Jina, or text-embeddings-inference"),
    RankRoute("/rerank", _BY_BODY, "Cohere v1 and Jina, or text-embeddings-inference"),
    RankRoute("/score", {"documents": vllm_score.FORMAT}, "vLLM's scores of pairs"),
    RankRoute("/v1/score", {"documents": vllm_score.FORMAT}, "vLLM's scores of pairs"),
    RankRoute("/secondpass/score", {"texts": native.FORMAT}, "Every number of the library"),
)
_BY_PATH = {route.path: route for route in ROUTES}


def problem_response(path: str, problem: Problem, form: Format | None = None) -> Response:
    """Return the response of a problem, in the shape that the path's clients read."""
    route = _BY_PATH.get(path)
    if form is None and route is not None and len(set(route.formats.values())) == 1:
        form = next(iter(route.formats.values()))
    headers = dict(problem.headers)
    if problem.kind in ("no key", "wrong key"):
        headers["www-authenticate"] = "Bearer"
    if problem.kind in ("body", "slow", "internal"):  # what is left of the body is not read
        headers["connection"] = "close"
    if form is not None:
        return json_response(form.say(problem), form.status(problem), headers)
    say = either.say if route is not None else openai_errors.say
    return json_response(say(problem), STATUS[problem.kind], headers)


def json_response(
    value: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a response of JSON."""
    return Response(
        msgspec.json.encode(value), status, headers=headers, media_type="application/json"
    )


class Reranking:
    """Answers the requests of the routes that score."""

    def __init__(self, service: Service, options: ServeOptions) -> None:
        self._service, self._options = service, options

    async def answer(self, request: Request) -> Response:
        """Return the answer, or why there is none, in the body's format."""
        route = _BY_PATH[request.url.path]
        context = Context(self._options, request.headers, request.state.request_id)
        form: Format | None = None
        try:
            body = await read_body(request, self._options)
            given = keys_of(body)
            form = route.format_of(given)
            request.state.ranked = Ranked(form.name)
            check_fields(given, form, context)
            asked = form.ask(decoded(body, form.request), context)
            request.state.ranked = Ranked(form.name, asked.jobs)
            answers = await while_connected(request, self._service.rank_together(asked.jobs))
            request.state.ranked = Ranked(form.name, asked.jobs, answers)
            written = asked.write(answers)
        except ClientDisconnect:
            return Response(status_code=499)
        except Exception as error:
            problem = replace(problem_of(error), request_id=context.request_id)
            if problem.kind in ("failed", "internal"):
                log_failure(error, context.request_id)
            return problem_response(route.path, problem, form)
        return json_response(written, headers=answer_headers(answers, context.warnings))


async def while_connected(request: Request, work: Awaitable[T]) -> T:
    """Return what the work gives; cancel it when the client goes away.

    Raises:
        ClientDisconnect: it has gone.
    """
    done: list[T] = []
    failure: Exception | None = None

    async def watch() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass
        group.cancel_scope.cancel()

    async with anyio.create_task_group() as group:
        group.start_soon(watch)
        try:
            done.append(await work)
        except Exception as error:
            failure = error
        group.cancel_scope.cancel()
    if failure is not None:
        raise failure
    if not done:
        raise ClientDisconnect
    return done[0]
