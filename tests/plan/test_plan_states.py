"""What plan says of an index with states: bytes, seconds, and the depth from states."""

from __future__ import annotations

import numpy as np
import pytest

from secondpass import CrossEncoderReranker, InputError
from secondpass.bench.clock import WallClock
from secondpass.cost.line import Cost
from secondpass.plan.background_load import OtherWork
from secondpass.plan.calibration import Subject
from secondpass.plan.index_size import document_bytes, token_bytes
from secondpass.plan.memory import Need
from secondpass.plan.plan import KeptCost, Plan, Wanted, make_plan
from secondpass.plan.predict import plan_result
from secondpass.plan.result import Target
from secondpass.states.codec import STATE_PRECISIONS, bytes_of


@pytest.fixture(scope="module")
def embedded():
    with CrossEncoderReranker() as reranker:
        yield reranker


@pytest.mark.parametrize("precision", STATE_PRECISIONS)
@pytest.mark.parametrize("words", [1, 7, 90])
def test_the_bytes_of_a_token_are_those_that_the_codec_makes(embedded, precision, words):
    (columns,) = embedded.encode_texts(["word " * words], precision)
    tokens = len(columns["state_lengths"]) - 1
    a_token = token_bytes(precision, embedded.states_width)
    # A text has besides the length of its sum, and the digest.
    assert bytes_of(columns) == a_token * tokens + np.dtype(np.float32).itemsize + 8


@pytest.mark.parametrize(
    ("precision", "width", "expected"),
    [("int8", 384, 390), ("float16", 384, 772), ("compact", 384, 98), ("int8", 96, 102)],
)
def test_the_bytes_of_a_token_are_those_of_the_page(precision, width, expected):
    assert token_bytes(precision, width) == expected


def test_states_are_predicted_beside_the_rest(embedded):
    whole, kept = Cost(10.0, 3.0, 0.0, 0.0, spread=1.0), Cost(10.0, 1.0, 0.0, 0.0, spread=2.0)
    states = KeptCost("int8", 384, kept, token_seconds=1e-4)
    alone = OtherWork(0.0, cores=2, threads=2)
    plans = [
        Plan(embedded.info, whole, 13, Need(3, 5), alone, (), states),
        Plan(embedded.info, whole, 13, Need(3, 5), alone),
    ]
    with_states, without = plan_result(plans, Target(100.0, 99, 1000), "secondpass plan").planned
    assert without.states is None
    assert with_states.depth == without.depth == 30
    found = with_states.states
    assert found.depth == 40
    assert found.documents == 1000
    assert found.index_bytes_without == document_bytes(99) * 1000
    # The last special token has a state too.
    assert found.index_bytes - found.index_bytes_without == 390 * 100 * 1000
    assert found.encode_seconds == pytest.approx(10.0)
    assert [one.p95_ms for one in found.predictions][:2] == [40.0, 60.0]


def test_texts_are_given_as_an_index_keeps_them():
    given = []

    class Reranker:
        def rank(self, query, texts):
            given.append(texts)

    def as_kept(texts):
        return [text.upper() for text in texts]

    subject = Subject(Reranker(), lambda tokens, number: f"{tokens} a{number}", 3, WallClock())
    subject.reranker.info = type("Info", (), {"max_length": 512})
    subject.measure(2, 5)
    kept = Subject(subject.reranker, subject.make_text, 3, subject.clock, as_kept)
    kept.measure(2, 5)
    assert given == [["5 a0", "5 a1"], ["5 A0", "5 A1"]]


def test_a_model_without_states_is_refused_before_it_is_calibrated():
    with pytest.raises(InputError, match="no states to keep"):
        make_plan(Wanted("embedded/accurate", "auto", 512, 1, "int8"), WallClock(), seconds=600)
