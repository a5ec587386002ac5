"""secondpass verify as a person or a script meets it."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import click
import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "verify"))
from made_results import bench_of

from secondpass.cli import main as cli
from secondpass.models.digest import file_sha256
from secondpass.result_file import decode, encode
from secondpass.verify.check_lines import CheckReport
from secondpass.verify.record import read_record

EXAMPLE = Path(__file__).parent.parent.parent / "records" / "example.json"


def secondpass(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "secondpass", *map(str, arguments)], capture_output=True, text=True
    )


@pytest.fixture
def bench(monkeypatch, tiny, parity):
    """A bench command in place of the real one: it prints a table and returns a result."""
    seen = []

    @click.command("bench")
    @click.option("--depth", type=int, default=100)
    @click.option("--seed", type=int, default=7)
    def command(depth, seed):
        seen.append(depth)
        click.echo("a table")
        return replace(bench_of(tiny.info, seed=seed), complete=depth != 13)

    module = ModuleType("secondpass.cli.fake_bench")
    module.command = command
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(cli._COMMANDS, "bench", ("fake_bench", "A fake."))
    return seen


def run(*arguments):
    """Run the command in this process and return its exit status."""
    try:
        cli.main(list(map(str, arguments)))
    except SystemExit as end:
        return end.code
    return 0


def test_a_record_is_made_and_confirmed(tmp_path):
    file = tmp_path / "example.json"
    done = secondpass("verify", "record", "--out", file)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    record = read_record(file)
    assert record.command == ("secondpass", "verify", "record", "--out", str(file))
    assert (record.kind, record.arguments) == ("example", ())
    done = secondpass("verify", "check", file)
    assert done.returncode == 0, done.stderr
    checked = decode(done.stdout.encode(), CheckReport, "check")
    assert checked.confirmed
    assert checked.record == str(file)
    assert {line.verdict for line in checked.lines if line.decides} == {"same"}


def test_a_record_goes_to_standard_output_without_out(bench, capsys):
    assert run("verify", "record", "bench", "--depth", "5") == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["arguments"] == ["--depth", "5"]
    assert "a table" in printed.err


def test_bench_is_recorded_with_its_arguments_and_run_with_them_again(bench, tmp_path, capsys):
    file = tmp_path / "bench.json"
    assert run("verify", "record", "--out", file, "bench", "--depth", "5", "--seed=3") == 0
    record = read_record(file)
    assert record.arguments == ("--depth", "5", "--seed=3")
    assert record.command[:3] == ("secondpass", "verify", "record")
    assert record.command[-4:] == ("bench", "--depth", "5", "--seed=3")
    assert record.outcome.seed == 3
    assert record.outcome.models[0].role == "cross-encoder"
    assert record.backend.processor == "cpu"
    assert run("verify", "check", file, "--json") == 0
    assert bench == [5, 5]
    printed = json.loads(capsys.readouterr().out)
    shown = [line for line in printed["lines"] if line["verdict"] == "shown"]
    assert {f"rerank_ms, {one}" for one in ("mean", "P50", "P95")} | {"memory available"} == {
        line["what"] for line in shown
    }


def test_a_person_gets_a_table_and_a_conclusion(bench, tmp_path, capsys, monkeypatch):
    file = tmp_path / "bench.json"
    run("verify", "record", "--out", file, "bench")
    monkeypatch.setattr("secondpass.cli.output.for_a_person", lambda as_json: not as_json)
    assert run("verify", "check", file) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("bench, recorded 2")
    assert any(line.split()[:2] == ["*", "same"] for line in lines)
    assert lines[-1].startswith("confirmed: all ")


def test_another_outcome_is_status_1_and_says_what(bench, tmp_path, capsys):
    file = tmp_path / "bench.json"
    run("verify", "record", "--out", file, "bench")
    record = read_record(file)
    file.write_text(encode(replace(record, outcome=replace(record.outcome, seed=99))))
    assert run("verify", "check", file, "--json") == 1
    printed = json.loads(capsys.readouterr().out)
    assert printed["conclusion"] == "not confirmed: seed different"


def test_another_model_is_status_1_and_is_not_run(bench, tmp_path, capsys):
    file = tmp_path / "bench.json"
    run("verify", "record", "--out", file, "bench")
    record = read_record(file)
    use = record.outcome.models[0]
    other = replace(use, info=replace(use.info, weights_sha256="f" * 64))
    file.write_text(encode(replace(record, outcome=replace(record.outcome, models=(other,)))))
    assert run("verify", "check", file, "--json") == 1
    assert len(bench) == 1
    printed = json.loads(capsys.readouterr().out)
    assert not printed["ran"]
    assert printed["conclusion"].startswith("not confirmed, and not run: cross-encoder: weights")


def test_a_command_that_no_longer_takes_these_arguments_is_status_1(bench, tmp_path, capsys):
    file = tmp_path / "bench.json"
    run("verify", "record", "--out", file, "bench")
    file.write_text(encode(replace(read_record(file), arguments=("--gone",))))
    assert run("verify", "check", file, "--json") == 1
    assert "No such option" in json.loads(capsys.readouterr().out)["conclusion"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["bench", "--json-out", "x.json"], "--json-out writes a file: leave it out"),
        (["bench", "--html=x.html"], "--html writes a file"),
        (["bench", "--help"], "see 'secondpass bench --help'"),
        (["bench", "--nonsense"], "No such option"),
        (["bench", "--depth", "13"], "was interrupted"),
        (["example", "--depth", "3"], "the example takes no arguments, given '--depth 3'"),
        (["demo"], "demo"),
        (["--out", "/no/such/folder/x.json"], "/no/such/folder/x.json cannot be written"),
        (["--out", "/"], "cannot be written"),
    ],
)
def test_the_callers_mistakes_in_a_record_are_one_line_and_status_2(
    bench, arguments, message, capsys
):
    assert run("verify", "record", *arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    line = printed.err.splitlines()[-1]
    assert line.startswith("secondpass: ")
    assert message in line


def test_a_file_that_is_no_record_is_status_2(tmp_path, capsys):
    assert run("verify", "check", tmp_path / "gone.json") == 2
    assert "gone.json cannot be read" in capsys.readouterr().err
    edited = json.loads(EXAMPLE.read_text())
    edited["outcome"]["latencies"][0]["ms"] = "fast"
    file = tmp_path / "edited.json"
    file.write_text(json.dumps(edited))
    assert run("verify", "check", file) == 2
    assert "has outcome.latencies[0].ms 'fast', expected a number" in capsys.readouterr().err


def test_the_kept_records_are_records_of_what_is_here():
    files = sorted(EXAMPLE.parent.glob("*.json"))
    assert EXAMPLE in files
    for file in files:
        record = read_record(file)
        assert record.schema == "secondpass/record/1"
        assert "unknown" not in (record.machine.processor, record.backend.processor)
    from secondpass.verify.example import FILE

    assert read_record(EXAMPLE).outcome.data[0].sha256 == file_sha256(FILE)
