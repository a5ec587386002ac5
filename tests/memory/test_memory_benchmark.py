import pytest

from benchmarks.memory.__main__ import measure
from benchmarks.memory.result import Call, Result, page, table
from benchmarks.memory.texts import spread
from benchmarks.run import write
from secondpass.environment.machine import Machine
from secondpass.environment.software import Software
from secondpass.result_file import read_result

MACHINE = Machine("Some", ("avx2",), 2, 2, 1, 1, "Linux", "x86_64")
SOFTWARE = Software("3.11", "CPython", {"openvino": "2026.4.1-1"})

CALLS = (
    Call("full", 100, 8700, 0.6, 400_000_000, 500_000_000),
    Call("full", 10_000, 870_000, 60.0, 400_000_000, 512_000_000),
)


def test_every_size_has_the_same_mix_of_lengths():
    texts = ["x" * length for length in range(101)]
    few, many = spread(texts, 5), spread(texts, 1001)
    assert sorted(len(text.partition(" ")[2]) for text in few) == [0, 25, 50, 75, 100]
    lengths = [len(text.partition(" ")[2]) for text in many]
    assert sum(lengths) / 1001 == pytest.approx(50)
    assert (min(lengths), max(lengths)) == (0, 100)
    assert len(set(many)) == 1001
    assert lengths != sorted(lengths)


def test_the_table_shows_what_more_candidates_add():
    lines = table(Result("", "", MACHINE, SOFTWARE, CALLS)).splitlines()
    assert lines[2:] == [
        "| full | 100 | 87 | 400 MB | 500 MB |  |",
        "| full | 10,000 | 87 | 400 MB | 512 MB | +12 MB |",
    ]


def test_a_result_comes_back_from_its_file(tmp_path):
    written = Result("2026-11-25T01:00:00+00:00", "a command", MACHINE, SOFTWARE, CALLS)
    write(written, tmp_path / "one.json")
    assert read_result(tmp_path / "one.json", Result, "result") == written
    assert "OpenVINO 2026.4.1; 2026-11-25, `a command`" in page(written)


def test_a_call_in_a_new_process_tells_its_peaks():
    found = measure(5, "full")
    assert found.candidates == 5
    assert found.tokens > 100
    assert 50_000_000 < found.loaded_bytes <= found.peak_bytes * 1.01
