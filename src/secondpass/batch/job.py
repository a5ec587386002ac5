"""A batch from its rows to its shards: planned, scored where shards are missing, and finished."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from secondpass.batch.manifest import (
    Job,
    Manifest,
    read_manifest,
    require_same_job,
    stray_shards,
    write_manifest,
)
from secondpass.batch.place import Place, held
from secondpass.batch.results import Ranked, Stats, read_stats, write
from secondpass.batch.rows import Row
from secondpass.batch.scoring import computed_by, rank_rows
from secondpass.batch.shards import SHARD_PAIRS, Shard, cut, describe, is_waiting
from secondpass.batch.sources import Source
from secondpass.errors import InputError
from secondpass.options.call import RankOptions
from secondpass.options.model import RerankerOptions
from secondpass.progress import Advance, ProgressBar, silent
from secondpass.reranker import CrossEncoderReranker


@dataclass(frozen=True, slots=True)
class Work:
    """What is left to do: shards of a source that are not there, and where they go."""

    source: Source
    place: Place
    key: bytes
    shard_pairs: int
    missing: Sequence[Shard]
    ranking: RankOptions

    def blocks(self) -> Iterator[tuple[Shard, list[Row]]]:
        """Yield the missing shards and their rows, which are read again.

        Raises:
            InputError: the input has changed since the work was planned.
        """
        missing = {shard.first: shard for shard in self.missing}
        if not missing:
            return
        for number, block in enumerate(cut(self.source.rows(), self.shard_pairs)):
            shard = missing.pop(block[0].number, None)
            if shard is None:
                continue
            if describe(block, number, self.key) != shard:
                raise _changed()
            yield shard, block
            if not missing:
                return
        raise _changed()


class Runner(Protocol):
    """Where a batch is scored: in this process, or on Ray."""

    def __call__(
        self, reranker: CrossEncoderReranker, work: Work, advance: Advance
    ) -> Iterator[tuple[str, Stats]]:
        """Score and write the missing shards; yield each one's name and what it holds.

        It may close the reranker. `advance` is called with the pairs that are done.
        """
        ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """The finished manifest, how many shards were scored now, and which were removed as stray."""

    manifest: Manifest
    scored: int
    pairs: int
    removed: tuple[str, ...]


def run_batch(
    source: Source,
    place: Place,
    *,
    options: RerankerOptions | None = None,
    ranking: RankOptions | None = None,
    shard_pairs: int = SHARD_PAIRS,
    runner: Runner | None = None,
    progress: ProgressBar = silent,
    on_wait: Callable[[], None] = lambda: None,
) -> Outcome:
    """Score all rows of a source into shards of a place; what is there already is kept.

    A row that cannot be scored has an error in its place. Whatever ends the process, the shards
    that are written stay, and the same call goes on from there.

    Args:
        source: the rows.
        place: where shards and manifest are written.
        options: of the reranker.
        ranking: what is kept of each row, and in which order; all documents by default.
            `on_error` is "skip" whatever it says.
        shard_pairs: the most pairs of a shard.
        runner: where they are scored, by default in this process.
        progress: shows how many pairs are done.
        on_wait: called where another process writes there, before waiting for it.

    Raises:
        InputError: the place holds another batch, no row can be scored, or the input changed
            meanwhile.
        ModelError, MissingExtraError: as the reranker.
        OSError: a shard cannot be written.
    """
    asked = replace(ranking or RankOptions(top_k=None), on_error="skip")
    _check(asked)
    reranker = CrossEncoderReranker.from_options(options or RerankerOptions())
    with reranker, held(place, on_wait):
        job = Job.of(reranker, asked, source.names, shard_pairs)
        require_same_job(place, job)
        shards = _planned(source, job)
        found = _found(place, shards)
        missing = [shard for shard in shards if shard.name not in found]
        if missing or read_manifest(place) is None:
            write_manifest(place, Manifest(job))
        work = Work(source, place, job.key, shard_pairs, missing, asked)
        pairs = sum(shard.pairs for shard in missing)
        with progress("scoring", pairs) as advance:
            found.update((runner or score_here)(reranker, work, advance))
        return _finished(place, job, shards, found, len(missing), pairs)


def score_here(
    reranker: CrossEncoderReranker, work: Work, advance: Advance
) -> Iterator[tuple[str, Stats]]:
    """Score and write the missing shards in this process, one after another."""
    computed = computed_by(reranker)
    for shard, block in work.blocks():
        ranked: list[Ranked] = []
        for one in rank_rows(reranker, block, work.ranking):
            ranked.append(one)
            advance(len(one.row.documents))
        yield shard.name, write(work.place, shard.name, ranked, computed)


def _check(ranking: RankOptions) -> None:
    if ranking.budget_ms is not None:
        raise InputError("a batch scores everything: leave budget_ms out")


def _planned(source: Source, job: Job) -> list[Shard]:
    """Read all rows once and return their shards.

    Raises:
        InputError: there is no row, or no row has a document that can be scored.
    """
    shards, reason, usable = [], None, False
    for number, block in enumerate(cut(source.rows(), job.shard_pairs)):
        shards.append(describe(block, number, job.key))
        usable = usable or any(one.error is None for row in block for one in row.documents)
        if not usable:
            reason = reason or next(filter(None, map(_first_error, block)), None)
    if not shards or (reason and not usable):
        reason = reason or "it holds no row"
        raise InputError(
            f"there is nothing to score in {', '.join(source.names.values())}: {reason}"
        )
    return shards


def _first_error(row: Row) -> str | None:
    errors = (one.error for one in row.documents if one.error)
    return row.error or next(errors, None)


def _found(place: Place, shards: Sequence[Shard]) -> dict[str, Stats]:
    """Return what the shards hold that are there and whole."""
    there = set(place.names())
    known = ((shard, read_stats(place, shard.name)) for shard in shards if shard.name in there)
    return {
        shard.name: stats
        for shard, stats in known
        if stats is not None and (stats.rows, stats.pairs) == (shard.rows, shard.pairs)
    }


def _finished(
    place: Place,
    job: Job,
    shards: Sequence[Shard],
    found: dict[str, Stats],
    scored: int,
    pairs: int,
) -> Outcome:
    """Remove what the input no longer has, and write the whole manifest."""
    stray = stray_shards(place, shards)
    # Rows wait where a batch that was begun on Ray is finished without.
    for name in (*stray, *filter(is_waiting, place.names())):
        place.remove(name)
    manifest = Manifest(job).finished((shard, found[shard.name]) for shard in shards)
    write_manifest(place, manifest)
    return Outcome(manifest, scored, pairs, tuple(stray))


def _changed() -> InputError:
    return InputError(
        "the input has changed while it was read: what is scored is kept; run the command again"
    )
