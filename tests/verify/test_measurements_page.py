"""The figures of docs/results/measurements.md are those of the kept records."""

from pathlib import Path

import pytest

from secondpass.bench.table import number
from secondpass.verify.record import read_record

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "results" / "measurements.md").read_text()


@pytest.fixture(scope="module", params=["bench", "eval-dl19"])
def kept(request):
    return request.param, read_record(ROOT / "records" / f"{request.param}.json")


def test_the_commands_shown_are_those_recorded(kept):
    name, record = kept
    assert record.command[:5] == ("secondpass", "verify", "record", "--out", f"records/{name}.json")
    line = " ".join(record.command)
    assert line in PAGE
    assert line in (ROOT / "records" / "README.md").read_text()


def test_the_latencies_are_the_records():
    record = read_record(ROOT / "records" / "bench.json")
    found = {(one.name, one.statistic): one.ms for one in record.outcome.latencies}
    for name in ("dense_ms", "rerank_ms"):
        shown = [number(found[name, statistic]) for statistic in ("P50", "P95", "P99")]
        assert all(f"{one} [" in PAGE for one in shown)


def test_the_measures_are_the_records():
    record = read_record(ROOT / "records" / "eval-dl19.json")
    for one in record.outcome.observed.measures:
        assert f"{one.mean:.4f}" in PAGE
    # The published figure of BM25 there.
    assert f"{record.outcome.observed.measures[0].mean:.4f}" == "0.5058"
