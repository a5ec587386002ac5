"""A model run in stages against the same model run whole."""

import threading

import numpy as np
import pytest
from exit_models import with_exits
from safetensors.numpy import load_file

from secondpass import CrossEncoderReranker, ModelFileError
from secondpass.engine.compiled import CompiledGraph
from secondpass.scoring.activation import activate
from secondpass.scoring.batches import make_batches

FAMILIES = ["bert", "roberta", "xlm-roberta", "electra", "distilbert", "modernbert", "late-join"]
QUERY = "read the csv rows"


@pytest.fixture(scope="module")
def graphs(tmp_path_factory):
    return tmp_path_factory.mktemp("graphs")


@pytest.fixture(scope="module")
def load(parity, late_join, tmp_path_factory, graphs):
    def load(family, **options):
        source = late_join if family == "late-join" else parity / family
        folder = with_exits(source, tmp_path_factory.mktemp("exits") / family)
        options = {"precision": "fp32", "cache_dir": graphs, **options}
        return CrossEncoderReranker(folder, 64, **options)

    return load


@pytest.fixture(scope="module")
def bert(load):
    return load("bert", threads=2)


def batches_of(reranker, texts):
    model = reranker.model
    pairs = [model.layout.join(*sequence) for sequence in model.prepare(QUERY, texts).sequences]
    return make_batches(
        pairs, max_batch_tokens=1024, padding_id=model.spec.padding_id, length_limit=64
    )


def everyone(_, logits):
    return np.ones(len(logits), np.bool_)


def whole(reranker, texts):
    return reranker.predict([(QUERY, text) for text in texts])


def staged_scores(reranker, texts, layers=(0, 1, 2), choose=everyone):
    staged = reranker.model.engine.staged.run_stages(batches_of(reranker, texts), layers, choose)
    return activate(staged.logits, reranker.model.activation), staged.exit_layer


@pytest.mark.parametrize("family", FAMILIES)
def test_stages_with_everyone_kept_equal_the_whole_graph(family, load, documents):
    reranker = load(family)
    scores, left = staged_scores(reranker, documents)
    np.testing.assert_allclose(scores, whole(reranker, documents), atol=1e-5)
    assert (left == 0).all()


@pytest.mark.parametrize("layers", [(0,), (1,), (2,)])
def test_the_late_join_model_is_cut_before_or_at_its_join(layers, load, documents):
    reranker = load("late-join", activation="identity")
    scores, _ = staged_scores(reranker, documents, layers)
    np.testing.assert_allclose(scores, whole(reranker, documents), atol=1e-4)


def test_the_exit_of_a_bert_is_its_linear_head_on_the_first_token(bert, documents):
    weights = load_file(bert.model.spec.folder / "exits.safetensors")
    seen = {}

    def note(layers, logits):
        seen[layers] = logits
        return logits < -np.inf

    stage = bert.model.engine.staged._stage(None, 1)
    batches = batches_of(bert, documents[:5])
    columns = {name: getattr(batches[0], name) for name in stage.input_names}
    states = stage.run([columns])[0]["layer.1.output"]
    hidden = np.tanh(
        states[:, 0] @ weights["exits.1.dense.weight"].T + weights["exits.1.dense.bias"]
    )
    logit = hidden @ weights["exits.1.classifier.weight"].T + weights["exits.1.classifier.bias"]
    staged_scores(bert, documents[:5], (1,), note)
    np.testing.assert_allclose(seen[1][batches[0].positions], 2 * logit[:, 0] - 0.5, atol=1e-5)


def test_the_exit_at_the_join_is_the_score_before_it(load, documents):
    reranker = load("late-join")
    stage = reranker.model.engine.staged._stage(None, 2)
    (batch, *_) = batches_of(reranker, documents)
    outputs = stage.run([{name: getattr(batch, name) for name in stage.input_names}])[0]
    np.testing.assert_allclose(outputs["logits"], 2 * outputs["early.score"] - 0.5, atol=1e-5)


def test_each_row_is_read_by_each_stage_once_until_it_leaves(bert, documents, monkeypatch):
    real, read = CompiledGraph.run, []

    def spy(self, batches):
        batches = list(batches)
        read.append((self, sum(len(batch["attention_mask"]) for batch in batches)))
        return real(self, batches)

    monkeypatch.setattr(CompiledGraph, "run", spy)
    ranking = bert.rank(QUERY, documents, None, effort="balanced")
    # [[1, 0.5, 3], [2, 0.25, 3]] of 100 candidates.
    assert [rows for _, rows in read] == [100, 50, 25]
    assert len({id(graph) for graph, _ in read}) == 3
    assert ranking.timings.exited == 75
    first_stage = read[0][0]
    assert set(first_stage.input_names) == {"input_ids", "attention_mask", "token_type_ids"}
    assert set(read[2][0].input_names) == {"layer.2.output", "attention_mask"}


def test_nobody_going_on_is_no_error(bert, documents):
    _, left = staged_scores(bert, documents, (1, 2), lambda _, logits: logits < -np.inf)
    assert (left == 1).all()


def test_who_has_left_is_not_asked_again(bert, documents):
    asked = {}

    def half(layers, logits):
        asked[layers] = logits
        return np.arange(len(logits)) % 2 == 0

    _, left = staged_scores(bert, documents, (1, 2), half)
    assert (asked[2][1::2] == -np.inf).all()
    assert np.isfinite(asked[2][::2]).all()
    assert left.tolist() == [0, 1] * 50


def test_threads_share_stages_that_are_compiled_once(load, documents, monkeypatch):
    reranker = load("bert", threads=2)
    compiled = []
    real = reranker.model.engine.staged._compile
    monkeypatch.setattr(
        reranker.model.engine.staged, "_compile", lambda graph: compiled.append(1) or real(graph)
    )
    results = {}

    def work(number):
        hits = reranker.rank(QUERY, documents, None, effort="balanced")
        results[number] = [(hit.index, hit.exit_layer) for hit in hits]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 6
    assert all(result == results[0] for result in results.values())
    assert len(compiled) == 3


def test_stages_survive_a_failing_call(bert, documents, monkeypatch):
    def broken(_, slot):
        raise RuntimeError("planted")

    with monkeypatch.context() as patched:
        patched.setattr(CompiledGraph, "_finish", broken)
        for _ in range(5):
            with pytest.raises(RuntimeError, match="planted"):
                bert.rank(QUERY, documents, effort="fast")
    assert len(bert.rank(QUERY, documents, None, effort="fast")) == 100


def test_a_head_without_its_tensors_is_named(parity, tmp_path, graphs):
    from safetensors.numpy import save_file

    folder = with_exits(parity / "bert", tmp_path / "bert")
    weights = load_file(folder / "exits.safetensors")
    del weights["exits.1.classifier.weight"]
    save_file(weights, folder / "exits.safetensors")
    reranker = CrossEncoderReranker(folder, 64, precision="fp32", cache_dir=graphs)
    with pytest.raises(ModelFileError, match=r"exits\.1\.classifier\.weight"):
        reranker.rank(QUERY, ["a"], effort="fast")


def test_heads_may_lie_in_the_weight_file(parity, tmp_path, graphs, documents):
    from safetensors.numpy import save_file

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
