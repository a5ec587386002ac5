"""One update of an index by `secondpass index`: what it does, and what it says."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from secondpass.checks import counted, shortened
from secondpass.cli import INTERRUPTED, output
from secondpass.cli.index_shards import Shards
from secondpass.errors import InputError
from secondpass.ingest.chunking import Chunker
from secondpass.ingest.columns import Columns
from secondpass.ingest.readers import Reading, read_documents
from secondpass.ingest.sources import read_stamps
from secondpass.ingest.turn import in_turn
from secondpass.ingest.updating import (
    Contents,
    Update,
    apply_changes,
    contents_of,
    find_changes,
    make_index,
    removed_of,
)
from secondpass.ingest.waiting import Waiting
from secondpass.retrieval.columns import checked_columns
from secondpass.retrieval.embedder import Embedder
from secondpass.retrieval.index import Index
from secondpass.retrieval.places import Place, is_there
from secondpass.retrieval.state_encoder import EmbeddedEncoder

if TYPE_CHECKING:
    from secondpass.retrieval.stores.contract import Approximation, GraphApproximation
    from secondpass.retrieval.stores.filters import ColumnType
    from secondpass.states.codec import StatePrecision
    from secondpass.states.contract import StateEncoder

# Names in a line, and reasons in lines.
_NAMED, _LISTED = 3, 20


class NothingToIndexError(InputError):
    """There is no index, and no document to make one of."""


@dataclass
class Run:
    """What was asked for; each `once` reads the files and brings the index up to date.

    `shown` is the folder as it was given.
    """

    paths: Sequence[str]
    shown: str
    folder: Place
    chunk_tokens: int
    read_as: Columns
    delimiter: str | None
    embedder: str
    threads: int | None
    states: StatePrecision | None
    approximate: bool
    columns: Sequence[str]
    reread: bool
    as_json: bool
    shards: Shards
    failed: Mapping[str, str] = field(default_factory=dict)
    _loaded: tuple[Embedder, EmbeddedEncoder] | None = None

    def once(self, *, quiet: bool = False) -> bool:
        """Update the index, say what was done, and tell whether files were left out.

        With `quiet` an update that changed nothing says nothing, and files that were left out
        before for the same reason are not named again.
        """
        declared = _typed_columns(self.columns)
        with in_turn(self.folder, lambda: output.say_waiting(self.shown)):
            loaded, encoder = self._models()
            chunker = Chunker(
                loaded.tokenizer, max_tokens=self.chunk_tokens, whole_tokens=loaded.most_tokens
            )
            there = is_there(self.folder)
            index = Index.open(self.folder, loaded, encoder=encoder) if there else None
            contents = {} if index is None else contents_of(index)
            reading = read_documents(
                self.paths,
                chunker,
                columns=self.read_as,
                delimiter=self.delimiter,
                skip_unreadable=True,
                held={stored.source for stored in contents.values()},
                declared=declared if index is None else {**index.columns, **declared},
            )
            done = _update(
                self.folder,
                loaded,
                encoder,
                index,
                contents,
                reading,
                reread=self.reread,
                states=self.states,
                columns=declared,
                shards=self.shards,
            )
            chosen = None
            if self.approximate:
                chosen = Index.open(self.folder, loaded).approximate(progress=output.progress)
        if not quiet or done.update.added or done.update.removed:
            self._say_done(done, reading, chosen)
        if not quiet:
            _say_skipped(reading)
        if reading.failed != self.failed or not quiet:
            _say_failed(reading)
        self.failed = dict(reading.failed)
        return bool(reading.failed)

    def documents(self) -> int:
        """Return how many documents the index has."""
        loaded, _ = self._models()
        return len(Index.open(self.folder, loaded)) if is_there(self.folder) else 0

    def _models(self) -> tuple[Embedder, EmbeddedEncoder]:
        if self._loaded is None:
            loaded = Embedder(self.embedder, threads=self.threads)
            self._loaded = loaded, EmbeddedEncoder(self.threads)
        return self._loaded

    def _say_done(
        self, done: _Done, reading: Reading, chosen: Approximation | GraphApproximation | None
    ) -> None:
        update, documents = done.update, done.documents
        files = sum(file.source not in reading.failed for file in reading.found.files)
        if self.as_json:
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
            output.print_json_lines([{"index": self.shown, **counts}])
        else:
            output.show(
                f"{self.shown}: {update.added} added, {update.unchanged} unchanged, "
                f"{update.removed} removed; {counted(documents, 'document')} from "
                f"{counted(files, 'file')}" + (f"; states at {done.states}" if done.states else "")
            )
        if self.approximate:
            output.say(_approximation(chosen))
        for path, count in done.gone.items():
            output.say(f"{count} removed: {_shown(path)} is gone")


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
    shards: Shards,
) -> _Done:
    """Bring the index up to date, or make it once there is something to put into it."""
    known = {} if reread or index is None else read_stamps(folder)
    with Waiting(folder) as waiting, _saying_what_is_kept(folder, embedder):
        changes = find_changes(contents, reading, known, waiting, output.progress)
        encoded = 0
        if index is not None:
            index.declare(columns)
            index.add_terms(progress=output.progress)
            if states is not None:
                _keep_states(index, encoder, states)
            with shards.embedder(waiting, embedder, folder) as adding:
                if adding is not embedder:
                    index = Index.open(folder, adding, encoder=encoder)
                update = apply_changes(index, changes, output.progress)
            if states is not None:
                encoded = index.add_states(states, progress=output.progress)
        elif len(waiting):
            with shards.embedder(waiting, embedder, folder) as adding:
                update = make_index(
                    folder,
                    adding,
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
    try:
        yield
    except KeyboardInterrupt:
        count = len(Index.open(folder, embedder)) if is_there(folder) else 0
        output.say(
            f"secondpass: interrupted: {counted(count, 'document')} in {folder}; the same command "
            "goes on from there"
        )
        sys.exit(INTERRUPTED)


def _nothing_to_index(reading: Reading) -> NothingToIndexError:
    """Say why no index is made: one of nothing would answer every question with nothing."""
    reasons = list(reading.failed.values())
    if len(reasons) == 1 and len(reading.found.files) <= 1:
        return NothingToIndexError(f"no index was made: {reasons[0]}")
    if reasons:
        return NothingToIndexError(
            f"no index was made: {len(reasons)} files cannot be read, and no other holds text: "
            f"{_listed(reasons, '; ')}"
        )
    return NothingToIndexError(
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


def _say_failed(reading: Reading) -> None:
    if reading.failed:
        found = reading.found
        reasons = [_shown(reason) for reason in reading.failed.values()]
        output.say(
            f"{len(reasons)} of {counted(len(found.files) + len(found.unreadable), 'file')} left "
            "out; what the index holds of them from before is kept"
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
