from __future__ import annotations

from dataclasses import replace

import pytest

pytest.importorskip("psutil")

from benchmarks.serve import markdown
from benchmarks.serve.__main__ import _loaded
from benchmarks.serve.load import BROKEN, HUNG, Replies, Reply
from benchmarks.serve.result import Beside, Burst, Loaded, Memory, Result, Speeds
from benchmarks.serve.work import draw
from secondpass.environment.machine import read_machine
from secondpass.environment.software import read_software
from secondpass.testing import FakeReranker


def loaded(p99_ms=100.0, hung=0):
    return Loaded(10.0, 200, 190, 9, 1 - hung, hung, 20.0, 80.0, p99_ms, 3.0)


@pytest.fixture(scope="module")
def result():
    return Result(
        created="2026-11-26",
        command="python -m benchmarks.serve",
        machine=read_machine(),
        software=read_software(),
        model=FakeReranker().info,
        clients=8,
        texts_mean=7.6,
        tokens_mean=900.0,
        speeds=Speeds((100.0, 110.0), (90.0, 120.0), (95.0, 115.0)),
        saturated=loaded(),
        twice=loaded(p99_ms=150.0),
        memory=Memory((2000, 10_000), (200.0, 202.0)),
        burst=Burst(1000, 900, 100, 0, 0, before_ms=20.0, after_ms=21.0),
        beside=(Beside("secondpass", (100.0,), 10.0, 20.0, 0, 150.0),),
    )


def test_all_holds_where_it_does(result):
    assert [holds for _, _, holds in result.checks()] == [True] * 5
    # The worse of the rounds' two ratios is to the library's better way: 95/100 and 115/120.
    assert result.speeds.share == pytest.approx((95 / 100 + 115 / 120) / 2)


@pytest.mark.parametrize(
    "change",
    [
        {"speeds": Speeds((100.0,), (90.0,), (89.0,))},
        {"twice": loaded(p99_ms=200.0)},
        {"twice": loaded(hung=1)},
        {"memory": Memory((2000, 10_000), (200.0, 221.0))},
        {"burst": Burst(1000, 900, 99, 0, 1, before_ms=20.0, after_ms=20.0)},
        {"burst": Burst(1000, 900, 100, 0, 0, before_ms=20.0, after_ms=41.0)},
    ],
)
def test_what_does_not_hold_is_said(result, change):
    checks = replace(result, **change).checks()
    assert sum(not holds for _, _, holds in checks) == 1
    assert "| NO |" in markdown.page(replace(result, **change))


def test_the_page_has_what_was_measured_and_nothing_else(result):
    whole = markdown.page(result)
    assert "| server, 8 clients | 105 | 95 | 115 |" in whole
    assert "| saturation | 10.0 | 190 | 9 | 1 | 0 | 20 | 80 | 100 | 3 |" in whole
    assert "| secondpass | 100 | 10 | 20 | 0 | 150 |" in whole
    nothing = {"speeds", "saturated", "twice", "memory", "burst"}
    bare = markdown.page(replace(result, **dict.fromkeys(nothing), beside=()))
    assert "library" not in bare


def test_replies_are_counted_by_what_they_are():
    statuses = [200] * 99 + [429, 500, BROKEN, HUNG]
    found = _loaded(5.0, Replies([Reply(status, 10.0) for status in statuses], 20.0))
    assert (found.answered, found.refused, found.failed, found.hung) == (99, 1, 2, 1)
    assert found.requests == 103


def test_the_same_seed_asks_the_same_and_no_text_twice():
    asks = draw(10, 3, (1, 5))
    assert asks == draw(10, 3, (1, 5))
    assert asks != draw(10, 4, (1, 5))
    texts = [text for one in asks for text in one.texts]
    assert len(texts) == len(set(texts)) == 30
