"""Where stages are cut and what their exits compute; tests/contract has what every engine does."""

import threading

import numpy as np
import openvino as ov
import pytest
from engine_subject import QUERY, Subject, everyone
from exit_models import with_exits
from safetensors.numpy import load_file, save_file

from secondpass import CrossEncoderReranker, EngineError, ModelFileError
from secondpass.engine import openvino
from secondpass.engine.compiled import CompiledGraph
from secondpass.engine.load import load_engine
from secondpass.graph.build import build_graph
from secondpass.graph.cut import cut


@pytest.fixture(scope="module")
def graphs(tmp_path_factory):
    return tmp_path_factory.mktemp("graphs")


@pytest.fixture(scope="module")
def make(parity, late_join, tmp_path_factory, graphs, documents):
    def load(spec):
        return load_engine(spec, precision="fp32", device="cpu", threads=2, cache_dir=graphs)

    def make(family):
        source = late_join if family == "late-join" else parity / family
        folder = with_exits(source, tmp_path_factory.mktemp("exits") / family)
        return Subject(folder, load, documents)

    return make


@pytest.fixture(scope="module")
def bert(make):
    return make("bert")


@pytest.fixture(scope="module")
def engine(bert):
    engine = bert.load()
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def reranker(bert, graphs):
    return CrossEncoderReranker(bert.spec.folder, 64, precision="fp32", cache_dir=graphs, threads=2)


def computed(spec, until, batch):
    """Run the first stage alone and return its outputs by name."""
    model = ov.Core().compile_model(
        cut(build_graph(spec), spec, after=None, until=until),
        "CPU",
        {"INFERENCE_PRECISION_HINT": "f32"},
    )
    outputs = model(
        {port.get_any_name(): batch.columns[port.get_any_name()] for port in model.inputs}
    )
    return {port.get_any_name(): values for port, values in outputs.items()}


@pytest.mark.parametrize("layers", [(0,), (1,), (2,), (0, 1, 2)])
@pytest.mark.parametrize("family", ["bert", "late-join"])
def test_a_model_can_be_cut_after_its_embeddings_and_before_or_at_its_join(family, layers, make):
    subject = make(family)
    engine = subject.load()
    staged = engine.exits.run(subject.batches(engine), layers, everyone)
    np.testing.assert_allclose(staged.logits, subject.logits(engine), atol=1e-4)


def test_the_exit_of_a_bert_is_its_linear_head_on_the_first_token(bert, engine):
    weights = load_file(bert.spec.folder / "exits.safetensors")
    (batch,) = bert.batches(engine, bert.pairs[:5], streams=1)
    states = computed(bert.spec, 1, batch)["layer.1.output"]
    hidden = np.tanh(
        states[:, 0] @ weights["exits.1.dense.weight"].T + weights["exits.1.dense.bias"]
    )
    logit = hidden @ weights["exits.1.classifier.weight"].T + weights["exits.1.classifier.bias"]
    staged = engine.exits.run([batch], (1,), lambda _, logits: logits < -np.inf)
    np.testing.assert_allclose(staged.logits[batch.positions], 2 * logit[:, 0] - 0.5, atol=1e-4)


def test_the_exit_at_the_join_is_the_score_before_it(make):
    subject = make("late-join")
    batch, *_ = subject.batches(subject.load())
    outputs = computed(subject.spec, 2, batch)
    np.testing.assert_allclose(outputs["logits"], 2 * outputs["early.score"] - 0.5, atol=1e-5)


def test_each_row_is_computed_by_each_stage_once_until_it_exits(reranker, documents, monkeypatch):
    real, runs = CompiledGraph.run, []

    def spy(self, batches):
        batches = list(batches)
        runs.append((self, sum(len(batch["attention_mask"]) for batch in batches)))
        return real(self, batches)

    monkeypatch.setattr(CompiledGraph, "run", spy)
    ranking = reranker.rank(QUERY, documents, None, effort="balanced")
    # [[1, 0.5, 3], [2, 0.25, 3]] of 100 candidates.
    assert [rows for _, rows in runs] == [100, 50, 25]
    assert len({id(graph) for graph, _ in runs}) == 3
    assert ranking.timings.exited == 75
    first_stage, last_stage = runs[0][0], runs[2][0]
    assert set(first_stage.input_names) == {"input_ids", "attention_mask", "token_type_ids"}
    assert set(last_stage.input_names) == {"layer.2.output", "attention_mask"}


def test_no_row_continuing_is_not_an_error(bert, engine):
    staged = engine.exits.run(bert.batches(engine), (1, 2), lambda _, logits: logits < -np.inf)
    assert (staged.exit_layer == 1).all()


def test_threads_share_stages_that_are_compiled_once(bert, monkeypatch):
    compiled = []

    class Counted(CompiledGraph):
        def __init__(self, *arguments):
            compiled.append(1)
            super().__init__(*arguments)

    monkeypatch.setattr(openvino, "CompiledGraph", Counted)
    engine = bert.load()
    assert len(compiled) == 1
    results = []

    def work():
        staged = engine.exits.run(bert.batches(engine), (1, 2), everyone)
        results.append(staged.logits)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 6
    for logits in results:
        np.testing.assert_allclose(logits, results[0], atol=1e-5)
    assert len(compiled) == 4


def test_stages_survive_a_failing_call(reranker, documents, monkeypatch):
    def broken(_, output):
        raise RuntimeError("planted")

    with monkeypatch.context() as patched:
        patched.setattr(ov.InferRequest, "get_output_tensor", broken)
        for _ in range(5):
            with pytest.raises(EngineError, match="planted"):
                reranker.rank(QUERY, documents, effort="fast")
    assert len(reranker.rank(QUERY, documents, None, effort="fast")) == 100


def test_a_head_without_its_tensors_is_named(parity, tmp_path, graphs):
    folder = with_exits(parity / "bert", tmp_path / "bert")
    weights = load_file(folder / "exits.safetensors")
    del weights["exits.1.classifier.weight"]
    save_file(weights, folder / "exits.safetensors")
    reranker = CrossEncoderReranker(folder, 64, precision="fp32", cache_dir=graphs)
    with pytest.raises(ModelFileError, match=r"exits\.1\.classifier\.weight"):
        reranker.rank(QUERY, ["a"], effort="fast")


def test_heads_may_lie_in_the_weight_file(parity, tmp_path, graphs, documents):
    apart = with_exits(parity / "bert", tmp_path / "apart")
    one = with_exits(parity / "bert", tmp_path / "one")
    every = load_file(one / "model.safetensors") | load_file(one / "exits.safetensors")
    save_file(every, one / "model.safetensors")
    (one / "exits.safetensors").unlink()
    first, second = (
        CrossEncoderReranker(folder, 64, precision="fp32", cache_dir=graphs, effort="balanced")
        for folder in (apart, one)
    )
    assert first.rank(QUERY, documents).hits == second.rank(QUERY, documents).hits
