"""Kills writers of an index at random moments and checks that nothing is lost and nothing is twice.

    python -m scripts.store_kills --store lancedb --kills 50
    python -m scripts.store_kills --store postgresql --kills 50

A process adds, replaces and deletes documents and says before and after each commit what it does.
It is killed (SIGKILL), and the index has to hold what the finished commits made of it, the one that
was under way whole or not at all; each document once, under its own vector. The next process goes
on with that index. A server is started for PostgreSQL; scripts/pg_kills.py kills servers too.
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
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from scripts.pg_kills import check_whole
from scripts.pg_server import Server
from secondpass import Document, Index
from secondpass.retrieval.stores.contract import Vectors

_IDS = 400
_MOST = 60

State = dict[str, str]
Step = Mapping[str, Any]


class ToyEmbedder:
    """Equal texts have equal unit vectors, and others have others."""

    name, dimension, digest = "toy", 16, "0" * 64

    def embed(
        self, texts: Sequence[str], *, progress: Callable[[int], None] | None = None
    ) -> Vectors:
        """Return a vector a text."""
        made = np.stack(
            [np.random.default_rng(list(one.encode())).standard_normal(16) for one in texts]
        )
        if progress is not None:
            progress(len(texts))
        return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


def open_lancedb(place: str) -> Index:
    """Open an index in a folder, or make it."""
    return Index.create(place, ToyEmbedder(), exist_ok=True)


def open_postgresql(place: str) -> Index:
    """Open an index in a database, or make it; raise unless its tables agree with each other."""
    index = Index.create(place, ToyEmbedder(), exist_ok=True)
    check_whole(place)
    return index


STORES: dict[str, Callable[[str], Index]] = {
    "lancedb": open_lancedb,
    "postgresql": open_postgresql,
}


def work(index: Index, seed: int) -> None:
    """Write for ever; say each step before it is begun and after it is committed."""
    choices = random.Random(seed)
    while True:
        step = _next_step(choices, index.ids())
        print(json.dumps(step), flush=True)
        if step["do"] == "delete":
            index.delete(step["ids"])
        else:
            documents = [Document(id_, text, {"text": text}) for id_, text in step["texts"].items()]
            index.add(documents, replace=step["do"] == "replace")
        print("done", flush=True)


def _next_step(choices: random.Random, there: set[str]) -> Step:
    every = [f"d{at}" for at in range(_IDS)]
    absent = [id_ for id_ in every if id_ not in there]
    kind = choices.choice(["add", "replace", "delete"])
    if kind == "delete" and there:
        return {
            "do": "delete",
            "ids": choices.sample(sorted(there), min(_MOST, len(there)) // 2 + 1),
        }
    chosen = choices.sample(absent if kind == "add" else every, min(_MOST, len(absent)))
    texts = {id_: f"{id_} {choices.randrange(10**9)}" for id_ in chosen}
    return {"do": "add" if kind == "add" else "replace", "texts": texts}


def after(state: State, step: Step) -> State:
    """Return what an index holds after a step, as id -> text."""
    if step["do"] == "delete":
        return {id_: text for id_, text in state.items() if id_ not in set(step["ids"])}
    return {**state, **step["texts"]}


def check(index: Index, allowed: Sequence[State]) -> State:
    """Return what an index holds; raise unless it is one of these, each once and found."""
    rows = [(one.id, one.text, one.metadata) for one in index.documents()]
    held = {id_: text for id_, text, _ in rows}
    twice = [id_ for id_, count in Counter(id_ for id_, _, _ in rows).items() if count > 1]
    assert not twice, f"there twice: {twice[:3]}"
    assert held in allowed, f"{len(held)} documents, none of the {list(map(len, allowed))} expected"
    assert len(index) == len(held), "the count is another"
    assert all(metadata == {"text": text} for _, text, metadata in rows), "metadata of another"
    for id_, text in list(held.items())[:: max(1, len(held) // 5)]:
        found = index.search(text, 1)[0]
        assert (found.id, found.text) == (id_, text), f"{id_} has another's vector"
        assert abs(found.similarity - 1) < 1e-3, f"{id_} has another's vector"
    return held


def new_place(store: str, stack: ExitStack) -> str:
    """Return where an index can be made, until the stack is closed."""
    if store == "postgresql":
        return stack.enter_context(Server()).address()
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="store-kills-"))
    return f"{folder}/index"


def kill_once(store: str, place: str, state: State, seed: int) -> tuple[State, int, str]:
    """Kill a writer at a random moment; return what the index holds, its commits, and the step."""
    command = [sys.executable, "-m", "scripts.store_kills", "--store", store, "--work", place]
    with subprocess.Popen(
        [*command, "--seed", str(seed)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parent.parent,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    ) as writer:
        assert writer.stdout is not None
        first = writer.stdout.readline()
        time.sleep(random.Random(seed).uniform(0, 1.0))
        writer.kill()
        said = [first, *writer.stdout]
    # A line that was cut off was of a step that was not begun.
    lines = [line for line in said if line.endswith("\n")]
    done, under_way = 0, None
    for line in lines:
        if line == "done\n":
            assert under_way is not None
            state, under_way, done = after(state, under_way), None, done + 1
        else:
            under_way = json.loads(line)
    allowed = [state] if under_way is None else [state, after(state, under_way)]
    return check(STORES[store](place), allowed), done, "" if under_way is None else under_way["do"]


def main() -> None:
    """Kill writers of one index, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--store", choices=list(STORES), default="lancedb")
    parser.add_argument("--place", help="where the index is made; a temporary folder without it")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--work", metavar="PLACE", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        work(STORES[given.store](given.work), given.seed)
    with ExitStack() as stack:
        place, state = given.place or new_place(given.store, stack), State()
        kills, commits = Counter[str](), 0
        for kill in range(given.kills):
            state, done, during = kill_once(given.store, place, state, given.seed + kill)
            kills[during or "between"] += 1
            commits += done
            print(
                f"{kill + 1:3} killed in {during or 'no'} step after {done} commits: "
                f"{len(state)} documents, each once",
                flush=True,
            )
    print(
        f"{given.store}: {given.kills} kills ({dict(kills)}), {commits} commits: nothing lost, "
        "nothing twice"
    )


if __name__ == "__main__":
    main()
