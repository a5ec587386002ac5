"""Whatever is given for whatever is asked: our error, and a short one."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from secondpass import CrossEncoderReranker, InputError, SecondpassError
from secondpass.checks import shortened
from secondpass.errors import MOST_CHARACTERS
from secondpass.options.call import RankOptions
from secondpass.options.model import EmbedderOptions, RerankerOptions
from secondpass.options.option import declared


class Silent:
    def __repr__(self):
        raise RuntimeError("no repr")


class Talkative:
    def __repr__(self):
        return "talk " * 10**6


class Shouting(str):
    def __repr__(self):
        return "SHOUT " * 10**6


def nested(depth=100_000):
    value = []
    for _ in range(depth):
        value = [value]
    return value


HUGE = {
    "int": -(10**5000),
    "long int": 10**5000,
    "string": "x" * 10**6,
    "blanks": " " * 10**6,
    "bytes": b"x" * 10**6,
    "silent": Silent(),
    "talkative": Talkative(),
    "shouting": Shouting("s" * 10**6),
    "nested": nested(),
    "list": [list(range(1000))] * 1000,
    "dict": {"k" * 10**6: 1},
    "array": np.zeros((1000, 1000)),
    "type": type("T" * 10**5, (), {})(),
    "nan": float("nan"),
    "bool": np.True_,
    "duration": np.timedelta64(5, "ms"),
}
FIELDS = [
    (options, name)
    for options in (RankOptions, RerankerOptions, EmbedderOptions)
    for name in declared(options)
]


def message_of(call):
    """Return what our error says; none where the value is legal."""
    try:
        call()
    except SecondpassError as error:
        return str(error)
    return ""


def run_of_value(message):
    """Return the longest run of one character."""
    longest = run = 1
    for before, after in pairwise(message):
        run = run + 1 if before == after else 1
        longest = max(longest, run)
    return longest


@pytest.mark.parametrize("value", HUGE.values(), ids=HUGE)
@pytest.mark.parametrize(("options", "name"), FIELDS, ids=[f"{o.__name__}.{n}" for o, n in FIELDS])
def test_every_option_refuses_it_in_short(options, name, value):
    if name == "local_files_only" and value is np.True_:
        assert options(**{name: value}).local_files_only is True
        return
    with pytest.raises(InputError) as raised:
        options(**{name: value})
    message = str(raised.value)
    assert name in message
    assert len(message) < 600
    assert run_of_value(message) <= 80


@pytest.mark.parametrize("value", HUGE.values(), ids=HUGE)
def test_what_is_ranked_is_refused_in_short(tiny, value):
    calls = [
        lambda: tiny.rank(value, ["a"]),
        lambda: tiny.rank("a", [value]),
        lambda: tiny.rerank("a", [value]),
        lambda: tiny.rerank("a", [{"text": value}]),
        lambda: tiny.rerank("a", [{"text": "a", "score": value}], fuse="weighted"),
        lambda: tiny.rank("a", ["a"], fuse="weighted", first_stage_scores=[value]),
        lambda: tiny.rerank("a", [{"text": "a"}], first_stage_score=value, fuse="weighted"),
        lambda: tiny.predict([("a", value)]),
        lambda: tiny.predict([value]),
        lambda: CrossEncoderReranker.from_dict({"options": value}),
        lambda: CrossEncoderReranker.from_dict(value),
    ]
    messages = [message for call in calls if (message := message_of(call))]
    assert len(messages) >= 4  # a string is a legal text, and an integer a legal score
    assert max(map(len, messages)) < 700
    assert max(map(run_of_value, messages)) <= 80


@pytest.mark.parametrize("key", ["k" * 10**7, 10**5000, Silent()], ids=["long", "huge", "silent"])
def test_a_candidates_keys_are_quoted_in_short(tiny, key):
    with pytest.raises(InputError, match="candidate 0 has neither") as raised:
        tiny.rerank("a", [{key: 1}])
    assert len(str(raised.value)) < 200
    with pytest.raises(InputError, match=r"has no 'score'") as raised:
        tiny.rerank("a", [{"text": "a", key: 1}], fuse="weighted")
    assert len(str(raised.value)) < 400


def test_short_values_are_quoted_whole():
    for value in ("it's", 5, 2.5, None, ["a"], ("a", 1), True, b"a"):
        assert shortened(value) == repr(value)
    assert shortened("x" * 200) == "'" + "x" * 76 + "..."
    assert shortened("\x1b[31m") == r"'\x1b[31m'"


def test_a_reason_of_another_library_is_cut_in_the_middle():
    message = str(InputError("begins " + "x" * 10**6 + " ends"))
    assert len(message) <= MOST_CHARACTERS
    assert message.startswith("begins")
    assert message.endswith("ends")


NUMBERS = [np.int64(3), np.uint8(3), np.int16(3), 3]
INTEGERS = [
    (options, name)
    for options, name in FIELDS
    if name in ("top_k", "max_length", "threads", "max_batch_tokens", "select_tokens", "keep")
]


@pytest.mark.parametrize("value", NUMBERS, ids=repr)
@pytest.mark.parametrize(("options", "name"), INTEGERS)
def test_every_integer_is_taken_from_numpy_too(options, name, value):
    beside = {
        "select_tokens": {"long_documents": "select"},
        "keep": {"cascade": ["one", "two"]},
    }
    made = options(**{name: value, **beside.get(name, {})})
    assert getattr(made, name) == 3
    assert type(getattr(made, name)) is int


@pytest.mark.parametrize("value", [np.float32(2.5), np.float64(2.5), Fraction(5, 2), 2.5], ids=repr)
@pytest.mark.parametrize("name", ["min_score", "budget_ms"])
def test_every_number_is_taken_from_numpy_too(name, value):
    kept = getattr(RankOptions(**{name: value}), name)
    assert (kept, type(kept)) == (2.5, float)
