"""secondpass index PATH... --into DIR."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from secondpass.cli.extras import require_extra
from secondpass.cli.options import embedder_option, json_instead_option, states_option
from secondpass.cli.ray_options import ray_options, refuse_beside
from secondpass.cli.table_options import (
    delimiter_option,
    optional_id_column_option,
    text_column_option,
    title_column_option,
)
from secondpass.errors import InputError

if TYPE_CHECKING:
    from secondpass.states.codec import StatePrecision

FILES_LEFT_OUT = 1


@click.command("index")
@click.argument("paths", nargs=-1, metavar="PATH...")
@click.option(
    "--into",
    "folder",
    required=True,
    metavar="DIR",
    help="The index, made if need be: a folder, or postgresql://...",
)
@click.option(
    "--chunk-tokens",
    type=click.IntRange(min=1),
    default=200,
    show_default=True,
    help="Most tokens of a chunk of text or Markdown.",
)
@text_column_option
@title_column_option
@optional_id_column_option
@delimiter_option
@embedder_option
@click.option("--threads", type=click.IntRange(min=1), help="Compute threads.")
@states_option
@click.option(
    "--approximate",
    is_flag=True,
    help="Let searches of an index that memory does not hold compare a part of the vectors.",
)
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="NAME:TYPE",
    help="Declare a field that `search --where` can use, as str, int, float or bool.",
)
@click.option(
    "--shards",
    metavar="DIR",
    help="Embed into files here first, a folder or fsspec's URL, and then make the index of them.",
)
@ray_options("Embed")
@click.option("--reread", is_flag=True, help="Read files too that have not changed.")
@click.option(
    "--watch", is_flag=True, help="Go on, and follow the files as they change, until Ctrl-C."
)
@click.option(
    "--delete-where",
    "where",
    metavar="CONDITION",
    help='In place of PATHs: delete the documents of which it is true, such as "year < 2000".',
)
@click.option("--dry-run", is_flag=True, help="With --delete-where: count them only.")
@json_instead_option
def command(
    paths: tuple[str, ...],
    folder: str,
    chunk_tokens: int,
    text_column: str | None,
    title_column: str | None,
    id_column: str | None,
    delimiter: str | None,
    embedder: str,
    threads: int | None,
    states: StatePrecision | None,
    approximate: bool,
    columns: tuple[str, ...],
    shards: str | None,
    ray: str | None,
    ray_cpus: int | None,
    ray_actors: int | None,
    reread: bool,
    watch: bool,
    where: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Add files, and the files in folders, to an index.

    Text, Markdown, reStructuredText and source code are cut into chunks, and so are, with the extra
    documents, PDF, Word, PowerPoint, HTML and EPUB; a chunk keeps its page and its heading. Of JSON
    Lines, CSV, TSV and Parquet each row is a document: the title, if there is one, and the text. A
    row with more tokens than the embedder reads is cut into chunks too. Run again, it adds what is
    new or changed and removes what is gone from these files, and all of a named path that is gone;
    interrupted, it keeps what is embedded and goes on from there.

    With --column a field of the rows, such as the column of a table, is kept with a type, so that
    `search --where` can filter by it; an index that has documents already reads their fields anew.

    With --states it keeps what the cross-encoder computes of a text before it sees a query, 98
    bytes a token compact and 390 at int8, so that a search begins there; an index that has texts
    already gets the states of these too. An index that keeps states does so in every later run.

    With --ray the texts are embedded by the actors of a cluster, whose nodes have to see --shards
    (by default a folder in the index) and have the embedder. The index is the same.

    With --watch it follows the files after that: what is new, changed or gone is in the index some
    two seconds later. With --delete-where documents go by a condition over declared columns; a
    later run over files that still hold them adds them again.

    A file that cannot be read is named and left out; the exit status is 1 then, and 2 where there
    is nothing to index.
    """
    require_extra("search", "index")
    from secondpass.ingest.columns import Columns
    from secondpass.ingest.tables import checked_delimiter

    if where is not None:
        from secondpass.cli.index_delete import delete

        _no_paths(paths, watch)
        delete(folder, where, embedder, threads, dry_run=dry_run, as_json=as_json)
        return
    if dry_run:
        raise InputError("--dry-run counts what --delete-where would delete: give that too")
    if not paths:
        raise click.UsageError("Missing argument 'PATH...'.")
    if watch:
        require_extra("watch", "index --watch")
        refuse_beside({"--ray": ray, "--shards": shards}, "beside --watch")
    from secondpass.cli.index_run import Run
    from secondpass.cli.index_shards import Shards
    from secondpass.retrieval.places import place_of
    from secondpass.retrieval.stores.postgres_address import without_password

    place = place_of(folder)
    run = Run(
        paths,
        without_password(folder),
        place,
        chunk_tokens,
        Columns(text_column, title_column, id_column),
        checked_delimiter(delimiter),
        embedder,
        threads,
        states,
        approximate=approximate,
        columns=columns,
        reread=reread,
        as_json=as_json,
        shards=Shards.of(place, shards, ray, ray_cpus, ray_actors),
    )
    if watch:
        from secondpass.cli.index_watch import follow

        follow(run)
    if run.once():
        sys.exit(FILES_LEFT_OUT)


def _no_paths(paths: tuple[str, ...], watch: bool) -> None:
    if paths or watch:
        raise InputError("--delete-where deletes from the index alone: leave PATHs and --watch out")
