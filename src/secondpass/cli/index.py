"""secondpass index PATH... --into DIR."""

from __future__ import annotations

import click

from secondpass.cli import output


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
def command(paths: tuple[str, ...], folder: str, chunk_tokens: int, threads: int | None) -> None:
    """Add files, and the files in folders, to an index.

    Text, reStructuredText and Markdown are cut into chunks; of JSON Lines and CSV each row is a
    document ("text", else "content"). Run again, it adds what is new or changed and removes what is
    gone from these files.
    """
    from secondpass.ingest.chunking import Chunker
    from secondpass.ingest.readers import read_documents
    from secondpass.ingest.updating import update_index
    from secondpass.retrieval.embedder import Embedder
    from secondpass.retrieval.index import Index

    embedder = Embedder(threads=threads)
    reading = read_documents(paths, Chunker(embedder.tokenizer, max_tokens=chunk_tokens))
    index = Index.create(folder, embedder, exist_ok=True)
    with output.progress("embedding") as advance:
        update = update_index(index, reading, progress=advance)
    click.echo(
        f"{folder}: {update.added} added, {update.unchanged} unchanged, {update.removed} removed; "
        f"{len(index)} documents from {len(reading.found.files)} files"
    )
    skipped = reading.found.skipped
    if skipped:
        shown = ", ".join(str(path) for path in skipped[:3])
        output.say(
            f"note: {len(skipped)} files of other kinds were skipped: {shown}"
            f"{', …' if len(skipped) > 3 else ''}"
        )
