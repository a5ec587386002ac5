"""Judgements (qrels): which documents are relevant to a query, and how much."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from secondpass.errors import InputError
from secondpass.evaluation.text_files import numbered_lines

# Query id -> document id -> grade; 0 is judged and not relevant.
Qrels = Mapping[str, Mapping[str, int]]


def read_qrels(file: Path) -> Qrels:
    """Read BEIR's three columns under a header, or TREC's four without one.

    Raises:
        InputError: no such file, or a line that is none of these; the message names the line.
    """
    found: dict[str, dict[str, int]] = {}
    for number, line in numbered_lines(file):
        fields = line.split()
        if number == 1 and fields[-1] == "score":
            continue
        query_id, document_id, grade = _fields(fields, f"{file} line {number}")
        judged = found.setdefault(query_id, {})
        if document_id in judged:
            raise InputError(
                f"{file} line {number}: document {document_id!r} is judged twice for query "
                f"{query_id!r}"
            )
        judged[document_id] = grade
    if not found:
        raise InputError(f"{file} holds no judgement")
    return found


def _fields(fields: list[str], where: str) -> tuple[str, str, int]:
    if len(fields) not in (3, 4):
        raise InputError(
            f"{where} has {len(fields)} fields, expected query-id corpus-id score, or TREC's "
            "query-id 0 document-id grade"
        )
    try:
        return fields[0], fields[-2], int(fields[-1])
    except ValueError:
        raise InputError(f"{where}: grade {fields[-1]!r} is no whole number") from None
