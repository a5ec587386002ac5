"""Shards on Ray: those that are missing go through Ray Data to actors, a model each.

What a shard is made of is written beside the results first, so that an actor on any node, started
again after any failure, reads the same; what goes through Ray is the shards' names alone.
"""

from __future__ import annotations

import logging
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from importlib.util import find_spec
from typing import Any, TypeVar

from secondpass.batch.job import Work
from secondpass.batch.place import Place, open_place
from secondpass.batch.results import Stats, read_stats, write
from secondpass.batch.scoring import computed_by, rank_rows
from secondpass.batch.shards import Shard, decode, encode, is_waiting, waiting_name
from secondpass.errors import EngineError, InputError, MissingExtraError, SecondpassError
from secondpass.models.folder import Options, find_folder, located
from secondpass.options.call import RankOptions
from secondpass.options.model import RerankerOptions
from secondpass.options.option import to_dict
from secondpass.progress import Advance
from secondpass.reranker import CrossEncoderReranker
from secondpass.settings import available_processors

Done = TypeVar("Done")

LOCAL = "local"
# More threads than the engine has streams gain less each.
_MOST_CPUS = 4
# Names and counts alone go through Ray's store.
_STORE_BYTES = 128 * 2**20
# The most blocks in which shards are handed out.
_MOST_BLOCKS = 4096
# Rounds without a single shard done after which the batch gives up.
_FRUITLESS = 2


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
    """Gives shards to actors on the Ray cluster that this process is connected to.

    Args:
        cpus: processors of an actor, which are its model's threads; by default those of the
            smallest node, at most 4.
        actors: how many there are, by default as many as the cluster has processors for.
    """

    cpus: int | None = None
    actors: int | None = None

    def __call__(
        self, reranker: CrossEncoderReranker, work: Work, advance: Advance
    ) -> Iterator[tuple[str, Stats]]:
        """Score and write the missing shards; the actors load the model, and this process not."""
        options = to_dict(anywhere(reranker.options, reranker.options.models))
        reranker.close()
        shards = _hand_over(work)
        made_of = {"options": options, "ranking": asdict(work.ranking), "url": work.place.url}
        sizes = {shard.name: shard.characters for shard in work.missing}
        for name, stats in self.each(ShardScorer, made_of, sizes, partial(read_stats, work.place)):
            advance(shards[name].pairs)
            yield name, stats

    def each(
        self,
        actor: type[ShardActor],
        made_of: Mapping[str, Any],
        sizes: Mapping[str, int],
        find: Callable[[str], Done | None],
    ) -> Iterator[tuple[str, Done]]:
        """Give shards to actors until all are done; yield the name of each that is, and what it is.

        Args:
            actor: the class of the actors.
            made_of: its arguments; `options` get the threads of an actor.
            sizes: each shard's size by its name: the largest are first.
            find: gives what a shard is that is there and whole, else None.

        Raises:
            EngineError: no actor gets on with those that are left.
        """
        waiting = dict(sizes)
        fruitless = 0
        while waiting:
            before = len(waiting)
            failure = None
            for name, failure in self._round(actor, made_of, waiting):
                if failure is None and (done := find(name)) is not None:
                    del waiting[name]
                    yield name, done
            fruitless = 0 if len(waiting) < before else fruitless + 1
            if fruitless == _FRUITLESS:
                raise EngineError(
                    f"{len(waiting)} shards were not done by any actor: {failure or 'all died'}; "
                    "what is done is kept, and the same command goes on from there"
                )

    def _round(
        self, actor: type[ShardActor], made_of: Mapping[str, Any], sizes: Mapping[str, int]
    ) -> Iterator[tuple[str, str | None]]:
        """Give each shard to an actor once; yield its name, and why it failed if it did."""
        import ray
        from ray.data import DataContext

        context = DataContext.get_current()
        context.enable_progress_bars = False
        # A block that no actor finishes is tried in another round.
        context.max_errored_blocks = -1
        cpus, pool = actor_pool(self.cpus, self.actors, most=len(sizes))
        # The largest first, so that none of them is left alone at the end.
        names = [{"name": name} for name in sorted(sizes, key=lambda name: -sizes[name])]
        done = ray.data.from_items(names, override_num_blocks=min(len(names), _MOST_BLOCKS))
        done = done.map_batches(
            actor,
            fn_constructor_kwargs={
                **made_of,
                "options": {**made_of["options"], "threads": cpus},
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


class ShardActor(ABC):
    """An actor: it does the shards that it is given by name.

    Args:
        place: where they wait, and are written to.
    """

    def __init__(self, place: Place) -> None:
        self.place = place

    @abstractmethod
    def do(self, name: str, content: bytes) -> None:
        """Write a shard, of what waited for it."""

    @abstractmethod
    def is_done(self, name: str) -> bool:
        """Tell whether a shard is there and whole."""

    def __call__(self, batch: Any) -> Any:
        """Do the shards that a table names; return the table with why each failed, if it did."""
        import pyarrow as pa

        names = batch.column("name").to_pylist()
        failures = [self._done(name) for name in names]
        return pa.table({"name": names, "failure": pa.array(failures, pa.string())})

    def _done(self, name: str) -> str | None:
        try:
            with self.place.open(waiting_name(name)) as stream:
                content = stream.read()
            self.do(name, content)
        except FileNotFoundError as error:
            # Given to an actor that died behind its last step, or nodes see different folders.
            return None if self.is_done(name) else f"{error}: nodes have to see the same folder"
        except (SecondpassError, OSError) as error:
            return f"{type(error).__name__}: {error}"
        self.place.remove(waiting_name(name))
        return None


class ShardScorer(ShardActor):
    """A reranker that scores shards."""

    def __init__(self, options: Mapping[str, Any], ranking: Mapping[str, Any], url: str) -> None:
        super().__init__(open_place(url))
        self._reranker = CrossEncoderReranker.from_options(RerankerOptions.from_dict(options))
        self._ranking = RankOptions.from_dict(ranking)
        self._computed = computed_by(self._reranker)

    def do(self, name: str, content: bytes) -> None:
        """Write the results of a shard's rows."""
        ranked = list(rank_rows(self._reranker, decode(content), self._ranking))
        write(self.place, name, ranked, self._computed)

    def is_done(self, name: str) -> bool:
        """Tell whether a shard's results are there."""
        return read_stats(self.place, name) is not None


def hand_over(
    place: Place, names: Collection[str], contents: Iterable[tuple[str, Callable[[], bytes]]]
) -> None:
    """Write what shards are made of, where it does not wait already; remove what waits for others.

    Args:
        place: where they wait.
        names: the shards that are missing.
        contents: of each its name, and what gives its content.
    """
    there = set(place.names())
    needed = set(map(waiting_name, names))
    for left in filter(is_waiting, there - needed):
        place.remove(left)
    for name, content in contents:
        # The name is a hash of the content, so what an earlier run left is the same.
        if waiting_name(name) not in there:
            place.write(waiting_name(name), content())


def _hand_over(work: Work) -> dict[str, Shard]:
    """Write the rows of the missing shards, and return these by name."""
    shards = {shard.name: shard for shard in work.missing}
    contents = ((shard.name, partial(encode, block)) for shard, block in work.blocks())
    hand_over(work.place, shards, contents)
    return shards


def anywhere(options: Options, models: Iterable[str]) -> Options:
    """Return the options with whole paths, for processes with another current folder.

    `models` are the models that they name.
    """
    only_here = options.local_files_only
    folders = [
        find_folder(name, revision=options.revision, local_files_only=only_here) for name in models
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
