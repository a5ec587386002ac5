"""Documents of a request to texts, and back; within the server's limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from secondpass.checks import described_json, listed, shortened
from secondpass.options.serve import ServeOptions
from secondpass.serve.problems import Refused

Document = str | dict[str, Any]


def check_count(count: int, name: str, options: ServeOptions, empty: str | None = None) -> None:
    """Raise if there are more documents than the server takes, or none; `empty` is said of none.

    Raises:
        Refused: with the number and the limit.
    """
    if count == 0:
        raise Refused("empty", empty or f"{name} is empty: there is nothing to score")
    if count > options.max_documents:
        raise Refused(
            "documents",
            f"{name} has {count} items, expected at most {options.max_documents}, the limit of "
            "this server: send them in parts",
        )


def check_characters(queries: Sequence[str], texts: Sequence[str], options: ServeOptions) -> None:
    """Raise if a query or all texts together are longer than the server takes.

    Raises:
        Refused: with the number and the limit, or a query is empty.
    """
    for query in queries:
        if not query or query.isspace():
            raise Refused("invalid", "query must not be empty or be only whitespace")
        if len(query) > options.max_query_characters:
            raise Refused(
                "characters",
                f"query has {len(query)} characters, expected at most "
                f"{options.max_query_characters}, the server's limit: shorten it",
            )
    characters = sum(map(len, texts))
    if characters > options.max_characters:
        raise Refused(
            "characters",
            f"the documents have {characters} characters together, expected at most "
            f"{options.max_characters}, the server's limit: send them in parts",
        )


def texts_of(documents: Sequence[Document], rank_fields: Sequence[str] | None = None) -> list[str]:
    """Return the text of each document: of an object its `text`, or its fields of that name.

    Raises:
        Refused: a document has none, or one that is not a string.
    """
    if rank_fields is not None and not rank_fields:
        raise Refused(
            "invalid",
            "rank_fields cannot be empty, it must either contain at least one field or be omitted",
        )
    return [_text(one, at, rank_fields) for at, one in enumerate(documents)]


def _text(document: Document, at: int, rank_fields: Sequence[str] | None) -> str:
    if isinstance(document, str) and (rank_fields is None or "text" in rank_fields):
        return document
    if isinstance(document, str):
        raise Refused(
            "invalid",
            f"documents[{at}] is a string, but rank_fields names {listed(rank_fields or ())}: send "
            "objects with these fields, or leave rank_fields out",
        )
    names = [name for name in rank_fields or ("text",) if document.get(name) is not None]
    if not names:
        raise Refused("invalid", f"documents[{at}] {_lacks(document, rank_fields)}")
    return "\n".join(_value(document, name, f"documents[{at}].{name[:80]}") for name in names)


def _lacks(document: Mapping[str, Any], rank_fields: Sequence[str] | None) -> str:
    if rank_fields is None and "image" in document:
        return "has no `text` but an image: only texts are scored here"
    wanted = "no `text`" if rank_fields is None else f"none of {listed(rank_fields)}"
    return f"has {wanted}, only {listed(document)}"


def _value(document: Mapping[str, Any], name: str, where: str) -> str:
    value = document[name]
    if isinstance(value, str):
        return value
    raise Refused("invalid", f"{where} is {described_json(value)}, expected text")


def as_object(document: Document) -> dict[str, Any]:
    """Return a document as formats give it back: an object as it was sent, a string as `text`."""
    return {"text": document} if isinstance(document, str) else document


def query_text(query: str | Mapping[str, Any]) -> str:
    """Return a query, or the `text` of one that is an object.

    Raises:
        Refused: it has none.
    """
    if isinstance(query, str):
        return query
    if not isinstance(query.get("text"), str):
        raise Refused("invalid", f"query has no `text`, only {shortened(sorted(query))}")
    text: str = query["text"]
    return text
