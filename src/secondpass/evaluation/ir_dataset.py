"""A collection of the ir_datasets catalogue, fetched by that package."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from secondpass.checks import did_you_mean, shortened
from secondpass.errors import InputError, MissingExtraError
from secondpass.evaluation.collection import Collection
from secondpass.evaluation.qrels import checked_grade, checked_id
from secondpass.scoring.candidates import checked_text

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
        raise InputError(
            f"ir_datasets knows no {shortened(name)}; see https://ir-datasets.com",
            did_you_mean(name, ir_datasets.registry),
        ) from None
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
        where = f"{PREFIX}{name}, query {shortened(judged.query_id)}"
        graded = qrels.setdefault(checked_id(judged.query_id, where), {})
        if judged.doc_id in graded:
            raise InputError(f"{where}: document {shortened(judged.doc_id)} is judged twice")
        graded[checked_id(judged.doc_id, where)] = _grade(judged.relevance, where)
    return Collection(
        name=name,
        documents=_texts(dataset.docs_iter(), "doc_id", name),
        queries=_texts(dataset.queries_iter(), "query_id", name),
        qrels=qrels,
    )


def _grade(value: Any, where: str) -> int:
    if isinstance(value, float) and not value.is_integer():
        raise InputError(f"{where}: grade {value} is not an integer")
    return checked_grade(int(value), where)


def _texts(records: Iterable[Any], id_field: str, name: str) -> dict[str, str]:
    texts: dict[str, str] = {}
    for record in records:
        id_ = checked_id(getattr(record, id_field), f"{PREFIX}{name}")
        if id_ in texts:
            raise InputError(f"{PREFIX}{name}: id {shortened(id_)} is there twice")
        texts[id_] = checked_text(_text(record), f"{PREFIX}{name}, {id_field} {shortened(id_)}")
    return texts


def _text(record: Any) -> str:
    """Return title and text where a record has them, else what ir_datasets calls its text."""
    if hasattr(record, "text"):
        return f"{getattr(record, 'title', None) or ''} {record.text}".strip()
    return str(record.default_text())
