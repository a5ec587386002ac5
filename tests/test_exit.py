"""A process whose daemon threads are at work ends cleanly: its own status, nothing on stderr."""

import pytest
from scripts_apart import BERT, run_apart

# `work` goes on for as long as the process does, in a daemon thread, and says when it has begun.
STARTING = """
import os, signal, sys, threading, time
from secondpass import CrossEncoderReranker, Embedder, Index

BERT, EMBEDDER = sys.argv[1:3]
TEXTS = ["Sheep give wool. " * 4] * 400
begun = threading.Event()

def load(**options):
    return CrossEncoderReranker(BERT, max_length=64, threads=2, **options)

def for_ever(work):
    def go_on():
        while True:
            work()
            begun.set()
    threading.Thread(target=go_on, daemon=True).start()
"""
THREADS = {
    "rank": "reranker = load(); for_ever(lambda: reranker.rank('wool', TEXTS))",
    "embedded model": """
reranker = CrossEncoderReranker()
for_ever(lambda: reranker.rank('wool', TEXTS[:40]))
""",
    "early exit": """
reranker = CrossEncoderReranker(effort="fast")
for_ever(lambda: reranker.rank('wool', TEXTS[:40]))
""",
    "three threads": """
reranker = load()
for _ in range(3):
    for_ever(lambda: reranker.rank('wool', TEXTS))
""",
    "budget": "reranker = load(); for_ever(lambda: reranker.rank('wool', TEXTS, budget_ms=20))",
    "cache": "reranker = load(cache='c'); for_ever(lambda: reranker.rank(str(time.time()), TEXTS))",
    "tokenize": """
reranker = load()
for_ever(lambda: reranker.rank('wool', ['sheep ' * 10**5] * 8))
""",
    "embed": "embedder = Embedder(EMBEDDER, threads=2); for_ever(lambda: embedder.embed(TEXTS))",
    "load": "for_ever(lambda: load().close())",
    "search": """
embedder = Embedder(EMBEDDER, threads=1)
index = Index.create("index", embedder)
index.add([{"text": text, "id": str(at)} for at, text in enumerate(TEXTS)])
for_ever(lambda: index.search("wool"))
""",
    "add": """
embedder = Embedder(EMBEDDER, threads=1)
index = Index.create("index", embedder)
for_ever(lambda: index.add([{"text": text, "id": str(at)} for at, text in enumerate(TEXTS)],
                           replace=True))
""",
}


@pytest.mark.parametrize("threads", THREADS.values(), ids=THREADS.keys())
def test_a_process_ends_while_a_daemon_thread_works(tmp_path, threads):
    code = f"{STARTING}\n{threads}\nbegun.wait()\ntime.sleep(0.01 * int(sys.argv[3]))\nsys.exit(3)"
    for at in range(2):
        (tmp_path / str(at)).mkdir()
        done = run_apart(tmp_path / str(at), code, BERT, BERT.parent / "bert-embedder", at)
        assert (done.stdout, done.stderr, done.returncode) == ("", "", 3)


def test_a_process_ends_while_torch_computes(tmp_path):
    pytest.importorskip("sentence_transformers")
    code = f"""{STARTING}
from pathlib import Path
from secondpass.engine.torch import TorchEngine
from secondpass.models.folder import find_folder
from secondpass.models.spec import read_cross_encoder_spec
from secondpass.scoring.batches import pad_batch
from secondpass.scoring.pairs import Pair
import numpy as np

spec = read_cross_encoder_spec(find_folder(BERT))
engine = TorchEngine(spec, device="cpu", threads=2)
pair = Pair(np.ones(60, np.int32), np.zeros(60, np.int32))
batch = pad_batch([pair] * 200, np.arange(200), 60, 0)
for_ever(lambda: engine.run([batch]))
begun.wait()
sys.exit(3)
"""
    done = run_apart(tmp_path, code, BERT, "")
    assert done.returncode == 3
    assert "terminate" not in done.stderr


def test_the_main_thread_still_ranks_while_the_interpreter_ends(tmp_path):
    code = f"""{STARTING}
import atexit
atexit.register(lambda: print("after", len(reranker.rank("wool", TEXTS))))
reranker = load()
atexit.register(lambda: print("before", len(reranker.rank("wool", TEXTS))))
for_ever(lambda: reranker.rank("wool", TEXTS))
begun.wait()
"""
    done = run_apart(tmp_path, code, BERT, "")
    assert (done.stdout, done.stderr, done.returncode) == ("before 10\nafter 10\n", "", 0)


def test_threads_of_an_executor_finish_what_they_rank(tmp_path):
    code = f"""{STARTING}
from concurrent.futures import ThreadPoolExecutor
reranker = load()
pool = ThreadPoolExecutor(2)
for _ in range(4):
    pool.submit(lambda: print(len(reranker.rank("wool", TEXTS)), flush=True))
"""
    done = run_apart(tmp_path, code, BERT, "")
    assert (done.stdout, done.stderr, done.returncode) == ("10\n" * 4, "", 0)


SERVER = f"""{STARTING}
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.request import urlopen

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        begun.set()
        while True:
            reranker.rank("wool", TEXTS)

    def log_message(self, *_):
        pass

reranker = load()
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
url = f"http://127.0.0.1:{{server.server_port}}/"
def ask():
    try:
        urlopen(url)
    except OSError:
        pass
for _ in range(2):
    threading.Thread(target=ask, daemon=True).start()
def interrupt():
    begun.wait()
    time.sleep(0.05)
    os.kill(os.getpid(), signal.SIGINT)
threading.Thread(target=interrupt, daemon=True).start()
try:
    server.serve_forever()
except KeyboardInterrupt:
    print("interrupted")
"""
ASYNC = f"""{STARTING}
import asyncio
reranker = load()

async def main():
    task = asyncio.create_task(asyncio.to_thread(reranker.rank, "wool", TEXTS * 5))
    await asyncio.sleep(0.05)
    os.kill(os.getpid(), signal.SIGINT)
    await task

try:
    asyncio.run(main())
except KeyboardInterrupt:
    print("interrupted")
"""


@pytest.mark.parametrize("code", [SERVER, ASYNC], ids=["threaded server", "asyncio"])
def test_ctrl_c_ends_cleanly(tmp_path, code):
    for _ in range(3):
        done = run_apart(tmp_path, code, BERT, "")
        assert (done.stdout, done.stderr, done.returncode) == ("interrupted\n", "", 0)
