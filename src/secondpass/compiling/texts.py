"""The text that calibrates, and the text that compares: never the same."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from secondpass.checks import listed, shortened
from secondpass.errors import InputError
from secondpass.graph.quantize import CALIBRATION_FILE
from secondpass.jsonl import Where, read_objects
from secondpass.models.digest import file_sha256

# Of this many rows in a row the last is held out.
_EVERY = 5
# Fewer would leave no top 10 to compare.
LEAST_ROWS = 60
MOST_ROWS = 400
# What is compared: each of these queries ranks all of these texts.
MOST_QUERIES, MOST_TEXTS = 20, 50

# The second is that of the examples of `secondpass train`.
TEXT_FIELDS = ("text", "positive")

Row = dict[str, str]


@dataclass(frozen=True, slots=True)
class Texts:
    """The rows that calibrate, and the queries and texts that compare."""

    source: str
    sha256: str
    calibration: tuple[Row, ...]
    queries: tuple[str, ...]
    texts: tuple[str, ...]


def read_texts(file: Path | None) -> Texts:
    """Read a file of JSON Lines with `query` and `text` or `positive`, or the one that ships.

    Every fifth row is held out from the calibration and compares fp32 with int8, less what is also
    among the rest. Of a file of more than `MOST_ROWS` rows, evenly spaced ones are taken.

    Raises:
        InputError: no such file, a line that is not such a row, or too few rows.
    """
    chosen = CALIBRATION_FILE if file is None else file
    rows = _spaced(_distinct(_row(*found) for found in read_objects(chosen)), MOST_ROWS)
    if len(rows) < LEAST_ROWS:
        raise InputError(
            f"{chosen} has {len(rows)} different rows, at least {LEAST_ROWS} are needed: a fifth "
            "of them is held out to compare with; leave --calibrate out for the text that ships"
        )
    held_out = rows[_EVERY - 1 :: _EVERY]
    calibration = [row for at, row in enumerate(rows) if at % _EVERY != _EVERY - 1]
    return Texts(
        source="the text that ships" if file is None else str(file),
        sha256=file_sha256(chosen),
        calibration=tuple(calibration),
        queries=_unseen(held_out, calibration, "query")[:MOST_QUERIES],
        texts=_unseen(held_out, calibration, "text")[:MOST_TEXTS],
    )


def _row(where: Where, value: dict[str, Any]) -> Row:
    text = next((name for name in TEXT_FIELDS if name in value), None)
    if text is None:
        raise InputError(
            f"{where} has neither 'text' nor 'positive', only {listed(value)}; a row is a 'query' "
            "and a 'text', or an example of secondpass train"
        )
    for field in ("query", text):
        if not isinstance(value.get(field), str) or not value[field].strip():
            raise InputError(
                f"{where}: {field!r} is {shortened(value.get(field))}, expected some text"
            )
    return {"query": value["query"], "text": value[text]}


def _distinct(rows: Iterable[Row]) -> list[Row]:
    return list({(row["query"], row["text"]): row for row in rows}.values())


def _spaced(rows: list[Row], most: int) -> list[Row]:
    """Return at most that many rows, from the whole length of the file."""
    count = min(len(rows), most)
    return [rows[at * len(rows) // count] for at in range(count)]


def _unseen(held_out: Sequence[Row], calibration: Sequence[Row], field: str) -> tuple[str, ...]:
    seen = {row[field] for row in calibration}
    return tuple(dict.fromkeys(row[field] for row in held_out if row[field] not in seen))
