"""Collections that neither the training nor the calibration of the embedded model saw."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from secondpass.demo.stdlib_docs import stdlib_documents
from secondpass.errors import InputError
from secondpass.evaluation.collection import Collection
from secondpass.ingest.tables import read_rows

# Questions and passages that the recipe mined and gave no weight (recipes/embedded/recipe.toml).
PAIRS = ("squadshifts_amazon", "squadshifts_reddit")


def unseen(data: Path, queries: int, seed: int) -> list[Collection]:
    """Return them, each with a random sample of so many queries.

    Raises:
        InputError: a file is not there.
    """
    files = [_there(data / "train" / f"{name}.jsonl.gz") for name in PAIRS]
    found = [_of_pairs(file) for file in files]
    return [one.sample(queries, seed) for one in (stdlib_questions(data), *found)]


def stdlib_questions(data: Path) -> Collection:
    """Return the docstrings of this Python's standard library, with questions to them.

    Raises:
        InputError: the file of questions is not there.
    """
    return _of_stdlib(_there(data / "stdlib_questions.json"))


def _there(file: Path) -> Path:
    if not file.is_file():
        raise InputError(f"there is no {file}; name the folder with --data")
    return file


def _of_pairs(file: Path) -> Collection:
    """Return a collection of all passages of a file, each right for its own questions alone."""
    documents: dict[str, str] = {}
    qrels: dict[str, dict[str, int]] = {}
    for _, row in read_rows(file):
        id_ = documents.setdefault(str(row["positive"]), f"p{len(documents)}")
        qrels.setdefault(str(row["query"]), {})[id_] = 1
    return Collection(
        name=file.name.partition(".")[0],
        documents={id_: text for text, id_ in documents.items()},
        queries={query: query for query in qrels},
        qrels=qrels,
    )


def _of_stdlib(file: Path) -> Collection:
    """Return the docstrings of this Python's standard library, with questions to them."""
    rows = json.loads(file.read_text(encoding="utf-8"))["questions"]
    documents = {document.id: document.text for document in stdlib_documents()}
    judged = {
        row["question"]: {id_: 1 for id_ in row["answers"] if id_ in documents} for row in rows
    }
    collection = Collection("stdlib", documents, {query: query for query in judged}, judged)
    return replace(collection, qrels={query: of for query, of in judged.items() if of})
