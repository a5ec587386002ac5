"""secondpass index PATH... --into DIR."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import click

from secondpass.checks import counted, shortened
from secondpass.cli import output
from secondpass.cli.extras import require_extra
from secondpass.cli.options import embedder_option, json_instead_option, states_option
from secondpass.cli.table_options import (
    delimiter_option,
    id_column_option,
    text_column_option,
    title_column_option,
)
from secondpass.errors import InputError

if TYPE_CHECKING:
    from secondpass.ingest.readers import Reading
    from secondpass.ingest.updating import Contents, Update
    from secondpass.retrieval.embedder import Embedder
    from secondpass.retrieval.index import Index
    from secondpass.retrieval.places import Place
    from secondpass.retrieval.stores.contract import Approximation, GraphApproximation
    from secondpass.retrieval.stores.filters import ColumnType
    from secondpass.states.codec import StatePrecision
    from secondpass.states.contract import StateEncoder

FILES_LEFT_OUT = 1
INTERRUPTED = 130
# Names in a line, and reasons in lines.
_NAMED, _LISTED = 3, 20


@click.command("index")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
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
@id_column_option
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
@click.option("--reread", is_flag=True, help="Read files too that have not changed.")
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
    reread: bool,
    as_json: bool,
) -> None:
    """Add files, and the files in folders, to an index.

    Text, reStructuredText and Markdown are cut into chunks; of JSON Lines, CSV, TSV and Parquet
    each row is a document: the title, if there is one, and the text. A row with more tokens than
    the embedder reads is cut into chunks too. Run again, it adds what is new or changed and removes
    what is gone from these files, and all of a named path that is gone; interrupted, it keeps what
    is embedded and goes on from there.

    With --column a field of the rows, such as the column of a table, is kept with a type, so that
    `search --where` can filter by it; an index that has documents already reads their fields anew.

    With --states it keeps what the cross-encoder computes of a text before it sees a query, 98
    bytes a token compact and 390 at int8, so that a search begins there; an index that has texts
    already gets the states of these too. An index that keeps states does so in every later run.

    A file that cannot be read is named and left out; the exit status is 1 then, and 2 where there
    is nothing to index.
    """
    require_extra("search", "index")
    from secondpass.ingest.chunking import Chunker
    from secondpass.ingest.columns import Columns
    from secondpass.ingest.readers import read_documents
    from secondpass.ingest.tables import checked_delimiter
    from secondpass.ingest.turn import in_turn
    from secondpass.ingest.updating import contents_of
    from secondpass.retrieval.embedder import Embedder
    from secondpass.retrieval.index import Index
    from secondpass.retrieval.places import is_there, place_of
    from secondpass.retrieval.state_encoder import EmbeddedEncoder
    from secondpass.retrieval.stores.postgres_address import without_password

    read_as = Columns(text_column, title_column, id_column)
    declared = _typed_columns(columns)
    delimiter = checked_delimiter(delimiter)
    place = place_of(folder)
    folder = without_password(folder)
    with in_turn(place, lambda: output.say(f"another run writes to {folder}: waiting for it")):
        loaded = Embedder(embedder, threads=threads)
        chunker = Chunker(
            loaded.tokenizer, max_tokens=chunk_tokens, whole_tokens=loaded.most_tokens
        )
        encoder = EmbeddedEncoder(threads)
        index = Index.open(place, loaded, encoder=encoder) if is_there(place) else None
        contents = {} if index is None else contents_of(index)
        reading = read_documents(
            paths,
            chunker,
            columns=read_as,
            delimiter=delimiter,
            skip_unreadable=True,
            held={stored.source for stored in contents.values()},
            declared=declared if index is None else {**index.columns, **declared},
        )
        done = _update(
            place,
            loaded,
            encoder,
            index,
            contents,
            reading,
            reread=reread,
            states=states,
            columns=declared,
        )
        chosen = None
        if approximate:
            chosen = Index.open(place, loaded).approximate(progress=output.progress)
    update, documents = done.update, done.documents
    files = sum(file.source not in reading.failed for file in reading.found.files)
    if as_json:
        counts = {
            "added": update.added,
            "unchanged": update.unchanged,
            "removed": update.removed,
            "documents": documents,
            **({} if done.states is None else {"states": done.states, "encoded": done.encoded}),
            **({} if chosen is None else {"approximate": chosen._asdict()}),
            "files": files,
            "failed": list(map(str, reading.failed)),
            "gone": dict(done.gone),
            "skipped": list(map(str, reading.found.skipped)),
        }
        output.print_json_lines([{"index": folder, **counts}])
    else:
        output.show(
            f"{folder}: {update.added} added, {update.unchanged} unchanged, "
            f"{update.removed} removed; {counted(documents, 'document')} from "
            f"{counted(files, 'file')}" + (f"; states at {done.states}" if done.states else "")
        )
    if approximate:
        output.say(_approximation(chosen))
    for path, count in done.gone.items():
        output.say(f"{count} removed: {_shown(path)} is gone")
    _say_skipped(reading)
    if reading.failed:
        sys.exit(FILES_LEFT_OUT)


def _approximation(chosen: Approximation | GraphApproximation | None) -> str:
    if chosen is None:
        return "searches stay exact: the index has too few documents to compare a part of them"
    return (
        f"approximate searches {chosen} and find {chosen.recall:.1%} of the {chosen.depth} nearest"
    )


class _Done(NamedTuple):
    """What was done, how many documents the index has, and removed ones by what is gone.

    `states` is how the index keeps states, None for not at all; `encoded` counts the texts that
    were in it without.
    """

    update: Update
    documents: int
    gone: Mapping[str, int]
    states: StatePrecision | None
    encoded: int


def _update(
    folder: Place,
    embedder: Embedder,
    encoder: StateEncoder,
    index: Index | None,
    contents: Contents,
    reading: Reading,
    *,
    reread: bool,
    states: StatePrecision | None,
    columns: Mapping[str, ColumnType],
) -> _Done:
    """Bring the index up to date, or make it once there is something to put into it."""
    from secondpass.ingest.sources import read_stamps
    from secondpass.ingest.updating import apply_changes, find_changes, make_index, removed_of
    from secondpass.ingest.waiting import Waiting
    from secondpass.retrieval.index import Index

    known = {} if reread or index is None else read_stamps(folder)
    with Waiting(folder) as waiting, _saying_what_is_kept(folder, embedder):
        changes = find_changes(contents, reading, known, waiting, output.progress)
        encoded = 0
        if index is not None:
            index.declare(columns)
            index.add_terms(progress=output.progress)
            if states is not None:
                _keep_states(index, encoder, states)
            update = apply_changes(index, changes, output.progress)
            if states is not None:
                encoded = index.add_states(states, progress=output.progress)
        elif len(waiting):
            update = make_index(
                folder,
                embedder,
                changes,
                output.progress,
                states=states,
                encoder=encoder,
                columns=columns,
            )
        else:
            raise _nothing_to_index(reading)
    gone = {path: removed_of(contents, changes.stale, path) for path in reading.found.gone}
    done = Index.open(folder, embedder)
    return _Done(update, len(done), gone, done.states, encoded)


def _typed_columns(given: Sequence[str]) -> dict[str, ColumnType]:
    """Return the columns that --column declares."""
    from secondpass.retrieval.columns import checked_columns

    columns: dict[str, str] = {}
    for one in given:
        name, colon, type_ = one.rpartition(":")
        if not colon or not name:
            raise InputError(
                f"--column {shortened(one)} is not a name and a type, such as year:int"
            )
        if columns.setdefault(name, type_) != type_:
            raise InputError(f"--column {shortened(one)}: {name} is {columns[name]} already")
    return checked_columns(columns)


def _keep_states(index: Index, encoder: StateEncoder, states: StatePrecision) -> None:
    """Make the index keep states, and say why those that are there do not stay."""
    kept = index.states
    if kept is not None and not index.has_states_of(encoder):
        output.say(
            f"the states in {index.location} were made by another model: all are encoded anew"
        )
    elif kept not in (None, states):
        output.say(f"the states in {index.location} are {kept}: all are encoded anew at {states}")
    index.keep_states(states)


@contextmanager
def _saying_what_is_kept(folder: Place, embedder: Embedder) -> Iterator[None]:
    from secondpass.retrieval.index import Index
    from secondpass.retrieval.places import is_there

    try:
        yield
    except KeyboardInterrupt:
        count = len(Index.open(folder, embedder)) if is_there(folder) else 0
        output.say(
            f"secondpass: interrupted: {counted(count, 'document')} in {folder}; the same command "
            "goes on from there"
        )
        sys.exit(INTERRUPTED)


def _nothing_to_index(reading: Reading) -> InputError:
    """Say why no index is made: one of nothing would answer every question with nothing."""
    reasons = list(reading.failed.values())
    if len(reasons) == 1 and len(reading.found.files) <= 1:
        return InputError(f"no index was made: {reasons[0]}")
    if reasons:
        return InputError(
            f"no index was made: {len(reasons)} files cannot be read, and no other holds text: "
            f"{_listed(reasons, '; ')}"
        )
    return InputError(
        f"no index was made: there is no document in {_listed(reading.found.named)}: "
        f"{counted(len(reading.found.files), 'readable file')} without text, "
        f"{len(reading.found.skipped) + len(reading.found.outside)} of other kinds"
    )


def _say_skipped(reading: Reading) -> None:
    found = reading.found
    if found.skipped:
        output.say(
            f"note: skipped {counted(len(found.skipped), 'file')} of other kinds: "
            f"{_listed(found.skipped)}"
        )
    if found.outside:
        output.say(
            f"note: not followed {counted(len(found.outside), 'link')} out of the folder: "
            f"{_listed(found.outside)}"
        )
    if reading.failed:
        reasons = [_shown(reason) for reason in reading.failed.values()]
        output.say(
            f"{len(reasons)} of {len(found.files) + len(found.unreadable)} files were left out; "
            "what the index holds of them from before is kept"
        )
        for reason in reasons[:_LISTED]:
            output.say(f"left out: {reason}")
        if len(reasons) > _LISTED:
            output.say(f"and {len(reasons) - _LISTED} more")


def _listed(names: Sequence[str], between: str = ", ") -> str:
    more = between + "…" if len(names) > _NAMED else ""
    return between.join(map(_shown, names[:_NAMED])) + more


def _shown(text: str) -> str:
    return output.harmless(" ".join(text.split()))
