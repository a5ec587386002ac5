"""A collection of the ir_datasets catalogue, fetched by that package."""

from __future__ import annotations

from typing import Any

from secondpass.errors import InputError, MissingExtraError
from secondpass.evaluation.collection import Collection
from secondpass.evaluation.qrels import checked_grade

PREFIX = "ir_datasets:"


def read_ir_dataset(name: str) -> Collection:
    """Read a collection by its id, such as "beir/scifact/test".

    Raises:
        InputError: no such id, no judgements, or it cannot be fetched from here.
        MissingExtraError: the package ir_datasets is not installed.
    """
    try:
        import ir_datasets
    except ImportError as error:
        raise MissingExtraError(f"{PREFIX}{name}", "datasets") from error
    try:
        dataset = ir_datasets.load(name)
    except KeyError:
        raise InputError(f"ir_datasets knows no {name!r}; see https://ir-datasets.com") from None
    try:
        return from_dataset(dataset, name)
    except (OSError, RuntimeError) as error:  # its downloader's own words for "no network"
        raise InputError(
            f"{PREFIX}{name} cannot be fetched: {error}; it needs the network once, or give a "
            "folder in BEIR's layout"
        ) from error


def from_dataset(dataset: Any, name: str) -> Collection:
    """Make a collection of a loaded ir_datasets dataset."""
    for kind in ("docs", "queries", "qrels"):
        if not getattr(dataset, f"has_{kind}")():
            raise InputError(f"{PREFIX}{name} has no {kind}; choose one of its parts that has them")
    qrels: dict[str, dict[str, int]] = {}
    for judged in dataset.qrels_iter():
        qrels.setdefault(judged.query_id, {})[judged.doc_id] = checked_grade(
            int(judged.relevance), f"{PREFIX}{name}, query {judged.query_id!r}"
        )
    return Collection(
        name=name,
        documents={document.doc_id: _text(document) for document in dataset.docs_iter()},
        queries={query.query_id: _text(query) for query in dataset.queries_iter()},
        qrels=qrels,
    )


def _text(record: Any) -> str:
    """Return title and text where a record has them, else what ir_datasets calls its text."""
    if hasattr(record, "text"):
        return f"{getattr(record, 'title', None) or ''} {record.text}".strip()
    return str(record.default_text())
