"""The development collections as token ids: documents, judged queries, judgements, BM25's run."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recipes.embedded.ragged import texts_to_arrays
from recipes.embedded.settings import Settings
from secondpass.demo.stdlib_docs import stdlib_documents
from secondpass.evaluation.collection import Collection
from secondpass.evaluation.open_collection import open_collection
from secondpass.evaluation.runs import Ranked, Run, read_run
from secondpass.evaluation.self_matches import without_self_matches
from secondpass.evaluation.text_files import find_text_file

Tokenize = Callable[[Sequence[str], int], list[list[int]]]
Arrays = dict[str, NDArray[Any]]


def pack_collection(folder: Path, tokenize: Tokenize, settings: Settings, most: int) -> Arrays:
    """Return a collection's arrays; with fewer queries also fewer documents, for a dry run."""
    collection = open_collection(str(folder))
    file = find_text_file(folder, "run.bm25.trec")
    if file is None:
        raise SystemExit(f"{folder} has no run.bm25.trec or run.bm25.trec.gz")
    run, _ = without_self_matches(read_run(file), collection)
    queries = [
        query
        for query, judged in collection.qrels.items()
        if query in run and max(judged.values()) > 0
    ]
    documents = collection.documents
    if most < len(queries):
        queries = queries[:most]
        needed = {hit.document_id for query in queries for hit in run[query][:most]}
        needed |= {id_ for query in queries for id_ in collection.qrels[query]}
        documents = {id_: text for id_, text in documents.items() if id_ in needed}
    asked = {query: collection.queries[query] for query in queries}
    return _arrays(replace(collection, documents=documents, queries=asked), run, tokenize, settings)


def pack_stdlib(questions: Path, tokenize: Tokenize, settings: Settings, most: int) -> Arrays:
    """Return the questions to the standard library's docstrings; they have no BM25 run."""
    rows = json.loads(questions.read_text(encoding="utf-8"))["questions"]
    documents = {document.id: document.text for document in stdlib_documents()}
    if most < len(rows):
        rows = rows[:most]
        answers = {id_ for row in rows for id_ in row["answers"]}
        documents = {id_: text for id_, text in documents.items() if id_ in answers}
    collection = Collection(
        name="stdlib",
        documents=documents,
        queries={str(number): row["question"] for number, row in enumerate(rows)},
        qrels={
            str(number): {id_: 1 for id_ in row["answers"] if id_ in documents}
            for number, row in enumerate(rows)
        },
    )
    return _arrays(collection, {}, tokenize, settings)


def own_documents(collection: Collection) -> frozenset[str]:
    """Return the queries that are themselves documents."""
    alone = {
        query: (Ranked(query, 0.0),)
        for query in collection.queries
        if query in collection.documents
    }
    left, _ = without_self_matches(alone, collection)
    return frozenset(query for query, ranked in left.items() if not ranked)


def _arrays(collection: Collection, run: Run, tokenize: Tokenize, settings: Settings) -> Arrays:
    """Return documents and queries, and documents by number: -1 where there is none."""
    name, tokens = collection.name, settings.tokens
    documents, queries = collection.documents, collection.queries
    print(f"{name}: {len(documents)} documents, {len(queries)} queries", flush=True)
    numbers = {id_: number for number, id_ in enumerate(documents)}
    own = own_documents(collection)
    judged = [
        (row, numbers.get(id_, -1), grade)
        for row, query in enumerate(queries)
        for id_, grade in collection.qrels[query].items()
    ]
    return {
        **texts_to_arrays(
            f"{name}.documents", tokenize(list(documents.values()), tokens.dev_document)
        ),
        **texts_to_arrays(f"{name}.queries", tokenize(list(queries.values()), tokens.dev_query)),
        f"{name}.bm25": _numbered(run, queries, numbers, settings.dev.depth),
        f"{name}.self": np.array([numbers[q] if q in own else -1 for q in queries], np.int32),
        f"{name}.qrels": np.array(judged, np.int32),
    }


def _numbered(
    run: Run, queries: Iterable[str], numbers: Mapping[str, int], depth: int
) -> NDArray[np.int32]:
    """Return the numbers of a run's documents [queries, depth]."""
    found = [
        [numbers[hit.document_id] for hit in run.get(query, ()) if hit.document_id in numbers]
        for query in queries
    ]
    return np.array([(row + [-1] * depth)[:depth] for row in found], np.int32)
