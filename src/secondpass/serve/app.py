"""The application: routes, guards and the service's life, as one ASGI callable."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from secondpass.options.serve import ServeOptions
from secondpass.serve.contract import Service
from secondpass.serve.first_stage import first_stage_routes
from secondpass.serve.guards import Guards
from secondpass.serve.keys import Keys
from secondpass.serve.openapi import openapi
from secondpass.serve.pages import pages
from secondpass.serve.problems import Problem, problem_of
from secondpass.serve.rerank import ROUTES, Reranking, json_response, problem_response
from secondpass.serve.wire.models import model_list, server_info

if TYPE_CHECKING:
    from secondpass.retrieval.index import Index


def build_app(
    service: Service,
    options: ServeOptions,
    keys: Keys,
    *,
    index: Index | None = None,
    routes: Sequence[BaseRoute] = (),
    middleware: Sequence[Middleware] = (),
) -> Starlette:
    """Return the application of a service, which it starts and ends.

    `index` is what the page may search. `routes` are added to those of the formats; `middleware`
    stands before everything, and finds in `scope["state"]` the `request_id` and, of a request that
    was scored, `ranked`.
    """

    @asynccontextmanager
    async def life(_: Starlette) -> AsyncIterator[None]:
        async with service:
            yield

    open_to_names = None if keys or not options.only_this_machine else options.allowed_hosts
    reranking = Reranking(service, options)
    description = openapi(ROUTES)
    return Starlette(
        routes=[
            *routes,
            *(Route(one.path, reranking.answer, methods=["POST"]) for one in ROUTES),
            *_about(service, options, description),
            *pages(description),
            *first_stage_routes(index, options),
        ],
        middleware=[
            *middleware,
            *_cors(options),
            Middleware(Guards, keys=keys, own_hosts=open_to_names, say=problem_response),
        ],
        exception_handlers={HTTPException: _no_such_route},
        lifespan=life,
    )


def _cors(options: ServeOptions) -> list[Middleware]:
    if not options.cors_origins:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=options.cors_origins,
            allow_methods=["GET", "POST"],
            allow_headers=["*"],
            expose_headers=["*"],
        )
    ]


def _about(
    service: Service, options: ServeOptions, description: Mapping[str, Any]
) -> list[BaseRoute]:
    """Return the routes that say what is served and whether it is ready."""
    specification = json_response(description)

    async def models(_: Request) -> Response:
        return json_response(model_list(service.models()))

    async def info(request: Request) -> Response:
        try:
            return json_response(server_info(await service.describe(), options))
        except Exception as error:
            problem = replace(problem_of(error), request_id=request.state.request_id)
            return problem_response("/info", problem)

    async def live(_: Request) -> Response:
        return json_response({"status": "live"})

    async def ready(request: Request) -> Response:
        why = service.why_not_ready()
        if why is None:
            return json_response({"status": "ready"})
        return problem_response(
            "/health", Problem("closed", why, request.state.request_id, {"retry-after": "1"})
        )

    async def described(_: Request) -> Response:
        return specification

    return [
        Route("/v1/models", models),
        Route("/info", info),
        Route("/health", ready),
        Route("/health/ready", ready),
        Route("/health/live", live),
        Route("/openapi.json", described),
    ]


async def _no_such_route(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    path, method = request.url.path, request.method
    request_id = request.state.request_id
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers = dict(error.headers or {})
        allowed = headers.get("Allow", "another method")
        problem = Problem(
            "no method",
            f"{method[:20]} is not for {path[:80]!r}: use {allowed}",
            request_id,
            headers,
        )
    else:
        problem = Problem(
            "no route", f"there is no {path[:80]!r} here: /docs lists what there is", request_id
        )
    return problem_response(path, problem)
