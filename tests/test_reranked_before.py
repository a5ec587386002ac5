"""What was reranked before is reranked like what was not: no field of another call is left."""

from itertools import product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secondpass import CrossEncoderReranker

QUERY = "wool"
DOCUMENTS = [
    {"id": 1, "text": "Sheep give wool. " * 12, "score": 3.0},
    {"id": 2, "content": "Cows give milk.", "score": 2.0, "source": "farm"},
    {"id": 3, "text": "Where is the wool? It is on the sheep. " * 6, "score": 1.0},
]
MODELS = {
    "cuts": {"max_length": 16},
    "whole": {},
    "windows": {"max_length": 16, "long_documents": "max"},
    "sentences": {"max_length": 24, "long_documents": "select"},
    "exits": {"effort": "fast"},
    "cascade": {"keep": 1},
}
CALLS = {
    "plain": {},
    "rrf": {"fuse": "rrf"},
    "weighted": {"fuse": "weighted", "fuse_weight": 1.0, "first_stage_score": "score"},
    "no time": {"budget_ms": 1e-3},
    "time": {"budget_ms": 1e6},
    "three": {"top_k": 3},
}


@pytest.fixture(scope="module")
def models(parity, tmp_path_factory):
    cache = tmp_path_factory.mktemp("graphs")
    own = ("embedded/cross-encoder", {"threads": 1, "cache_dir": cache})
    tiny = (None, {"cascade": [str(parity / "bert")] * 2, "threads": 1, "cache_dir": cache})
    made = {}
    for name, options in MODELS.items():
        model_name, more = tiny if name == "cascade" else own
        given_name = {} if model_name is None else {"model_name": model_name}
        limit = {"max_length": 64} if name == "cascade" else {}
        made[name] = CrossEncoderReranker(**given_name, **more, **limit, **options)
    return made


def reranked(models, step, candidates):
    model, call = step
    return models[model].rerank(QUERY, candidates, **CALLS[call])


def fields(rows):
    """Return the rows without their order, the scores to few digits: other batches round else."""
    return {
        row["id"]: {
            name: pytest.approx(value, abs=1e-3) if isinstance(value, float) else value
            for name, value in row.items()
        }
        for row in rows
    }


# A cascade takes no budget.
STEPS = sorted(set(product(MODELS, CALLS)) - {("cascade", "time"), ("cascade", "no time")})


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.sampled_from(STEPS), min_size=1, max_size=3), st.sampled_from(STEPS))
def test_reranking_what_was_reranked_equals_reranking_it_fresh(models, before, last):
    candidates = DOCUMENTS
    for step in before:
        candidates = reranked(models, step, candidates)
    again, fresh = reranked(models, last, candidates), reranked(models, last, DOCUMENTS)
    of_fresh = fields(fresh)
    assert {row["id"] for row in again} == set(of_fresh)
    for row in again:
        assert set(row) == set(of_fresh[row["id"]])
    if CALLS[last[1]].get("fuse") is None and last[1] != "no time":
        assert fields(again) == of_fresh


@pytest.mark.parametrize("before", STEPS, ids="-".join)
def test_after_every_kind_of_call_a_plain_one_leaves_nothing(models, before):
    (first, *_) = reranked(models, ("whole", "plain"), reranked(models, before, DOCUMENTS))
    assert set(first) <= {"id", "text", "content", "score", "source", "cross_encoder_score"}
