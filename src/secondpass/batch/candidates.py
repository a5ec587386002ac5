"""The candidates of many queries, as a first stage left them in a file."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from secondpass.batch.rows import Fields, Row
from secondpass.batch.sources import RowFile, open_run
from secondpass.checks import called, integer, kind_of, path
from secondpass.errors import InputError
from secondpass.evaluation.beir_folder import DOCUMENTS

_FIELD = "the name of a field"
PathLike = str | os.PathLike[str]


@dataclass(frozen=True, slots=True)
class QueryCandidates:
    """A query and its candidates, as `CrossEncoderReranker.rerank` takes them.

    `id` is the query's, or the row's number where it has none.
    """

    id: str
    query: str
    candidates: list[dict[str, Any]]


class Candidates:
    """Queries with their candidates, read one by one from a file; each iteration reads it anew.

    A row that is not whole ends the reading with an error that names it; `secondpass batch` goes on
    and keeps the error.
    """

    def __init__(self, rows: Callable[[], Iterator[QueryCandidates]]) -> None:
        called("rows", rows, "a function that gives the rows; for a file use Candidates.from_file")
        self._rows = rows

    def __iter__(self) -> Iterator[QueryCandidates]:
        return self._rows()

    @classmethod
    def from_file(
        cls,
        file: PathLike,
        *,
        query_field: str = "query",
        documents_field: str | None = None,
        id_field: str | None = None,
        text_field: str | None = None,
    ) -> Candidates:
        """Read JSON Lines or Parquet, a query and the list of its candidates a row.

        Args:
            file: its name ends in .jsonl, .ndjson or .parquet, or one of these and .gz.
            query_field: the field of the query.
            documents_field: the field of the list, by default "documents", "candidates", "passages"
                or "texts". A candidate is a string, or an object with "text", else "content",
                whose other fields are kept.
            id_field: the field of the id, by default "id", "_id" or "query_id".
            text_field: the field of a candidate's text.

        Raises:
            InputError: there is no such file, or it is of another kind; while iterating, a row is
                not whole.
            MissingExtraError: a Parquet file without pyarrow.
        """
        kind_of("query_field", query_field, str, _FIELD)
        named = {"documents": documents_field, "id": id_field, "text": text_field}
        for what, given in named.items():
            kind_of(f"{what}_field", given, str | None, _FIELD)
        fields = Fields(query_field, documents_field, id_field, text_field)
        source = RowFile(_file("file", file), fields)

        def rows() -> Iterator[QueryCandidates]:
            for value, row in source.values():
                _check(row, source.file)
                given = fields.documents_of(value)
                yield QueryCandidates(
                    row.id,
                    row.query,
                    [{"text": one} if isinstance(one, str) else dict(one) for one in given],
                )

        return cls(rows)

    @classmethod
    def from_run(
        cls,
        run: PathLike,
        queries: PathLike,
        corpus: PathLike,
        *,
        depth: int | None = None,
        text_field: str | None = None,
        title_field: str | None = None,
    ) -> Candidates:
        """Read a TREC run; the texts of its ids are in two other files.

        A candidate has "id", "text" and "score", the run's, best first. Queries and corpus lie in a
        temporary file while they are read.

        Args:
            run: query id, Q0, document id, rank, score and tag a line, those of a query together.
            queries: JSON Lines, CSV, TSV or Parquet with ids ("_id", else "id") and texts.
            corpus: as `queries`, with titles perhaps, which are read before the texts.
            depth: the best of a query's documents; None for all.
            text_field: the field of the corpus's texts.
            title_field: the field of its titles.

        Raises:
            InputError: while iterating: a file is not there or not whole, or the run has an id that
                the others have not.
        """
        kind_of("text_field", text_field, str | None, _FIELD)
        kind_of("title_field", title_field, str | None, _FIELD)
        columns = replace(DOCUMENTS, text=text_field, title=title_field)
        files = _file("run", run), _file("queries", queries), _file("corpus", corpus)
        if depth is not None:
            integer("depth", depth)

        def rows() -> Iterator[QueryCandidates]:
            with open_run(*files, depth=depth, columns=columns) as source:
                for row in source.rows():
                    _check(row, files[0])
                    candidates = [
                        {"id": one.id, "text": one.text, "score": one.score}
                        for one in row.documents
                    ]
                    yield QueryCandidates(row.id, row.query, candidates)

        return cls(rows)


def _file(name: str, given: PathLike) -> Path:
    return Path(path(name, given, "a file"))


def _check(row: Row, file: Path) -> None:
    if row.error is not None:
        raise InputError(f"{file} {row.error}")
    for one in row.documents:
        if one.error is not None:
            raise InputError(f"{file} row {row.number + 1}: {one.error}")
