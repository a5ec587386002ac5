"""Other work while a plan is measured: counted, and said where it was in the way."""

import subprocess
import sys

import pytest

import secondpass.plan.plan as planning
from secondpass.bench.clock import WallClock
from secondpass.cli.plan import _print
from secondpass.environment.usage import Usage, read_usage
from secondpass.plan.background_load import OtherWork
from secondpass.plan.plan import Wanted, make_plan
from secondpass.plan.predict import plan_result
from secondpass.plan.result import Target


def usage(wall, everyone, own):
    return Usage(wall, everyone, own, cores=2)


def test_others_took_what_was_used_and_not_by_us():
    # In 10 s two processors worked 18 s, 12 s of it ours: 6 s in 10 are 0.6 processors.
    before, after = usage(100.0, 500.0, 40.0), usage(110.0, 518.0, 52.0)
    assert after.others_since(before) == pytest.approx(0.6)
    # Ticks of 10 ms may count us a little more than all.
    assert usage(110.0, 511.99, 52.0).others_since(before) == 0.0
    assert before.others_since(before) == 0.0


@pytest.mark.parametrize(
    ("taken", "cores", "threads", "missing", "said"),
    [
        (0.0, 2, 2, 0.0, False),
        (0.19, 2, 2, 0.19, False),
        (0.21, 2, 2, 0.21, True),
        (1.0, 2, 1, 0.0, False),  # a processor for each
        (1.5, 2, 1, 0.5, True),
        (60.0, 64, 4, 0.0, False),
        (61.0, 64, 4, 1.0, True),
        (0.3, 2, 8, 0.3, True),  # more threads than processors
    ],
)
def test_it_is_said_where_our_threads_had_less(taken, cores, threads, missing, said):
    work = OtherWork(taken, cores, threads)
    assert work.missing == pytest.approx(missing)
    assert (work.warning is not None) == said


def test_work_of_another_process_is_seen():
    before = read_usage()
    code = "import time\nwhile time.process_time() < 0.6: pass"
    subprocess.run([sys.executable, "-c", code], check=True)
    after = read_usage()
    seconds = after.others_since(before) * (after.wall_seconds - before.wall_seconds)
    assert seconds > 0.5
    assert after.cores >= 1
    assert after.own_seconds - before.own_seconds < 0.3


def test_a_plan_made_on_busy_cores_says_so(parity, monkeypatch, capsys):
    read = iter([usage(0.0, 0.0, 0.0), usage(10.0, 20.0, 7.0)])
    monkeypatch.setattr(planning, "read_usage", lambda: next(read))

    wanted = Wanted(str(parity / "bert"), "fp32", 64, 2)
    plan = make_plan(wanted, WallClock(), seconds=1)
    result = plan_result([plan], Target(100.0, 40), "secondpass plan")
    assert result.planned[0].cores_taken == pytest.approx(1.3)
    _print(result)
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("warning")] == [
        f"warning: {parity / 'bert'} at fp32: the cores were busy while this was measured: other "
        "work took 1.3 of 2, and the times hold only under that load; plan again when they are free"
    ]
