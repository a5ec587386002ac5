"""What an index in PostgreSQL does beyond the contract of stores."""

import os
import pickle
import signal
import subprocess
import sys
import threading
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from fake_embedder import FakeEmbedder
from hypothesis import given
from hypothesis import strategies as st

import secondpass
from scripts.pg_kills import IDENTITY, check_whole, kills
from secondpass.errors import IndexExistsError, IndexFileError, InputError, MissingExtraError
from secondpass.progress import silent
from secondpass.retrieval.index import Index
from secondpass.retrieval.stores import postgres_connections, postgres_load
from secondpass.retrieval.stores.contract import EmbedderIdentity, Rows, StoreIdentity
from secondpass.retrieval.stores.filters import And, Compare, In, Not
from secondpass.retrieval.stores.memory import MemoryStore
from secondpass.retrieval.stores.postgres import PgVectorStore
from secondpass.retrieval.stores.postgres_address import Address, is_address, without_password
from secondpass.retrieval.stores.postgres_connections import Connections, _LostError
from secondpass.retrieval.stores.postgres_text import from_server, to_server
from secondpass.retrieval.terms import document_terms, query_terms

DECLARED = StoreIdentity(
    IDENTITY.embedder, IDENTITY.features, {"year": "int", "lang": "str", "price": "float"}
)
WORDS = [
    "the",
    "cat",
    "dog",
    "sat",
    "on",
    "a",
    "mat",
    "red",
    "blue",
    "green",
    "one",
    "two",
    "three",
    "忘记",
    "密码",
    "x",
    "y",
    "z",
]


def rows(ids, *, seed=0, version=""):
    ids = list(ids)
    drawn = np.random.default_rng(seed)
    texts = [" ".join(drawn.choice(WORDS, drawn.integers(1, 30))) + version for _ in ids]
    vectors = drawn.standard_normal((len(ids), 64)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return Rows(
        id=ids,
        text=texts,
        metadata=["{}"] * len(ids),
        digest=[f"{id_}{version}" for id_ in ids],
        source=[None] * len(ids),
        vectors=vectors,
        features={"terms": [document_terms(text) for text in texts]},
        columns={
            "year": [int(year) for year in drawn.integers(1990, 2030, len(ids))],
            "lang": [str(lang) for lang in drawn.choice(["en", "de", "it's"], len(ids))],
            "price": [float(price) for price in drawn.standard_normal(len(ids))],
        },
    )


def ids_in(store):
    return sorted(id_ for (id_,) in store.scan(["id"]))


@pytest.fixture
def address(postgres_address):
    return Address.parse(postgres_address)


@pytest.fixture
def store(address):
    return PgVectorStore.create(address, DECLARED)


def test_which_server_it_is(postgres, record_property):
    record_property("postgres", str(postgres.binaries))
    assert (postgres.binaries / "postgres").exists()


SECRET = "s3cr3t!word"
SHOWN = {
    f"postgresql://me:{SECRET}@db.example:5433/papers": "postgresql://me@db.example:5433/papers",
    f"postgres://me:{SECRET}@h/d?index=one": "postgresql://me@h/d?index=one",
    f"postgresql://h/d?password={SECRET}&user=me": "postgresql://me@h/d",
    f"postgresql:///d?host=/tmp/x&port=7&password={SECRET}": "postgresql:///d?host=/tmp/x&port=7",
    f"postgresql://me:{SECRET}@a:1,b:2/d": "postgresql://me@a:1,b:2/d",
    f"postgresql://me:{SECRET}@[::1]:5/d?sslmode=require": "postgresql://me@[::1]:5/d",
    f" \npostgresql://me:{SECRET}@h/d \n": "postgresql://me@h/d",
    "postgresql://": "postgresql:///",
}


@pytest.mark.parametrize("given", SHOWN, ids=range(len(SHOWN)))
def test_an_address_is_shown_without_its_password(given):
    address = Address.parse(given)
    assert str(address) == SHOWN[given] == without_password(given)
    assert SECRET not in repr(address)
    assert without_password(f"--into={given}") == f"--into={SHOWN[given]}"
    # What is shown leads to the same place.
    assert str(Address.parse(str(address))) == str(address)


@pytest.mark.parametrize(
    "given",
    [
        "postgresql://me:pa/s3cr3t@h/d",
        "postgresql://me:7/s3cr3t@h/d",
        "postgresql://me:pa?s3cr3t@h/d",
        "postgresql://me:pa#s3cr3t@h/d",
        "postgresql://me:s3cr3t:7@h:x/d",
        "postgresql://me:s3cr3t@[::1",
        "postgresql://me:s3cr3t@[nowhere]/d",
        "postgresql://me:s3cr3t[@h/d",
        "postgresql://me:s3cr3t]@h/d",
        "postgresql://me:s3cr3t@\u2100/d",
        "postgresql://me:s3cr3t\u2100@h/d",
        "postgresql://me:s3cr3t\udcff@h/d",
        "postgresql://me\udcff:s3cr3t@h/d",
        "postgresql://me:s3cr3t@h/\udcff",
        "postgresql://me@h/d?password=s3cr3t\udcff",
        "postgresql://h/d#s3cr3t",
        "postgresql://h/d?index=S3cr3t",
        "postgresql://h/d?index=",
        "postgresql://h/d?index=pg_catalog",
        'postgresql://h/d?index=a"b',
    ],
)
def test_an_address_that_is_none_is_refused_without_its_password(given):
    with pytest.raises(InputError) as error:
        Address.parse(given)
    assert "s3cr3t" not in str(error.value)
    assert "address" in str(error.value)
    assert error.value.__suppress_context__ or error.value.__context__ is None
    assert "s3cr3t" not in without_password(given)


def test_an_option_that_libpq_does_not_know_is_named():
    with pytest.raises(InputError, match="does not know: 'colour'"):
        Address.parse("postgresql://h/d?colour=red").conninfo()


def test_what_is_no_address_stays():
    for one in ("my-manual", "--into", "/tmp/x", "https://a:b@c", "--where=a = 'b'"):
        assert without_password(one) == one
        assert not is_address(one)
    assert not is_address(Path("postgresql://x"))


@given(st.lists(st.text(alphabet="\0\1\2ab\U0010ffff", max_size=8), max_size=6))
def test_any_text_comes_back_and_keeps_its_order(texts):
    kept = [to_server(text) for text in texts]
    assert "\0" not in "".join(kept)
    assert [from_server(text) for text in kept] == texts
    assert sorted(texts) == [from_server(text) for text in sorted(kept)]


def test_it_answers_as_a_store_in_memory_does_to_the_last_bit(store):
    memory = MemoryStore(DECLARED)
    for one in (store, memory):
        one.write([rows(f"{at:04}" for at in range(400))], replace=False)
        one.write([rows((f"{at:04}" for at in range(300, 600)), seed=1)], replace=True)
        one.delete(f"{at:04}" for at in range(0, 600, 7))
    condition = And((Compare("year", ">=", 2000), Not(In("lang", ("de",)))))
    for seed in range(5):
        vector = rows("q", seed=100 + seed).vectors[0]
        terms = query_terms(rows("q", seed=100 + seed).text[0])
        for options in ({}, {"where": condition}, {"among": [f"{at:04}" for at in range(90)]}):
            for limit in (1, 10, 1000):
                near = [(row.id, row.similarity) for row in store.nearest(vector, limit, **options)]
                assert near == [
                    (row.id, row.similarity) for row in memory.nearest(vector, limit, **options)
                ]
                found = [(row.id, row.bm25) for row in store.matching(terms, limit, **options)]
                assert found == [
                    (row.id, row.bm25) for row in memory.matching(terms, limit, **options)
                ]


HOSTILE = ["'; DROP SCHEMA x CASCADE; --", "%s", "$1", "a\0b", '"', "\\'; SELECT 1", "{}", "%(x)s"]


@pytest.mark.parametrize("value", HOSTILE)
def test_no_value_becomes_sql(store, value):
    batch = rows(["a", "b"])
    batch.columns["lang"][0] = value
    store.write([batch], replace=False)
    vector = batch.vectors[0]
    for where in (Compare("lang", "=", value), In("lang", (value, "none"))):
        assert [row.id for row in store.nearest(vector, 5, where=where)] == ["a"]
    assert store.delete_where(Compare("lang", "=", value)) == 1
    assert ids_in(store) == ["b"]


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_of_a_column_becomes_sql(address, name):
    store = PgVectorStore.create(address, StoreIdentity(IDENTITY.embedder, {}, {name: "int"}))
    store.declare({name + "2": "str"}, lambda _: ("x",))
    assert store.identity().columns == {name: "int", name + "2": "str"}
    assert store.nearest(rows("a").vectors[0], 1, where=Compare(name, "=", 1)) == []


def test_an_index_is_made_once_and_found_again(store, address):
    with pytest.raises(IndexExistsError, match="there is an index in postgresql://"):
        PgVectorStore.create(address, DECLARED)
    store.write([rows("abc")], replace=False)
    assert ids_in(PgVectorStore.open(address)) == list("abc")
    again = pickle.loads(pickle.dumps(store))
    assert ids_in(again) == list("abc")
    assert again.identity() == DECLARED


def test_a_schema_that_holds_something_else_is_left_alone(address, store):
    other = Address(address.index + "_other", address.options)
    store._connections.once(lambda one: one.execute(f"CREATE SCHEMA {other.index}"))
    with pytest.raises(InputError, match="holds something else"):
        PgVectorStore.create(other, DECLARED)
    with pytest.raises(IndexFileError, match="there is no index in"):
        PgVectorStore.open(other)


@pytest.mark.parametrize(
    "given",
    ["postgresql://me:s3cr3t@127.0.0.1:1/d", "postgresql://me:s3cr3t@/d?host=/tmp/no-such-folder"],
)
def test_a_server_that_is_not_there_is_named_without_the_password(given):
    with pytest.raises(IndexFileError, match="cannot be reached") as error:
        PgVectorStore.open(Address.parse(given))
    assert "s3cr3t" not in str(error.value)
    assert error.value.__cause__ is None


def test_a_database_that_lost_its_extension_says_so(address, store, monkeypatch):
    monkeypatch.setattr(postgres_connections, "_SERVER_SECONDS", 0.3)
    database = f"of_{address.index}"
    store._connections.once(lambda one: one.execute(f"CREATE DATABASE {database}"))
    other = Address(address.index, {**address.options, "dbname": database})
    broken = PgVectorStore.create(other, DECLARED)
    broken._connections.once(lambda one: one.execute("DROP EXTENSION vector CASCADE"))
    with pytest.raises(IndexFileError, match="vector type not found"):
        PgVectorStore.open(other)


@pytest.mark.parametrize("module", ["psycopg", "psycopg_pool", "pgvector.psycopg"])
def test_what_is_not_installed_is_the_extra(postgres_address, monkeypatch, module):
    Index.create(postgres_address, FakeEmbedder())
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match="needs the extra 'postgres'"):
        Index.open(postgres_address, FakeEmbedder())


def terminate_others(store):
    """End every connection but this one, as a server does that is shut down."""
    store._connections.once(
        lambda one: one.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid != pg_backend_pid() AND application_name = 'secondpass'"
        ).fetchall()
    )


def test_a_lost_connection_is_made_again(store):
    store.write([rows("ab")], replace=False)
    for _ in range(3):
        terminate_others(store)
        assert store.count() == 2
        terminate_others(store)
        assert store.delete(["c"]) == 0


@pytest.mark.parametrize("number", [2, 7, 16])
def test_a_server_that_starts_anew_under_a_pool_of_connections_is_reached_at_once(store, number):
    store.write([rows("ab")], replace=False)
    for _ in range(2):
        with ExitStack() as all_at_once:
            for _ in range(number):
                all_at_once.enter_context(store._connections.reading())
        terminate_others(store)
        assert store.count() == 2
        assert store.delete(["c"]) == 0


def test_a_pool_is_closed_also_from_a_thread_of_its_own(store):
    store.count()
    pool, closed = store._connections._opened(), []

    class InAThreadOfThePool:
        def run(self):
            postgres_connections._close(pool, os.getpid())
            closed.append(True)

    pool.run_task(InAThreadOfThePool())
    for name in (f"{pool.name}-worker", f"close {pool.name}"):
        for thread in [one for one in threading.enumerate() if one.name.startswith(name)]:
            thread.join(10)
    assert (closed, pool.closed) == ([True], True)
    assert not [one for one in threading.enumerate() if pool.name in one.name]


@pytest.mark.parametrize("replace", [False, True])
def test_a_write_whose_connection_goes_half_way_is_done_once(store, monkeypatch, replace):
    store.write([rows("ab")], replace=False)
    load, lost = postgres_load.load, []

    def lose_it_once(cursor, *given):
        load(cursor, *given)
        if not lost:
            lost.append(True)
            terminate_others(store)

    monkeypatch.setattr("secondpass.retrieval.stores.postgres.load", lose_it_once)
    assert store.write([rows("cde"), rows("c", version=" new")], replace=replace) == 3
    assert lost
    assert ids_in(store) == list("abcde")
    assert dict(store.scan(["id", "digest"]))["c"] == "c new"
    check_whole(address_of(store))


def address_of(store):
    options = store.address.options
    return f"postgresql://secondpass@/postgres?host={options['host']}&index={store.address.index}"


def test_a_commit_whose_answer_is_lost_is_not_done_twice(store, monkeypatch):
    writing, times = Connections._writing, []

    class Answered:
        def __init__(self, connections):
            self.inner = writing(connections)

        def __enter__(self):
            return self.inner.__enter__()

        def __exit__(self, *error):
            self.inner.__exit__(*error)
            times.append(error[0])
            if len(times) == 1:
                raise _LostError

    monkeypatch.setattr(Connections, "_writing", lambda connections: Answered(connections))
    # Without `replace` a second load would be refused.
    assert store.write([rows("abc")], replace=False) == 3
    assert times == [None, None]
    assert ids_in(store) == list("abc")


KILLED_LOAD = """
import os, signal, sys
from secondpass.retrieval.stores import postgres, postgres_load
from secondpass.retrieval.stores.postgres_address import Address
from test_postgres import rows

load_terms = postgres_load._load_terms

def kill(*given, **options):
    load_terms(*given, **options)
    os.kill(os.getpid(), signal.SIGKILL)

postgres_load._load_terms = kill
store = postgres.PgVectorStore.open(Address.parse(sys.argv[1]))
store.write([rows(f"n{at}" for at in range(500))], replace=True)
"""


def run(code, store):
    """Run code in a process of its own, with the address of a store."""
    root = Path(__file__).parents[2]
    path = [str(Path(__file__).parent), str(root), str(Path(secondpass.__file__).parents[1])]
    return subprocess.run(
        [sys.executable, "-c", code, address_of(store)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_a_killed_load_leaves_nothing(store):
    store.write([rows("abc")], replace=False)
    done = run(KILLED_LOAD, store)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert check_whole(address_of(store)).keys() == set("abc")
    assert store.write([rows("xyz")], replace=False) == 3


def test_writers_wait_for_each_other(store):
    def write(at):
        store.write([rows((f"{at} {n}" for n in range(20)), seed=at)], replace=False)

    threads = [threading.Thread(target=write, args=[at]) for at in range(6)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(check_whole(address_of(store))) == 120


def test_a_scan_that_is_left_gives_its_connection_back(store):
    store.write([rows("abc")], replace=False)
    for _ in range(40):
        assert next(store.scan(["id"]))
    assert store.count() == 3


def test_a_read_goes_on_while_columns_change(store):
    store.write([rows("abc")], replace=False)
    failed = []

    def read():
        for _ in range(30):
            try:
                store.nearest(rows("a").vectors[0], 2)
            except Exception as error:
                failed.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(5):
        features = {"token_ids": EMPTY} if number % 2 else {}
        store.change_features({**DECLARED.features, **features})
    reader.join()
    assert failed == []


def test_an_index_has_the_content_of_one_in_a_folder(postgres_address, tmp_path):
    documents = [{"id": f"{at}", "text": f"text {at}", "year": at} for at in range(20)]
    embedder = FakeEmbedder()
    made = [
        Index.create(one, embedder, columns={"year": int})
        for one in places(postgres_address, tmp_path)
    ]
    for index in made:
        index.add(documents)
        index.add([{"id": "7", "text": "a new text\0 with NUL", "year": 7}], replace=True)
        assert index.delete(where="year < 5") == 5
    first, second = ({one.id: one for one in index.documents()} for index in made)
    assert first == second
    assert made[0].content_sha256() == made[1].content_sha256()
    assert made[0].location.startswith("postgresql://")
    assert made[0].directory is None
    again = [Index.open(one, embedder) for one in places(postgres_address, tmp_path)]
    found = [[(one.id, one.similarity) for one in index.search("text 9", 9)] for index in again]
    assert found[0] == found[1]
    with pytest.raises(IndexFileError, match="was made with the embedder"):
        Index.open(postgres_address, FakeEmbedder("other"))
    with pytest.raises(IndexExistsError, match="there is an index in postgresql://"):
        Index.create(postgres_address, embedder)
    assert len(Index.create(postgres_address, embedder, exist_ok=True)) == 15


def places(address, folder):
    return address, folder / "index"


FORKED = """
import os, sys, warnings
from secondpass.retrieval.stores.postgres import PgVectorStore
from secondpass.retrieval.stores.postgres_address import Address
from test_postgres import rows

warnings.simplefilter("ignore", DeprecationWarning)
store = PgVectorStore.open(Address.parse(sys.argv[1]))
assert store.count() == 3
for at in range(2):
    child = os.fork()
    if not child:
        store.write([rows([f"of fork {at}"])], replace=False)
        os._exit(store.count())
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 4 + at
    assert store.count() == 4 + at
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_has_connections_of_its_own(store):
    store.write([rows("abc")], replace=False)
    done = run(FORKED, store)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert ids_in(store) == [*"abc", "of fork 0", "of fork 1"]


EMPTY = IDENTITY.features["terms"]


def test_vectors_that_are_too_long_for_the_graph_are_compared(address):
    long = StoreIdentity(EmbedderIdentity("long", "l" * 64, 2001), {})
    store = PgVectorStore.create(address, long)
    vectors = np.eye(1000, 2001, dtype=np.float32)
    ids = [f"{at:04}" for at in range(1000)]
    texts = [[""] * 1000] * 3
    store.write([Rows(ids, *texts, [None] * 1000, vectors)], replace=False)
    assert store.nearest(vectors[7], 1)[0].id == "0007"
    with pytest.raises(IndexFileError, match=r"2001 dimensions.*stay exact"):
        store.approximate(silent)


def test_a_search_follows_the_graph(address, monkeypatch):
    store = PgVectorStore.create(address, DECLARED)
    batch = rows(f"{at:05}" for at in range(3000))
    store.write([batch], replace=False)
    exact = [[row.id for row in store.nearest(vector, 100)] for vector in batch.vectors[:20]]
    chosen = store.approximate(silent)
    assert chosen.recall >= 0.985
    again = store.approximate(silent)
    assert again.recall >= 0.985
    compared = []
    monkeypatch.setattr(
        "secondpass.retrieval.stores.postgres_search._compared",
        lambda *given: compared.append(given),
    )
    found = [[row.id for row in store.nearest(vector, 100)] for vector in batch.vectors[:20]]
    assert not compared
    shares = [len(set(a) & set(b)) / 100 for a, b in zip(exact, found, strict=True)]
    assert np.mean(shares) >= 0.95


def test_three_kills(postgres):
    assert kills(3, seed=7, server=postgres).total() == 3
