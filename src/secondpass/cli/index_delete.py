"""secondpass index --into DIR --delete-where CONDITION."""

from __future__ import annotations

from secondpass.checks import counted
from secondpass.cli import output
from secondpass.cli.loading import open_index
from secondpass.ingest.turn import in_turn
from secondpass.retrieval.places import place_of
from secondpass.retrieval.stores.postgres_address import without_password


def delete(
    given: str,
    where: str,
    embedder: str,
    threads: int | None,
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Delete the documents of which a condition is true, or count them, and say how many."""
    folder = without_password(given)
    index = open_index(given, embedder, threads)
    if dry_run:
        count = len(index.ids(where=where))
    else:
        with in_turn(place_of(given), lambda: output.say_waiting(folder)):
            count = index.delete(where=where)
            if count:
                index.tidy()
    documents = len(index)
    if as_json:
        row = {"index": folder, "deleted": count, "documents": documents, "dry_run": dry_run}
        output.print_json_lines([row])
    elif dry_run:
        output.show(f"{folder}: {count} of {counted(documents, 'document')} would be deleted")
    else:
        output.show(f"{folder}: {count} deleted; {counted(documents, 'document')} left")
