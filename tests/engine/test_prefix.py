"""A prefix that is computed once gives the scores of sequences that are computed whole."""

import json
import shutil
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from causal_texts import LONG, PAIRS, QUERIES, TEXTS

from secondpass import CrossEncoderReranker
from secondpass.engine import prefixed
from secondpass.engine.compiled import CompiledGraph

pytest.importorskip("jinja2", reason="needs the chat extra")

CAUSAL = ["qwen2-causal", "qwen3-causal", "qwen3-classifier", "qwen3-one-token"]


def load(folder, length=128, **options):
    options = {"precision": "fp32", "threads": 1, **options}
    return CrossEncoderReranker(folder, length, **options)


def whole(reranker):
    """Make a reranker compute every sequence whole."""
    reranker.model._policy = replace(reranker.model._policy, prefixes=False)
    return reranker


def of_queries(reranker, texts=TEXTS):
    rankings = reranker.rank_many(QUERIES, [list(texts)] * len(QUERIES), top_k=None)
    ordered = [sorted(ranking, key=lambda hit: hit.index) for ranking in rankings]
    return np.array([[hit.logit for hit in hits] for hits in ordered])


@pytest.fixture
def runs(monkeypatch):
    """The rows of every batch that a graph computes, and how many tokens stand before them."""
    noted = []
    run = CompiledGraph.run

    def spy(graph, batches):
        batches = list(batches)
        noted.extend(
            (len(batch["input_ids"]), batch["past"].shape[2], int(batch["kept"][0]))
            for batch in batches
        )
        return run(graph, batches)

    monkeypatch.setattr(CompiledGraph, "run", spy)
    return noted


@pytest.mark.parametrize("name", CAUSAL)
@pytest.mark.parametrize("threads", [1, 2])
def test_scores_are_those_of_whole_sequences(parity, runs, name, threads):
    reranker = load(parity / name, threads=threads)
    runs.clear()
    logits = of_queries(reranker)
    # Each query's own, once, whatever batches follow.
    assert sum(kept > 0 for _, _, kept in runs) == len(QUERIES)
    assert {rows for rows, _, kept in runs if kept} == {1}
    assert sum(rows for rows, past, _ in runs if past) == len(QUERIES) * len(TEXTS)
    expected = of_queries(whole(load(parity / name)))
    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(logits, expected, atol=1e-4)
    np.testing.assert_allclose(of_queries(reranker), logits, atol=1e-6)


@pytest.mark.parametrize("name", CAUSAL)
def test_a_prefix_is_not_another_query_s(parity, name):
    """Queries that begin alike, in one call, beside the scores of each alone."""
    reranker = load(parity / name)
    queries = ["read the csv rows", "read the csv rows now", "read the csv", "read the csv rows"]
    texts = [list(TEXTS[:9]), list(TEXTS[3:12]), list(TEXTS[:9]), list(TEXTS[9:])]
    for query, some, ranking in zip(
        queries, texts, reranker.rank_many(queries, texts, top_k=None), strict=True
    ):
        logits = [hit.logit for hit in sorted(ranking, key=lambda hit: hit.index)]
        alone = [whole(reranker).score(query, [text]).logits[0] for text in some]
        np.testing.assert_allclose(logits, alone, atol=1e-4)


def test_a_few_texts_are_computed_whole(parity, runs):
    reranker = load(parity / "qwen3-causal")
    runs.clear()
    reranker.score("a lock", ["a text"])
    assert runs == [(1, 0, 0)]


def test_windows_share_the_prefix(parity, runs):
    texts = ["a lock", LONG, f"{LONG} csv rows are read", ""]
    options = {"long_documents": "max", "stride": 20}
    reranker = load(parity / "qwen3-causal", **options)
    runs.clear()
    scores = reranker.score("read the csv rows", texts)
    assert sum(kept > 0 for _, _, kept in runs) == 1
    expected = whole(load(parity / "qwen3-causal", **options)).score("read the csv rows", texts)
    np.testing.assert_allclose(scores.logits, expected.logits, atol=1e-4)


def test_little_memory_takes_the_prefixes_in_turns(parity, runs, monkeypatch):
    expected = of_queries(load(parity / "qwen2-causal"))
    monkeypatch.setattr(prefixed, "_STATE_BYTES", 1)
    runs.clear()
    np.testing.assert_allclose(of_queries(load(parity / "qwen2-causal")), expected, atol=1e-6)
    begins = [at for at, (_, _, kept) in enumerate(runs) if kept]
    assert len(begins) == len(QUERIES)
    # Between two prefixes are the batches of the first.
    assert all(after - before > 1 for before, after in pairwise(begins))


def test_a_pair_without_a_template_shares_its_prefix(parity, tmp_path, runs):
    folder = shutil.copytree(parity / "qwen2-causal", tmp_path / "model")
    (folder / "chat_template.jinja").unlink()
    file = folder / "sentence_bert_config.json"
    settings = json.loads(file.read_text())
    settings["modality_config"] = {
        "text": settings["modality_config"].get("text")
        or {"method": "forward", "method_output_name": "logits"}
    }
    file.write_text(json.dumps(settings))
    reranker = load(folder)
    assert reranker.info.chat_template_sha256 is None
    runs.clear()
    query = "read the csv rows and all that stands in them " * 2
    texts = ["a lock", "csv rows", *TEXTS[:8]]
    scores = reranker.score(query, texts)
    assert sum(kept > 0 for _, _, kept in runs) == 1
    expected = whole(load(folder)).score(query, texts)
    np.testing.assert_allclose(scores.logits, expected.logits, atol=1e-4)


def test_a_text_of_padding_alone_is_scored_by_what_stands_before_it(parity, tmp_path):
    """A classification reads the last token that is no padding, which may be the query's."""
    folder = shutil.copytree(parity / "qwen3-classifier", tmp_path / "model")
    (folder / "chat_template.jinja").write_text(
        "{{ messages[-2].content }} says:{{ messages[-1].content }}{{ pad_token }}"
    )
    texts = ["", "", "a lock", *TEXTS]
    query = "read the csv rows and all that stands in them " * 2
    scores = load(folder, instruction="").score(query, texts)
    expected = whole(load(folder, instruction="")).score(query, texts)
    np.testing.assert_allclose(scores.logits, expected.logits, atol=1e-4)


def test_bfloat16_or_what_the_processor_has_orders_alike(parity):
    reranker = load(parity / "qwen3-causal", precision="auto")
    logits = of_queries(reranker)
    exact = of_queries(load(parity / "qwen3-causal"))
    np.testing.assert_allclose(logits, exact, atol=0.25)
    assert reranker.info.precision == "fp32"


def test_predict_of_mixed_queries_is_right(parity):
    reranker = load(parity / "qwen3-causal")
    order = np.random.default_rng(0).permutation(len(PAIRS))
    mixed = reranker.predict([PAIRS[at] for at in order])
    np.testing.assert_allclose(mixed, whole(reranker).predict(PAIRS)[order], atol=1e-4)
