"""When a run is evaluated, and that its last evaluation fits into its time."""

from types import SimpleNamespace

import pytest

pytest.importorskip("transformers", reason="the train extra is not installed")


def watched(steps, **given):
    """Run so many steps; return those that were evaluated and the one that ended it."""
    from secondpass.training.history import History
    from secondpass.training.schedule import Schedule
    from secondpass.training.watcher import Watcher

    history = History({})
    evaluate_every = given.pop("evaluate_every", None)
    state, control = SimpleNamespace(global_step=given.pop("begin", 0)), SimpleNamespace()
    watcher = Watcher(
        history,
        given.pop("schedule", None) or Schedule(steps, None, lambda: 0.0),
        evaluate_every=evaluate_every,
        evaluate=lambda: {"toy": 0.5},
        keep_best=lambda: None,
        report=lambda at: None,
    )
    watcher.on_train_begin(None, state, control)
    while not getattr(control, "should_training_stop", False):
        state.global_step += 1
        watcher.on_step_end(None, state, control)
    return [point.step for point in history.dev], state.global_step


def test_without_a_number_of_steps_each_fifth_is_evaluated():
    assert watched(20) == ([0, 4, 8, 12, 16, 20], 20)
    assert watched(7) == ([0, 2, 3, 5, 6, 7], 7)


def test_a_run_that_goes_on_is_evaluated_where_one_that_never_stopped_is():
    for begin, rest in ((3, [4, 8, 12, 16, 20]), (4, [8, 12, 16, 20]), (13, [16, 20])):
        assert watched(20, begin=begin) == (rest, 20)


def test_every_so_many_steps():
    assert watched(10, evaluate_every=4) == ([0, 4, 8, 10], 10)


def test_a_fifth_that_passes_in_an_evaluation_is_not_evaluated_again():
    from secondpass.training.schedule import Schedule

    # 100 seconds, of which each look at the clock takes 7: most fifths pass within one.
    clock = iter(range(0, 10_000, 7))
    evaluated, last = watched(None, schedule=Schedule(None, 100.0, lambda: next(clock)))
    assert last == evaluated[-1]
    assert len(evaluated) <= 6
