"""The pages for people: `/` and `/docs`, and the files of the package that they load."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from secondpass.serve.docs_page import docs_page

STATIC = Path(__file__).parent / "static"
PAGE = Path(__file__).parent / "page"
# Nothing from elsewhere, no script or style within a page, and no page around it.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def pages(description: Mapping[str, Any]) -> list[BaseRoute]:
    """Return the routes of the pages; `description` is the OpenAPI description."""
    docs = docs_page(description)

    async def show_docs(_: Request) -> Response:
        return html(docs)

    async def show_first(_: Request) -> Response:
        return html((PAGE / "index.html").read_text("utf-8"))

    return [
        Route("/", show_first),
        Route("/docs", show_docs),
        Mount("/static", StaticFiles(directory=STATIC)),
        Mount("/page", StaticFiles(directory=PAGE)),
    ]


def html(text: str) -> Response:
    """Return a page with the policy of all pages."""
    return HTMLResponse(text, headers={"content-security-policy": POLICY})
