"""BEIR's layout: corpus.jsonl, queries.jsonl and qrels/SPLIT.tsv in a folder, plain or gzipped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from secondpass.checks import shortened
from secondpass.errors import InputError
from secondpass.evaluation.collection import Collection
from secondpass.evaluation.qrels import checked_id, read_qrels
from secondpass.evaluation.runs import read_run
from secondpass.evaluation.text_files import find_text_file
from secondpass.ingest.columns import Columns
from secondpass.ingest.tables import read_rows
from secondpass.jsonl import Where

# BEIR's id is `_id`; a query's title would be no part of it.
DOCUMENTS = Columns(usual_ids=("_id", "id"))
QUERIES = replace(DOCUMENTS, title="")

# A file of this name says: only the documents of the folder's runs may answer a query.
POOLED = "POOLED"


def read_beir_folder(folder: Path, split: str) -> Collection:
    """Read a collection from a folder.

    Raises:
        InputError: a file is missing or not as the layout says; the message names it.
    """
    return Collection(
        name=folder.resolve().name,
        documents=read_texts(_needed(folder, "corpus.jsonl")),
        queries=read_texts(_needed(folder, "queries.jsonl"), QUERIES),
        qrels=read_qrels(_qrels_file(folder, split)),
        pool=_read_pool(folder) if (folder / POOLED).exists() else None,
        folder=folder,
    )


def read_texts(
    file: Path, columns: Columns = DOCUMENTS, delimiter: str | None = None
) -> dict[str, str]:
    """Read id -> text of a corpus or of queries, from JSON Lines, CSV, TSV or Parquet.

    Raises:
        InputError: no such file, a row that has no id or no text, or a second row of an id, for
            one text would be lost; the message names the line.
    """
    texts: dict[str, str] = {}
    lines: dict[str, int] = {}
    for where, id_, text in each_text(file, columns, delimiter):
        if id_ in texts:
            raise twice(where, id_, lines[id_])
        texts[id_] = text
        lines[id_] = where.number
    return texts


def each_text(
    file: Path, columns: Columns = DOCUMENTS, delimiter: str | None = None
) -> Iterator[tuple[Where, str, str]]:
    """Yield where a text is, its id and the text, as `read_texts` reads them; ids may repeat.

    Raises:
        InputError: no such file, or a row that has no id or no text.
    """
    if columns.id == "":
        raise InputError(
            "--id-column is '', but judgements and runs name texts by their ids: name a column"
        )
    for where, row in read_rows(file, delimiter):
        id_, text, _ = columns.parts(row, where)
        if id_ is None:
            raise InputError(
                f"{where} has no '_id' and no 'id', only {shortened(sorted(map(str, row)))}"
            )
        yield where, checked_id(id_, str(where)), text


def twice(where: Where, id_: str, first: int) -> InputError:
    """Return the error of an id that came before, in row `first`."""
    return InputError(
        f"{where}: _id {shortened(id_)} is there twice, first in {where.unit} {first}"
    )


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
