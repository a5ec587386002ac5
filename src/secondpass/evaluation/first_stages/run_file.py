"""A run that another system made."""

from __future__ import annotations

from pathlib import Path

from secondpass.errors import InputError
from secondpass.evaluation.collection import Collection
from secondpass.evaluation.first_stages.run_rows import is_of_rows, read_run_of_rows
from secondpass.evaluation.runs import Run, read_run

PREFIX = "run:"


def given_run(collection: Collection, name: str) -> Run:
    """Read the run of the judged queries from a file in the collection's folder, or from here.

    A name that ends in .jsonl, .ndjson or .parquet is of rows, any other of a TREC run.

    Raises:
        InputError: there is no such file, or none of its queries is judged.
    """
    file = _find(collection, name)
    run = read_run_of_rows(file) if is_of_rows(file) else read_run(file)
    judged = {query_id: run[query_id] for query_id in collection.qrels if query_id in run}
    if not judged:
        raise InputError(f"{name} has no query that {collection.name} has judgements of")
    return judged


def _find(collection: Collection, name: str) -> Path:
    places = [Path(name)] if collection.folder is None else [collection.folder / name, Path(name)]
    for file in places:
        if file.is_file():
            return file
    raise InputError(f"there is no run {' or '.join(map(str, dict.fromkeys(places)))}")
