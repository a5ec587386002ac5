"""Writers of an index that are killed at random moments lose nothing and have nothing twice."""

import random

import pytest

pytest.importorskip("lancedb")

from scripts import store_kills
from scripts.store_kills import STORES, after, check, kill_once
from secondpass import Document


def test_three_kills(tmp_path):
    place, state = str(tmp_path / "index"), {}
    for seed in range(3):
        state, _, _ = kill_once("lancedb", place, state, seed)
    assert check(STORES["lancedb"](place), [state]) == state


def test_the_check_can_fail(tmp_path):
    index = STORES["lancedb"](str(tmp_path / "index"))
    index.add([Document("a", "a 1", {"text": "a 1"})])
    assert check(index, [{}, {"a": "a 1"}]) == {"a": "a 1"}
    with pytest.raises(AssertionError, match="none of the"):
        check(index, [{"a": "a 2"}, {}])
    index.add([Document("b", "b 1", {"text": "b 2"})])
    with pytest.raises(AssertionError, match="metadata of another"):
        check(index, [{"a": "a 1", "b": "b 1"}])


def test_steps_are_of_each_kind_and_what_comes_after_them():
    choices, there = random.Random(1), {f"d{at}" for at in range(200)}
    steps = [store_kills._next_step(choices, there) for _ in range(50)]
    assert {step["do"] for step in steps} == {"add", "replace", "delete"}
    for step in steps:
        if step["do"] == "add":
            assert not there & step["texts"].keys()
    assert after({"a": "1"}, {"do": "delete", "ids": ["a", "b"]}) == {}
    assert after({"a": "1"}, {"do": "add", "texts": {"b": "2"}}) == {"a": "1", "b": "2"}
    assert after({"a": "1"}, {"do": "replace", "texts": {"a": "2"}}) == {"a": "2"}
