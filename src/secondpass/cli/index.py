"""secondpass index PATH... --into DIR."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from secondpass.cli import output
from secondpass.errors import InputError

if TYPE_CHECKING:
    from secondpass.ingest.readers import Reading
    from secondpass.ingest.updating import Update
    from secondpass.retrieval.embedder import Embedder


@click.command("index")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--into", "folder", required=True, metavar="DIR", help="The index, made if need be.")
@click.option(
    "--chunk-tokens",
    type=click.IntRange(min=1),
    default=200,
    show_default=True,
    help="Most tokens of a chunk of text or Markdown.",
)
@click.option("--threads", type=click.IntRange(min=1), help="Compute threads.")
@click.option("--reread", is_flag=True, help="Read files too that have not changed.")
def command(
    paths: tuple[str, ...], folder: str, chunk_tokens: int, threads: int | None, reread: bool
) -> None:
    """Add files, and the files in folders, to an index.

    Text, reStructuredText and Markdown are cut into chunks; of JSON Lines and CSV each row is a
    document ("text", else "content"). Run again, it adds what is new or changed and removes what is
    gone from these files; interrupted, it keeps what is embedded and goes on from there.
    """
    from secondpass.ingest.chunking import Chunker
    from secondpass.ingest.files import absolute
    from secondpass.ingest.readers import read_documents
    from secondpass.ingest.turn import in_turn
    from secondpass.retrieval.embedder import Embedder

    place = absolute(folder)
    with in_turn(place, lambda: output.say(f"another run writes to {folder}: waiting for it")):
        embedder = Embedder(threads=threads)
        reading = read_documents(paths, Chunker(embedder.tokenizer, max_tokens=chunk_tokens))
        update, documents = _update(place, embedder, reading, reread=reread)
    click.echo(
        f"{folder}: {update.added} added, {update.unchanged} unchanged, {update.removed} removed; "
        f"{documents} documents from {len(reading.found.files)} files"
    )
    skipped = reading.found.skipped
    if skipped:
        shown = ", ".join(str(path) for path in skipped[:3])
        output.say(
            f"note: {len(skipped)} files of other kinds were skipped: {shown}"
            f"{', …' if len(skipped) > 3 else ''}"
        )


def _update(
    folder: Path, embedder: Embedder, reading: Reading, *, reread: bool
) -> tuple[Update, int]:
    """Bring the index up to date, or make it once there is something to put into it.

    Returns:
        What was done, and how many documents the index has.
    """
    from secondpass.ingest.sources import read_stamps
    from secondpass.ingest.updating import apply_changes, contents_of, find_changes, make_index
    from secondpass.ingest.waiting import Waiting
    from secondpass.retrieval.index import Index
    from secondpass.retrieval.stores.lance import is_index

    index = Index.open(folder, embedder) if is_index(folder) else None
    known = {} if reread or index is None else read_stamps(folder)
    contents = {} if index is None else contents_of(index)
    with Waiting(folder) as waiting, _saying_what_is_kept(folder, embedder):
        changes = find_changes(contents, reading, known, waiting, output.progress)
        if index is not None:
            update = apply_changes(index, changes, output.progress)
        elif len(waiting):
            update = make_index(folder, embedder, changes, output.progress)
        else:
            files = len(reading.found.files)
            raise InputError(f"no index was made: the {files} files hold no text to search")
    return update, len(Index.open(folder, embedder))


@contextmanager
def _saying_what_is_kept(folder: Path, embedder: Embedder) -> Iterator[None]:
    from secondpass.retrieval.index import Index
    from secondpass.retrieval.stores.lance import is_index

    try:
        yield
    except KeyboardInterrupt:
        count = len(Index.open(folder, embedder)) if is_index(folder) else 0
        output.say(
            f"interrupted: {count} documents are in {folder}; the same command goes on from there"
        )
        raise
