"""Ray datasets: their rows reranked, or their pairs scored, by a pool of actors."""

from __future__ import annotations

import os
from functools import partial
from typing import Any

from secondpass.batch.callables import ERROR_COLUMN, SCORE_COLUMN, RerankRows, ScorePairs
from secondpass.batch.on_ray import actor_pool, require_ray
from secondpass.checks import integer
from secondpass.options.call import RankOptions
from secondpass.options.model import RerankerOptions

# Rows of a block of lists, and pairs of a block of pairs, that an actor is given at a time.
ROWS_AT_A_TIME = 64
PAIRS_AT_A_TIME = 4096


def rerank_dataset(
    dataset: Any,
    *,
    query: str = "query",
    documents: str = "documents",
    text: str | None = None,
    ranking: RankOptions | None = None,
    cpus: int | None = None,
    actors: int | None = None,
    batch_size: int = ROWS_AT_A_TIME,
    **options: Any,
) -> Any:
    """Return a Ray dataset with the ranking of each row's documents, and an error column.

    It is lazy, as every `ray.data.Dataset`. The columns are those of `RerankRows`.

    Args:
        dataset: rows of a query and a list of documents.
        query: the column of the query.
        documents: the column of the lists, of strings or of structs with `text`.
        text: the field of a struct that is the text, by default `text`, else `content`.
        ranking: what is kept of each row, and in which order; all documents by default.
        cpus: processors of an actor, which are its reranker's threads; by default those of the
            smallest node, at most 4.
        actors: how many there are, by default as many as the cluster has processors for.
        batch_size: rows an actor is given at a time.
        options: those of `CrossEncoderReranker`.

    Raises:
        InputError: an option is not usable.
        MissingExtraError: without Ray.
    """
    of_actor = {"query": query, "documents": documents, "text": text, "ranking": ranking}
    return _mapped(dataset, RerankRows, of_actor, options, cpus, actors, batch_size)


def score_pairs(
    dataset: Any,
    *,
    query: str = "query",
    text: str = "text",
    top_k: int | None = None,
    cpus: int | None = None,
    actors: int | None = None,
    batch_size: int = PAIRS_AT_A_TIME,
    **options: Any,
) -> Any:
    """Return a Ray dataset with the score of each row, a query and a text, and an error column.

    It is lazy. Where pairs of a query are in several blocks they are scored in several; `top_k`
    sees all of them.

    Args:
        dataset: rows of a query and a text.
        query: the column of the query.
        text: the column of the text.
        top_k: keep the best of each query, best first, equal ones by their texts; rows with an
            error are all kept. None keeps all rows.
        cpus: as `rerank_dataset`.
        actors: as `rerank_dataset`.
        batch_size: pairs an actor is given at a time.
        options: those of `CrossEncoderReranker`.

    Raises:
        InputError, MissingExtraError: as `rerank_dataset`.
    """
    if top_k is not None:
        integer("top_k", top_k)
    of_actor = {"query": query, "text": text}
    scored = _mapped(dataset, ScorePairs, of_actor, options, cpus, actors, batch_size)
    if top_k is None:
        return scored
    best = partial(best_of_query, text=text, top_k=top_k)
    return scored.groupby(query).map_groups(best, batch_format="pyarrow")


def best_of_query(pairs: Any, *, text: str, top_k: int) -> Any:
    """Return the best rows of a query's Arrow table, and those with an error behind them."""
    import pyarrow as pa
    import pyarrow.compute as pc

    failed = pc.is_valid(pairs.column(ERROR_COLUMN))
    order = [(SCORE_COLUMN, "descending"), (text, "ascending")]
    best = pairs.filter(pc.invert(failed)).sort_by(order).slice(0, top_k)
    return pa.concat_tables([best, pairs.filter(failed)])


def _mapped(
    dataset: Any,
    callable_class: type,
    of_actor: dict[str, Any],
    options: dict[str, Any],
    cpus: int | None,
    actors: int | None,
    batch_size: int,
) -> Any:
    require_ray()
    # Read by Ray when it starts a node.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # A wrong option is an error here and not in an actor.
    RerankerOptions.from_dict(options)
    threads, pool = actor_pool(cpus, actors)
    return dataset.map_batches(
        callable_class,
        fn_constructor_kwargs={**of_actor, **options, "threads": threads},
        batch_size=integer("batch_size", batch_size),
        batch_format="pyarrow",
        **pool,
    )
