"""Memory of a process while it reranks, beside what it was before; measured in a new process."""

import json
import subprocess
import sys

import pytest

MEASURE = """
import json, sys, threading, time
import psutil
from secondpass import CrossEncoderReranker

model, max_length, count, words = sys.argv[1], *map(int, sys.argv[2:])
reranker = CrossEncoderReranker(*([model] if model else []), max_length=max_length)
texts = [f"document {at} " + "word " * words for at in range(count)]
reranker.rank("warm up", texts[:8])
process, peak, done = psutil.Process(), [0], threading.Event()

def watch():
    while not done.wait(0.005):
        peak[0] = max(peak[0], process.memory_info().rss)

before = process.memory_info().rss
watcher = threading.Thread(target=watch)
watcher.start()
timings = reranker.rank("a query of some words", texts).timings
done.set()
watcher.join()
print(json.dumps({"mb": (peak[0] - before) / 1e6, "tokens": timings.tokens,
                  "candidates": timings.candidates}))
"""


def measure(*arguments, code=MEASURE):
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_300_documents_of_512_tokens_add_less_than_400_mb():
    found = measure("", 512, 300, 600)
    assert found["tokens"] == 300 * 512
    assert found["mb"] < 400


def test_a_hundred_thousand_candidates_stream_through(parity):
    pytest.importorskip("psutil")
    found = measure(parity / "bert", 64, 100_000, 5)
    assert found["candidates"] == 100_000
    assert found["mb"] < 100


def test_huge_documents_are_bounded_too(parity):
    found = measure(parity / "bert", 64, 60, 100_000)
    assert found["tokens"] == 60 * 64
    assert found["mb"] < 400


WINDOWS = """
import json, sys, threading
import psutil
from secondpass import CrossEncoderReranker

reranker = CrossEncoderReranker(sys.argv[1], max_length=64, long_documents="max", stride=8)
texts = [f"document {at} " + "word " * 10_000 for at in range(int(sys.argv[2]))]
process, peak, done = psutil.Process(), [0], threading.Event()

def watch():
    while not done.wait(0.005):
        peak[0] = max(peak[0], process.memory_info().rss)

reranker.rank("a query", texts[:10])
before = process.memory_info().rss
watcher = threading.Thread(target=watch)
watcher.start()
timings = reranker.rank("a query", texts).timings
done.set()
watcher.join()
print(json.dumps({"mb": (peak[0] - before) / 1e6, "windows": timings.windows}))
"""


def test_windows_are_laid_out_a_few_at_a_time(parity):
    found = measure(parity / "bert", 80, code=WINDOWS)
    # All at once they are 90,000 sequences of 64 tokens, 20 bytes each and an object: over 120 MB.
    assert found["windows"] > 90_000
    assert found["mb"] < 50
