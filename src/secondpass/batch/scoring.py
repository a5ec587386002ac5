"""Rows beside a reranker: the same ranking that a call of the library gives for each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from secondpass.batch.results import Ranked
from secondpass.batch.rows import BatchDocument, Row
from secondpass.environment.machine import processor_name_and_flags
from secondpass.errors import InputError
from secondpass.options.call import RankOptions
from secondpass.reranker import CrossEncoderReranker


def rank_rows(
    reranker: CrossEncoderReranker, rows: Sequence[Row], options: RankOptions
) -> Iterator[Ranked]:
    """Yield each row's ranking, in the order of the rows.

    A row is one call of the reranker, so its scores do not depend on the rows beside it. As many
    are under way as the engine computes batches at a time, those with the longest texts first.
    """
    streams = reranker.model.engine.policy.streams
    order = sorted(range(len(rows)), key=lambda at: -_characters(rows[at]))
    # One more than streams: its texts are tokenized while the others are computed.
    with ThreadPoolExecutor(max_workers=streams + 1) as pool:
        started = {at: pool.submit(rank_row, reranker, rows[at], options) for at in order}
        try:
            for at in range(len(rows)):
                yield started.pop(at).result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def rank_row(reranker: CrossEncoderReranker, row: Row, options: RankOptions) -> Ranked:
    """Return one row's ranking; what is wrong with the row is its error."""
    if row.error is not None:
        return Ranked(row, (), row.error)
    candidates = [_candidate(document) for document in row.documents]
    try:
        return Ranked(row, reranker.rank_candidates(row.query, candidates, options).hits, None)
    except InputError as error:
        return Ranked(row, (), str(error))


def computed_by(reranker: CrossEncoderReranker) -> str:
    """Return what scores: precision, arithmetic, engine and processor, for the results."""
    info = reranker.info
    return f"{info.precision} in {info.arithmetic}, {info.engine}, {processor_name_and_flags()}"


def _candidate(document: BatchDocument) -> Any:
    """Return a document as a candidate; one with an error has no text, so that it is skipped."""
    if document.error is not None:
        return {}
    return {"text": document.text, "score": document.score}


def _characters(row: Row) -> int:
    return sum(len(document.text) for document in row.documents)
