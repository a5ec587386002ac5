"""Callable classes for the frameworks that map batches: Ray Data, Spark and others like them.

Each loads its reranker once, where it is made, and scores tables. A row that cannot be scored has
an error in place of its score.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from secondpass.batch.results import RANKING
from secondpass.batch.rows import Fields, Row, bad_row, said
from secondpass.batch.scoring import rank_rows
from secondpass.checks import described
from secondpass.errors import InputError
from secondpass.ingest.tables import python_values
from secondpass.options.call import RankOptions
from secondpass.options.model import RerankerOptions
from secondpass.reranker import CrossEncoderReranker
from secondpass.scoring.candidates import checked_query, checked_text

RANKING_COLUMN, SCORE_COLUMN, ERROR_COLUMN = "ranking", "score", "error"


class RerankRows:
    """Adds to each row of a table, a query and a list of documents, their ranking.

    Called with an Arrow table it returns the table with the columns `ranking`, a list of documents
    best first with their `index`, `id`, `score` and more, and `error`, in place of columns of these
    names.

    Args:
        query: the column of the query.
        documents: the column of the lists, of strings or of structs with `text`.
        text: the field of a struct that is the text, by default `text`, else `content`.
        ranking: what is kept of each row, and in which order; all documents by default.
        options: those of `CrossEncoderReranker`.

    Raises:
        InputError, ModelError, MissingExtraError: as the reranker.
    """

    def __init__(
        self,
        query: str = "query",
        documents: str = "documents",
        text: str | None = None,
        ranking: RankOptions | None = None,
        **options: Any,
    ) -> None:
        asked = replace(ranking or RankOptions(top_k=None), on_error="skip")
        scored = asked.fusion().rule == "weighted"
        self._fields = Fields(query, documents, text=text, scored=scored)
        self._ranking = asked
        self._reranker = CrossEncoderReranker.from_dict(options)

    def __call__(self, batch: pa.Table) -> pa.Table:
        """Return the table with the rankings.

        Raises:
            InputError: it is not an Arrow table, or has no such columns.
        """
        columns = [self._fields.query, str(self._fields.documents)]
        values = _columns(batch, columns)
        rows = [
            self._row(dict(zip(columns, row, strict=True)), at)
            for at, row in enumerate(zip(*values, strict=True))
        ]
        ranked = list(rank_rows(self._reranker, rows, self._ranking))
        rankings = pa.array([one.ranking() for one in ranked], RANKING)
        errors = pa.array([one.error for one in ranked], pa.string())
        return _with(_with(batch, RANKING_COLUMN, rankings), ERROR_COLUMN, errors)

    def _row(self, value: dict[str, Any], number: int) -> Row:
        try:
            for name in value:
                _check_readable(value[name], f"the row: {name}")
        except InputError as error:
            return bad_row(number, str(number), str(error))
        return self._fields.row(value, number, "the row")


class ScorePairs:
    """Adds to each row of a table, a query and a text, its score.

    Called with an Arrow table it returns the table with the columns `score` (float32) and `error`,
    in place of columns of these names.

    Args:
        query: the column of the query.
        text: the column of the text.
        options: those of `CrossEncoderReranker`.

    Raises:
        InputError, ModelError, MissingExtraError: as the reranker.
    """

    def __init__(self, query: str = "query", text: str = "text", **options: Any) -> None:
        self._columns = query, text
        self._reranker = CrossEncoderReranker.from_dict(options)

    def __call__(self, batch: pa.Table) -> pa.Table:
        """Return the table with the scores.

        Raises:
            InputError: it is not an Arrow table, or has no such columns.
        """
        scores, errors = score_pairs(self._reranker, *_columns(batch, self._columns))
        of_rows = pa.array(scores, pa.float32(), from_pandas=True)
        table = _with(batch, SCORE_COLUMN, of_rows)
        return _with(table, ERROR_COLUMN, pa.array(errors, pa.string()))


def pair_predictor(**options: Any) -> Callable[[], Callable[..., dict[str, NDArray[Any]]]]:
    """Return what Spark's `predict_batch_udf` takes as `make_predict_fn`.

    It predicts from a column of queries and one of texts a struct of `score`, a float that is NaN
    where there is an error, and `error`, a string that is empty where there is a score. A Python
    process of Spark loads one reranker.

    Args:
        options: those of `CrossEncoderReranker`.

    Raises:
        InputError: an option is not usable.
    """
    checked = RerankerOptions.from_dict(options)

    def make() -> Callable[..., dict[str, NDArray[Any]]]:
        reranker = _one_of_process(checked)

        def predict(queries: NDArray[Any], texts: NDArray[Any]) -> dict[str, NDArray[Any]]:
            scores, errors = score_pairs(reranker, list(queries), list(texts))
            found = np.array([error or "" for error in errors], object)
            return {SCORE_COLUMN: scores, ERROR_COLUMN: found}

        return predict

    return make


def score_pairs(
    reranker: CrossEncoderReranker, queries: Sequence[Any], texts: Sequence[Any]
) -> tuple[NDArray[np.float32], list[str | None]]:
    """Return each pair's score, float32 [n] with NaN for one that has an error, and the errors."""
    scores = np.full(len(queries), np.nan, np.float32)
    errors = list[str | None]([None] * len(queries))
    of_query: dict[str, list[int]] = {}
    for at, (query, text) in enumerate(zip(queries, texts, strict=True)):
        try:
            _check_readable(query, "query")
            _check_readable(text, "the text")
            checked_text(text, "the text")
            of_query.setdefault(checked_query(query), []).append(at)
        except InputError as error:
            errors[at] = said(error)
    for query in list(of_query):
        try:
            # It raises where the query leaves no room for a text.
            reranker.model.prepare(query, [])
        except InputError as error:
            for at in of_query.pop(query):
                errors[at] = str(error)
    places = [at for of_one in of_query.values() for at in of_one]
    scores[places] = reranker.score_pairs([(queries[at], texts[at]) for at in places]).scores
    return scores, errors


@cache
def _one_of_process(options: RerankerOptions) -> CrossEncoderReranker:
    return CrossEncoderReranker.from_options(options)


def _columns(batch: Any, names: Sequence[str]) -> list[list[Any]]:
    if not isinstance(batch, pa.Table):
        raise InputError(
            f"the batch is {described(batch)}, expected an Arrow table: map_batches gives one with "
            "batch_format='pyarrow'"
        )
    for name in names:
        if name not in batch.column_names:
            raise InputError(
                f"the batch has no column {name!r}, only {', '.join(batch.column_names)}"
            )
        if batch.column_names.count(name) > 1:
            raise InputError(f"the batch has two columns {name!r}: rename one")
    return [list(python_values(batch.column(name))) for name in names]


def _check_readable(value: Any, what: str) -> None:
    if isinstance(value, Exception):
        raise InputError(f"{what} cannot be read: {str(value)[:200]}")


def _with(table: pa.Table, name: str, values: pa.Array) -> pa.Table:
    """Return the table with a column, in place of one of that name."""
    if name in table.column_names:
        return table.set_column(table.column_names.index(name), name, values)
    return table.append_column(name, values)
