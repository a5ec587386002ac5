"""Equal texts of a call have one score and stand in their order, however batches round."""

from __future__ import annotations

import numpy as np
import pytest
from exit_models import SCHEDULES, with_exits
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secondpass import CrossEncoderReranker
from secondpass.scoring.effort import Exit
from secondpass.scoring.exits import going_on
from secondpass.scoring.sequences import Owners

QUERIES = ["read the csv rows", "a file"]
TEXTS = ["a csv file", "the rows of a file", "open a path", "names of a column and of a row", "a"]


@pytest.fixture(scope="module")
def reranker(late_join, tmp_path_factory):
    schedules = {**SCHEDULES, "states": {"balanced": [[2, 0.5, 3]], "fast": [[2, 0.1, 2]]}}
    folder = with_exits(late_join, tmp_path_factory.mktemp("equal") / "m", schedules=schedules)
    with CrossEncoderReranker(folder, 64, precision="fp32", threads=2) as reranker:
        yield reranker


@pytest.fixture
def rounding(reranker, monkeypatch):
    """Round each row by its place, as another batch may: the last are raised the most."""

    def raised(values):
        return values + np.float32(1e-4) * np.arange(len(values), dtype=np.float32)

    model = reranker.model
    parted, staged = model._states.parted, model.engine.exits
    above, scores, advance = parted._above, parted.interaction.scores, staged._advance

    def advanced(stage, batches, found):
        rest = advance(stage, batches, found)
        found.logits[:] = raised(found.logits)
        return rest

    monkeypatch.setattr(parted, "_above", lambda rows, early: raised(above(rows, early)))
    monkeypatch.setattr(parted.interaction, "scores", lambda *given: raised(scores(*given)))
    monkeypatch.setattr(staged, "_advance", advanced)
    monkeypatch.setattr("secondpass.loaded_model.run", _raising(raised))


def _raising(raised):
    from secondpass.engine.schedules import run

    def run_raised(engine, batches, schedule, owners):
        staged = run(engine, batches, schedule, owners)
        return staged if schedule else staged._replace(logits=raised(staged.logits))

    return run_raised


def check(hits):
    """Check that equal texts that saw as many layers have one logit, the first of them first."""
    for text in {str(hit.text) for hit in hits}:
        alike = [hit for hit in hits if hit.text == text]
        places = [hit.index for hit in alike]
        assert places == sorted(places)
        for layer in {hit.exit_layer for hit in alike}:
            assert len({hit.logit for hit in alike if hit.exit_layer == layer}) == 1


@pytest.mark.parametrize("kept", ["int8", None])
@pytest.mark.parametrize("effort", ["instant", "fast", "balanced", "full"])
@given(drawn=st.lists(st.sampled_from(TEXTS), min_size=1, max_size=12))
@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_equal_texts_score_equal(reranker, rounding, effort, kept, drawn):
    texts = drawn if kept is None else reranker.passages(drawn, kept)
    alone = [reranker.rank(query, texts, None, effort=effort) for query in QUERIES]
    together = reranker.rank_many(QUERIES, [texts, texts], None, effort=effort)
    for one, other in zip(alone, together, strict=True):
        check(one.hits)
        check(other.hits)


def test_a_text_with_states_and_one_without_are_scored_apart(reranker, rounding):
    (kept,) = reranker.passages(["a csv file"], "int8")
    scores = reranker.score(QUERIES[0], ["a csv file", kept, "a csv file", kept])
    assert scores.logits[0] == scores.logits[2]
    assert scores.logits[1] == scores.logits[3]


def test_of_equal_ones_the_first_go_on():
    groups, texts = np.zeros(6, np.intp), np.arange(6)
    logits = np.array([1.0, 2.0, 1.2, 2.1, 2.2, -np.inf], np.float32)
    alike = np.array([0, 1, 0, 1, 1, 1])
    apart = going_on(logits, Owners(groups, texts), Exit(1, 0.1, 2))
    assert apart.tolist() == [False, False, False, True, True, False]
    levelled = going_on(logits, Owners(groups, texts, alike), Exit(1, 0.1, 2))
    assert levelled.tolist() == [False, True, False, True, False, False]
