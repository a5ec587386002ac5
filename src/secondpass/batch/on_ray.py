"""A batch on Ray: the shards that are missing go through Ray Data to actors, a reranker each.

The rows of each shard are written beside the results first, so that an actor on any node, started
again after any failure, reads the same rows; what goes through Ray is the shards' names alone.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from typing import Any

from secondpass.batch.job import Work
from secondpass.batch.place import open_place
from secondpass.batch.results import Stats, read_stats, write
from secondpass.batch.scoring import computed_by, rank_rows
from secondpass.batch.shards import Shard, decode, encode
from secondpass.errors import EngineError, InputError, MissingExtraError, SecondpassError
from secondpass.models.folder import find_folder, located
from secondpass.options.call import RankOptions
from secondpass.options.model import RerankerOptions
from secondpass.progress import Advance
from secondpass.reranker import CrossEncoderReranker
from secondpass.settings import available_processors

LOCAL = "local"
# More threads than the engine has streams gain less each.
_MOST_CPUS = 4
# Names and counts alone go through Ray's store.
_STORE_BYTES = 128 * 2**20
# Shards are handed out by so many blocks at most.
_MOST_BLOCKS = 4096
# Rounds without a single shard done after which the batch gives up.
_FRUITLESS = 2
# How the name of a file begins that holds a shard's rows until it is scored.
WAITING = ".rows-"


def require_ray() -> None:
    """Raise a MissingExtraError, which holds the pip line, unless Ray is installed."""
    if find_spec("ray") is None:
        raise MissingExtraError("scoring on Ray", "ray")


@contextmanager
def connected(address: str = LOCAL) -> Iterator[None]:
    """Connect to a Ray cluster for the block, or start one on this machine, which then ends.

    Where this process is connected already, that connection is used and stays. Ray's usage
    statistics are off and its dashboard is not started.

    Args:
        address: "local", or what `ray.init` takes, such as "auto" or "ray-head:6379".

    Raises:
        MissingExtraError: without Ray.
        InputError: there is no cluster at the address.
    """
    require_ray()
    # Read by Ray when it starts a node.
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    import ray
    import ray.data

    # Their lines would stand between ours; Ray's own log files have them.
    logging.getLogger("ray").setLevel(logging.ERROR)
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    if ray.is_initialized():
        yield
        return
    local: dict[str, Any] = {
        "num_cpus": available_processors(),
        "include_dashboard": False,
        "object_store_memory": _STORE_BYTES,
    }
    try:
        ray.init(
            address=address,
            log_to_driver=False,
            logging_level="error",
            **(local if address == LOCAL else {}),
        )
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise InputError(f"--ray {address[:80]}: there is no cluster: {error}") from error
    try:
        yield
    finally:
        ray.shutdown()


@dataclass(frozen=True, slots=True)
class OnRay:
    """Runs a batch on the Ray cluster that this process is connected to.

    Args:
        cpus: processors of an actor, which are its reranker's threads; by default those of the
            smallest node, at most 4.
        actors: how many there are, by default as many as the cluster has processors for.
    """

    cpus: int | None = None
    actors: int | None = None

    def __call__(
        self, reranker: CrossEncoderReranker, work: Work, advance: Advance
    ) -> Iterator[tuple[str, Stats]]:
        """Score and write the missing shards; the actors load the model, and this process not."""
        options = _anywhere(reranker.options).to_dict()
        reranker.close()
        waiting = _hand_over(work)
        fruitless = 0
        while waiting:
            before = len(waiting)
            failure = None
            for name, failure in self._round(options, work, list(waiting.values())):
                if failure is None and (stats := read_stats(work.place, name)) is not None:
                    advance(waiting.pop(name).pairs)
                    yield name, stats
            fruitless = 0 if len(waiting) < before else fruitless + 1
            if fruitless == _FRUITLESS:
                raise EngineError(
                    f"{len(waiting)} shards were not scored by any actor: {failure or 'all died'}; "
                    "what is scored is kept, and the same command goes on from there"
                )

    def _round(
        self, options: Mapping[str, Any], work: Work, shards: list[Shard]
    ) -> Iterator[tuple[str, str | None]]:
        """Give each shard to an actor once; yield its name, and why it failed if it did."""
        import ray
        from ray.data import DataContext

        context = DataContext.get_current()
        context.enable_progress_bars = False
        # A block that no actor finishes is tried in another round.
        context.max_errored_blocks = -1
        cpus, pool = actor_pool(self.cpus, self.actors, most=len(shards))
        # The longest first, so that none of them is left alone at the end.
        shards = sorted(shards, key=lambda shard: -shard.characters)
        names = [{"name": shard.name} for shard in shards]
        done = ray.data.from_items(names, override_num_blocks=min(len(names), _MOST_BLOCKS))
        done = done.map_batches(
            ShardScorer,
            fn_constructor_kwargs={
                "options": {**options, "threads": cpus},
                "ranking": asdict(work.ranking),
                "url": work.place.url,
            },
            batch_size=1,
            batch_format="pyarrow",
            **pool,
        )
        try:
            for batch in done.iter_batches(batch_size=1, batch_format="pyarrow"):
                for one in batch.to_pylist():
                    yield one["name"], one["failure"]
        except ray.exceptions.RayError as error:
            raise _ours(error) from error


def actor_pool(
    cpus: int | None, actors: int | None, *, most: int | None = None
) -> tuple[int, dict[str, Any]]:
    """Return the processors of an actor, and the arguments of `map_batches` for a pool of them.

    A pool has as many actors as the cluster's nodes have room for, no more than `actors` or `most`.
    Ray Data starts one that dies again, and gives it again what it had.

    Raises:
        InputError: no node has room for an actor.
    """
    import ray
    from ray.data import ActorPoolStrategy

    if not ray.is_initialized():
        raise InputError("there is no connection to a Ray cluster: call ray.init() first")
    nodes = [int(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["Alive"]]
    chosen = cpus or max(1, min([_MOST_CPUS, *(node for node in nodes if node)]))
    room = sum(node // chosen for node in nodes)
    if not room:
        raise InputError(f"no node of the Ray cluster has {chosen} CPUs for an actor")
    size = min(given for given in (actors, most, room) if given is not None)
    return chosen, {
        "compute": ActorPoolStrategy(size=size, max_tasks_in_flight_per_actor=2),
        "num_cpus": chosen,
    }


class ShardScorer:
    """An actor: a reranker that scores the shards it is given by name, and writes them."""

    def __init__(self, options: Mapping[str, Any], ranking: Mapping[str, Any], url: str) -> None:
        self._reranker = CrossEncoderReranker.from_options(RerankerOptions.from_dict(options))
        self._ranking = RankOptions.from_dict(ranking)
        self._place = open_place(url)
        self._computed = computed_by(self._reranker)

    def __call__(self, batch: Any) -> Any:
        """Score the shards that a table names; return the table with why each failed, if it did."""
        import pyarrow as pa

        names = batch.column("name").to_pylist()
        failures = [self._score(name) for name in names]
        return pa.table({"name": names, "failure": pa.array(failures, pa.string())})

    def _score(self, name: str) -> str | None:
        try:
            with self._place.open(waiting_name(name)) as stream:
                rows = decode(stream.read())
            write(
                self._place,
                name,
                list(rank_rows(self._reranker, rows, self._ranking)),
                self._computed,
            )
        except FileNotFoundError as error:
            # Given to an actor that died behind its last step, or nodes see different folders.
            there = read_stats(self._place, name) is not None
            return None if there else f"{error}: nodes have to see the same folder"
        except (SecondpassError, OSError) as error:
            return f"{type(error).__name__}: {error}"
        self._place.remove(waiting_name(name))
        return None


def waiting_name(shard: str) -> str:
    """Return the name of the file that holds a shard's rows until it is scored."""
    return f"{WAITING}{shard}.json"


def _hand_over(work: Work) -> dict[str, Shard]:
    """Write the rows of the missing shards, and return these by name."""
    there = set(work.place.names())
    shards = {shard.name: shard for shard in work.missing}
    for left in there:
        name = left.removeprefix(WAITING).removesuffix(".json")
        if left.startswith(WAITING) and name not in shards:
            work.place.remove(left)
    for shard, block in work.blocks():
        # The name is a hash of the rows, so what an earlier run left is the same.
        if waiting_name(shard.name) not in there:
            work.place.write(waiting_name(shard.name), encode(block))
    return shards


def _anywhere(options: RerankerOptions) -> RerankerOptions:
    """Return the options with whole paths, for processes with another current folder."""
    only_here = options.local_files_only
    folders = [
        find_folder(name, revision=options.revision, local_files_only=only_here)
        for name in options.models
    ]
    return located(options, folders)


def _ours(error: BaseException) -> SecondpassError:
    """Return the error of ours that an actor raised, or one that says what Ray did."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, SecondpassError):
            return seen
        cause = getattr(seen, "cause", None)
        seen = cause if isinstance(cause, BaseException) else seen.__cause__
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return EngineError(f"Ray failed: {lines[-1]}")
