"""A query that is itself a document of the corpus, as in ArguAna, must not be answered with it."""

from __future__ import annotations

from secondpass.evaluation.collection import Collection
from secondpass.evaluation.runs import Ranked, Run


def without_self_matches(run: Run, collection: Collection) -> tuple[Run, int]:
    """Return the run without each query's own document, and how many were dropped.

    The id alone does not tell: in Cranfield query 1 and document 1 have nothing to do with each
    other. So a document is a query's own if it has its id and holds its text. One that is judged
    for the query is an answer, as in a FAQ whose questions have the numbers of their answers. BEIR
    drops by id alone (`ignore_identical_ids`), which is the same for ArguAna, where a query is a
    document of the corpus and is never judged for itself.
    """
    kept: dict[str, tuple[Ranked, ...]] = {}
    dropped = 0
    for query_id, ranked in run.items():
        kept[query_id] = ranked
        if query_id not in collection.qrels.get(query_id, ()) and _is_document(
            query_id, collection
        ):
            kept[query_id] = tuple(
                document for document in ranked if document.document_id != query_id
            )
            dropped += len(ranked) - len(kept[query_id])
    return kept, dropped


def _is_document(query_id: str, collection: Collection) -> bool:
    query = " ".join(collection.queries.get(query_id, "").split())
    document = " ".join(collection.documents.get(query_id, "").split())
    return bool(query) and query in document
