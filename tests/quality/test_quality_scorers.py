"""Scorers give what the public classes give; what cannot be loaded is said."""

from dataclasses import replace

import numpy as np
import pytest
from toy_quality import GOOD, RUNS, FixedScorer, write_collection

from benchmarks.quality.__main__ import reranker
from benchmarks.quality.score_files import ScoreFiles
from benchmarks.quality.scorers import BiEncoder
from benchmarks.quality.task import open_task
from secondpass import CrossEncoderReranker, Embedder, InputError
from secondpass.evaluation.runs import Ranked


@pytest.fixture
def task(tmp_path):
    folder = write_collection(tmp_path / "left", RUNS["left"])
    return open_task(folder, depth=100, queries=None, seed=0)


@pytest.fixture
def scorer(parity):
    return reranker(f"{parity / 'bert'}@max_length=64=tiny")


def test_a_cross_encoder_gives_logits_in_the_runs_order(task, scorer, parity):
    done = []
    found = scorer.score(task, done.append)
    model = CrossEncoderReranker(
        parity / "bert", max_length=64, precision="fp32", activation="identity"
    )
    expected = model.predict([("query q2", f"text {one}") for one in "cba"])
    assert found.scores["q2"] == pytest.approx(expected, abs=1e-5)
    assert done == [1, 1]
    assert (found.truncated, found.refused) == (0, {})
    # [CLS] query [SEP] text [SEP]: at least seven tokens for each of six pairs.
    assert found.tokens >= 6 * 7
    assert (scorer.label, scorer.info.precision) == ("tiny", "fp32")


def test_kept_scores_are_the_scores(task, scorer, tmp_path):
    first = ScoreFiles(tmp_path / "scores", resume=False).score(task, scorer, lambda n: None)
    again = ScoreFiles(tmp_path / "scores", resume=True).score(task, scorer, lambda n: None)
    assert again.scores.keys() == first.scores.keys()
    assert all(np.array_equal(again.scores[id_], first.scores[id_]) for id_ in first.scores)
    assert (again.seconds, again.tokens) == (first.seconds, first.tokens)


def test_kept_scores_follow_their_documents_when_the_run_changes_order(task, tmp_path, capsys):
    table = FixedScorer("fixed", GOOD)
    first = ScoreFiles(tmp_path / "scores", resume=False).score(task, table, lambda n: None)
    turned = {id_: tuple(reversed(found)) for id_, found in task.run.items()}
    another = replace(task, run={id_: _nudged(found) for id_, found in turned.items()})
    kept = ScoreFiles(tmp_path / "scores", resume=True)
    again = kept.score(another, table, lambda n: None)
    assert table.scored == [task.name]
    assert {id_: list(one) for id_, one in again.scores.items()} == {
        id_: list(one[::-1]) for id_, one in first.scores.items()
    }
    fewer = replace(task, run={id_: found[1:] for id_, found in task.run.items()})
    assert [len(one) for one in kept.score(fewer, table, lambda n: None).scores.values()] == [2, 2]
    assert table.scored == [task.name] * 2
    assert "another task: scored anew" in capsys.readouterr().err


def _nudged(found):
    return tuple(Ranked(one.document_id, one.score + 1e-9) for one in found)


def test_a_bi_encoder_gives_the_cosine(task):
    embedder = Embedder()
    found = BiEncoder("bi-encoder", embedder).score(task, lambda n: None)
    (query,) = embedder.embed_queries(["query q1"])
    texts = embedder.embed(["text a", "text b", "text c"])
    assert found.scores["q1"] == pytest.approx(np.array(texts) @ query, abs=1e-3)


def test_a_candidate_without_a_text_is_an_error(tmp_path, scorer):
    folder = write_collection(tmp_path / "left", {"q1": {"unknown": 1.0}})
    task = open_task(folder, depth=1, queries=None, seed=0)
    with pytest.raises(InputError, match="unknown"):
        scorer.score(task, lambda n: None)


@pytest.mark.parametrize("text", ["folder", "folder="])
def test_a_reranker_needs_a_label(text):
    with pytest.raises(SystemExit, match="FOLDER=LABEL"):
        reranker(text)
