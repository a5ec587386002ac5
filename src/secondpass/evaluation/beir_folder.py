"""BEIR's layout: corpus.jsonl, queries.jsonl and qrels/SPLIT.tsv in a folder, plain or gzipped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from secondpass.errors import InputError
from secondpass.evaluation.collection import Collection
from secondpass.evaluation.qrels import checked_id, read_qrels
from secondpass.evaluation.runs import read_run
from secondpass.evaluation.text_files import find_text_file
from secondpass.jsonl import read_objects

# A file of this name says: only the documents of the folder's runs may answer a query.
POOLED = "POOLED"


def read_beir_folder(folder: Path, split: str) -> Collection:
    """Read a collection from a folder.

    Raises:
        InputError: a file is missing or not as the layout says; the message names it.
    """
    return Collection(
        name=folder.resolve().name,
        documents=read_documents(_needed(folder, "corpus.jsonl")),
        queries=read_queries(_needed(folder, "queries.jsonl")),
        qrels=read_qrels(_qrels_file(folder, split)),
        pool=_read_pool(folder) if (folder / POOLED).exists() else None,
        folder=folder,
    )


def read_documents(file: Path) -> dict[str, str]:
    """Read the documents of a corpus.jsonl: a title, if there is one, a space, and the text.

    Raises:
        InputError: no such file, or a line that is none of these; the message names the line.
    """
    return {id_: document_text(row) for id_, row in _rows(file)}


def read_queries(file: Path) -> dict[str, str]:
    """Read the queries of a queries.jsonl.

    Raises:
        InputError: no such file, or a line that is none of these; the message names the line.
    """
    return {id_: row["text"] for id_, row in _rows(file)}


def document_text(row: Mapping[str, Any]) -> str:
    """Join title and text as BEIR's rerankers do."""
    return f"{row.get('title') or ''} {row['text']}".strip()


def _rows(file: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each row with its id. A second row of an id is an error, for one text would be lost."""
    first_lines: dict[str, int] = {}
    for where, row in read_objects(file):
        if not all(isinstance(row.get(field), str) for field in ("_id", "text")):
            raise InputError(f"{where} is not an object with the strings '_id' and 'text'")
        id_ = checked_id(row["_id"], str(where))
        first = first_lines.setdefault(id_, where.number)
        if first != where.number:
            raise InputError(f"{where}: _id {id_!r} is there twice, first in line {first}")
        yield id_, row


def _needed(folder: Path, name: str) -> Path:
    file = find_text_file(folder, name)
    if file is None:
        raise InputError(
            f"{folder} has no {name} or {name}.gz: a collection is a folder with corpus.jsonl, "
            "queries.jsonl and qrels/SPLIT.tsv, or ir_datasets:ID, or a file of judgements with "
            "--corpus and --queries"
        )
    return file


def _qrels_file(folder: Path, split: str) -> Path:
    file = find_text_file(folder / "qrels", f"{split}.tsv")
    if file is None:
        there = sorted(found.name.split(".")[0] for found in folder.glob("qrels/*.tsv*"))
        raise InputError(
            f"{folder / 'qrels'} has no {split}.tsv; --split may be: {', '.join(there) or 'none'}"
        )
    return file


def _read_pool(folder: Path) -> dict[str, frozenset[str]]:
    """Return the documents of the folder's runs, by query."""
    files = sorted([*folder.glob("run.*.trec"), *folder.glob("run.*.trec.gz")])
    if not files:
        raise InputError(f"{folder} has a file {POOLED} but no run.*.trec to tell the pools from")
    pool: dict[str, set[str]] = {}
    for file in files:
        for query_id, ranked in read_run(file).items():
            pool.setdefault(query_id, set()).update(document.document_id for document in ranked)
    return {query_id: frozenset(documents) for query_id, documents in pool.items()}
