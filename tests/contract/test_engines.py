"""What every engine promises, over each engine and each architecture that it runs."""

import shutil
import threading

import numpy as np
import openvino as ov
import pytest
from engine_subject import LIMIT, Subject, everyone
from exit_models import with_exits
from torch_model import make_rembert

from secondpass import EngineError
from secondpass.engine.contract import NO_EXIT
from secondpass.engine.fake import FakeEngine
from secondpass.engine.load import load_engine
from secondpass.graph.build import build_graph
from secondpass.models.folder import find_folder
from secondpass.models.spec import read_cross_encoder_spec
from secondpass.scoring.batches import pad_batch, restore_order

TOLERANCE = 1e-4
FAMILIES = [
    "albert",
    "bert",
    "bert-bf16",
    "bert-fp16",
    "bert-legacy-activation",
    "deberta",
    "deberta-v2-kind",
    "distilbert",
    "electra",
    "ernie",
    "gte",
    "gte-new",
    "jina-bert",
    "modernbert",
    "modernbert-mean",
    "mpnet",
    "roberta",
    "xlm-roberta",
    "xlm-roberta-flash",
    "late-join",
]
WITH_EXITS = [*FAMILIES, "fake"]
ENGINES = [*WITH_EXITS, "bert-onnx", "ir", "torch"]


@pytest.fixture(scope="module")
def make(parity, late_join, tmp_path_factory, documents):
    graphs = tmp_path_factory.mktemp("graphs")

    def load(spec):
        return load_engine(spec, precision="fp32", device="cpu", threads=2, cache_dir=graphs)

    def ir_of(bert, folder):
        spec = read_cross_encoder_spec(find_folder(bert))
        ov.save_model(build_graph(spec), folder / "openvino_model.xml", compress_to_fp16=False)
        for name in ("config.json", "tokenizer.json"):
            shutil.copyfile(bert / name, folder / name)
        return folder

    def make(name):
        folder = tmp_path_factory.mktemp(name)
        if name == "torch":
            pytest.importorskip("sentence_transformers", reason="needs torch: make test-extras")
            return Subject(make_rembert(parity / "bert", folder), load, documents)
        if name == "ir":
            return Subject(ir_of(parity / "bert", folder), load, documents)
        if name == "bert-onnx":
            return Subject(parity / name, load, documents)
        if name == "fake":
            return Subject(parity / "bert", lambda _: FakeEngine(exit_layers=(1, 2)), documents)
        source = late_join if name == "late-join" else parity / name
        return Subject(with_exits(source, folder / "model", layers=(1, 2)), load, documents)

    return make


@pytest.fixture(scope="module", params=ENGINES)
def subject(make, request):
    return make(request.param)


@pytest.fixture(scope="module")
def engine(subject):
    engine = subject.load()
    yield engine
    engine.close()


@pytest.fixture(scope="module", params=WITH_EXITS)
def exiting(make, request):
    return make(request.param)


@pytest.fixture(scope="module")
def exiting_engine(exiting):
    engine = exiting.load()
    yield engine
    engine.close()


def test_an_engine_says_what_runs_and_which_batches_it_wants(engine):
    info, policy = engine.info, engine.policy
    assert info.name
    assert (info.device, info.precision, info.arithmetic) == ("cpu", "fp32", "f32")
    assert min(policy.max_tokens, policy.length_multiple, policy.streams, info.threads) >= 1


def test_a_row_scores_the_same_alone_and_in_any_company(subject, engine):
    together = subject.logits(engine)
    alone = [subject.logits(engine, [pair])[0] for pair in subject.pairs]
    crowded = subject.logits(engine, max_tokens=10**6, streams=1)
    assert np.isfinite(together).all()
    assert np.ptp(together) > 100 * TOLERANCE
    np.testing.assert_allclose(together, alone, atol=TOLERANCE)
    np.testing.assert_allclose(crowded, alone, atol=TOLERANCE)


def test_rows_come_back_where_they_were_given(subject, engine):
    expected = subject.logits(engine)
    order = np.random.default_rng(0).permutation(len(subject.pairs))
    shuffled = subject.logits(engine, [subject.pairs[position] for position in order])
    np.testing.assert_allclose(shuffled, expected[order], atol=TOLERANCE)


def test_padding_does_not_move_a_logit(subject, engine):
    for pair in subject.pairs[::8]:
        lengths = sorted({len(pair.ids), min(LIMIT, len(pair.ids) + 1), LIMIT})
        batches = [
            pad_batch([pair], np.zeros(1, np.intp), length, subject.spec.padding_id)
            for length in lengths
        ]
        logits = [float(rows[0, 0]) for rows in engine.run(batches)]
        assert logits == pytest.approx([logits[0]] * len(logits), abs=TOLERANCE)


def test_a_call_with_nothing_to_do_gives_nothing(engine):
    assert engine.run([]) == []


def test_threads_share_an_engine(subject, engine):
    expected = subject.logits(engine)
    found = {}

    def score(shift):
        pairs = subject.pairs[shift:] + subject.pairs[:shift]
        found[shift] = np.roll(subject.logits(engine, pairs), shift)

    threads = [threading.Thread(target=score, args=(shift,)) for shift in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6
    for logits in found.values():
        np.testing.assert_allclose(logits, expected, atol=TOLERANCE)


def test_a_closed_engine_says_so_and_can_be_closed_again(subject):
    engine = subject.load()
    batches = subject.batches(engine, subject.pairs[:2])
    engine.run(batches)
    engine.close()
    engine.close()
    with pytest.raises(EngineError, match=r"is closed: load it again"):
        engine.run(batches)


def test_calls_under_way_finish_or_say_that_the_engine_is_closed(subject):
    """Nobody waits for ever and no score is wrong."""
    engine = subject.load()
    expected = subject.logits(engine)
    wrong, started = [], threading.Event()

    def score():
        try:
            while True:
                logits = subject.logits(engine)
                started.set()
                if not np.allclose(logits, expected, atol=TOLERANCE):
                    wrong.append(logits)
        except EngineError:
            return

    threads = [threading.Thread(target=score) for _ in range(3)]
    for thread in threads:
        thread.start()
    assert started.wait(60)
    engine.close()
    for thread in threads:
        thread.join(60)
    assert [thread.is_alive() for thread in threads] == [False] * 3
    assert wrong == []


def test_exits_where_everyone_continues_equal_the_whole_model(exiting, exiting_engine):
    exits = exiting_engine.exits
    assert exits.layers == (1, 2)
    assert exits.state_bytes > 0
    batches = exiting.batches(exiting_engine)
    staged = exits.run(batches, exits.layers, everyone)
    whole = restore_order(batches, exiting_engine.run(batches))[:, 0]
    np.testing.assert_allclose(staged.logits, whole, atol=TOLERANCE)
    assert (staged.exit_layer == NO_EXIT).all()


def test_rows_that_continue_score_as_they_do_whole_and_the_others_say_where_they_exited(
    exiting, exiting_engine
):
    """Every third row exits after layer 1, the next after layer 2."""
    kept = {1: lambda row: row % 3 != 0, 2: lambda row: row % 3 != 1}
    asked = {}

    def choose(layer, logits):
        asked[layer] = logits
        return np.array([kept[layer](row) for row in range(len(logits))])

    batches = exiting.batches(exiting_engine)
    staged = exiting_engine.exits.run(batches, (1, 2), choose)
    assert staged.exit_layer.tolist() == [(1, 2, NO_EXIT)[row % 3] for row in range(40)]
    whole = exiting.logits(exiting_engine)
    np.testing.assert_allclose(staged.logits[2::3], whole[2::3], atol=TOLERANCE)
    assert (asked[2][::3] == -np.inf).all()
    np.testing.assert_allclose(staged.logits[::3], asked[1][::3], atol=TOLERANCE)
    np.testing.assert_allclose(staged.logits[1::3], asked[2][1::3], atol=TOLERANCE)


def test_the_exits_of_a_closed_engine_say_so(exiting):
    engine = exiting.load()
    batches = exiting.batches(engine, exiting.pairs[:3])
    engine.exits.run(batches, (1,), everyone)
    engine.close()
    for layers in ((1,), (2,)):
        with pytest.raises(EngineError, match="is closed"):
            engine.exits.run(batches, layers, everyone)
