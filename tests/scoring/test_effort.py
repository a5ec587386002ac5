import pytest

from secondpass.errors import InputError, ModelFileError
from secondpass.options.effort import checked_effort
from secondpass.scoring.effort import Exit, read_join_exits, read_schedules


def read(exits, tmp_path):
    return read_schedules({"exits": exits}, tmp_path / "config.json")


def test_a_config_without_exits_has_no_schedules(tmp_path):
    assert read_schedules({}, tmp_path) == {}


def test_schedules_are_read_as_written(tmp_path):
    found = read({"balanced": [[0, 0.4], [4, 0.2, 20]], "fast": [[2, 1]]}, tmp_path)
    assert found == {"balanced": (Exit(0, 0.4), Exit(4, 0.2, 20)), "fast": (Exit(2, 1.0),)}


@pytest.mark.parametrize(
    ("share", "least", "candidates", "kept"),
    [
        (0.4, 10, 100, 40),
        (0.4, 10, 101, 41),  # 40.4: rounded up
        (0.07, 1, 100, 7),  # 7.000000000000001 as a float
        (0.4, 10, 12, 10),
        (0.4, 10, 4, 4),
        (0.4, 10, 0, 0),
        (1.0, 1, 5, 5),
    ],
)
def test_how_many_go_on(share, least, candidates, kept):
    assert Exit(2, share, least).keeps(candidates) == kept


@pytest.mark.parametrize(
    ("exits", "message"),
    [
        ([], "config.json has exits list"),
        ({"slow": []}, "expected an object with 'balanced', 'fast', 'first_stage'"),
        ({"full": [[2, 0.4]]}, "expected an object with 'balanced', 'fast', 'first_stage'"),
        ({"fast": []}, "config.json: fast is list"),
        ({"fast": [[2]]}, "fast has list"),
        ({"fast": [[-1, 0.4]]}, "integers and a share"),
        ({"fast": [[True, 0.4]]}, "integers and a share"),
        ({"fast": [[2, 0.0]]}, "a share above 0 of at most 1"),
        ({"fast": [[2, 1.1]]}, "a share above 0 of at most 1"),
        ({"fast": [[2, float("nan")]]}, "a share above 0"),
        ({"fast": [[2, 0.4, 0]]}, "integers and a share"),
        ({"first_stage": -1}, "first_stage is int -1, expected a number of at least 0"),
        ({"first_stage": "much"}, "first_stage is str .much., expected"),
        ({"fast": [[4, 0.4], [2, 0.2]]}, "up in layers"),
        ({"fast": [[2, 0.4], [2, 0.2]]}, "up in layers"),
        ({"fast": [[2, 0.2], [4, 0.4]]}, "down in shares"),
    ],
)
def test_a_schedule_that_cannot_be_meant_is_refused(exits, message, tmp_path):
    with pytest.raises(ModelFileError, match=message):
        read(exits, tmp_path)


@pytest.mark.parametrize("effort", ["Full", "slow", None, 1, ["full"]])
def test_an_unknown_effort_names_the_three(effort):
    with pytest.raises(InputError, match="expected one of full, balanced, fast"):
        checked_effort(effort)


def test_states_have_exits_and_a_weight_of_the_first_stage_of_their_own(tmp_path):
    exits = {"first_stage": 1.0, "fast": [[2, 0.2], [4, 0.1]], "balanced": [[4, 0.3]]}

    def read_join(states):
        config = {"exits": {**exits, "states": states}}
        return read_join_exits(config, tmp_path / "config.json", 4)

    never = Exit(4, 0.0, least=0)
    whole = {"fast": Exit(4, 0.1, first_stage=1.0), "balanced": Exit(4, 0.3, first_stage=1.0)}
    assert read_join({}) == {**whole, "instant": never}
    own = read_join({"first_stage": 0.5, "fast": [[4, 0.2]]})
    assert own == {**whole, "fast": Exit(4, 0.2, first_stage=0.5), "instant": never}
    with pytest.raises(ModelFileError, match="states: first_stage is int -1"):
        read_join({"first_stage": -1})
