"""A query that is itself a document of the corpus, as in ArguAna, must not be answered with it."""

from __future__ import annotations

from secondpass.evaluation.collection import Collection
from secondpass.evaluation.runs import Ranked, Run


def without_self_matches(run: Run, collection: Collection) -> tuple[Run, int]:
    """Return the run without each query's own document, and how many were dropped.

    The id alone does not tell: in Cranfield query 1 and document 1 have nothing to do with each
    other. So a document is a query's own if it has its id and holds its text.
    """
    kept: dict[str, tuple[Ranked, ...]] = {}
    dropped = 0
    for query_id, ranked in run.items():
        kept[query_id] = ranked
        if _is_document(query_id, collection):
            kept[query_id] = tuple(
                document for document in ranked if document.document_id != query_id
            )
            dropped += len(ranked) - len(kept[query_id])
    return kept, dropped


def _is_document(query_id: str, collection: Collection) -> bool:
    query = " ".join(collection.queries.get(query_id, "").split())
    document = " ".join(collection.documents.get(query_id, "").split())
    return bool(query) and query in document
