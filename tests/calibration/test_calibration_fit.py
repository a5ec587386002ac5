"""Maps from logits to probabilities: right values, the choice, and what is refused."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secondpass.calibration.fit import (
    best_of,
    calibration_error,
    fit_map,
    log_loss,
)
from secondpass.calibration.judged import LEAST_PAIRS, LEAST_QUERIES, Judged, require_enough
from secondpass.errors import InputError
from secondpass.scoring.calibration_map import CalibrationMap, read_calibration


def judged(logits, relevant, per_query=10):
    query = np.arange(len(logits)) // per_query
    return Judged("toy", "0" * 64, np.asarray(logits, float), np.asarray(relevant, bool), query)


def drawn(probability, pairs=3000, seed=1):
    generator = np.random.default_rng(seed)
    logits = generator.normal(0, 2, pairs)
    return judged(logits, generator.random(pairs) < probability(logits))


def sigmoid(values):
    return 1 / (1 + np.exp(-values))


def steps(logits):
    return np.where(logits < -1, 0.05, np.where(logits < 2, 0.3, 0.95))


@pytest.mark.parametrize(
    ("probability", "method"),
    [
        (lambda logits: sigmoid(2 * logits - 1), "platt"),
        (lambda logits: sigmoid(0.3 * logits + 1), "platt"),
        (steps, "isotonic"),
    ],
)
def test_the_better_method_is_taken_and_finds_the_probabilities(probability, method):
    found = drawn(probability)
    fitted, tried = best_of(found)
    assert fitted.method == method
    assert {one.method for one in tried} == {"platt", "isotonic"}
    near = np.abs(fitted.applied(found.logits.astype(np.float32)) - probability(found.logits))
    assert near.mean() < 0.04
    taken = next(one for one in tried if one.method == method)
    own = calibration_error(sigmoid(found.logits), found)
    assert taken.calibration_error.error < own.error
    assert taken.calibration_error.low <= taken.calibration_error.high


def test_platts_numbers_come_out():
    fitted = fit_map("platt", *_pairs(drawn(lambda logits: sigmoid(2 * logits - 1), 40_000)))
    assert fitted.slope == pytest.approx(2, abs=0.1)
    assert fitted.intercept == pytest.approx(-1, abs=0.1)


def _pairs(found):
    return found.logits, found.relevant


def test_isotonic_is_that_of_scikit_learn():
    """The values are those of sklearn 1.9.1, IsotonicRegression(out_of_bounds="clip")."""
    logits = np.array([-2.0, -1.0, -1.0, 0.0, 1.0, 2.0, 3.0])
    relevant = np.array([0, 1, 0, 0, 1, 0, 1], bool)
    fitted = fit_map("isotonic", logits, relevant)
    at = np.array([-5, -2, -1.5, -1, 0.5, 2, 2.5, 9])
    expected = [0, 0, 1 / 6, 1 / 3, 1 / 3 + 1 / 12, 1 / 2, 3 / 4, 1]
    assert fitted.applied(at.astype(np.float32)) == pytest.approx(expected, abs=2e-3)


@given(
    st.lists(st.tuples(st.floats(-20, 20, width=32), st.booleans()), min_size=4, max_size=60),
    st.sampled_from(["platt", "isotonic"]),
)
@settings(deadline=None)
def test_a_map_gives_probabilities_that_never_fall(pairs, method):
    logits, relevant = (np.array(column) for column in zip(*pairs, strict=True))
    try:
        fitted = fit_map(method, logits.astype(float), relevant)
    except InputError:  # one kind only, or logits that fall with relevance
        return
    at = np.linspace(-30, 30, 400, dtype=np.float32)
    values = fitted.applied(at)
    assert (np.diff(values) >= 0).all()
    assert values.min() >= 0
    assert values.max() <= 1


def test_equal_steps_of_isotonic_keep_the_order_of_the_logits():
    fitted = CalibrationMap("isotonic", 1.0, 0.0, (0.0, 1.0, 2.0), (0.2, 0.2, 0.9))
    values = fitted.applied(np.array([-3, 0, 0.5, 1, 2, 3, 4], np.float32))
    assert (np.diff(values) > 0).all()


def test_too_few_labels_are_refused_with_their_numbers():
    require_enough("enough", LEAST_PAIRS, LEAST_PAIRS, LEAST_QUERIES)
    for few, words in [
        (judged(np.arange(400), np.arange(400) < LEAST_PAIRS - 1), "49 relevant candidates"),
        (judged(np.arange(400), np.arange(400) > LEAST_PAIRS - 2), "49 others"),
        (judged(np.arange(400), np.arange(400) % 2, per_query=80), "5 queries with a relevant"),
    ]:
        with pytest.raises(InputError, match="at least 50, 50 and 10") as error:
            best_of(few)
        assert words in str(error.value)


def test_logits_that_fall_with_relevance_are_refused():
    with pytest.raises(InputError, match="do not rise with relevance"):
        best_of(drawn(lambda logits: sigmoid(-logits)))


def test_log_loss_by_hand():
    relevant = np.array([True, False, True])
    assert log_loss(np.array([0.5, 0.75, 1.0]), relevant) == pytest.approx(np.log(8) / 3)
    assert np.isfinite(log_loss(np.array([0.0, 1.0, 0.0]), relevant))


def test_the_interval_is_over_queries():
    """Of two queries with the same candidates every resample is the same."""
    found = drawn(sigmoid, 500)
    twice = Judged(
        "twice",
        "0",
        np.tile(found.logits, 2),
        np.tile(found.relevant, 2),
        np.repeat(np.arange(2), 500),
    )
    same = calibration_error(sigmoid(twice.logits), twice)
    assert same.low == pytest.approx(same.high, abs=1e-12)
    assert same.low == pytest.approx(same.error, abs=1e-12)
    many = calibration_error(sigmoid(found.logits), found)
    assert many.low < many.high


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"slope": 0.0}, "slope that is not above 0"),
        ({"slope": -1.0}, "slope that is not above 0"),
        ({"method": "isotonic"}, "no points"),
        ({"logits": (1.0,)}, "points of unequal number"),
        ({"logits": (1.0, 1.0), "probabilities": (0.1, 0.2)}, "logits that do not rise"),
        ({"logits": (1.0, 2.0), "probabilities": (0.3, 0.2)}, "probabilities that fall"),
        ({"logits": (1.0, 2.0), "probabilities": (0.3, 1.2)}, "outside 0 to 1"),
    ],
)
def test_a_map_that_is_none_is_refused(change, words):
    with pytest.raises(InputError, match=words):
        CalibrationMap(**({"method": "platt", "slope": 1.0, "intercept": 0.0} | change))


def stored(**change):
    return {
        "schema": "secondpass/calibration/1",
        "model": {"name": "m", "weights_sha256": "ab"},
        "map": {"method": "platt", "slope": 1.0, "intercept": 0.0},
    } | change


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "is not valid JSON"),
        ("[]", "calibration"),
        (json.dumps(stored(schema="secondpass/calibration/9")), "has schema"),
        (json.dumps(stored(map={"method": "other", "slope": 1.0, "intercept": 0.0})), "method"),
        (json.dumps(stored(map={"method": "platt", "slope": -1.0, "intercept": 0.0})), "slope"),
        (json.dumps(stored(model={"name": "m", "weights_sha256": "cd"})), "fitted to m, whose"),
        (json.dumps({"schema": "secondpass/calibration/1"}), "model"),
    ],
)
def test_a_file_that_is_no_calibration_of_the_model(tmp_path, content, words):
    file = tmp_path / "calibration.json"
    file.write_text(content)
    with pytest.raises(InputError) as error:
        read_calibration(file, name="mine", weights_sha256="ab")
    assert words in str(error.value)
    assert str(file) in str(error.value)


def test_a_folder_stands_for_the_file_in_it(tmp_path):
    (tmp_path / "calibration.json").write_text(json.dumps(stored()))
    for place in (tmp_path, tmp_path / "calibration.json"):
        assert read_calibration(place, name="mine", weights_sha256="ab").slope == 1
    with pytest.raises(InputError, match="cannot be read"):
        read_calibration(tmp_path / "none.json", name="mine", weights_sha256="ab")
