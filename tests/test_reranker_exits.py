"""Effort and cascades as a caller sees them."""

import json
import shutil

import numpy as np
import pytest
from exit_models import with_exits
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secondpass import (
    CrossEncoderReranker,
    InputError,
    ModelFileError,
    SearchPipeline,
    UnsupportedModelError,
)
from secondpass.deadline.speed import Speed
from secondpass.types import RetrievedDocument

QUERY = "read the csv rows"
WORDS = ["csv", "file", "reader", "row", "column", "names", "path", "open", "list", "sort"]


@pytest.fixture(scope="module")
def graphs(tmp_path_factory):
    return tmp_path_factory.mktemp("graphs")


@pytest.fixture(scope="module")
def folder(parity, tmp_path_factory):
    return with_exits(parity / "bert", tmp_path_factory.mktemp("exits") / "bert")


@pytest.fixture(scope="module")
def exiting(folder, graphs):
    return CrossEncoderReranker(folder, 64, precision="fp32", cache_dir=graphs)


@pytest.fixture(scope="module")
def cascade(parity, graphs):
    return CrossEncoderReranker(
        cascade=[parity / "electra", parity / "bert"],
        keep=10,
        max_length=64,
        precision="fp32",
        cache_dir=graphs,
    )


texts_of_words = st.lists(st.sampled_from(WORDS), max_size=30).map(" ".join)
slow = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@slow
@given(st.lists(texts_of_words, max_size=40))
def test_full_effort_equals_no_exits_exactly(exiting, tiny, texts):
    assert exiting.rank(QUERY, texts, None).hits == tiny.rank(QUERY, texts, None).hits
    assert (
        exiting.rank(QUERY, texts, None, effort="full").hits == tiny.rank(QUERY, texts, None).hits
    )


@slow
@given(st.lists(texts_of_words, max_size=40), st.sampled_from(["balanced", "fast"]))
def test_nobody_is_lost_and_order_depth_and_scores_agree(exiting, texts, effort):
    ranking = exiting.rank(QUERY, texts, None, effort=effort)
    assert sorted(hit.index for hit in ranking) == list(range(len(texts)))
    depths = [3 if hit.exit_layer is None else hit.exit_layer for hit in ranking]
    assert depths == sorted(depths, reverse=True)
    scores = [hit.score for hit in ranking]
    assert scores == sorted(scores, reverse=True)
    assert ranking.timings.exited == sum(hit.exit_layer is not None for hit in ranking)
    assert ranking.timings.candidates == len(texts)


def test_who_stays_scores_as_without_exits(exiting, documents):
    whole = {hit.index: hit.score for hit in exiting.rank(QUERY, documents, None)}
    stayed = [
        hit
        for hit in exiting.rank(QUERY, documents, None, effort="balanced")
        if hit.exit_layer is None
    ]
    assert len(stayed) == 25
    assert [hit.score for hit in stayed] == pytest.approx(
        [whole[hit.index] for hit in stayed], abs=1e-5
    )


def test_top_k_goes_on_into_those_that_left(exiting, documents):
    hits = exiting.rank(QUERY, documents, 30, effort="balanced").hits
    assert [hit.exit_layer for hit in hits] == [None] * 25 + [2] * 5


def test_equal_texts_keep_their_order(exiting):
    hits = exiting.rank(QUERY, ["csv row"] * 20, None, effort="balanced")
    assert [hit.index for hit in hits] == list(range(20))
    assert [hit.exit_layer for hit in hits] == [None] * 5 + [2] * 5 + [1] * 10


@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_few_candidates_are_all_read_whole(exiting, count):
    ranking = exiting.rank(QUERY, ["csv row"] * count, effort="balanced")
    assert [hit.exit_layer for hit in ranking] == [None] * count
    assert ranking.timings.exited == 0


def test_predict_always_reads_whole(folder, tiny, graphs, documents):
    pairs = [(QUERY, text) for text in documents]
    fast = CrossEncoderReranker(folder, 64, precision="fp32", cache_dir=graphs, effort="fast")
    np.testing.assert_array_equal(fast.predict(pairs), tiny.predict(pairs))


def test_dicts_say_who_left(exiting, documents):
    given_dicts = [{"text": text} for text in documents]
    found = exiting.rerank(QUERY, given_dicts, 26, effort="balanced")
    assert [one.get("exit_layer") for one in found] == [None] * 25 + [2]


def test_the_rule_holds_across_blocks(exiting, documents, monkeypatch):
    from secondpass.engine import schedules

    # 128 bytes a token, 64 tokens: room for 20 texts at a time.
    monkeypatch.setattr(schedules, "STATE_BYTES", 128 * 64 * 20)
    hits = exiting.rank(QUERY, documents, None, effort="balanced").hits
    # Five blocks of 20: 5 read whole, 5 left after the second layer, 10 after the first.
    assert [hit.exit_layer for hit in hits] == [None] * 25 + [2] * 25 + [1] * 50
    scores = [hit.score for hit in hits]
    assert scores == sorted(scores, reverse=True)


def test_a_model_without_exits_names_the_way_out(tiny):
    with pytest.raises(InputError, match=r"no exit heads: use effort='full'.*cascade="):
        tiny.rank(QUERY, ["a"], effort="fast")


def test_heads_and_schedules_are_looked_up_once(folder, graphs, documents, monkeypatch):
    from secondpass.engine import openvino, schedules

    looked = []

    def counted(name, find):
        def counting(*arguments):
            looked.append(name)
            return find(*arguments)

        return counting

    monkeypatch.setattr(openvino, "exit_layers", counted("heads", openvino.exit_layers))
    monkeypatch.setattr(schedules, "read_schedules", counted("schedules", schedules.read_schedules))
    reranker = CrossEncoderReranker(
        folder, 64, precision="fp32", cache_dir=graphs, effort="balanced"
    )
    assert looked == ["heads", "schedules"]
    for _ in range(3):
        assert reranker.rank(QUERY, documents).timings.exited == 75
    assert looked == ["heads", "schedules"]


def test_the_constructor_refuses_an_effort_it_cannot_have(parity, graphs):
    with pytest.raises(InputError, match=r"effort is 'fast', but .*no exit heads"):
        CrossEncoderReranker(parity / "bert", 64, precision="fp32", effort="fast", cache_dir=graphs)


def test_heads_without_a_schedule_say_where_it_belongs(parity, tmp_path, graphs):
    folder = with_exits(parity / "bert", tmp_path / "m", schedules=None)
    with pytest.raises(InputError, match=r"no 'exits' in its config\.json"):
        CrossEncoderReranker(folder, 64, precision="fp32", effort="fast", cache_dir=graphs)


def test_a_schedule_needs_a_head_at_its_layer(parity, tmp_path, graphs):
    folder = with_exits(parity / "bert", tmp_path / "m", layers=(1,))
    with pytest.raises(ModelFileError, match=r"exit after 2 layers.*it has one after 1"):
        CrossEncoderReranker(folder, 64, precision="fp32", effort="balanced", cache_dir=graphs)


def test_a_graph_of_another_tool_cannot_be_cut(folder, tmp_path):
    import openvino as ov

    from secondpass.engine.openvino import read_model
    from secondpass.graph.build import build_graph
    from secondpass.models.folder import find_folder
    from secondpass.models.spec import read_cross_encoder_spec

    other = tmp_path / "ir"
    shutil.copytree(folder, other)
    model = build_graph(read_cross_encoder_spec(find_folder(folder)))
    ov.save_model(model, other / "openvino_model.xml", compress_to_fp16=False)
    (other / "model.safetensors").unlink()
    # As it is, it can: names are saved.
    assert CrossEncoderReranker(other, 64, effort="fast").rank(QUERY, ["a", "b", "c", "d"])
    for node in model.get_ops():
        if node.get_friendly_name().startswith("layer."):
            node.set_friendly_name(node.get_friendly_name() + "-renamed")
    ov.save_model(model, other / "openvino_model.xml", compress_to_fp16=False)
    assert read_model(other / "openvino_model.xml")
    with pytest.raises(UnsupportedModelError, match=r"no node 'layer\.0\.output'"):
        CrossEncoderReranker(other, 64, effort="fast")


def test_a_pipeline_passes_its_effort_on(exiting, documents):
    class First:
        def search(self, query, limit=10):
            return [
                RetrievedDocument(str(at), text, {}, 0.5)
                for at, text in enumerate(documents[:limit])
            ]

    result = SearchPipeline(First(), exiting, 40, effort="balanced").search(QUERY, None)
    assert result.timings.rerank.exited == 30
    assert SearchPipeline(First(), exiting, 40).search(QUERY).timings.rerank.exited == 0
    with pytest.raises(InputError, match="effort is 'slow'"):
        SearchPipeline(First(), exiting, effort="slow")


def test_a_cascade_reads_the_best_of_the_first_again(cascade, parity, tiny, graphs, documents):
    ranking = cascade.rank(QUERY, documents, None)
    assert [hit.scored_by for hit in ranking] == ["second"] * 10 + ["first"] * 90
    small = CrossEncoderReranker(parity / "electra", 64, precision="fp32", cache_dir=graphs)
    first = [hit.index for hit in small.rank(QUERY, documents, None)]
    again = {hit.index: hit.score for hit in tiny.rank(QUERY, documents, None)}
    best = sorted(first[:10], key=lambda at: (-again[at], at))
    assert [hit.index for hit in ranking] == best + first[10:]
    assert [hit.score for hit in ranking.hits[:10]] == pytest.approx(
        [again[at] for at in best], abs=1e-5
    )
    scores = [hit.score for hit in ranking]
    assert scores == sorted(scores, reverse=True)
    timings = ranking.timings
    assert (timings.candidates, timings.exited) == (100, 90)


def test_dicts_and_documents_say_what_only_the_first_model_read(cascade, tiny, documents):
    given_dicts = [{"text": text} for text in documents]
    found = cascade.rerank(QUERY, given_dicts, 12)
    assert [one["scored_by"] for one in found] == ["second"] * 10 + ["first"] * 2
    again = tiny.rerank(QUERY, found, None)
    assert not any("scored_by" in one for one in again)

    class First:
        def search(self, query, limit=10):
            return [RetrievedDocument(str(at), text, {}, 0.5) for at, text in enumerate(documents)]

    hits = SearchPipeline(First(), cascade).search(QUERY, 12)
    assert [row.hit.scored_by for row in hits] == ["second"] * 10 + ["first"] * 2


def test_a_cascade_of_few_reads_all_by_the_second(cascade, tiny):
    texts = ["csv row", "", "open the file"]
    expected = [(hit.index, hit.score, hit.tokens) for hit in tiny.rank(QUERY, texts)]
    found = cascade.rank(QUERY, texts)
    assert [(hit.index, hit.score, hit.tokens) for hit in found] == expected
    assert all(hit.scored_by == "second" for hit in found)
    assert cascade.rank(QUERY, []).hits == ()


def test_a_cascade_predicts_and_describes_by_the_second(cascade, tiny):
    pairs = [(QUERY, "csv row"), (QUERY, "open")]
    np.testing.assert_array_equal(cascade.predict(pairs), tiny.predict(pairs))
    assert cascade.info == tiny.info


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"keep": 5}, "keep is 5, but there is no cascade"),
        ({"cascade": ["a"]}, "cascade is list .*expected two models"),
        ({"cascade": "ab"}, "cascade is str 'ab', expected two models"),
        ({"cascade": ["a", "b"], "keep": 0}, "keep is 0, expected an integer of at least 1"),
        ({"cascade": ["a", "b"], "model_name": "c"}, "model_name is 'c' and cascade"),
        (
            {"cascade": ["a", "b"], "effort": "fast"},
            "effort is 'fast', but a cascade scores by all layers",
        ),
        ({"effort": "slow"}, "effort is 'slow', expected one of full, balanced, fast"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_loads(options, message):
    with pytest.raises(InputError, match=message):
        CrossEncoderReranker(**options)


def test_a_cascade_has_no_effort(cascade, parity, graphs):
    with pytest.raises(InputError, match="effort is 'fast', but a cascade scores by all layers"):
        cascade.rank(QUERY, ["a"], effort="fast")
    models = [parity / "electra", parity / "bert"]
    with pytest.raises(InputError, match="a cascade scores by all layers"):
        CrossEncoderReranker(
            cascade=models, effort="fast", max_length=64, precision="fp32", cache_dir=graphs
        )


def test_the_command_takes_an_effort(folder, documents, tmp_path):
    from click.testing import CliRunner

    from secondpass.cli.main import group

    file = tmp_path / "candidates.jsonl"
    file.write_text("".join(json.dumps({"text": text}) + "\n" for text in documents))
    options = ["rerank", QUERY, str(file), "--model", str(folder), "--max-length", "64", "--json"]
    result = CliRunner().invoke(group, [*options, "--top-k", "26", "--effort", "balanced"])
    assert result.exit_code == 0, result.output
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [row.get("exit_layer") for row in rows] == [None] * 25 + [2]


def test_a_cascade_counts_every_text_once(parity, graphs):
    cascade = CrossEncoderReranker(
        cascade=[parity / "bert", parity / "bert"],
        keep=2,
        max_length=32,
        precision="fp32",
        cache="memory",
        cache_dir=graphs,
    )
    texts = ["csv " * 50, "row " * 60, "file"]
    for cached in (0, 3):
        ranking = cascade.rank(QUERY, texts, None)
        dropped = sum(hit.dropped_tokens for hit in ranking)
        assert (ranking.timings.dropped_tokens, ranking.timings.truncated) == (dropped, 2)
        assert (ranking.timings.cached, ranking.timings.candidates) == (cached, 3)


@pytest.mark.parametrize("rule", ["max", "mean-top-k"])
def test_exits_do_not_choose_among_windows(folder, graphs, rule):
    with pytest.raises(InputError, match=rf"effort is 'fast' and long_documents '{rule}'"):
        CrossEncoderReranker(
            folder, 64, precision="fp32", cache_dir=graphs, long_documents=rule, effort="fast"
        )


def test_a_budget_knows_each_effort_apart(exiting, documents, monkeypatch):
    measured = []
    plain = Speed.calibrate

    def calibrate(speed):
        measured.append(speed)
        return plain(speed)

    monkeypatch.setattr(Speed, "calibrate", calibrate)
    for effort in ("full", "fast", "full"):
        ranking = exiting.rank(QUERY, documents[:20], None, effort=effort, budget_ms=60_000)
        assert ranking.timings.reranked == 20
    assert len(set(map(id, measured))) == 2


def test_a_fusion_of_no_weight_orders_as_none_does(folder, graphs, documents):
    # relu makes many scores equal: then only depth tells who stands higher.
    reranker = CrossEncoderReranker(
        folder, 64, precision="fp32", cache_dir=graphs, activation="relu", effort="balanced"
    )
    plain = reranker.rank(QUERY, documents[:40], None)
    fused = reranker.rank(
        QUERY,
        documents[:40],
        None,
        fuse="weighted",
        fuse_weight=0,
        first_stage_scores=range(40),
    )
    assert [hit.index for hit in fused] == [hit.index for hit in plain]


def test_what_an_earlier_call_said_of_exits_does_not_stay(exiting, documents):
    given_texts = [{"text": text} for text in documents[:40]]
    fast = exiting.rerank(QUERY, given_texts, None, effort="fast")
    assert any("exit_layer" in one for one in fast)
    again = exiting.rerank(QUERY, fast, None)
    assert not any("exit_layer" in one for one in again)
