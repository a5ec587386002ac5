"""When a run ends, and its learning rate."""

import pytest

from secondpass import InputError
from secondpass.training.recipe import Recipe
from secondpass.training.schedule import Schedule


def test_by_steps():
    schedule = Schedule(9, None, lambda: 1e9)
    # The step that comes, of ten: the rate is at its top after a tenth and never 0.
    assert [schedule.learning_rate_factor(step) for step in (0, 1, 5, 8)] == pytest.approx(
        [1.0, 0.8 / 0.9, 0.4 / 0.9, 0.1 / 0.9]
    )
    assert schedule.done(8) < 1
    assert schedule.done(9) == 1


def test_by_the_clock():
    times = iter((0.0, 5.0, 10.0, 55.0, 100.0, 130.0, 130.0))
    schedule = Schedule(None, 100.0, lambda: next(times))
    factors = [schedule.learning_rate_factor(3) for _ in range(6)]
    assert factors == pytest.approx([0, 0.5, 1, 0.5, 0, 0])
    assert schedule.done(3) == 1


def test_whichever_comes_first():
    assert Schedule(10, 100.0, lambda: 80.0).done(2) == pytest.approx(0.8)
    assert Schedule(10, 100.0, lambda: 80.0).done(9) == pytest.approx(0.9)


def test_time_for_the_last_evaluation_is_kept_free():
    # Of 100 seconds 20 are reserved: 40 are half of what is left, 80 all of it.
    for spent, done in ((0.0, 0.0), (40.0, 0.5), (80.0, 1.0)):
        assert Schedule(None, 100.0, lambda now=spent: now, lambda: 20.0).done(1) == done
    assert Schedule(None, 100.0, lambda: 1.0, lambda: 100.0).done(1) == 1


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"steps": None}, "neither steps nor minutes"),
        ({"steps": 0}, "steps is 0"),
        ({"negatives": 0}, "negatives is 0"),
        ({"learning_rate": float("nan")}, "learning_rate is float nan"),
        ({"temperature": 0.0}, r"temperature is float 0\.0"),
        ({"evaluate_every": 0}, "evaluate_every is 0"),
        (
            {"share_of_start": 1.0},
            r"share_of_start is float 1\.0, expected a finite number of at least 0 and below 1",
        ),
        ({"share_of_start": float("nan")}, "share_of_start is float nan"),
    ],
)
def test_a_recipe_that_is_not_usable(wrong, message):
    with pytest.raises(InputError, match=message):
        Recipe(**{"model": "x", "steps": 1, "minutes": None} | wrong)
