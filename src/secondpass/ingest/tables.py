"""Rows of JSON Lines, CSV, TSV and Parquet files, each with where it is."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from datetime import date, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from secondpass.checks import shortened
from secondpass.errors import InputError, MissingExtraError
from secondpass.jsonl import Where, read_objects
from secondpass.utf8 import LARGEST_LINE, read_lines

Row = dict[str, Any]

_JSON_LINES = (".jsonl", ".ndjson")
_DELIMITERS = {".csv": ",", ".tsv": "\t", ".tab": "\t"}
_PARQUET = ".parquet"
TABLES = (*_JSON_LINES, *_DELIMITERS, _PARQUET)

_BATCH = 1024
_BUFFER = 2**20


def suffix_of(file: Path) -> str:
    """Return what a file's name says it is, in lower case: for a.csv.gz it is ".csv"."""
    suffixes = [suffix.lower() for suffix in file.suffixes[-2:]]
    return suffixes[0] if len(suffixes) == 2 and suffixes[1] == ".gz" else (suffixes or [""])[-1]


def read_rows(
    file: Path, delimiter: str | None = None, *, at_a_time: int = _BATCH
) -> Iterator[tuple[Where, Row]]:
    """Yield each row and where it is; the suffix says what the file is, JSON Lines if none does.

    `delimiter` is what parts the cells of CSV, by default a comma, and a tab in .tsv. Of a Parquet
    file so many rows are in memory at a time.

    Raises:
        InputError: the file cannot be read, or a row is not whole; the message names the line.
        MissingExtraError: a Parquet file without pyarrow.
    """
    suffix = suffix_of(file)
    if suffix == _PARQUET:
        return _all_readable(each_parquet_row(file, at_a_time=at_a_time))
    if suffix in _DELIMITERS:
        return _csv(file, delimiter or _DELIMITERS[suffix])
    return read_objects(file)


def checked_delimiter(given: str | None) -> str | None:
    r"""Return what parts the cells of CSV: one character, where "\t" and "tab" are a tab.

    Raises:
        InputError: it is none.
    """
    if given is None:
        return None
    delimiter = "\t" if given in ("\\t", "tab") else given
    visible = delimiter.isprintable() and delimiter != '"'
    if len(delimiter) != 1 or not (visible or delimiter == "\t"):
        raise InputError(
            f"--delimiter {shortened(given)} is not one character that can part cells, such as "
            "';' or tab"
        )
    return delimiter


def _csv(file: Path, delimiter: str) -> Iterator[tuple[Where, Row]]:
    """Yield each row under the header; a row may be several lines long, and blank ones are none."""
    rows = csv.reader(read_lines(file), strict=True, delimiter=delimiter)
    header = _header(rows, file)
    while True:
        where = Where(str(file), rows.line_num + 1)
        cells = _next_row(rows, where)
        if cells is None:
            return
        if len(cells) not in (0, len(header)):
            raise InputError(f"{where} has {len(cells)} cells, the header {len(header)}")
        if cells:
            yield where, dict(zip(header, cells, strict=True))


def _header(rows: Any, file: Path) -> list[str]:
    header: list[str] = []
    while not header:  # blank lines above it
        cells = _next_row(rows, Where(str(file), rows.line_num + 1))
        if cells is None:
            return []
        header = [name.strip() for name in cells]
    where = Where(str(file), rows.line_num)
    if len(set(header)) < len(header):
        raise InputError(f"{where}: two columns have the same name: {shortened(header)}")
    if len(header) == 1:
        for other in (";", "\t", "|", ","):
            if other in header[0]:
                shown = "tab" if other == "\t" else repr(other)
                raise InputError(
                    f"{where} has one column, {shortened(header[0])}: if cells are parted "
                    f"otherwise, say so, for example with --delimiter {shown}"
                )
    return header


def _next_row(rows: Any, where: Where) -> list[str] | None:
    # The limit is the process's own, so it is raised for one row and put back.
    before = csv.field_size_limit(LARGEST_LINE)
    try:
        row: list[str] | None = next(rows, None)
    except csv.Error as error:
        if str(error) == "unexpected end of data":
            raise InputError(
                f"{where} is not valid CSV: a quote that is opened in this row is never closed"
            ) from None
        raise InputError(f"{where} is not valid CSV: {error}") from None
    finally:
        csv.field_size_limit(before)
    return row


def each_parquet_row(
    file: Path,
    *,
    at_a_time: int = _BATCH,
    choose: Callable[[list[str]], list[str] | None] | None = None,
) -> Iterator[tuple[Where, Row | InputError]]:
    """Yield each row of a Parquet file and where it is, or why Python has no value for it.

    `choose` is given the names of the columns and returns those to read, None for all. `at_a_time`
    rows are in memory.

    Raises:
        InputError: the file cannot be read.
        MissingExtraError: without pyarrow.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise MissingExtraError(f"{file}, a Parquet file,", "search") from error
    number = 0
    try:
        # Without a buffer it would read row groups whole, and a file may be one row group.
        with pq.ParquetFile(file, buffer_size=_BUFFER, pre_buffer=False) as opened:
            columns = choose(opened.schema_arrow.names) if choose else None
            for batch in opened.iter_batches(batch_size=at_a_time, columns=columns):
                for row in python_values(batch):
                    number += 1
                    where = Where(str(file), number, "row")
                    if isinstance(row, Exception):
                        yield where, InputError(f"{where} cannot be read: {str(row)[:200]}")
                    else:
                        yield where, _plain(row)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise InputError(f"{file} cannot be read as Parquet: {str(error)[:200]}") from None


def _all_readable(rows: Iterator[tuple[Where, Row | InputError]]) -> Iterator[tuple[Where, Row]]:
    for where, row in rows:
        if isinstance(row, InputError):
            raise row
        yield where, row


def python_values(arrow: Any) -> Iterator[Any]:
    """Yield the rows of an Arrow batch or the values of a column, an error in place of some.

    Python has no value for a date after the year 9999, for example.
    """
    try:
        values: list[Any] = arrow.to_pylist()
    except (ValueError, ArithmeticError) as error:
        if len(arrow) == 1:
            yield error
            return
        for at in range(len(arrow)):
            yield from python_values(arrow.slice(at, 1))
    else:
        yield from values


def _plain(value: Any) -> Any:
    """Return a value with dates and decimals as text, which JSON does not have."""
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal | timedelta) else value
