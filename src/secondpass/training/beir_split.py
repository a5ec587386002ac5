"""The train split of a folder in BEIR's layout as a training set."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from secondpass.errors import InputError
from secondpass.evaluation.beir_folder import read_beir_folder
from secondpass.evaluation.collection import Collection, checked_collection
from secondpass.training.examples import Example, TrainingSet
from secondpass.training.licence import find_licence

SPLIT = "train"


def read_train_split(folder: Path, licences: Mapping[str, str]) -> TrainingSet:
    """Read queries and qrels/train.tsv: each relevant document is the positive of one example.

    The documents judged 0 are its own negatives; the whole corpus is there to be mined.

    Raises:
        InputError: a file is missing or broken, or nothing is relevant to any query.
    """
    collection = checked_collection(read_beir_folder(folder, SPLIT))
    rows: dict[str, int] = {}
    for text in collection.documents.values():
        rows.setdefault(text, len(rows))
    examples = tuple(
        example
        for query_id in collection.qrels
        if collection.queries.get(query_id, "").strip()
        for example in _examples(collection, query_id, rows)
    )
    if not examples:
        raise InputError(f"{folder}: no query of qrels/{SPLIT}.tsv has a relevant document")
    return TrainingSet(
        name=f"{collection.name}/{SPLIT}",
        path=folder,
        sha256=collection.sha256,
        licence=find_licence(folder, licences),
        passages=tuple(rows),
        examples=examples,
    )


def _examples(collection: Collection, query_id: str, rows: Mapping[str, int]) -> list[Example]:
    grades: dict[int, int] = {}
    for document_id, grade in collection.qrels[query_id].items():
        text = collection.documents.get(document_id, "")
        if text:
            row = rows[text]
            grades[row] = max(grade, grades.get(row, grade))
    given = tuple(row for row, grade in grades.items() if grade <= 0)
    return [
        Example(collection.queries[query_id].strip(), row, given, collection.name)
        for row, grade in grades.items()
        if grade > 0
    ]
