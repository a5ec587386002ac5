"""What a batch scores: rows of a query and its documents, each checked where it is read.

A row that cannot be scored is a row with an error, and so is a document: nothing ends the reading.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from secondpass.checks import described_json, listed, shortened
from secondpass.errors import CandidateAt, Either, InputError
from secondpass.scoring.candidates import candidate_text, checked_query, checked_text
from secondpass.scoring.first_stage_scores import candidate_score

_DOCUMENTS = ("documents", "candidates", "passages", "texts")
_ROW_IDS = ("id", "_id", "query_id")
_DOCUMENT_IDS = ("id", "_id", "document_id")


class BatchDocument(msgspec.Struct, frozen=True, array_like=True):
    """A text, with its id and the first stage's score where it has them; or why there is none."""

    text: str = ""
    id: str | None = None
    score: float | None = None
    error: str | None = None


class Row(msgspec.Struct, frozen=True, array_like=True):
    """A query and its documents; `number` is its place in the input, from 0.

    `id` is the number where the input has no other. With an `error` there are no documents.
    """

    number: int
    id: str
    query: str
    documents: Sequence[BatchDocument]
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Fields:
    """The names of the fields of a row and of its documents; None for the usual ones.

    The score is that of the first stage: it is read with `scored`, and a document needs one then.
    """

    query: str = "query"
    documents: str | None = None
    id: str | None = None
    text: str | None = None
    score: str = "score"
    scored: bool = False

    def row(self, value: Mapping[str, Any], number: int, where: str) -> Row:
        """Return the row that a mapping is; messages begin with `where`."""
        id_ = str(number)
        try:
            id_ = self._row_id(value, where) or id_
            return Row(number, id_, self._query(value, where), self._documents(value, where))
        except InputError as error:
            return bad_row(number, id_, said(error))

    def columns(self, names: Sequence[str]) -> list[str] | None:
        """Return which of a table's columns a row is read from; None, for all, where one lacks."""
        documents = _first(self._documents_names, names)
        id_ = _first(_ROW_IDS, names) if self.id is None else self.id
        wanted = [self.query, documents, *([id_] if id_ else [])]
        return [one for one in wanted if one] if {*wanted} <= {*names} else None

    @property
    def _documents_names(self) -> Sequence[str]:
        return _DOCUMENTS if self.documents is None else (self.documents,)

    def _row_id(self, value: Mapping[str, Any], where: str) -> str | None:
        name = _first(_ROW_IDS, value) if self.id is None else self.id
        if not name:
            return None
        if name not in value:
            raise InputError(f"{where} has no {shortened(name)}, only {listed(value)}")
        return _id(value[name], f"{where}: {name}")

    def _query(self, value: Mapping[str, Any], where: str) -> str:
        if self.query not in value:
            raise InputError(f"{where} has no {shortened(self.query)}, only {listed(value)}")
        return checked_query(value[self.query], f"{where}: {self.query}")

    def documents_of(self, value: Mapping[str, Any], where: str = "row") -> list[Any]:
        """Return the list of documents in a mapping, as they are there.

        Raises:
            InputError: there is none; the message begins with `where`.
        """
        name = _first(self._documents_names, value)
        if name is None:
            wanted = " or ".join(map(shortened, self._documents_names))
            raise InputError(f"{where} has no {wanted}, only {listed(value)}")
        given = value[name]
        if not isinstance(given, list):
            raise InputError(f"{where}: {name} is {described_json(given)}, expected a list")
        return given

    def _documents(self, value: Mapping[str, Any], where: str) -> list[BatchDocument]:
        return [self._document(one, at) for at, one in enumerate(self.documents_of(value, where))]

    def _document(self, value: Any, at: int) -> BatchDocument:
        id_ = None
        try:
            if isinstance(value, str) and not self.scored:
                return BatchDocument(checked_text(value, f"document {at}"))
            if not isinstance(value, dict):
                wanted = "an object" if self.scored else "a string, or an object with 'text'"
                raise InputError(f"document {at} is {described_json(value)}, expected {wanted}")
            name = _first(_DOCUMENT_IDS, value)
            id_ = None if name is None else _id(value[name], f"document {at}: {name}")
            text = candidate_text(value, at, self.text)
            score = candidate_score(value, at, self.score) if self.scored else None
            return BatchDocument(text, id_, score)
        except InputError as error:
            return BatchDocument(id=id_, error=said(error))


def bad_row(number: int, id_: str, error: str) -> Row:
    """Return a row that cannot be scored."""
    return Row(number, id_, "", (), error)


def _first(names: Iterable[str], there: Container[str]) -> str | None:
    return next((one for one in names if one in there), None)


def said(error: InputError) -> str:
    """Return a message that calls a value as JSON does, and a candidate a document."""
    return "".join(map(_part, error.args))


def _part(part: Any) -> str:
    if isinstance(part, CandidateAt):
        return f"document {part.position}{part.part}"
    # What only the command says is about its options, and a row may come from elsewhere.
    return part.command if isinstance(part, Either) and part.python else str(part)


def _id(value: Any, where: str) -> str | None:
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return None if value is None else str(value)
    if not isinstance(value, str):
        raise InputError(f"{where} is {described_json(value)}, expected a string or an integer")
    return checked_text(value, where)
