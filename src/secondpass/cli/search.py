"""secondpass search QUERY --index DIR."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import click

from secondpass.checks import counted
from secondpass.cli import output
from secondpass.cli.extras import require_extra
from secondpass.cli.options import (
    Query,
    all_reranker_options,
    embedder_option,
    json_option,
    mode_option,
    options_of,
    pair_fuse_option,
)
from secondpass.cli.passages import hit_snippet, show_with_passages
from secondpass.options.call import RankOptions
from secondpass.options.mode import Mode
from secondpass.types import RetrievedDocument, SearchHit, SearchResult, SearchTimings

if TYPE_CHECKING:
    from secondpass.retrieval.stores.filters import ColumnType

# What a hybrid first stage says of a document.
_PARTS = ("similarity", "bm25")


@click.command("search")
@click.argument("query", type=Query())
@click.option(
    "--index",
    "folder",
    required=True,
    metavar="DIR",
    help="The index to search: a folder, or postgresql://...",
)
@click.option(
    "--depth",
    type=click.IntRange(min=1),
    default=100,
    show_default=True,
    help="How many documents are retrieved and reranked.",
)
@mode_option
@click.option(
    "--where",
    metavar="CONDITION",
    help="Search only documents of which it is true, such as \"year >= 2020 AND lang = 'en'\"; "
    "the columns are those of `secondpass index --column`.",
)
@options_of(RankOptions, "top_k", "min_score")
@pair_fuse_option
@options_of(RankOptions, "fuse_weight", "budget_ms", "long_query")
@embedder_option
@all_reranker_options
@json_option
def command(
    query: str,
    folder: str,
    depth: int,
    mode: Mode | None,
    where: str | None,
    embedder: str,
    as_json: bool,
    **given: Any,
) -> None:
    """Retrieve the DEPTH best documents for QUERY, rerank them, print the best.

    To a terminal it prints of each document the passage with most of the query's words, and marks
    them; NO_COLOR=1 leaves the marks out.

    --budget-ms is for both stages; loading the models is not part of it. --fuse-weight alone means
    --fuse weighted; without both, the embedded models rank by both stages, with weight 0.5, or 2
    if the query has over 300 characters.
    """
    require_extra("search", "search")
    from secondpass.cli.loading import load_reranker, open_index, split_options
    from secondpass.pipeline import SearchPipeline

    asked = given["fuse"] is not None
    given["fuse"] = given["fuse"] or ("none" if given["fuse_weight"] is None else "weighted")
    options, model_options = split_options(given)
    index = open_index(folder, embedder, model_options["threads"])
    reranker = load_reranker(**model_options)
    if options.budget_ms is not None:
        reranker.calibrate()
    pipeline = SearchPipeline(
        index,
        reranker,
        depth,
        fuse=options.fuse if asked else None,
        fuse_weight=options.fuse_weight,
        mode=mode,
    )
    more: dict[str, Any] = {} if where is None else {"where": where}
    if options.long_query != "error":
        more["long_query"] = options.long_query
    result = pipeline.search(
        query,
        options.top_k,
        min_score=options.min_score,
        budget_ms=options.budget_ms,
        **more,
    )
    # None where states are of no concern.
    from_states = None
    if index.states is not None or model_options["effort"] == "instant":
        from_states = result.timings.rerank.from_states
    if output.for_a_person(as_json):
        print_result(result, query, from_states)
    else:
        marked = options.budget_ms is not None
        rows = result_rows(result, query, marked=marked, columns=index.columns)
        output.print_json_lines(rows)
        _say_from_states(from_states, result.timings.rerank.candidates)
    timings = result.timings.rerank
    if not timings.candidates:
        output.say(_nothing_found(mode, where))
    if from_states is not None and index.states is None and timings.candidates:
        output.say(
            "note: the index keeps no states, so --effort instant encoded every text: "
            "secondpass index --states int8 makes it keep them"
        )
    output.say_cut_query(timings.query_dropped_tokens)
    read = {**model_options, "max_length": reranker.info.max_length}
    output.warn_truncated(timings, read)
    output.say_dropped(timings.dropped, timings.candidates, options.min_score)
    output.say_unscored(timings.reranked, timings.candidates, options.budget_ms)


def _nothing_found(mode: Mode | None, where: str | None) -> str:
    """Return why a search gave the reranker nothing."""
    words = " has a word of the query" if mode == "bm25" else ""
    among = "" if where is None else " of which --where is true"
    return f"note: no document{among}{words or ' was found'}"


def _say_from_states(count: int | None, candidates: int) -> None:
    if count is not None:
        output.say(f"note: {count} of {counted(candidates, 'candidate')} scored from states")


def print_result(result: SearchResult, query: str, from_states: int | None = None) -> None:
    """Print ranks, scores, documents with their passages, and the milliseconds of each stage.

    `from_states` counts those that were scored from states, None where these are no concern.
    """
    if result.hits:
        _show_hits(result, query)
    timings = result.timings
    stages = timings.rerank
    output.show(
        f"retrieve {timings.retrieve_ms:.0f} ms{_halves(timings)}; "
        f"rerank {counted(stages.candidates, 'candidate')}{output.from_cache(stages.cached)}"
        f"{_from_states(from_states)} "
        f"{stages.total_ms:.0f} ms "
        f"(tokenize {stages.tokenize_ms:.0f}, batch {stages.batch_ms:.0f}, "
        f"infer {stages.infer_ms:.0f}, rank {stages.rank_ms:.0f}); total {timings.total_ms:.0f} ms"
    )


def _show_hits(result: SearchResult, query: str) -> None:
    from secondpass.retrieval.chunk_places import chunk_place

    fused = any(hit.hit.fused is not None for hit in result)
    # One score of the first stage says no more than its rank.
    both = any(hit.document.fused is not None for hit in result)
    parts = _PARTS if both else ()
    show_with_passages(
        ("rank", "was", *parts, *(["fused"] if fused else []), "score", "document"),
        [
            (
                hit.rank,
                hit.first_rank,
                *(getattr(hit.document, part) for part in parts),
                *([hit.hit.fused if hit.hit.reranked else "-"] if fused else []),
                output.score(hit.hit),
                hit.document.id,
            )
            for hit in result
        ],
        [hit_snippet(query, hit.hit, named=hit.document.id) for hit in result],
        [chunk_place(hit.document.metadata) for hit in result],
    )


def _first_scores(document: RetrievedDocument) -> dict[str, float]:
    """Return the scores that the first stage gave, by name."""
    scores = {
        "similarity": document.similarity,
        "bm25": document.bm25,
        "first_stage_score": document.fused,
    }
    return {name: score for name, score in scores.items() if score is not None}


def _passage(query: str, hit: SearchHit) -> dict[str, Any]:
    shown = hit_snippet(query, hit.hit)
    return {"snippet": shown.text, "marks": [list(mark) for mark in shown.marks]}


def _from_states(count: int | None) -> str:
    return "" if count is None else f" ({count} from states)"


def _halves(timings: SearchTimings) -> str:
    if timings.embed_ms is None or timings.search_ms is None:
        return ""
    return f" (embed {timings.embed_ms:.0f}, search {timings.search_ms:.0f})"


def result_rows(
    result: Iterable[SearchHit],
    query: str,
    *,
    marked: bool = False,
    columns: Mapping[str, ColumnType] | None = None,
) -> list[dict[str, Any]]:
    """Return the hits as rows for JSON; `marked` says of each whether it was scored.

    A field of the metadata that is a declared column has its type, also where its file had text.
    """
    from secondpass.retrieval.columns import values_of
    from secondpass.scoring.candidates import score_fields, text_fields

    def metadata(document: RetrievedDocument) -> dict[str, Any]:
        there = {name: one for name, one in (columns or {}).items() if name in document.metadata}
        typed = {**document.metadata, **values_of(document.metadata, there, document.id)}
        return {"metadata": typed} if typed else {}

    return [
        {
            "id": hit.document.id,
            "text": hit.document.text,
            **metadata(hit.document),
            **_first_scores(hit.document),
            **_passage(query, hit),
            "first_rank": hit.first_rank,
            "rank": hit.rank,
            **score_fields(hit.hit, marked=marked),
            **text_fields(hit.hit),
        }
        for hit in result
    ]
