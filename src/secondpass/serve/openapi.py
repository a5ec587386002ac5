"""The OpenAPI description of the routes, made of the types that read and write them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from secondpass import __version__
from secondpass.options.effort import EFFORTS
from secondpass.serve.problems import STATUS
from secondpass.serve.rerank import RankRoute
from secondpass.serve.wire.either import AnyError
from secondpass.serve.wire.fields import WHEN_LATE
from secondpass.serve.wire.format import Format
from secondpass.serve.wire.models import ModelList, ServerInfo
from secondpass.serve.wire.openai_errors import OpenAIError

_REFERENCE = "#/components/schemas/{name}"
# Headers that every scoring route reads.
_HEADERS = {
    "x-budget-ms": ({"type": "number", "exclusiveMinimum": 0}, "As the field budget_ms."),
    "x-effort": ({"enum": list(EFFORTS)}, "As the field effort."),
    "x-when-late": ({"enum": list(WHEN_LATE)}, "As the field when_late."),
    "x-request-id": ({"type": "string"}, "Given back with the answer."),
}
_ABOUT: Mapping[str, tuple[str, Any]] = {
    "/v1/models": ("The names of the models", ModelList),
    "/info": ("The default model and the limits", ServerInfo),
    "/health": ("Whether requests are answered", None),
    "/health/ready": ("Whether requests are answered", None),
    "/health/live": ("Whether the process runs", None),
}


def openapi(routes: Sequence[RankRoute]) -> dict[str, Any]:
    """Return the description as values of JSON."""
    formats = list({form.name: form for one in routes for form in one.formats.values()}.values())
    types = [kind for form in formats for kind in (form.request, form.response, form.error)]
    types += [AnyError, OpenAIError, ModelList, ServerInfo]
    schemas, components = msgspec.json.schema_components(types, ref_template=_REFERENCE)
    of = dict(zip(map(repr, types), schemas, strict=True))
    paths = {one.path: {"post": _scoring(one, of)} for one in routes}
    paths |= {path: {"get": _about(text, kind, of)} for path, (text, kind) in _ABOUT.items()}
    return {
        "openapi": "3.1.0",
        "info": {"title": "secondpass", "version": __version__},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"key": []}],
    }


def _scoring(route: RankRoute, of: Mapping[str, Any]) -> dict[str, Any]:
    forms = list(dict.fromkeys(form.name for form in route.formats.values()))
    by_name = {form.name: form for form in route.formats.values()}
    chosen = [by_name[name] for name in forms]
    return {
        "summary": route.summary,
        "operationId": route.path.strip("/").replace("/", "_"),
        "parameters": [
            {"name": name, "in": "header", "required": False, "schema": schema, "description": text}
            for name, (schema, text) in _HEADERS.items()
        ],
        "requestBody": {
            "required": True,
            "content": _content(of[repr(form.request)] for form in chosen),
        },
        "responses": {
            "200": {
                "description": "The answer",
                "content": _content(of[repr(form.response)] for form in chosen),
            },
            **_errors(chosen, of),
        },
    }


def _errors(forms: Sequence[Format], of: Mapping[str, Any]) -> dict[str, Any]:
    statuses = sorted(
        {int(form.statuses.get(kind, STATUS[kind])) for form in forms for kind in STATUS}
    )
    kinds = [form.error for form in forms] + ([AnyError] if len(forms) > 1 else [])
    content = _content(of[repr(kind)] for kind in kinds)
    return {
        str(status): {"description": "Why there is no answer", "content": content}
        for status in statuses
    }


def _about(text: str, kind: Any, of: Mapping[str, Any]) -> dict[str, Any]:
    schema = {"type": "object"} if kind is None else of[repr(kind)]
    error = {"description": "Why not", "content": _content([of[repr(OpenAIError)]])}
    return {
        "summary": text,
        "responses": {
            "200": {"description": "The answer", "content": _content([schema])},
            **{str(status): error for status in (401, 421, 500, 503)},
        },
    }


def _content(schemas: Iterable[Any]) -> dict[str, Any]:
    given = list(schemas)
    return {"application/json": {"schema": given[0] if len(given) == 1 else {"anyOf": given}}}
