"""Kills batches at random moments and checks that nothing is lost and nothing is there twice.

    python -m scripts.batch_kills --kills 20

In turn it kills the process of a batch, that of a batch on Ray, an actor, and a node of a cluster
of two. A killed batch is started again; one that lost an actor or a node has to finish by itself.
Every result is compared with the library's, bit for bit.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pyarrow.dataset

from secondpass import CrossEncoderReranker

MODEL = Path(__file__).parent.parent / "tests" / "parity" / "bert"
SHARD_PAIRS = 250
SECONDS = 180
OPTIONS = {"max_length": 64, "precision": "fp32", "threads": 1}


@dataclass(frozen=True)
class Data:
    """A file of rows, and what the library makes of each: (index, score) of its documents."""

    file: Path
    expected: dict[int, list[tuple[int, float]]]
    shards: int


def make_data(folder: Path, count: int, seed: int = 0) -> Data:
    """Write rows of different lengths and rank them by calls of the library."""
    choices = random.Random(seed)
    words = ["csv", "file", "reader", "row", "column", "path", "open", "close", "list", "sort"]
    file = folder / "rows.jsonl"
    expected: dict[int, list[tuple[int, float]]] = {}
    pairs = 0
    with file.open("w") as stream, CrossEncoderReranker(MODEL, **OPTIONS) as reranker:
        for number in range(count):
            query = f"{choices.choice(words)} {number}"
            texts = [
                " ".join(choices.choices(words, k=choices.randrange(1, 60)))
                for _ in range(choices.randrange(1, 40))
            ]
            stream.write(json.dumps({"query": query, "documents": texts}) + "\n")
            pairs += len(texts)
            ranking = reranker.rank(query, texts, None)
            expected[number] = [(hit.index, hit.known_score) for hit in ranking]
    return Data(file, expected, pairs // SHARD_PAIRS)


def check(data: Data, out: Path) -> None:
    """Raise unless the results are each row once, and equal to the library's."""
    found: dict[int, list[tuple[int, float]]] = {}
    for row in pyarrow.dataset.dataset(out, format="parquet").to_table().to_pylist():
        assert row["row"] not in found, f"row {row['row']} is there twice"
        found[row["row"]] = [(one["index"], one["score"]) for one in row["ranking"]]
    assert found.keys() == data.expected.keys(), "rows are lost"
    assert found == data.expected, "scores differ from the library's"
    assert json.loads((out / "_manifest.json").read_text())["complete"]
    assert not list(out.glob(".rows-*")), "rows are still waiting"


def start(data: Data, out: Path, *more: str) -> subprocess.Popen[bytes]:
    """Start the command on the rows."""
    command = [sys.executable, "-m", "secondpass", "batch", str(data.file), "--out", str(out)]
    command += ["--model", str(MODEL), "--max-length", "64", "--precision", "fp32"]
    command += ["--threads", "1", "--shard-pairs", str(SHARD_PAIRS), *more]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def kill_driver(data: Data, out: Path, choices: random.Random, _nodes: Any) -> None:
    """Kill a batch in one process, and start it again."""
    _killed(start(data, out), data, out, choices)
    _finish(start(data, out))


def kill_ray_driver(data: Data, out: Path, choices: random.Random, nodes: Any) -> None:
    """Kill the process that started a batch on Ray, and start it again."""
    more = _on_ray(nodes)
    _killed(start(data, out, *more), data, out, choices)
    _finish(start(data, out, *more))


def kill_actor(data: Data, out: Path, choices: random.Random, nodes: Any) -> None:
    """Kill an actor; the batch finishes by itself."""
    process = start(data, out, *_on_ray(nodes))
    _wait_for_shards(data, out, choices, process)
    # Actors are children of Ray's processes, and those of who started Ray.
    actors = _actors(psutil.Process(process.pid if nodes is None else os.getpid()))
    if actors:
        choices.choice(actors).kill()
    _finish(process)


def kill_node(data: Data, out: Path, choices: random.Random, nodes: Any) -> None:
    """Kill all processes of one of two nodes; the batch finishes by itself."""
    with cluster(2) if nodes is None else nullcontext(nodes) as nodes:
        process = start(data, out, "--ray", nodes.address, "--ray-cpus", "1")
        _wait_for_shards(data, out, choices, process)
        nodes.remove_node(choices.choice(list(nodes.worker_nodes)), allow_graceful=False)
        _finish(process)


# Each with a cluster of its own, or with the one it is given, which has a node to lose.
KINDS: dict[str, Callable[[Data, Path, random.Random, Any], None]] = {
    "driver": kill_driver,
    "driver on Ray": kill_ray_driver,
    "actor": kill_actor,
    "node": kill_node,
}


@contextmanager
def cluster(workers: int) -> Iterator[Any]:
    """Give a local Ray cluster of nodes with one processor each, and a head without one."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    small = {"object_store_memory": 128 * 2**20, "include_dashboard": False}
    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **small})
    try:
        for _ in range(workers):
            nodes.add_node(num_cpus=1, **small)
        yield nodes
    finally:
        nodes.shutdown()


def _on_ray(nodes: Any) -> tuple[str, ...]:
    address = () if nodes is None else (nodes.address,)
    return ("--ray", *address, "--ray-cpus", "1", "--ray-actors", "2")


def _killed(
    process: subprocess.Popen[bytes], data: Data, out: Path, choices: random.Random
) -> None:
    """Kill a batch at a random moment, with what it has started."""
    _wait_for_shards(data, out, choices, process)
    started = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.communicate()
    # Ray's processes end by themselves once their driver is gone.
    _, left = psutil.wait_procs(started, timeout=30)
    for one in left:
        one.kill()


def _wait_for_shards(
    data: Data, out: Path, choices: random.Random, process: subprocess.Popen[bytes]
) -> None:
    """Wait for a random number of shards and a moment more."""
    wanted = choices.randrange(max(1, data.shards - 2))
    ends = time.monotonic() + SECONDS
    while len(list(out.glob("*.parquet"))) < wanted and process.poll() is None:
        assert time.monotonic() < ends, "no shard is written"
        time.sleep(0.005)
    time.sleep(choices.random() * 0.2)


def _actors(driver: psutil.Process) -> list[psutil.Process]:
    found = []
    for process in driver.children(recursive=True):
        try:
            if "ShardScorer" in " ".join(process.cmdline()):
                found.append(process)
        except psutil.Error:
            continue
    return found


def _finish(process: subprocess.Popen[bytes]) -> None:
    try:
        _, said = process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise AssertionError("the batch does not end") from None
    assert process.returncode == 0, said.decode()


def main() -> None:
    """Kill as many batches as --kills says, of each kind in turn."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--rows", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=list(KINDS))
    given = parser.parse_args()
    kinds = [given.only] if given.only else list(KINDS)
    with tempfile.TemporaryDirectory(prefix="batch-kills-") as folder:
        data = make_data(Path(folder), given.rows, given.seed)
        for kill in range(given.kills):
            kind = kinds[kill % len(kinds)]
            out = Path(folder) / f"out-{kill}"
            began = time.monotonic()
            KINDS[kind](data, out, random.Random(given.seed + kill), None)
            check(data, out)
            took = time.monotonic() - began
            print(
                f"{kill + 1:3} {kind}: all {len(data.expected)} rows once, {took:.0f} s", flush=True
            )


if __name__ == "__main__":
    main()
