"""Where the rows of a batch come from: a file of rows, or a run with its queries and corpus.

A source is read twice, to plan and to score, and never held: its rows come one by one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

from secondpass.batch.rows import BatchDocument, Fields, Row, bad_row
from secondpass.batch.texts import DiskTexts
from secondpass.checks import shortened
from secondpass.errors import InputError
from secondpass.evaluation.beir_folder import DOCUMENTS, QUERIES, each_text
from secondpass.evaluation.runs import Ranked, read_run_by_query
from secondpass.ingest.columns import Columns
from secondpass.ingest.tables import each_parquet_row, suffix_of
from secondpass.jsonl import Where, each_object

_PARQUET = ".parquet"
_JSON_LINES = (".jsonl", ".ndjson")
# Rows of a Parquet file in memory at a time: each holds a list of texts.
_ROWS = 64


class Source(Protocol):
    """Rows that can be read again."""

    @property
    def names(self) -> Mapping[str, str]:
        """What is read, by what it is called: the files, with whole paths."""
        ...

    def rows(self) -> Iterator[Row]:
        """Yield the rows in order.

        Raises:
            InputError: a file cannot be read at all.
        """
        ...


@dataclass(frozen=True, slots=True)
class RowFile:
    """A JSON Lines or Parquet file whose rows hold a query and a list of documents."""

    file: Path
    fields: Fields

    def __post_init__(self) -> None:
        """Check what the file is by its name."""
        if suffix_of(self.file) not in (_PARQUET, *_JSON_LINES):
            raise InputError(
                f"{self.file} is none of .jsonl, .ndjson and .parquet: a row of a batch holds a "
                "list of documents, which no other table does"
            )
        if not self.file.is_file():
            raise InputError(f"there is no file {self.file}")

    @property
    def names(self) -> Mapping[str, str]:
        """The file."""
        return {"rows": str(self.file.absolute())}

    def rows(self) -> Iterator[Row]:
        """Yield the rows; a line that is not a JSON object is one with an error."""
        return (row for _, row in self.values())

    def values(self) -> Iterator[tuple[Mapping[str, Any], Row]]:
        """Yield each row as it stands in the file, and as it is read.

        Of Parquet it is the columns that are needed.
        """
        for number, (where, value) in enumerate(self._read()):
            # Without the file's path, which may be written otherwise the next time.
            place = f"{where.unit} {where.number}"
            if isinstance(value, InputError):
                message = str(value).removeprefix(f"{where.file} ")
                yield {}, bad_row(number, str(number), message)
            else:
                yield value, self.fields.row(value, number, place)

    def _read(self) -> Iterator[tuple[Where, dict[str, Any] | InputError]]:
        if suffix_of(self.file) == _PARQUET:
            return each_parquet_row(self.file, at_a_time=_ROWS, choose=self.fields.columns)
        return each_object(self.file)


@dataclass(frozen=True, slots=True)
class RunRows:
    """A TREC run whose ids are looked up: a row a query, its documents in the run's order."""

    run: Path
    queries: DiskTexts
    corpus: DiskTexts
    names: Mapping[str, str]
    depth: int | None = None

    def rows(self) -> Iterator[Row]:
        """Yield a row for each query of the run, with its `depth` best documents."""
        for number, (where, query_id, ranked) in enumerate(read_run_by_query(self.run)):
            (query,) = self.queries.get([query_id])
            if query is None or not query.strip():
                why = "is not among the queries" if query is None else "is empty"
                error = f"{where.unit} {where.number}: query {shortened(query_id)} {why}"
                yield bad_row(number, query_id, error)
                continue
            yield Row(number, query_id, query, self._documents(ranked[: self.depth]))

    def _documents(self, ranked: tuple[Ranked, ...]) -> list[BatchDocument]:
        texts = self.corpus.get([one.document_id for one in ranked])
        return [
            BatchDocument(text, one.document_id, one.score)
            if text is not None
            else BatchDocument(
                id=one.document_id,
                score=one.score,
                error=f"document {shortened(one.document_id)} is not in the corpus",
            )
            for one, text in zip(ranked, texts, strict=True)
        ]


@contextmanager
def open_run(
    run: Path,
    queries: Path,
    corpus: Path,
    *,
    depth: int | None = None,
    columns: Columns = DOCUMENTS,
    delimiter: str | None = None,
) -> Iterator[RunRows]:
    """Give a run as rows; queries and corpus lie in a temporary folder meanwhile.

    Args:
        run: a TREC run, the lines of a query together.
        queries: JSON Lines, CSV, TSV or Parquet with ids and texts.
        corpus: as `queries`.
        depth: how many documents of a query are scored, the best of the run; None for all.
        columns: which columns of `corpus` are id, title and text.
        delimiter: what parts the cells of CSV.

    Raises:
        InputError: a file cannot be read, or a row of queries or corpus has no id or no text, or an
            id that came before.
    """
    names = {"queries": queries, "run": run, "corpus": corpus}
    for name, file in names.items():
        if not file.is_file():
            raise InputError(f"there is no file {file}, which --{name} names")
    with (
        TemporaryDirectory(prefix="secondpass-") as folder,
        closing(DiskTexts(Path(folder) / "q", each_text(queries, QUERIES, delimiter))) as asked,
        closing(DiskTexts(Path(folder) / "c", each_text(corpus, columns, delimiter))) as texts,
    ):
        whole = {name: str(file.absolute()) for name, file in names.items()}
        yield RunRows(run, asked, texts, whole, depth)
