"""TREC runs: what a ranker found for each query. Read and written, in trec_eval's order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, groupby, starmap
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from secondpass.atomic import replacing
from secondpass.checks import shortened
from secondpass.errors import InputError
from secondpass.evaluation.collection import Collection
from secondpass.evaluation.qrels import ascii_fields, checked_id
from secondpass.evaluation.text_files import open_to_write
from secondpass.jsonl import Where, read_filled_lines

TIE_RULE = (
    "ties are broken as trec_eval does up to version 9: equal 32-bit scores by document id, "
    "descending (version 10 compares 64-bit scores)"
)

LARGEST_SCORE = float(np.finfo(np.float32).max)


class Ranked(NamedTuple):
    """One document of a ranking and its score."""

    document_id: str
    score: float


# Query id -> its documents, best first, always in trec_eval's order.
Run = Mapping[str, tuple[Ranked, ...]]


def in_trec_order(scored: Iterable[Ranked]) -> tuple[Ranked, ...]:
    """Return documents in the order trec_eval gives them, whatever order they came in.

    It reads scores as 32-bit floats, puts the highest first, and of equal scores the document whose
    id is last in the alphabet.
    """
    return tuple(
        sorted(
            scored,
            key=lambda one: (float(np.float32(one.score)), one.document_id),
            reverse=True,
        )
    )


def top(
    scores: NDArray[np.float32], ids: Sequence[str], limit: int, keep: NDArray[np.intp]
) -> tuple[Ranked, ...]:
    """Return the `limit` best of the documents at the positions `keep`, ties as trec_eval's."""
    kept = scores[keep]
    if limit < len(keep):
        # All that equal the last one are kept, so that the tie rule and not chance decides.
        last = np.partition(kept, -limit)[-limit]
        keep = keep[kept >= last]
    return in_trec_order(Ranked(ids[at], float(scores[at])) for at in keep)[:limit]


def read_run(file: Path) -> Run:
    """Read a TREC run: query id, Q0, document id, rank, score and tag on each line; .gz too.

    As trec_eval does, it orders by score and does not look at the rank.

    Raises:
        InputError: no such file, or a line that is none of a run; the message names the line.
    """
    found: dict[str, dict[str, float]] = {}
    for where, line in read_filled_lines(file):
        query_id, document_id, score = _run_fields(line, str(where))
        _add(found.setdefault(query_id, {}), document_id, score, query_id, where)
    return {
        query_id: in_trec_order(starmap(Ranked, documents.items()))
        for query_id, documents in found.items()
    }


def read_run_by_query(file: Path) -> Iterator[tuple[Where, str, tuple[Ranked, ...]]]:
    """Yield each query of a run as `read_run` reads it, and the line it begins at.

    No more than one query's documents are in memory, so its lines have to stand together.

    Raises:
        InputError: as `read_run`, or a query's lines are parted by those of another.
    """
    done: dict[str, int] = {}
    rows = ((where, *_run_fields(line, str(where))) for where, line in read_filled_lines(file))
    for query_id, of_query in groupby(rows, key=itemgetter(1)):
        first = next(of_query)
        began = first[0]
        if query_id in done:
            raise InputError(
                f"{began}: query {shortened(query_id)} comes again, first in line "
                f"{done[query_id]}: the lines of a query have to stand together, as sort -s -k1,1 "
                "puts them"
            )
        done[query_id] = began.number
        documents: dict[str, float] = {}
        for where, _, document_id, score in chain([first], of_query):
            _add(documents, document_id, score, query_id, where)
        yield began, query_id, in_trec_order(starmap(Ranked, documents.items()))


def write_run(file: Path, run: Run, tag: str) -> None:
    """Write a TREC run that trec_eval orders as it is ordered here; gzipped for a name in .gz.

    It is there whole or not at all.

    Raises:
        InputError: the file cannot be written, or an id has white space in it.
    """
    try:
        with replacing(file) as written, open_to_write(written) as stream:
            for query_id, ranked in run.items():
                for rank, one in enumerate(ranked, start=1):
                    ids = f"{_word(query_id)} Q0 {_word(one.document_id)}"
                    stream.write(f"{ids} {rank} {one.score!r} {_word(tag)}\n")
    except OSError as error:
        raise InputError(f"{file} cannot be written: {error.strerror}") from error


def check_writable_ids(collection: Collection) -> None:
    """Check, before any work, that a run of this collection can be written.

    Raises:
        InputError: an id of a judged query or of a document has white space in it, or is not
            Unicode text.
    """
    for kind, ids in (("query", collection.qrels), ("document", collection.documents)):
        for id_ in ids:
            if not _is_word(checked_id(id_, "--run-out")):
                raise InputError(
                    f"--run-out: {kind} id {shortened(id_)} of {collection.name} is not one word: "
                    "white space parts the fields of a TREC run. Leave --run-out out, or rename it"
                )


def _add(
    documents: dict[str, float], document_id: str, score: float, query_id: str, where: Where
) -> None:
    if document_id in documents:
        raise InputError(
            f"{where}: document {shortened(document_id)} is there twice for query "
            f"{shortened(query_id)}"
        )
    documents[document_id] = score


def _run_fields(line: str, where: str) -> tuple[str, str, float]:
    fields = ascii_fields(line)
    if len(fields) != 6:
        raise InputError(
            f"{where} has {len(fields)} fields, expected 6: query-id Q0 document-id rank score tag"
        )
    try:
        score = float(fields[4])
    except ValueError:
        raise InputError(f"{where}: score {shortened(fields[4])} is not a number") from None
    if not abs(score) <= LARGEST_SCORE:
        raise InputError(f"{where}: score {fields[4][:80]} is not a finite 32-bit number")
    return checked_id(fields[0], where), checked_id(fields[2], where), score


def _is_word(name: str) -> bool:
    return name.split() == [name]


def _word(name: str) -> str:
    if not _is_word(name):
        raise InputError(f"{name!r} is not one word: white space parts the fields of a TREC run")
    return name
