"""JSON Lines and CSV files to records: one a row."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from secondpass.errors import InputError
from secondpass.ingest.files import SourceFile
from secondpass.jsonl import Where, read_objects
from secondpass.retrieval.records import Record, to_record
from secondpass.utf8 import read_lines

_ID_COLUMNS = ("id", "_id")


def read_json_lines(file: SourceFile) -> Iterator[Record]:
    """Yield a record for each line that is not blank."""
    for where, row in read_objects(file.path):
        yield _record(row, file, where)


def read_csv(file: SourceFile) -> Iterator[Record]:
    """Yield a record for each row under the header; a row may be several lines long."""
    rows = csv.reader(read_lines(file.path), strict=True)
    header = _next_row(rows, Where(str(file.path), 1))
    if header is None:
        return
    if len(set(header)) < len(header):
        raise InputError(f"{file.path} line 1: two columns have the same name: {header}")
    while True:
        where = Where(str(file.path), rows.line_num + 1)
        row = _next_row(rows, where)
        if row is None:
            return
        if len(row) not in (0, len(header)):
            raise InputError(f"{where} has {len(row)} cells, the header {len(header)}")
        if row:
            yield _record(dict(zip(header, row, strict=True)), file, where)


def _record(row: dict[str, Any], file: SourceFile, where: Where) -> Record:
    """Make a row's record: its own id (a number as text), else one of path, line and content.

    `source` is added to the metadata, unless the row has a column of that name.
    """
    fields = {"source": file.source, **row}
    column = next((name for name in _ID_COLUMNS if name in row), None)
    if column:
        own = fields.pop(column)
        is_number = isinstance(own, int) and not isinstance(own, bool)
        fields["id"] = str(own) if is_number else own
    record = to_record(fields, str(where))
    if column:
        return record
    return replace(record, id=f"{file.shown}#{where.number}@{record.digest[:12]}")


def _next_row(rows: Any, where: Where) -> list[str] | None:
    try:
        row: list[str] | None = next(rows, None)
    except csv.Error as error:
        raise InputError(
            f"{where} is not valid CSV: {error}; JSON Lines has no such limits"
        ) from error
    return row
