"""The manifest of a batch: what was asked, what decides the scores, and the shards."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from hashlib import blake2b
from typing import Any, Literal

from secondpass.batch.place import Place
from secondpass.batch.results import Stats
from secondpass.batch.shards import Shard, is_shard
from secondpass.checks import shortened
from secondpass.errors import InputError
from secondpass.graph.build import BUILDER_VERSION
from secondpass.graph.quantize import CALIBRATION_VERSION
from secondpass.options.call import RankOptions
from secondpass.reranker import CrossEncoderReranker
from secondpass.result_file import decode, encode

SCHEMA: Literal["secondpass/batch/1"] = "secondpass/batch/1"
# Neither Arrow, Spark, DuckDB nor Ray takes a file of such a name for data.
NAME = "_manifest.json"

# Options that name the model, whose digests stand for it, or change no score but by rounding.
_NOT_SCORES = (
    *("model_name", "cascade", "revision", "local_files_only", "calibration"),
    *("threads", "device", "max_batch_tokens", "cache", "cache_bytes", "cache_dir"),
)


@dataclass(frozen=True, slots=True)
class Model:
    """A model by name, and the digests of what decides its logits."""

    name: str
    weights_sha256: str
    config_sha256: str
    tokenizer_sha256: str
    precision: str


@dataclass(frozen=True, slots=True)
class Job:
    """What is asked of a batch; two that are equal write the same files.

    `reranker` and `ranking` are the options that decide scores and order, `input` the files by
    what they are, `graphs` the version of the rules by which graphs are built.
    """

    schema: Literal["secondpass/batch/1"]
    input: dict[str, str]
    models: tuple[Model, ...]
    reranker: dict[str, Any]
    ranking: dict[str, Any]
    graphs: str
    shard_pairs: int

    @classmethod
    def of(
        cls,
        reranker: CrossEncoderReranker,
        ranking: RankOptions,
        names: Mapping[str, str],
        shard_pairs: int,
    ) -> Job:
        """Return the job of a loaded reranker."""
        options = {
            name: value for name, value in reranker.to_dict().items() if name not in _NOT_SCORES
        }
        return cls(
            schema=SCHEMA,
            input=dict(names),
            models=tuple(
                Model(
                    name=model.spec.name,
                    weights_sha256=model.spec.weights_sha256,
                    config_sha256=model.spec.settings_sha256,
                    tokenizer_sha256=model.spec.tokenizer_sha256,
                    precision=model.engine.info.precision,
                )
                for model in reranker.models
            ),
            reranker={
                **options,
                "max_length": reranker.info.max_length,
                "instruction": reranker.info.instruction,
                "activation": repr(reranker.model.activation),
            },
            ranking=ranking.to_dict(),
            graphs=f"{BUILDER_VERSION} {CALIBRATION_VERSION}",
            shard_pairs=shard_pairs,
        )

    @property
    def key(self) -> bytes:
        """A digest of model and options, for the names of shards."""
        values = asdict(self)
        decide = {name: values[name] for name in ("models", "reranker", "ranking", "graphs")}
        for model in decide["models"]:
            del model["name"]
        return blake2b(json.dumps(decide, sort_keys=True).encode(), digest_size=32).digest()


@dataclass(frozen=True, slots=True)
class Entry:
    """A shard's file, the rows it holds from row `first` on, and how many could not be scored."""

    name: str
    first: int
    rows: int
    pairs: int
    failed_rows: int
    failed_documents: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a place holds. Until it is `complete` the counts are 0 and `shards` is empty.

    `computed` says what scored: more than one entry, where processors differed.
    """

    job: Job
    complete: bool = False
    rows: int = 0
    pairs: int = 0
    failed_rows: int = 0
    failed_documents: int = 0
    computed: tuple[str, ...] = ()
    shards: tuple[Entry, ...] = ()

    def finished(self, shards: Iterable[tuple[Shard, Stats]]) -> Manifest:
        """Return the manifest of all shards."""
        entries, computed = [], set()
        for shard, stats in shards:
            failed = stats.failed_rows, stats.failed_documents
            entries.append(Entry(shard.name, shard.first, shard.rows, shard.pairs, *failed))
            computed.add(stats.computed)
        return replace(
            self,
            complete=True,
            rows=sum(one.rows for one in entries),
            pairs=sum(one.pairs for one in entries),
            failed_rows=sum(one.failed_rows for one in entries),
            failed_documents=sum(one.failed_documents for one in entries),
            computed=tuple(sorted(computed)),
            shards=tuple(entries),
        )


def write_manifest(place: Place, manifest: Manifest) -> None:
    """Write it, whole or not at all; an OSError where it cannot be written."""
    place.write(NAME, encode(manifest).encode())


def read_manifest(place: Place) -> Manifest | None:
    """Return a place's manifest, None where there is none.

    Raises:
        InputError: it is damaged, or of another version.
    """
    if NAME not in place.names():
        return None
    with place.open(NAME) as stream:
        data = stream.read()
    try:
        return decode(data, Manifest, f"manifest {place.url}/{NAME}")
    except InputError as error:
        raise InputError(
            f"{error}: it is damaged, or of another version of secondpass; name another folder, "
            "or remove this one"
        ) from None


def require_same_job(place: Place, job: Job) -> None:
    """Raise unless a place is empty, or was begun by an equal job.

    Raises:
        InputError: it holds the results of another, or files that are none.
    """
    manifest = read_manifest(place)
    if manifest is None:
        others = [name for name in place.names() if not name.startswith(".")]
        if others:
            raise InputError(
                f"{place.url} holds {shortened(others[0])} and no {NAME}: it is not a "
                "batch's folder; name an empty one, or a new one"
            )
        return
    ours, theirs = (json.loads(json.dumps(asdict(one))) for one in (job, manifest.job))
    for name, value in ours.items():
        if theirs[name] != value:
            was, now = _difference(theirs[name], value)
            raise InputError(
                f"{place.url} holds results of another batch: its {name} was {was} and is {now}; "
                "name another folder, or remove this one"
            )


def stray_shards(place: Place, shards: Iterable[Shard]) -> list[str]:
    """Return the files of shards that the input no longer has."""
    known = {shard.name for shard in shards}
    return [name for name in place.names() if is_shard(name) and name not in known]


def _difference(was: Any, now: Any) -> tuple[str, str]:
    """Return both values in short, and of two mappings what differs."""
    if isinstance(was, dict) and isinstance(now, dict):
        names = [one for one in {**was, **now} if was.get(one) != now.get(one)]
        was, now = ({name: one.get(name) for name in names} for one in (was, now))
    return shortened(was), shortened(now)
