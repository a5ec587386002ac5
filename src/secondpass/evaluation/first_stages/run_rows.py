"""A run in rows of JSON Lines or Parquet: a query's id and the list of what was found for it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from secondpass.checks import described_json, finite_number, listed, shortened
from secondpass.errors import InputError
from secondpass.evaluation.qrels import checked_id
from secondpass.evaluation.runs import LARGEST_SCORE, Ranked, Run, in_trec_order
from secondpass.ingest.tables import read_rows, suffix_of

SUFFIXES = (".jsonl", ".ndjson", ".parquet")
_QUERY_IDS = ("query_id", "id", "_id")
_LISTS = ("documents", "candidates", "passages")
_DOCUMENT_IDS = ("id", "_id", "document_id")


def is_of_rows(file: Path) -> bool:
    """Tell whether a file's name says that it holds rows, and no lines of TREC."""
    return suffix_of(file) in SUFFIXES


def read_run_of_rows(file: Path) -> Run:
    """Read a run: a row has `id` (or `query_id`) and `documents` (or `candidates`, `passages`).

    A document has an `id` and a `score`, by which it is ordered as in a TREC run; where none of a
    row has a score they are in order, best first.

    Raises:
        InputError: no such file, or a row that is not one of a run; the message names it.
    """
    run: dict[str, tuple[Ranked, ...]] = {}
    for where, row in read_rows(file):
        query_id = _id(row, _QUERY_IDS, str(where))
        if query_id in run:
            raise InputError(f"{where}: query {shortened(query_id)} comes twice")
        run[query_id] = in_trec_order(_documents(row, str(where)))
    return run


def _documents(row: Mapping[str, Any], where: str) -> list[Ranked]:
    name = _first(row, _LISTS, where)
    if not isinstance(row[name], list):
        raise InputError(f"{where}: {name} is {described_json(row[name])}, expected a list")
    found: dict[str, float] = {}
    scored = any(isinstance(one, dict) and one.get("score") is not None for one in row[name])
    for at, one in enumerate(row[name]):
        place = f"{where}: {name}[{at}]"
        if not isinstance(one, dict):
            raise InputError(f"{place} is {described_json(one)}, expected an object with 'id'")
        id_ = _id(one, _DOCUMENT_IDS, place)
        if id_ in found:
            raise InputError(f"{place}: document {shortened(id_)} is there twice")
        found[id_] = _score(one.get("score"), place) if scored else -float(at)
    return [Ranked(id_, score) for id_, score in found.items()]


def _score(value: Any, place: str) -> float:
    number = finite_number(value)
    if number is None or abs(number) > LARGEST_SCORE:
        raise InputError(
            f"{place}: score is {described_json(value)}, expected a finite 32-bit number"
        )
    return number


def _id(value: Mapping[str, Any], names: tuple[str, ...], where: str) -> str:
    name = _first(value, names, where)
    id_ = value[name]
    if isinstance(id_, int) and not isinstance(id_, bool):
        return str(id_)
    if not isinstance(id_, str):
        raise InputError(
            f"{where}: {name} is {described_json(id_)}, expected a string or an integer"
        )
    return checked_id(id_, where)


def _first(value: Mapping[str, Any], names: tuple[str, ...], where: str) -> str:
    name = next((one for one in names if one in value), None)
    if name is None:
        raise InputError(f"{where} has no {' or '.join(map(repr, names))}, only {listed(value)}")
    return name
