"""A fork of a process that loaded a model: an error at once, no hang, and it ends as it says."""

import json
import multiprocessing
import os

import pytest
from scripts_apart import BERT, run_apart

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")

FORKING = """
import json, os, select, sys, threading
from secondpass import CrossEncoderReranker, Embedder, EngineError, Index

BERT, EMBEDDER = sys.argv[1:3]
TEXTS = ["Sheep give wool.", "Cows give milk."]

def load(**options):
    return CrossEncoderReranker(BERT, max_length=64, threads=2, **options)

def in_fork(work, ends=3):
    "Return what the child says and how it ended; a child that hangs is killed."
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            said = repr(work())
        except EngineError as error:
            said = f"EngineError: {error}"
        os.write(writer, said.encode())
        os.close(writer)
        ends(0) if callable(ends) else sys.exit(ends)
    os.close(writer)
    if not select.select([reader], [], [], 20)[0]:
        os.kill(child, 9)
        os.waitpid(child, 0)
        return "hangs", None
    said = os.read(reader, 10_000).decode()
    waiting = threading.Timer(20, os.kill, (child, 9))
    waiting.start()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    waiting.cancel()
    return said, status
"""


def said_by(folder, code):
    done = run_apart(folder, f"{FORKING}\n{code}", BERT, BERT.parent / "bert-embedder")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def refused(answers, status=3):
    """Tell of each answer whether it is the error that names the ways out."""
    return {
        name: (
            said.startswith("EngineError: process")
            and all(word in said for word in ("post_fork", "worker_process_init", "spawn"))
            and ended == status
        )
        or (said, ended)
        for name, (said, ended) in answers.items()
    }


def test_each_call_of_a_reranker_is_refused_in_a_fork(tmp_path):
    answers = said_by(
        tmp_path,
        """
reranker, new, cached = load(), load(), load(cache="scores")
cascade = CrossEncoderReranker(cascade=[BERT, BERT], max_length=64)
reranker.rank("wool", TEXTS, budget_ms=1000)
cached.rank("wool", TEXTS)
cascade.rank("wool", TEXTS)
calls = {
    "rank": lambda: reranker.rank("wool", TEXTS),
    "budget": lambda: reranker.rank("wool", TEXTS, budget_ms=50),
    "rerank": lambda: reranker.rerank("wool", [{"text": text} for text in TEXTS]),
    "rank_many": lambda: reranker.rank_many(["wool"], [TEXTS]),
    "score": lambda: reranker.score("wool", TEXTS),
    "predict": lambda: reranker.predict([("wool", TEXTS[0])]),
    "calibrate": new.calibrate,
    "known to the cache": lambda: cached.rank("wool", TEXTS),
    "cascade": lambda: cascade.rank("wool", TEXTS),
    "load": load,
}
print(json.dumps({name: in_fork(call) for name, call in calls.items()}))
""",
    )
    assert refused(answers) == dict.fromkeys(answers, True)


def test_embedder_and_index_are_refused_in_a_fork(tmp_path):
    answers = said_by(
        tmp_path,
        """
embedder = Embedder(EMBEDDER, threads=1)
index = Index.create("index", embedder)
index.add([{"text": text} for text in TEXTS])
calls = {
    "embed": lambda: embedder.embed(TEXTS),
    "embed_queries": lambda: embedder.embed_queries(["wool"]),
    "search": lambda: index.search("wool"),
    "add": lambda: index.add([{"text": "new"}]),
    "load": lambda: Embedder(EMBEDDER),
    "load the other": load,
}
print(json.dumps({name: in_fork(call) for name, call in calls.items()}))
""",
    )
    assert refused(answers) == dict.fromkeys(answers, True)


@pytest.mark.parametrize(
    "before",
    [
        "reranker = load()",
        "reranker = load(); reranker.rank('wool', TEXTS); del reranker",
        "reranker = load(); reranker.rank('wool', TEXTS); reranker.close()",
        "embedder = Embedder(EMBEDDER); embedder.embed(TEXTS); embedder.close()",
    ],
    ids=["unused", "deleted", "closed", "embedder"],
)
def test_a_model_is_not_loaded_in_a_fork_of_a_process_that_had_one(tmp_path, before):
    answers = said_by(tmp_path, f"{before}\nprint(json.dumps({{'load': in_fork(load)}}))")
    assert refused(answers) == {"load": True}


def test_a_fork_of_a_fork_and_a_fork_from_a_thread_are_refused(tmp_path):
    answers = said_by(
        tmp_path,
        """
reranker = load()
reranker.rank("wool", TEXTS)
answers = {}

def in_grandchild():
    said, ended = in_fork(lambda: reranker.rank("wool", TEXTS))
    return {"said": said, "ended": ended}

said, ended = in_fork(in_grandchild)
inner = eval(said)
answers["grandchild"] = inner["said"], inner["ended"]
answers["child"] = inner["said"], ended

def from_thread():
    answers["thread"] = in_fork(lambda: reranker.rank("wool", TEXTS), ends=os._exit)[0], 3

thread = threading.Thread(target=from_thread)
thread.start()
thread.join()
print(json.dumps(answers))
""",
    )
    assert refused(answers) == dict.fromkeys(["grandchild", "child", "thread"], True)


def test_a_fork_while_another_thread_ranks_is_refused_and_ends(tmp_path):
    answers = said_by(
        tmp_path,
        """
reranker = load()
stop = threading.Event()

def go_on():
    while not stop.is_set():
        reranker.rank("wool", TEXTS * 50)

thread = threading.Thread(target=go_on)
thread.start()
answers = {str(at): in_fork(lambda: reranker.rank("wool", TEXTS)) for at in range(5)}
answers["close"] = in_fork(reranker.close)
stop.set()
thread.join()
print(json.dumps(answers))
""",
    )
    assert answers.pop("close") == ["None", 3]
    assert refused(answers) == dict.fromkeys(answers, True)


def test_a_fork_that_closes_deletes_or_only_ends_does_not_hang(tmp_path):
    answers = said_by(
        tmp_path,
        """
import gc
reranker, embedder, gone = load(), Embedder(EMBEDDER), load()
for used in (reranker, gone):
    used.rank("wool", TEXTS * 20)
embedder.embed(TEXTS)
gone.close()

def delete():
    global reranker, embedder
    del reranker, embedder
    gc.collect()

def close():
    with reranker, embedder:
        pass

calls = {"close": close, "delete": delete, "end": lambda: None}
print(json.dumps({name: in_fork(call) for name, call in calls.items()}))
reranker.rank("wool", TEXTS)
""",
    )
    assert answers == {name: ["None", 3] for name in ("close", "delete", "end")}


def test_a_fork_of_a_process_that_only_imported_ranks(tmp_path):
    code = "print(json.dumps({'load': in_fork(lambda: len(load().rank('wool', TEXTS)))}))"
    assert said_by(tmp_path, code) == {"load": ["2", 3]}


MAPPED = """
import multiprocessing, sys
from concurrent.futures import ProcessPoolExecutor
from secondpass import CrossEncoderReranker, EngineError, SearchPipeline
from secondpass import Embedder, Index

BERT, EMBEDDER, METHOD = sys.argv[1:]
TEXTS = ["Sheep give wool.", "Cows give milk."]

def begin(given):
    global reranker
    reranker = given

def rank(query):
    return [hit.text for hit in reranker.rank(query, TEXTS)]

def search(pipeline):
    return [hit.document.text for hit in pipeline.search("wool").hits]

if __name__ == "__main__":
    loaded = CrossEncoderReranker(BERT, max_length=64, threads=1)
    begin(loaded)
    expected = rank("wool")
    context = multiprocessing.get_context(METHOD)
    with context.Pool(2, begin, (loaded,)) as pool:
        try:
            print(pool.map(rank, ["wool"] * 4) == [expected] * 4)
        except EngineError as error:
            print(error)
    with ProcessPoolExecutor(2, context, begin, (loaded,)) as pool:
        try:
            print(list(pool.map(rank, ["wool"] * 4)) == [expected] * 4)
        except EngineError as error:
            print(error)
    if METHOD != "fork":
        embedder = Embedder(EMBEDDER, threads=1)
        index = Index.create("index", embedder)
        index.add([{"text": text} for text in TEXTS])
        pipeline = SearchPipeline(index, loaded)
        with context.Pool(1) as pool:
            print(pool.apply(search, (pipeline,)) == search(pipeline))
"""


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_pools_of_processes_rank_or_say_why_not(tmp_path, method):
    done = run_apart(tmp_path, MAPPED, BERT, BERT.parent / "bert-embedder", method)
    assert (done.stderr, done.returncode) == ("", 0)
    lines = done.stdout.splitlines()
    if method == "fork":
        assert len(lines) == 2
        assert all("is a fork of process" in line for line in lines)
    else:
        assert lines == ["True"] * 3


PICKLED = """
import multiprocessing, pickle, sys, warnings
from concurrent.futures import ProcessPoolExecutor
from secondpass import CrossEncoderReranker, Embedder, EngineError, Index, SearchPipeline

BERT, EMBEDDER = sys.argv[1:]
TEXTS = ["Sheep give wool.", "Cows give milk."]
CALLS = {
    "reranker": lambda given: given.rank("wool", TEXTS),
    "cached": lambda given: given.predict([("wool", TEXTS[0])]),
    "cascade": lambda given: given.rank("wool", TEXTS),
    "budget": lambda given: given.rank("wool", TEXTS, budget_ms=50),
    "info": lambda given: given.info,
    "model": lambda given: given.prepare("wool", TEXTS),
    "scorer": lambda given: given.prepare("wool", TEXTS),
    "embedder": lambda given: given.embed(TEXTS),
    "digest": lambda given: given.digest,
    "index": lambda given: given.search("wool"),
    "length": len,
    "pipeline": lambda given: given.search("wool"),
}

def call(task):
    name, given = task
    try:
        return repr(CALLS[name](given))
    except EngineError as error:
        return str(error)

def use(given):
    with given:
        assert repr(given) == repr(pickle.loads(pickle.dumps(given)))
    return given

def rank(given):
    return given.rank("wool", TEXTS)

if __name__ == "__main__":
    reranker = CrossEncoderReranker(BERT, max_length=64, threads=1)
    cached = CrossEncoderReranker(BERT, max_length=64, threads=1, cache="scores")
    embedder = Embedder(EMBEDDER, threads=1)
    index = Index.create("index", embedder)
    index.add([{"text": text} for text in TEXTS])
    warnings.filterwarnings("ignore", "lancedb fork support")
    tasks = {
        "reranker": reranker,
        "cached": cached,
        "cascade": CrossEncoderReranker(cascade=[BERT, BERT], max_length=64),
        "budget": reranker,
        "info": reranker,
        "model": reranker.model,
        "scorer": cached._scorer,
        "embedder": embedder,
        "digest": embedder,
        "index": index,
        "length": index,
        "pipeline": SearchPipeline(index, reranker),
    }
    context = multiprocessing.get_context("fork")
    with context.Pool(2) as pool:
        said = pool.map_async(call, tasks.items(), 1).get(60)
        for name, one in zip(tasks, said, strict=True):
            print(name, "is a fork of process" in one and "spawn" in one or one)
        used = pool.map_async(use, [reranker, embedder], 1).get(60)
        print("used", list(map(repr, used)) == [repr(reranker), repr(embedder)])
        print("repr", pool.apply_async(repr, (index,)).get(60) == repr(index))
        try:
            pool.apply_async(rank, (reranker,)).get(60)
        except EngineError as error:
            print("raised", "is a fork of process" in str(error))
    with ProcessPoolExecutor(1, context) as pool:
        said = pool.submit(call, ("reranker", reranker)).result(60)
        print("executor", "is a fork of process" in said)
"""


def test_what_is_sent_to_a_fork_is_refused_when_it_is_used(tmp_path):
    done = run_apart(tmp_path, PICKLED, BERT, BERT.parent / "bert-embedder")
    assert (done.stderr, done.returncode) == ("", 0)
    said = dict(line.split(" ", 1) for line in done.stdout.splitlines())
    assert len(said) == 16
    assert said == dict.fromkeys(said, "True")
