"""secondpass plan as a person meets it."""

import os
import subprocess
import sys

import pytest

from secondpass.plan.result import PlanResult
from secondpass.result_file import read_result


def plan(*arguments):
    command = [sys.executable, "-m", "secondpass", "plan", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ)


def test_a_plan_says_depth_times_memory_and_its_error(parity, tmp_path):
    done = plan(
        *("--model", parity / "bert", "--max-length", 64, "--precision", "fp32"),
        *("--seconds", 1, "--p95-ms", 1000000, "--document-tokens", 40, "--check"),
        *("--json-out", tmp_path / "plan.json"),
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "Documents of 40 tokens, P95 of at most 1000000 ms:"
    (row,) = (
        line.split() for line in lines if line.startswith(str(parity / "bert")) and "f32" in line
    )
    assert row[1:3] == ["fp32", "f32"]
    assert int(row[3]) > 1000  # a tiny model, and a thousand seconds
    assert 0 < float(row[4]) <= float(row[5])
    assert len(row) == 6
    assert sum(line.endswith("%") and line.lstrip()[:1].isdecimal() for line in lines) >= 6
    (planned,) = read_result(tmp_path / "plan.json", PlanResult, "plan").planned
    assert planned.depth == int(row[3])
    # A tiny model needs what the process needs, 0.3 GB, and a little.
    assert 300_000_000 < planned.needed_bytes < 350_000_000
    available = planned.available_bytes / 1e9
    assert (
        f"{parity / 'bert'} at fp32 needs about 0.3 GB of {available:.1f} GB available: fits"
        in lines
    )
    assert len(planned.checked) >= 6
    assert lines[-1] == (
        f"median error of P50 {planned.median_p50_error:.1%}, of P95 {planned.median_p95_error:.1%}"
    )


def test_a_target_no_model_meets_is_said(parity):
    done = plan("--model", parity / "bert", "--max-length", 64, "--seconds", 1, "--p95-ms", 0.0001)
    assert done.returncode == 0, done.stderr
    assert "Not one candidate can be reranked with a P95 of 0.0001 ms." in done.stdout


def test_what_cannot_be_had_is_one_line_alone_and_a_note_among_others(parity):
    done = plan("--model", "missing/model")
    assert done.returncode == 2
    assert "missing/model" in done.stderr
    # The embedded model holds an int8 graph only.
    done = plan("--precision", "fp32", "--precision", "auto", "--seconds", 1)
    assert done.returncode == 0, done.stderr
    assert "embedded/cross-encoder at fp32 is left out" in done.stderr
    assert "int8" in done.stdout


@pytest.mark.parametrize(
    ("option", "value"),
    [("--p95-ms", "nan"), ("--p95-ms", "inf"), ("--seconds", "nan"), ("--seconds", "inf")],
)
def test_a_number_that_is_not_finite_is_refused_in_one_line(option, value):
    done = plan(option, value)
    assert done.returncode == 2
    last = done.stderr.strip().splitlines()[-1]
    assert option in last
    assert f"{value} is not a finite number" in last
    assert "Traceback" not in done.stderr


def test_cut_documents_are_noted_beside_the_plan_and_in_json(parity, tmp_path):
    file = tmp_path / "plan.json"
    done = plan(
        *("--model", parity / "bert", "--max-length", 32, "--precision", "fp32", "--seconds", 1),
        *("--document-tokens", 5000, "--json-out", file),
    )
    assert done.returncode == 0, done.stderr
    note = "documents are cut at 32 tokens, query included"
    assert f"note: {parity / 'bert'} at fp32: {note}" in done.stdout.splitlines()
    assert read_result(file, PlanResult, "plan").planned[0].note == note
