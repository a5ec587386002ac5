"""What all benchmarks share: options, what is kept of a run, and results that can be read again."""

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import pytest

from benchmarks.pages import table
from benchmarks.run import keep, main, parse, write
from secondpass.result_file import read_result

ROOT = Path(__file__).parent.parent / "benchmarks"
NAMES = sorted(file.parent.name for file in ROOT.glob("*/__main__.py"))


@dataclass(frozen=True)
class Found:
    """A result for the tests."""

    numbers: tuple[float, ...]


def benchmark(name):
    return import_module(f"benchmarks.{name}.__main__").BENCHMARK


@pytest.mark.parametrize("name", NAMES)
def test_each_kept_result_is_read_and_shown(name, monkeypatch, capsys):
    files = sorted((ROOT / name / "results").glob("*.json"))
    if not files:
        pytest.skip(f"no result of benchmarks.{name} is kept yet")
    for file in files:
        monkeypatch.setattr("sys.argv", ["", "--show", str(file)])
        main(benchmark(name))
        shown = capsys.readouterr().out
        assert read_result(file, benchmark(name).kind, "result").command in shown
        assert "| ---" in shown or "|---" in shown


@pytest.mark.parametrize("name", NAMES)
def test_each_benchmark_says_where_its_result_goes(name, capsys):
    assert benchmark(name).name == name
    assert parse(benchmark(name), ["--out", "x.json"]).out == Path("x.json")
    with pytest.raises(SystemExit):
        parse(benchmark(name), [])
    assert "name a file for the result with --out" in capsys.readouterr().err


def test_what_was_measured_before_ctrl_c_is_kept(tmp_path, capsys):
    def measure():
        yield Found((1.0,))
        yield Found((1.0, 2.0))
        raise KeyboardInterrupt

    file = tmp_path / "new" / "r.json"
    assert keep(measure(), file) == Found((1.0, 2.0))
    assert read_result(file, Found, "result") == Found((1.0, 2.0))
    assert "stopped" in capsys.readouterr().err


def test_numbers_are_rounded_and_a_list_of_them_is_one_line(tmp_path):
    write(Found((1 / 3, 2.0)), tmp_path / "r.json")
    assert '"numbers": [0.333333, 2.0]' in (tmp_path / "r.json").read_text()


def test_a_table_has_a_cell_for_each_column():
    assert table(["a", "b"], [["1", "2"]]) == "| a | b |\n| --- | --- |\n| 1 | 2 |"
