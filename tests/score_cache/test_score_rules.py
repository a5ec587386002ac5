"""Keys and rows: no two pairs and no two sets of rules meet, and damage is seen."""

from __future__ import annotations

from dataclasses import fields, replace
from hashlib import blake2b

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondpass.score_cache.entries import from_bytes, to_bytes
from secondpass.score_cache.memory import MemoryStore
from secondpass.score_cache.rules import ScoringRules, pair_keys
from secondpass.score_cache.scorer import CachedScorer
from secondpass.scorer import score_texts
from secondpass.scoring.scored import Scored

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
    (key,) = pair_keys(rules, "é", ["ab"])
    expected = blake2b(b"\x02" + b"\0" * 7 + b"\xc3\xa9ab", key=rules, digest_size=32)
    assert key == expected.digest()


@given(st.lists(st.tuples(st.text("ab", max_size=3), st.text("ab", max_size=3)), max_size=30))
def test_different_pairs_have_different_keys(pairs):
    keys = {key for query, text in pairs for key in pair_keys(RULES.digest(), query, [text])}
    assert len(keys) == len(set(pairs))


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


class Lengths:
    """A scorer by length, which notes the texts it is given."""

    def __init__(self):
        self.asked = []

    def prepare(self, query, texts, effort="full"):
        self.asked.append(list(texts))
        return texts

    def score(self, prepared):
        return [len(texts) for texts in prepared]

    def finish(self, prepared, logits):
        dropped = np.array([text == "bb" for text in prepared], np.int64)
        return Scored.of([len(text) for text in prepared], dropped_tokens=dropped)


@pytest.mark.parametrize(
    ("store", "scored_again"), [(MemoryStore, 0), (Damaged, 2), (Swapped, 1), (Shortened, 2)]
)
def test_a_damaged_entry_is_scored_again(store, scored_again):
    lengths = Lengths()
    cached = CachedScorer(lengths, store(10**6), RULES)
    for _ in range(2):
        scored = score_texts(cached, "q", ["a", "bb"])
        assert scored.logits.tolist() == [1, 2]
        assert scored.dropped_tokens.tolist() == [0, 1]
    assert lengths.asked[0] == ["a", "bb"]
    assert sum(len(texts) for texts in lengths.asked[1:]) == scored_again


def test_an_entry_comes_back_from_its_bytes():
    spans = np.empty(3, np.object_)
    spans[1] = ((0, 4), (9, 70_000))
    scored = Scored.of(
        np.array([0.1, np.nan, 3], np.float32),
        tokens=np.array([7, 6, 5], np.int64),
        dropped_tokens=np.array([0, 3, 0], np.int64),
        span=np.array([[-1, -1], [-1, -1], [2, 9]], np.int32),
        spans=spans,
    )
    again = from_bytes(to_bytes(scored))
    for name in ("logits", "tokens", "dropped_tokens", "span"):
        np.testing.assert_array_equal(getattr(again, name), getattr(scored, name))
    assert again.spans.tolist() == scored.spans.tolist()
    assert again.cached.all()
    assert len(from_bytes(to_bytes(Scored.of([])))) == 0
