"""Kills what writes to an index in PostgreSQL at random moments, and the server too.

    python -m scripts.pg_kills --kills 50

A process adds, replaces and deletes rows. Every second time it is killed itself: then the index has
to be as after some operation of it, the last that was done or the one under way. Otherwise the
server is killed and started again: then the process goes on by itself, and nothing is lost, nothing
is there twice.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from scripts.pg_server import Server
from secondpass.retrieval.stores.contract import EmbedderIdentity, Rows, StoreIdentity
from secondpass.retrieval.stores.postgres import PgVectorStore
from secondpass.retrieval.stores.postgres_address import Address
from secondpass.retrieval.stores.postgres_schema import TABLES, Tables
from secondpass.retrieval.terms import TERMS_IDENTITY, document_terms

DIMENSION = 64
IDENTITY = StoreIdentity(EmbedderIdentity("random", "r" * 64, DIMENSION), dict(TERMS_IDENTITY))
IDS = [f"id {number}" for number in range(3_000)]
OPERATIONS = 12
# What a killed one has done is at most one operation more than it had said.
State = Mapping[str, str]


def operation(seed: int, number: int, state: State) -> tuple[str, list[str]]:
    """Return what is done to a state: add, replace or delete, and the ids."""
    drawn = random.Random(f"{seed} {number}")
    kind = drawn.choice(["add", "replace", "replace", "delete"])
    some = drawn.sample(IDS, drawn.randrange(1, 1_500))
    return kind, [id_ for id_ in some if id_ not in state] if kind == "add" else some


def after(seed: int, number: int, state: State) -> State:
    """Return the state after an operation."""
    kind, ids = operation(seed, number, state)
    if kind == "delete":
        return {id_: digest for id_, digest in state.items() if id_ not in set(ids)}
    return {**state, **dict.fromkeys(ids, f"{seed} {number}")}


def do(store: PgVectorStore, seed: int, number: int, state: State) -> None:
    """Do an operation on a store."""
    kind, ids = operation(seed, number, state)
    if kind == "delete":
        store.delete(ids)
        return
    drawn = np.random.default_rng([seed, number])
    vectors = drawn.standard_normal((len(ids), DIMENSION)).astype(np.float32)
    texts = [f"text of {id_} {number}" for id_ in ids]
    rows = Rows(
        id=ids,
        text=texts,
        metadata=["{}"] * len(ids),
        digest=[f"{seed} {number}"] * len(ids),
        source=[None] * len(ids),
        vectors=vectors,
        features={"terms": [document_terms(text) for text in texts]},
    )
    halves = [rows] if len(ids) < 2 else [_part(rows, 0, 2), _part(rows, 1, 2)]
    store.write(halves, replace=kind == "replace")


def work(address: str, seed: int) -> None:
    """Do the operations of a seed, one after the other, and say each that is done."""
    store = PgVectorStore.open(Address.parse(address))
    state: State = dict(store.scan(["id", "digest"]))
    print("ready", flush=True)
    for number in range(OPERATIONS):
        do(store, seed, number, state)
        state = after(seed, number, state)
        print("done", flush=True)


def check_whole(address: str) -> State:
    """Return what an index holds; raise unless its tables agree with each other."""
    store = PgVectorStore.open(Address.parse(address))
    tables = Tables(store.address)

    def read(cursor: Any) -> tuple[list[tuple[str, str]], bool]:
        places = []
        for name in TABLES:
            cursor.execute(f"SELECT place FROM {tables.schema}.{name} ORDER BY place")
            places.append(cursor.fetchall())
        said = tables.read_meta(cursor)
        cursor.execute(f"SELECT count(*), sum(cardinality(terms)) FROM {tables.terms}")
        rows, terms = cursor.fetchone()
        counted = said.statistics == (rows, terms or 0) and said.lacking == 0
        cursor.execute(f"SELECT id, digest FROM {tables.documents}")
        return cursor.fetchall(), counted and all(one == places[0] for one in places)

    # In turn: the server may be about to end what a killed writer began.
    rows, agree = store._connections.write(read)
    assert agree, "the tables do not agree with each other"
    assert len(rows) == len({id_ for id_, _ in rows}), "an id is there twice"
    return dict(rows)


def kill_writer(address: str, seed: int, chosen: random.Random) -> str:
    """Kill a process that writes, and check what it has left; return what it was doing."""
    before = check_whole(address)
    with _start(address, seed) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        time.sleep(chosen.uniform(0, 0.6))
        writer.kill()
        done = writer.stdout.read().count("done\n")
    state = before
    for number in range(done):
        state = after(seed, number, state)
    found = check_whole(address)
    possible = [state] if done == OPERATIONS else [state, after(seed, done, state)]
    assert found in possible, f"{len(found)} rows are neither the ones before nor those after"
    if done == OPERATIONS:
        return "writer, after its end"
    return f"writer, in {operation(seed, done, state)[0]}"


def kill_server(server: Server, address: str, seed: int, chosen: random.Random) -> str:
    """Kill the server of a process that writes, start it again, and check what that one did."""
    state = check_whole(address)
    with _start(address, seed) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        time.sleep(chosen.uniform(0, 0.6))
        alive = writer.poll() is None
        server.kill()
        server.start()
        said = writer.stdout.read()
    assert writer.returncode == 0, "the writer did not go on"
    assert said.count("done\n") == OPERATIONS
    for number in range(OPERATIONS):
        state = after(seed, number, state)
    assert check_whole(address) == state, "rows are lost, or others than those written"
    return "server" if alive else "server, after the writer's end"


def kills(count: int, seed: int = 0, server: Server | None = None) -> Counter[str]:
    """Kill `count` times and return what was killed, and how often.

    Raises:
        AssertionError: something is lost or half done.
    """
    if server is None:
        with Server() as own:
            return kills(count, seed, own)
    address = server.address(f"kills_{seed}")
    PgVectorStore.create(Address.parse(address), IDENTITY)
    chosen, killed = random.Random(seed), Counter[str]()
    for number in range(count):
        once = seed * 1_000_000 + number
        if number % 2:
            killed[kill_server(server, address, once, chosen)] += 1
        else:
            killed[kill_writer(address, once, chosen)] += 1
    return killed


def _part(rows: Rows, at: int, of: int) -> Rows:
    here = slice(at, None, of)
    features = {name: values[here] for name, values in rows.features.items()}
    texts = (rows.id, rows.text, rows.metadata, rows.digest, rows.source)
    return Rows(*(values[here] for values in texts), rows.vectors[here], features)


def _start(address: str, seed: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "scripts.pg_kills", "--work", address, "--seed", str(seed)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parent.parent,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
    )


def main() -> None:
    """Kill, and print how often what was killed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--work", metavar="ADDRESS", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        work(given.work, given.seed)
        return
    killed = kills(given.kills, given.seed)
    for what, count in sorted(killed.items()):
        print(f"{count:4}  {what}")
    print(f"{sum(killed.values()):4}  kills; nothing is lost, nothing half done, nothing twice")


if __name__ == "__main__":
    main()
