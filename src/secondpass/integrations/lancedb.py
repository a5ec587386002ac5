"""The reranker as a reranker of LanceDB's queries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Unpack

from secondpass.checks import kind_of, listed, shortened
from secondpass.errors import InputError, MissingExtraError
from secondpass.integrations.ranker import Options, Ranker, lists_options, renamed
from secondpass.options.fusion import K
from secondpass.pipeline import SecondPass
from secondpass.types import Hit

try:
    import pyarrow as pa
    import pyarrow.compute as pc
    from lancedb.rerankers import Reranker
except ImportError as error:
    raise MissingExtraError("secondpass.integrations.lancedb", "search") from error

SCORE = "_relevance_score"


@lists_options
class SecondpassReranker(Reranker):
    """Reranks what a LanceDB query found: vector, full-text and hybrid queries.

        from secondpass.integrations.lancedb import SecondpassReranker

        reranker = SecondpassReranker(column="text")
        table.search("read a csv file", query_type="hybrid").rerank(reranker).limit(3).to_list()

    The rows come back best first, with the model's score as `_relevance_score`; null for one that
    was not scored. A query reranks what it found, so `limit` says how many rows are scored; of a
    hybrid query these are the rows of both searches, in the order of their reciprocal ranks.

    LanceDB calls a reranker on the thread that runs the query. With its async queries that is the
    event loop's: run the query without a reranker, and then
    `await asyncio.to_thread(reranker.rerank_vector, query, results)`.

    Args:
        column: the column of the text.
        min_score: rows with a lower score are dropped.
        return_score: "relevance" drops the columns `_distance` and `_score`, "all" keeps them.
        reranker: one that is loaded, in place of the options of a model.

    With fuse="weighted" the first stage's score is `_score` of a full-text query, less `_distance`
    of a vector query, and the sum of the reciprocal ranks of a hybrid one.

    Raises:
        InputError: an option is not usable.
        ModelError: the model is not there, not whole, or cannot rank.
    """

    def __init__(
        self,
        *,
        column: str = "text",
        min_score: float | None = None,
        return_score: Literal["relevance", "all"] = "relevance",
        reranker: SecondPass | None = None,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(return_score)
        self._ranker = Ranker(reranker, options)
        kind_of("column", column, str, "the name of a column")
        self.column = column
        self.min_score = renamed("min_score", "min_score", min_score)
        self._ranker.load()

    def __str__(self) -> str:
        return f"SecondpassReranker(model_name={self._ranker.name!r})"

    @property
    def reranker(self) -> SecondPass:
        """What scores; by default a `CrossEncoderReranker`."""
        return self._ranker.load()

    def rerank_vector(self, query: str, vector_results: pa.Table) -> pa.Table:
        """Return the rows of a vector query, best first."""
        return self._reranked(query, vector_results, _negated(vector_results, "_distance"))

    def rerank_fts(self, query: str, fts_results: pa.Table) -> pa.Table:
        """Return the rows of a full-text query, best first."""
        return self._reranked(query, fts_results, _values(fts_results, "_score"))

    def rerank_hybrid(
        self, query: str, vector_results: pa.Table, fts_results: pa.Table
    ) -> pa.Table:
        """Return the rows of both queries, each once, best first."""
        merged, fused = _merged(vector_results, fts_results)
        return self._reranked(query, merged, fused)

    def _reranked(self, query: Any, rows: pa.Table, first_stage_scores: list[Any]) -> pa.Table:
        hits: Sequence[Hit] = ()
        if len(rows):
            texts = self._texts(rows)
            hits = self._ranker.rank(
                _text_of(query), texts, None, self.min_score, first_stage_scores
            )
        scores = pa.array([hit.score for hit in hits], pa.float32())
        ranked = rows.take(pa.array([hit.index for hit in hits], pa.int64()))
        # An earlier reranker's score is replaced.
        dropped = ("_distance", "_score", SCORE) if self.score == "relevance" else (SCORE,)
        ranked = ranked.drop_columns([name for name in dropped if name in ranked.column_names])
        return ranked.append_column(SCORE, scores)

    def _texts(self, rows: pa.Table) -> list[Any]:
        if self.column not in rows.column_names:
            raise InputError(
                f"column is {shortened(self.column)}, but the rows have only "
                f"{listed(rows.column_names)}: name the column of the text, and select it"
            )
        texts: list[Any] = rows[self.column].to_pylist()
        return texts


def _text_of(query: Any) -> Any:
    """Return the text of a full-text query that is an object of LanceDB's."""
    text = query if isinstance(query, str) else getattr(query, "query", None)
    if not isinstance(text, str):
        raise InputError(
            f"the query is a {type(query).__name__}, which has no one text to rank by: search "
            "without a reranker, then call rerank_fts with the text and the results"
        )
    return text


def _values(rows: pa.Table, column: str) -> list[Any]:
    return rows[column].to_pylist() if column in rows.column_names else [None] * len(rows)


def _negated(rows: pa.Table, column: str) -> list[Any]:
    return [None if value is None else -value for value in _values(rows, column)]


def _merged(vector: pa.Table, fts: pa.Table) -> tuple[pa.Table, list[float]]:
    """Return the rows of both, each once, by the sum of their reciprocal ranks, and the sums.

    A row that both found has the distance and the score of each.

    Raises:
        InputError: the rows have no ids.
    """
    found = [rows for rows in (vector, fts) if len(rows)]
    if not found:
        return vector, []
    sums: dict[int, float] = {}
    for rows in found:
        if "_rowid" not in rows.column_names:
            raise InputError(
                f"the rows have no '_rowid', only {listed(rows.column_names)}: ask for it with "
                "with_row_id(True), so that rows that both searches found are ranked once"
            )
        for rank, row in enumerate(rows["_rowid"].to_pylist(), start=1):
            sums[row] = sums.get(row, 0.0) + 1 / (K + rank)
    best_first = sorted(sums, key=lambda row: -sums[row])
    together = pa.concat_tables(found, promote_options="default")
    ids = pa.array(best_first, together["_rowid"].type)
    merged = together.take(pc.index_in(ids, together["_rowid"]))
    for rows, column in ((vector, "_distance"), (fts, "_score")):
        if column in merged.column_names and len(rows):
            values = rows[column].take(pc.index_in(ids, rows["_rowid"]))
            at = merged.column_names.index(column)
            merged = merged.set_column(at, column, values)
    return merged, [sums[row] for row in best_first]
