"""Finds a collection by what the user calls it."""

from __future__ import annotations

from pathlib import Path

from secondpass.checks import did_you_mean, shortened
from secondpass.errors import InputError
from secondpass.evaluation.beir_folder import DOCUMENTS, QUERIES, read_beir_folder, read_texts
from secondpass.evaluation.collection import Collection, checked_collection
from secondpass.evaluation.ir_dataset import PREFIX, read_ir_dataset
from secondpass.evaluation.qrels import read_qrels
from secondpass.ingest.columns import Columns


def open_collection(
    name: str,
    *,
    split: str = "test",
    corpus: Path | None = None,
    queries: Path | None = None,
    columns: Columns = DOCUMENTS,
    delimiter: str | None = None,
) -> Collection:
    """Read a collection.

    Args:
        name: a folder in BEIR's layout, "ir_datasets:ID", or a file of judgements (TREC or BEIR).
        split: which judgements of a folder.
        corpus: the documents that belong to a file of judgements: JSON Lines, CSV, TSV or Parquet.
        queries: its queries, in one of these.
        columns: which columns of `corpus` are the id, the title and the text; `queries` has the
            usual ones.
        delimiter: what parts the cells of CSV.

    Raises:
        InputError: it is not there or not whole; the message says what is missing.
        MissingExtraError: "ir_datasets:ID" without that package.
    """
    path = Path(name)
    if name.startswith(PREFIX):
        found = read_ir_dataset(name.removeprefix(PREFIX))
    elif path.is_dir():
        found = read_beir_folder(path, split)
    elif path.is_file():
        found = _read_files(path, corpus, queries, columns, delimiter)
    else:
        raise InputError(
            f"there is no collection {shortened(name)}: give a folder in BEIR's layout, "
            f"{PREFIX}ID, or a file of judgements with --corpus and --queries",
            did_you_mean(path.name, _beside(path)),
        )
    return checked_collection(found)


def _beside(path: Path) -> list[str]:
    """Return the names of what lies in the folder that a path names."""
    return [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []


def _read_files(
    qrels: Path,
    corpus: Path | None,
    queries: Path | None,
    columns: Columns,
    delimiter: str | None,
) -> Collection:
    if corpus is None or queries is None:
        raise InputError(
            f"{qrels} is a file of judgements: give the texts too, with --corpus FILE and "
            "--queries FILE (JSON Lines, CSV, TSV or Parquet with '_id' and 'text')"
        )
    return Collection(
        name=qrels.name,
        documents=read_texts(corpus, columns, delimiter),
        queries=read_texts(queries, QUERIES, delimiter),
        qrels=read_qrels(qrels),
        folder=qrels.parent,
    )
