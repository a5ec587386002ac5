"""A PyTerrier transformer that reranks: results with a text go in, the same reordered come out.

import pyterrier as pt
from secondpass.integrations.pyterrier import SecondpassReranker

pipeline = bm25 % 100 >> pt.text.get_text(dataset) >> SecondpassReranker() % 10
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

from secondpass.checks import described, kind_of, shortened
from secondpass.errors import InputError, MissingExtraError
from secondpass.reranker import CrossEncoderReranker

try:
    import pandas as pd
    import pyterrier as pt
except ImportError as error:
    raise MissingExtraError("secondpass.integrations.pyterrier", "pyterrier") from error

# Rows of the frame, by query.
Rows = Sequence[int]


class SecondpassReranker(pt.Transformer):
    """Scores each document's text beside its query, for all queries in shared batches.

    It takes the columns `qid`, `query`, `docno` and the text's, and gives every column of the
    input, with `score` and `rank` (from 0) in place of what they were: queries in the order of the
    input, a query's documents best first. Equal scores keep the order of the input, which stays as
    it is.

    Args:
        reranker: by default the embedded model.
        text_field: the column of the text.

    Raises:
        InputError: it is not a name, or the reranker is not one.
    """

    def __init__(
        self, reranker: CrossEncoderReranker | None = None, *, text_field: str = "text"
    ) -> None:
        if reranker is not None and not hasattr(reranker, "rank_many"):
            raise InputError(f"reranker is {described(reranker)}, expected a CrossEncoderReranker")
        kind_of("text_field", text_field, str, "the name of a column")
        self.reranker = CrossEncoderReranker() if reranker is None else reranker
        self.text_field = text_field

    def __repr__(self) -> str:
        field = "" if self.text_field == "text" else f", text_field={self.text_field!r}"
        return f"SecondpassReranker({self.reranker!r}{field})"

    def transform(self, inp: pd.DataFrame) -> pd.DataFrame:
        """Return the results reranked.

        Raises:
            pyterrier.validate.InputValidationError: a column is missing.
            InputError: a text or a query is not a string, a query is empty, or a `qid` has two
                queries; the message names the document.
        """
        pt.validate.result_frame(inp, extra_columns=["query", self.text_field])
        queries, texts = inp["query"].tolist(), inp[self.text_field].tolist()
        groups = _by_query(inp["qid"].tolist(), queries)
        _check_texts(inp, texts, self.text_field)
        rankings = self.reranker.rank_many(
            [queries[rows[0]] for rows in groups],
            [[texts[at] for at in rows] for rows in groups],
            top_k=None,
        )
        hits = [
            (rows[hit.index], hit.known_score, rank)
            for rows, ranking in zip(groups, rankings, strict=True)
            for rank, hit in enumerate(ranking, start=pt.model.FIRST_RANK)
        ]
        given = inp.iloc[[at for at, _, _ in hits]].reset_index(drop=True)
        scores = pd.Series([score for _, score, _ in hits], dtype="float64")
        ranks = pd.Series([rank for _, _, rank in hits], dtype="int64")
        return given.assign(score=scores, rank=ranks)


def _by_query(qids: Sequence[Hashable], queries: Sequence[Any]) -> list[Rows]:
    """Return the rows of each query, in the order of the input."""
    groups: dict[Hashable, list[int]] = {}
    for at, qid in enumerate(qids):
        query = queries[at]
        rows = groups.setdefault(qid, [])
        rows.append(at)
        if not isinstance(query, str):
            raise InputError(
                f"qid {shortened(qid)}: 'query' is {shortened(query)}, expected a string"
            )
        if query != queries[rows[0]]:
            raise InputError(
                f"qid {shortened(qid)} has two queries, {shortened(queries[rows[0]])} and "
                f"{shortened(query)}: give each a qid of its own"
            )
    return list(groups.values())


def _check_texts(inp: pd.DataFrame, texts: Sequence[Any], field: str) -> None:
    """Raise an InputError that names the first document without a text."""
    for at, text in enumerate(texts):
        if not isinstance(text, str):
            row = inp.iloc[at]
            raise InputError(
                f"document {shortened(row['docno'])} of qid {shortened(row['qid'])}: "
                f"{field!r} is {shortened(text)}, expected a string; pt.text.get_text adds texts"
            )
