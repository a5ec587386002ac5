"""Which columns of a row are its id, its title and its text: one rule for every table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from secondpass.checks import described_json, listed, shortened
from secondpass.errors import InputError
from secondpass.scoring.candidates import likely_text

# What people call a title and the text below it.
_PAIRS = (("question", "answer"), ("title", "body"), ("title", "abstract"), ("name", "description"))


class Parts(NamedTuple):
    """A row: `id` is None where it has none, `rest` all fields but the id's and the text's."""

    id: str | None
    text: str
    rest: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Columns:
    """The names of the columns; None for the usual ones.

    `text` is "text" or else "content", `title` is "title" where there is one ("" for no title), and
    `id` the first of `usual_ids` that a row has ("" for no id). As BEIR's rerankers read a corpus,
    the title, a space and the text are one text, without the white space around it.

    Raises:
        InputError: two of them are the same column.
    """

    text: str | None = None
    title: str | None = None
    id: str | None = None
    usual_ids: tuple[str, ...] = ("id", "_id")

    def __post_init__(self) -> None:
        """Check that no column is asked for twice."""
        given = [name for name in (self.text, self.title, self.id) if name]
        if len(set(given)) < len(given):
            raise InputError(
                "--text-column, --title-column and --id-column name one column twice: "
                f"{shortened(given)}"
            )

    def parts(self, row: Mapping[str, Any], where: object) -> Parts:
        """Return a row's id, text and other fields; numbers as ids and titles become text.

        Raises:
            InputError: a column is not there, or holds no text; the message begins with `where`.
        """
        text_name = self._text_name(row, where)
        text = row[text_name]
        if not isinstance(text, str):
            raise InputError(f"{where}: {text_name} is {described_json(text)}, expected a string")
        id_name = self._id_name(row, where)
        title = "" if text_name == "title" else self._title(row, where)
        rest = {name: value for name, value in row.items() if name not in (text_name, id_name)}
        return Parts(
            None if id_name is None else _id(row[id_name], where, id_name),
            f"{title} {text}".strip(),
            rest,
        )

    def _text_name(self, row: Mapping[str, Any], where: object) -> str:
        if self.text is not None:
            return _named(row, self.text, "--text-column", where)
        for name in ("text", "content"):
            if name in row:
                return name
        raise InputError(
            f"{where} has neither 'text' nor 'content', only {listed(row)}; "
            f"name the column of the text: {_advice(row)}"
        )

    def _id_name(self, row: Mapping[str, Any], where: object) -> str | None:
        if self.id == "":
            return None
        if self.id is not None:
            return _named(row, self.id, "--id-column", where)
        return next((name for name in self.usual_ids if name in row), None)

    def _title(self, row: Mapping[str, Any], where: object) -> str:
        if self.title == "":
            return ""
        name = "title" if self.title is None else _named(row, self.title, "--title-column", where)
        title = row.get(name)
        if title is None:
            return ""
        if isinstance(title, bool) or not isinstance(title, str | int | float):
            raise InputError(f"{where}: {name} is {described_json(title)}, expected a string")
        return str(title)


USUAL = Columns()
UNIQUE_IDS = "give every row an id of its own, or let its place be its id with --id-column ''"


def _named(row: Mapping[str, Any], name: str, option: str, where: object) -> str:
    if name not in row:
        raise InputError(
            f"{where} has no {shortened(name)}, which {option} names, only {listed(row)}"
        )
    return name


def _id(value: Any, where: object, name: str) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise InputError(
            f"{where}: {name} is {described_json(value)}, expected a string or an integer"
        )
    if not value:
        raise InputError(f"{where}: {name} is empty; give every row an id, or none of them")
    return value


def _advice(row: Mapping[str, Any]) -> str:
    """Return the options that fit a row's columns."""
    known = {str(name).casefold(): str(name) for name in row}
    for title, text in _PAIRS:
        if title in known and text in known:
            return f"--title-column {known[title]} --text-column {known[text]}"
    return f"--text-column {likely_text(row)}"
