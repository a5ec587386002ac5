"""JSON Lines of (query, positive, negatives, title, source) to a training set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from secondpass.errors import InputError
from secondpass.jsonl import Where, read_objects
from secondpass.models.digest import file_sha256
from secondpass.training.examples import Example, TrainingSet
from secondpass.training.licence import find_licence

FIELDS = ("query", "positive", "negatives", "title", "source")


@dataclass(slots=True)
class _Row:
    """One line, checked."""

    query: str
    positive: str
    negatives: list[str]
    source: str | None


@dataclass(slots=True)
class _Passages:
    """The texts of a file, each once, with the row it is in."""

    rows: dict[str, int] = field(default_factory=dict)

    def row(self, text: str) -> int:
        return self.rows.setdefault(text, len(self.rows))


def read_json_lines(file: Path, licences: Mapping[str, str]) -> TrainingSet:
    """Read a file, gzipped if its name ends in .gz. A line without `source` has the file's name.

    A passage that has a title on one line, as its positive, has it wherever it is a negative too:
    else a title would tell which of two passages is the positive.

    Raises:
        InputError: no such file, no example in it, or a line that is none; the message names it.
    """
    titled: dict[str, str] = {}
    unused: dict[str, None] = {}
    rows = []
    for where, values in read_objects(file):
        unused.update(dict.fromkeys(name for name in values if name not in FIELDS))
        rows.append(_checked(values, where, titled))
    if not rows:
        raise InputError(f"{file} holds no example: give lines with 'query' and 'positive'")
    passages = _Passages()
    examples = tuple(_example(row, passages, titled, _name(file)) for row in rows)
    return TrainingSet(
        name=_name(file),
        path=file,
        sha256=file_sha256(file),
        licence=find_licence(file, licences),
        passages=tuple(passages.rows),
        examples=examples,
        unused_fields=tuple(unused),
    )


def with_title(title: str | None, text: str) -> str:
    """Put the title before the text, as BEIR's rerankers do, unless the text begins with it."""
    if not title or text.casefold().startswith(title.casefold()):
        return text
    return f"{title} {text}"


def _name(file: Path) -> str:
    return file.name.removesuffix(".gz").removesuffix(".jsonl")


def _checked(values: dict[str, Any], where: Where, titled: dict[str, str]) -> _Row:
    title = _text_or_none(values, "title", where)
    positive = _text(values, "positive", where)
    titled.setdefault(positive, with_title(title, positive))
    negatives = values.get("negatives")
    if negatives is None:
        negatives = []
    if not isinstance(negatives, list) or not all(isinstance(one, str) for one in negatives):
        raise InputError(f"{where}: 'negatives' is not a list of strings")
    return _Row(
        query=_text(values, "query", where),
        positive=with_title(title, positive),
        negatives=[one.strip() for one in negatives if one.strip()],
        source=_text_or_none(values, "source", where),
    )


def _text(values: dict[str, Any], name: str, where: Where) -> str:
    if name not in values:
        raise InputError(
            f"{where} has no {name!r}; its fields are {', '.join(values)[:80] or 'none'}"
        )
    value = values[name]
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"{where}: {name!r} is {value!r:.60}, expected a text that is not empty")
    return value.strip()


def _text_or_none(values: dict[str, Any], name: str, where: Where) -> str | None:
    value = values.get(name)
    if value is not None and not isinstance(value, str):
        raise InputError(f"{where}: {name!r} is {value!r:.60}, expected a text")
    return (value or "").strip() or None


def _example(row: _Row, passages: _Passages, titled: Mapping[str, str], name: str) -> Example:
    positive = passages.row(row.positive)
    given = (passages.row(titled.get(text, text)) for text in row.negatives)
    return Example(
        query=row.query,
        positive=positive,
        given=tuple(one for one in dict.fromkeys(given) if one != positive),
        source=row.source or name,
    )
