"""Settings take turns on a clock that tells what a test says."""

import pytest

from secondpass.cost.turns import in_turns


class Machine:
    """Takes a second a setting; the first turn takes `first` seconds a setting."""

    def __init__(self, first=1.0):
        self.time, self.first, self.measured = 0.0, first, []

    def now(self):
        return self.time

    def measure(self, setting):
        self.time += self.first if len(self.measured) < 2 else 1.0
        self.measured.append(setting)
        return len(self.measured)


def turns(machine, seconds, repeats, advance=lambda _: None):
    return in_turns(
        machine.measure, "ab", seconds=seconds, repeats=repeats, now=machine.now, advance=advance
    )


def test_settings_take_turns_and_the_first_turn_is_not_kept():
    machine = Machine()
    assert turns(machine, 100, (0, 3)) == [[3, 4], [5, 6], [7, 8]]
    assert machine.measured == list("abababab")


@pytest.mark.parametrize(("seconds", "kept"), [(4, 2), (3, 1), (0.1, 0), (1000, 3)])
def test_there_are_as_many_turns_as_there_is_time_for(seconds, kept):
    """A turn takes 2 s, and the first is taken to be a quarter slower than the others."""
    advanced = []
    found = turns(Machine(), seconds, (0, 3), advanced.append)
    assert len(found) == max(1, kept)
    assert sum(advanced) == 4


def test_without_time_for_another_turn_the_first_is_kept():
    assert turns(Machine(first=10), 1, (0, 3)) == [[1, 2]]


def test_the_fewest_are_measured_whatever_they_take():
    assert len(turns(Machine(first=10), 1, (2, 3))) == 2
