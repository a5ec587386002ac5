"""secondpass batch FILE --out DIR, or --queries Q --run RUN --corpus C --out DIR."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

import click

from secondpass.checks import counted
from secondpass.cli import INTERRUPTED, output
from secondpass.cli.extras import require_extra
from secondpass.cli.options import (
    all_reranker_options,
    json_instead_option,
    options_of,
)
from secondpass.cli.ray_options import on_cluster, ray_options, refuse_beside
from secondpass.cli.table_options import (
    delimiter_option,
    optional_id_column_option,
    text_column_option,
)
from secondpass.errors import InputError
from secondpass.options.call import RankOptions
from secondpass.progress import Advance

if TYPE_CHECKING:
    from secondpass.batch.job import Outcome

FAILED = 1
# Between two lines that say how far the work is.
_EVERY_SECONDS = 30.0
_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("batch")
@click.argument("file", required=False, type=_FILE)
@click.option("--queries", type=_FILE, help="With --run and --corpus, in place of FILE.")
@click.option("--run", type=_FILE, help="A TREC run: which documents are scored for each query.")
@click.option("--corpus", type=_FILE, help="The texts of the run's documents.")
@click.option(
    "--depth",
    type=click.IntRange(min=1),
    help="Score the best documents of the run.  [default: all]",
)
@click.option(
    "--out", required=True, metavar="DIR", help="Where the results go: a folder, or fsspec's URL."
)
@click.option(
    "--query-column", metavar="NAME", default="query", show_default=True, help="FILE's queries."
)
@click.option(
    "--documents-column",
    metavar="NAME",
    help="FILE's lists of documents.  [default: documents, candidates, passages or texts]",
)
@text_column_option
@optional_id_column_option
@delimiter_option
@click.option(
    "--first-stage-score",
    metavar="FIELD",
    default="score",
    show_default=True,
    help="The documents' field that --fuse weighted uses.",
)
@click.option(
    "--top-k", type=click.IntRange(min=1), help="How many of a row are written.  [default: all]"
)
@options_of(RankOptions, "min_score", "fuse", "fuse_weight", "long_query")
@all_reranker_options
@click.option(
    "--shard-pairs",
    type=click.IntRange(min=1),
    default=10_000,
    show_default=True,
    help="Pairs of a file of results, which are lost at most where the process dies.",
)
@ray_options("Score")
@json_instead_option
def command(
    file: Path | None,
    queries: Path | None,
    run: Path | None,
    corpus: Path | None,
    depth: int | None,
    out: str,
    query_column: str,
    documents_column: str | None,
    text_column: str | None,
    id_column: str | None,
    delimiter: str | None,
    first_stage_score: str,
    top_k: int | None,
    min_score: float | None,
    fuse: Any,
    fuse_weight: float | None,
    long_query: Any,
    shard_pairs: int,
    ray: str | None,
    ray_cpus: int | None,
    ray_actors: int | None,
    as_json: bool,
    **model_options: Any,
) -> None:
    """Rerank the rows of FILE, each a query and its documents, into Parquet files.

    FILE is JSON Lines or Parquet. A document is a string, or an object with "text", else "content",
    and perhaps an "id". In place of FILE a TREC run names the documents of each query, and
    --queries and --corpus have the texts: JSON Lines, CSV, TSV or Parquet.

    Each file in DIR holds a row for each row that was read: its number, its id, its documents best
    first, and an error where it could not be scored. Run again, the command scores what is missing,
    whatever ended it before. Options that change scores, and other inputs, need another DIR.

    The exit status is 1 where a row or a document could not be scored.
    """
    require_extra("batch", "batch")
    from secondpass.batch.job import run_batch
    from secondpass.batch.place import open_place
    from secondpass.batch.rows import Fields
    from secondpass.batch.sources import RowFile
    from secondpass.cli.loading import reranker_of

    ranking = RankOptions(
        top_k=top_k,
        min_score=min_score,
        fuse=fuse,
        fuse_weight=fuse_weight,
        long_query=long_query,
    )
    options = reranker_of(**model_options)
    of_run = {"--queries": queries, "--run": run, "--corpus": corpus}
    if (file is None) == all(one is None for one in of_run.values()):
        raise InputError("give either FILE, or --queries, --run and --corpus")
    cluster, runner = on_cluster(ray, ray_cpus, ray_actors)
    if file is not None:
        refuse_beside({**of_run, "--depth": depth, "--delimiter": delimiter}, "beside FILE")
        scored = ranking.fusion().rule == "weighted"
        fields = Fields(
            query_column, documents_column, id_column, text_column, first_stage_score, scored
        )
        source: Any = nullcontext(RowFile(file, fields))
    else:
        source = _of_run(of_run, depth, text_column, id_column, delimiter)
    with _resumable(out), cluster, source as rows:
        output.say("reading the rows, to see what is to be scored")
        outcome = run_batch(
            rows,
            open_place(out),
            options=options,
            ranking=ranking,
            shard_pairs=shard_pairs,
            runner=runner,
            progress=pairs_progress,
            on_wait=lambda: output.say_waiting(out),
        )
    _report(out, outcome, as_json)
    if outcome.manifest.failed_rows or outcome.manifest.failed_documents:
        sys.exit(FAILED)


@contextmanager
def pairs_progress(description: str, total: int) -> Iterator[Advance]:
    """Show pairs a second and the time left: a bar on a terminal, else a line now and then."""
    if sys.stderr is not None and sys.stderr.isatty():
        with output.progress(description, total, unit="pairs") as advance:
            yield advance
        return
    lines = _Lines(description, total)
    yield lines.advance


class _Lines:
    """Says how far the work is, at most once in `_EVERY_SECONDS`."""

    def __init__(self, description: str, total: int) -> None:
        self._description, self._total = description, total
        self._done = 0
        self._began = self._said = monotonic()

    def advance(self, more: int) -> None:
        self._done += more
        now = monotonic()
        if now - self._said < _EVERY_SECONDS:
            return
        self._said = now
        rate = self._done / (now - self._began)
        left = (self._total - self._done) / max(rate, 1e-9)
        output.say(
            f"{self._description}: {self._done:,} of {self._total:,} pairs, {rate:,.0f} pairs/s, "
            f"{left / 60:,.0f} min left"
        )


def _of_run(
    of_run: dict[str, Path | None],
    depth: int | None,
    text_column: str | None,
    id_column: str | None,
    delimiter: str | None,
) -> Any:
    from secondpass.batch.sources import open_run
    from secondpass.evaluation.beir_folder import DOCUMENTS
    from secondpass.ingest.columns import Columns
    from secondpass.ingest.tables import checked_delimiter

    missing = [option for option, given in of_run.items() if given is None]
    if missing:
        raise InputError(f"{missing[0]} is missing: --queries, --run and --corpus go together")
    queries, run, corpus = (Path(one) for one in of_run.values() if one is not None)
    columns = Columns(text=text_column, id=id_column, usual_ids=DOCUMENTS.usual_ids)
    return open_run(
        run,
        queries,
        corpus,
        depth=depth,
        columns=columns,
        delimiter=checked_delimiter(delimiter),
    )


@contextmanager
def _resumable(out: str) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        output.say(
            f"secondpass: interrupted: what is scored is in {out}; the same command goes on from "
            "there"
        )
        sys.exit(INTERRUPTED)


def _report(out: str, outcome: Outcome, as_json: bool) -> None:
    manifest = outcome.manifest
    if as_json:
        counts = {
            "rows": manifest.rows,
            "pairs": manifest.pairs,
            "failed_rows": manifest.failed_rows,
            "failed_documents": manifest.failed_documents,
            "shards": len(manifest.shards),
            "scored_shards": outcome.scored,
            "scored_pairs": outcome.pairs,
            "removed_shards": list(outcome.removed),
            "computed": list(manifest.computed),
        }
        output.print_json_lines([{"out": out, **counts}])
    else:
        output.show(
            f"{out}: {counted(manifest.pairs, 'pair')} of {counted(manifest.rows, 'row')} in "
            f"{counted(len(manifest.shards), 'file')}, {outcome.scored} of them scored now"
        )
    if outcome.removed:
        output.say(
            f"note: removed {counted(len(outcome.removed), 'file')} of rows that the input no "
            "longer has"
        )
    if len(manifest.computed) > 1:
        output.say("note: processors that round differently scored: see computed in _manifest.json")
    if manifest.failed_rows or manifest.failed_documents:
        output.say(
            f"{manifest.failed_rows} of {manifest.rows} rows and {manifest.failed_documents} "
            "documents could not be scored: their error says why"
        )
