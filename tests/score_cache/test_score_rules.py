"""Keys and rows: no two pairs and no two sets of rules meet, and damage is seen."""

from __future__ import annotations

from dataclasses import fields, replace
from hashlib import blake2b

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondpass.score_cache.cache import ScoreCache
from secondpass.score_cache.memory import MemoryStore
from secondpass.score_cache.rules import ScoringRules, pair_keys
from secondpass.scoring.clock import StageClock
from secondpass.scoring.merging import WINDOW, Merged, read_whole
from secondpass.scoring.readings import readings_of

RULES = ScoringRules(
    weights_sha256="a",
    config_sha256="b",
    tokenizer_sha256="c",
    precision="fp32",
    arithmetic="f32",
    engine="openvino 1",
    device="cpu",
    graph_version="1 2",
    processor="x86",
    max_length=512,
    stride=100,
    choice="1 256",
)


@pytest.mark.parametrize("field", [field.name for field in fields(ScoringRules)])
def test_every_rule_is_in_the_digest(field):
    held = getattr(RULES, field)
    other = replace(RULES, **{field: held + 1 if isinstance(held, int) else held + "x"})
    assert other.digest() != RULES.digest()
    assert replace(RULES).digest() == RULES.digest()


def test_a_key_is_that_of_the_formula():
    rules = RULES.digest()
    (key,) = pair_keys(rules, ["é"], ["ab"])
    expected = blake2b(b"\x02" + b"\0" * 7 + b"\xc3\xa9ab", key=rules, digest_size=32)
    assert key == expected.digest()


@given(st.lists(st.tuples(st.text("ab", max_size=3), st.text("ab", max_size=3)), max_size=30))
def test_different_pairs_have_different_keys(pairs):
    queries, texts = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    assert len(set(pair_keys(RULES.digest(), queries, texts))) == len(set(pairs))


class Damaged(MemoryStore):
    """Gives back a value with one bit turned."""

    def get(self, keys):
        return {key: bytes([value[0] ^ 1]) + value[1:] for key, value in super().get(keys).items()}


class Swapped(MemoryStore):
    """Gives the first value for every key."""

    def get(self, keys):
        held = super().get(keys)
        return dict.fromkeys(held, next(iter(held.values()), b""))


class Shortened(MemoryStore):
    def get(self, keys):
        return {key: value[:3] for key, value in super().get(keys).items()}


@pytest.mark.parametrize(
    ("store", "read_again"), [(MemoryStore, 0), (Damaged, 2), (Swapped, 1), (Shortened, 2)]
)
def test_a_damaged_row_is_read_again(store, read_again):
    asked = []

    def read(queries, texts, clock):
        asked.append(list(texts))
        logits = np.array([len(text) for text in texts], np.float32)
        windows = np.zeros(len(texts), WINDOW)
        windows["spans"] = b""
        windows["dropped_tokens"] = [text == "bb" for text in texts]
        return readings_of(Merged(logits, read_whole(len(texts)), windows))

    cache = ScoreCache(store(10**6), RULES)
    for _ in range(2):
        readings = cache.read(["q", "q"], ["a", "bb"], StageClock(), read)
        assert readings["logit"].tolist() == [1, 2]
        assert readings["window"]["dropped_tokens"].tolist() == [0, 1]
    assert asked[0] == ["a", "bb"]
    assert sum(len(texts) for texts in asked[1:]) == read_again
