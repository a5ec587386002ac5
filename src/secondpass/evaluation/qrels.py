"""Judgements (qrels): which documents are relevant to a query, and how much."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from secondpass.checks import shortened
from secondpass.errors import InputError
from secondpass.jsonl import read_filled_lines

# Query id -> document id -> grade; 0 is judged and not relevant.
Qrels = Mapping[str, Mapping[str, int]]

# trec_eval reserves memory for every grade up to the highest.
HIGHEST_GRADE = 10_000
# pandas writes 1.0 for 1 where a grade is missing elsewhere.
_INTEGER = re.compile(r"([+-]?[0-9]{1,9})(?:\.0+)?")
_HEADER = ("score", "relevance", "rel", "grade", "label", "judgment", "judgement")
# What a C string or UTF-8 cannot hold: NUL, and half of a surrogate pair.
_NO_ID = re.compile("[\0\ud800-\udfff]")


def read_qrels(file: Path) -> Qrels:
    """Read BEIR's three columns or TREC's four, under a header or without one.

    Where tabs part a line into as many, an id may have blanks in it, which belong to it.
    A grade below 0, as TREC gives spam, counts as 0: judged and not relevant.

    Raises:
        InputError: no such file, or a line that is none of these; the message names the line.
    """
    found: dict[str, dict[str, int]] = {}
    for at, (where, line) in enumerate(read_filled_lines(file)):
        fields = _split(line)
        if at == 0 and fields[-1].lower() in _HEADER:
            continue
        query_id, document_id, grade = _fields(fields, str(where))
        judged = found.setdefault(query_id, {})
        if document_id in judged:
            raise InputError(
                f"{where}: document {shortened(document_id)} is judged twice for query "
                f"{shortened(query_id)}"
            )
        judged[document_id] = grade
    if not found:
        raise InputError(f"{file} holds no judgement")
    return found


def ascii_fields(line: str) -> list[str]:
    """Return the fields of a line as trec_eval parts them: other white space is part of an id."""
    return re.findall(r"[^ \t\r\n\f\v]+", line)


def _split(line: str) -> list[str]:
    tabbed = line.rstrip().split("\t")
    return tabbed if len(tabbed) in (3, 4) else ascii_fields(line)


def _fields(fields: list[str], where: str) -> tuple[str, str, int]:
    if len(fields) not in (3, 4):
        raise InputError(
            f"{where} has {len(fields)} fields parted by white space, expected query-id corpus-id "
            "score, or TREC's query-id 0 document-id grade"
        )
    grade = _INTEGER.fullmatch(fields[-1])
    if grade is None:
        raise InputError(
            f"{where}: grade {shortened(fields[-1])} is not an integer of at most {HIGHEST_GRADE}"
        )
    return (
        checked_id(fields[0], where),
        checked_id(fields[-2], where),
        checked_grade(int(grade.group(1)), where),
    )


def checked_grade(grade: int, where: str) -> int:
    """Return a grade that the measures can count with; one below 0 counts as 0.

    Raises:
        InputError: it is above `HIGHEST_GRADE`.
    """
    if grade > HIGHEST_GRADE:
        raise InputError(f"{where}: grade {grade} is above {HIGHEST_GRADE}, the highest allowed")
    return max(grade, 0)


def checked_id(id_: str, where: str) -> str:
    """Return the id of a query or document, which other programs are given as it is.

    Raises:
        InputError: it is empty, or holds NUL or half of a surrogate pair.
    """
    if not id_.strip():
        raise InputError(f"{where}: id {shortened(id_)} is empty")
    if _NO_ID.search(id_):
        raise InputError(f"{where}: id {shortened(id_)} is not valid Unicode text without NUL")
    return id_
