"""Long documents made of passages: always the same, and none but the passage can answer."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "evaluation"))
from small_collection import MODEL, write_collection, write_trec

from benchmarks.long.measured import Result, System, page, table
from benchmarks.long.padding import Padding
from benchmarks.quality.task import open_task
from benchmarks.run import write
from secondpass.environment.machine import Machine
from secondpass.result_file import read_result

FILLERS = [f"filler {at} of five words" for at in range(30)]


def test_a_document_is_its_passage_among_fillers_and_long_enough():
    padded = Padding(words=100, seed=1).pad("the passage itself", "q1 d1", FILLERS)
    parts = padded.split("\n\n")
    assert parts.count("the passage itself") == 1
    assert set(parts) - {"the passage itself"} <= set(FILLERS)
    assert 100 <= len(padded.split()) < 105


def test_what_is_judged_or_a_candidate_fills_nothing(tmp_path):
    folder = write_collection(tmp_path / "toy")
    # q1 judges a and d, and c is its candidate.
    write_trec(folder / "run.bm25.trec", [("q1", "a", 2), ("q1", "c", 1)])
    task = open_task(folder, depth=5, queries=None, seed=0)
    assert Padding(words=9, seed=0).fillers(task, "q1") == ["date and time", "queue"]


def test_seed_query_and_passage_decide():
    padding = Padding(words=100, seed=1)
    first = padding.pad("p", "q1 d1", FILLERS)
    assert padding.pad("p", "q1 d1", FILLERS) == first
    assert padding.pad("p", "q1 d2", FILLERS) != first
    assert Padding(words=100, seed=2).pad("p", "q1 d1", FILLERS) != first


def test_the_place_is_any():
    padding = Padding(words=50, seed=0)
    places = [padding.pad("p", f"q d{at}", FILLERS).split("\n\n").index("p") for at in range(300)]
    counts = [places.count(place) for place in range(11)]
    assert set(places) == set(range(11))
    assert max(counts) < 60


def test_a_passage_that_is_long_enough_is_left_as_it_is():
    assert Padding(words=2, seed=0).pad("two words", "q d", FILLERS) == "two words"


def result():
    def system(label, ndcg):
        return System(label, ndcg, tokens=400, windows=8, dropped_tokens=20, seconds=1.5)

    return Result(
        command="python -m benchmarks.long",
        collection="toy",
        collection_sha256="0",
        candidates_sha256="1",
        model=MODEL,
        machine=Machine("p", (), 2, 2, 1, 1, "Linux", "x86_64"),
        depth=5,
        words=100,
        stride=None,
        seed=0,
        query_ids=["a", "b"],
        judged_queries=9,
        systems=[system("truncate", [0.5, 0.25]), system("max", [0.75, 0.75])],
    )


def test_a_result_comes_back_from_its_file_and_shows_the_difference(tmp_path):
    write(result(), tmp_path / "r.json")
    assert read_result(tmp_path / "r.json", Result, "result") == result()
    lines = table(result()).splitlines()
    assert lines[2] == "| truncate | 0.3750 |  | 200 | 10 |"
    assert lines[3].startswith("| max | 0.7500 | +0.3750 ")
    assert page(result()).startswith(
        "toy, 2 of 9 queries, the top 5 of BM25, documents of at least"
    )
