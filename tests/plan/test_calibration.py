"""Calibration and its check with an engine whose cost is known, on a clock that tells only that."""

from dataclasses import asdict, replace
from types import SimpleNamespace

import pytest
from safetensors.numpy import save_file

from secondpass import InputError
from secondpass.bench.clock import WallClock
from secondpass.cost.line import Cost, fit
from secondpass.models.embedded import CROSS_ENCODER
from secondpass.models.folder import find_folder
from secondpass.models.spec import read_cross_encoder_spec
from secondpass.models.tokenizer import load_tokenizer
from secondpass.plan import check as checking
from secondpass.plan.background_load import OtherWork
from secondpass.plan.calibration import FEWEST_REPEATS, REPEATS, TURNS, Subject, calibrate, settings
from secondpass.plan.check import SETTINGS, check, median_p50_error, median_p95_error
from secondpass.plan.memory import COPIES, PROCESS_BYTES, Need, estimate
from secondpass.plan.plan import Plan, Wanted, make_plan
from secondpass.plan.predict import plan_result
from secondpass.plan.result import Target
from secondpass.plan.texts import text_maker

TRUE = Cost(4.0, 0.05, 0.01, 0.00002, spread=1.0)
OVERHEAD = 13
ALONE = OtherWork(0.0, cores=2, threads=2)


class KnownEngine:
    """Takes what TRUE says on its own clock; a text is as many tokens as it has words."""

    def __init__(self, max_length=512, slower=1.0):
        self.info = SimpleNamespace(max_length=max_length)
        self.seconds = 0.0
        self.slower = slower
        self.asked = []

    def now(self):
        return self.seconds

    def sleep(self, seconds):
        raise AssertionError("nothing waits here")

    def rank(self, query, texts, top_k=10):
        length = min(self.info.max_length, len(texts[0].split()) + OVERHEAD)
        self.asked.append((len(texts), len(texts[0].split())))
        self.seconds += self.slower * TRUE.p50_ms(len(texts), length) / 1000


def subject(engine):
    return Subject(engine, lambda tokens, number: "word " * tokens, OVERHEAD, engine)


def test_calibration_predicts_settings_it_did_not_see():
    engine = KnownEngine()
    advanced = []
    cost = fit(calibrate(subject(engine), 10.0, advanced.append))
    assert sum(advanced) == TURNS
    checked = check(subject(engine), cost, lambda _: None)
    assert [(one.candidates, one.document_tokens) for one in checked] == list(SETTINGS)
    assert len(checked) >= 6
    assert median_p50_error(checked) < 0.001
    assert median_p95_error(checked) < 0.001


def test_the_check_tells_when_a_prediction_is_wrong():
    engine = KnownEngine()
    cost = fit(calibrate(subject(engine), 10.0, lambda _: None))
    engine.slower = 2.0
    checked = check(subject(engine), cost, lambda _: None)
    # Half of what is measured is predicted.
    assert median_p50_error(checked) == pytest.approx(0.5, abs=0.001)
    assert median_p95_error(checked) == pytest.approx(0.5, abs=0.001)


def test_the_check_tells_when_only_the_slow_calls_are_predicted_wrong():
    engine = KnownEngine()
    cost = fit(calibrate(subject(engine), 10.0, lambda _: None))
    # Of 40 calls of a setting 3 take twice as long: the 38th is the P95, the 20th the P50.
    slow_turns = iter([True, True, True] + [False] * 37)
    engine.slower = 2.0 if next(slow_turns) else 1.0

    def advance(_):
        engine.slower = 2.0 if next(slow_turns, False) else 1.0

    checked = check(subject(engine), cost, advance)
    assert median_p50_error(checked) < 0.001
    assert median_p95_error(checked) == pytest.approx(0.5, abs=0.001)


def test_a_slow_model_is_checked_with_fewer_candidates_in_the_same_time():
    engine = KnownEngine(slower=10.0)
    cost = Cost(40.0, 0.5, 0.1, 0.0002, spread=1.0)
    started = engine.seconds
    checked = check(subject(engine), cost, lambda _: None)
    assert [one.document_tokens for one in checked] == [tokens for _, tokens in SETTINGS]
    assert all(1 <= one.candidates < most for one, (most, _) in zip(checked, SETTINGS, strict=True))
    assert engine.seconds - started == pytest.approx(checking.SECONDS, rel=0.2)
    assert median_p50_error(checked) < 0.001


@pytest.mark.parametrize("slower", [1.0, 5.0, 10.0])
def test_calibration_takes_about_the_time_it_is_given(slower):
    engine = KnownEngine(slower=slower)
    points = calibrate(subject(engine), 10.0, lambda _: None)
    assert FEWEST_REPEATS * 12 <= len(points) <= REPEATS * 12
    assert 1 < engine.seconds < 15


def test_a_fast_model_has_all_repeats_and_a_slow_one_fewer():
    def repeats(slower):
        points = calibrate(subject(KnownEngine(slower=slower)), 10.0, lambda _: None)
        return len(points) / 12

    assert repeats(1.0) == REPEATS
    assert FEWEST_REPEATS < repeats(10.0) < REPEATS
    assert repeats(1000.0) == FEWEST_REPEATS


def test_a_slow_model_still_tells_a_call_from_a_candidate():
    engine = KnownEngine(slower=1000.0)
    chosen = settings(subject(engine), 1.0)
    assert {candidates for candidates, tokens in chosen if tokens == 448} == {1, 2, 4}
    cost = fit(calibrate(subject(engine), 1.0, lambda _: None))
    assert cost.p50_ms(100, 240) == pytest.approx(1000 * TRUE.p50_ms(100, 240), rel=0.01)


def test_documents_longer_than_the_model_reads_are_measured_at_its_limit():
    engine = KnownEngine(max_length=128)
    chosen = settings(subject(engine), 10.0)
    assert max(tokens for _, tokens in chosen) == 128 - OVERHEAD
    assert {tokens for _, tokens in chosen} == {32, 96, 115}
    assert subject(engine).length(500) == 128


def test_texts_have_the_tokens_that_were_asked_for():
    tokenizer = load_tokenizer(read_cross_encoder_spec(find_folder(CROSS_ENCODER)).tokenizer_file)
    make = text_maker(tokenizer)
    for tokens in (16, 100, 500):
        for number in (0, 1, 150):
            found = len(tokenizer.encode(make(tokens, number), add_special_tokens=False).ids)
            assert found == pytest.approx(tokens, abs=2)
    assert len({make(50, number) for number in range(100)}) == 100


def test_memory_counts_four_bytes_a_weight_however_few_the_file_has(tmp_path):
    import numpy as np

    folder = SimpleNamespace(path=tmp_path)
    save_file({"a": np.zeros((10, 30), np.float16)}, tmp_path / "model.safetensors")
    assert estimate(folder, 10**9).needed == PROCESS_BYTES + COPIES * 4 * 300
    assert Need(10, 10).fits
    assert not Need(11, 10).fits


def test_a_model_that_does_not_fit_is_not_loaded(monkeypatch, parity):
    import secondpass.plan.plan as plan

    monkeypatch.setattr(plan, "need", lambda wanted: Need(3_000_000_000, 2_000_000_000))
    monkeypatch.setattr(plan, "_load", lambda *_: pytest.fail("it was loaded"))
    with pytest.raises(InputError, match=r"needs about 3\.0 GB of memory and 2\.0 GB"):
        make_plan(Wanted("big", "auto", 512, None), WallClock(), None, seconds=1)


def test_a_target_is_met_by_the_reranker_of_the_largest_depth(tiny):
    fast, slow = Cost(10.0, 1.0, 0.0, 0.0, spread=2.0), Cost(10.0, 3.0, 0.0, 0.0, spread=1.0)
    plans = [Plan(tiny.info, cost, OVERHEAD, Need(3, 5), ALONE) for cost in (slow, fast)]
    result = plan_result(plans, Target(100.0, 40), "secondpass plan")
    # 100 >= 10 + 3 n gives 30; 100 >= 2 * (10 + n) gives 40.
    assert [one.depth for one in result.planned] == [30, 40]
    assert asdict(result.best.cost) == asdict(fast)
    assert result.best.at(50).p50_ms == 60
    assert result.best.at(50).p95_ms == 120
    assert result.best.median_p50_error is None
    assert result.best.median_p95_error is None
    assert (result.best.needed_bytes, result.best.available_bytes) == (3, 5)


@pytest.mark.parametrize(
    ("document_tokens", "note"),
    [
        # 499 and the 13 tokens of query and special tokens are the 512 the model reads.
        (499, None),
        (500, "documents are cut at 512 tokens, query included"),
    ],
)
def test_documents_that_are_cut_are_noted(tiny, document_tokens, note):
    info = replace(tiny.info, max_length=512)
    plan = Plan(info, Cost(1.0, 1.0, 0.0, 0.0, spread=1.0), OVERHEAD, Need(3, 5), ALONE)
    (planned,) = plan_result([plan], Target(100.0, document_tokens), "secondpass plan").planned
    assert planned.note == note
