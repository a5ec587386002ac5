"""JSON Lines and CSV files to documents: one a row."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from typing import Any

from secondpass.errors import InputError
from secondpass.retrieval.files import SourceFile
from secondpass.retrieval.records import decode_metadata, to_record
from secondpass.types import Document
from secondpass.utf8 import read_lines

_ID_COLUMNS = ("id", "_id")


def read_json_lines(file: SourceFile) -> Iterator[Document]:
    """Yield a document for each line that is not blank."""
    for line, text in enumerate(read_lines(file.path), start=1):
        if text.strip():
            where = f"{file.path} line {line}"
            yield _document(_object(text, where), file, line, where)


def read_csv(file: SourceFile) -> Iterator[Document]:
    """Yield a document for each row under the header; a row may be several lines long."""
    rows = csv.reader(read_lines(file.path), strict=True)
    header = _next_row(rows, file, 1)
    if header is None:
        return
    if len(set(header)) < len(header):
        raise InputError(f"{file.path} line 1: two columns have the same name: {header}")
    while True:
        line = rows.line_num + 1
        row = _next_row(rows, file, line)
        if row is None:
            return
        where = f"{file.path} line {line}"
        if len(row) not in (0, len(header)):
            raise InputError(f"{where} has {len(row)} cells, the header {len(header)}")
        if row:
            yield _document(dict(zip(header, row, strict=True)), file, line, where)


def _document(row: dict[str, Any], file: SourceFile, line: int, where: str) -> Document:
    """Make a row's document: its own id (a number as text), else one of path, line and content.

    `source` is added to the metadata, unless the row has a column of that name.
    """
    fields = {"source": file.source, **row}
    column = next((name for name in _ID_COLUMNS if name in row), None)
    if column:
        own = fields.pop(column)
        is_number = isinstance(own, int) and not isinstance(own, bool)
        fields["id"] = str(own) if is_number else own
    record = to_record(fields, where)
    id_ = record.id if column else f"{file.shown}#{line}@{record.id[:12]}"
    return Document(id_, record.text, decode_metadata(record.metadata, id_))


def _object(text: str, where: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where} is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise InputError(f"{where} is a JSON {type(value).__name__}, expected an object")
    return value


def _next_row(rows: Any, file: SourceFile, line: int) -> list[str] | None:
    try:
        row: list[str] | None = next(rows, None)
    except csv.Error as error:
        raise InputError(
            f"{file.path} line {line} is no CSV: {error}; JSON Lines has no such limits"
        ) from error
    return row
