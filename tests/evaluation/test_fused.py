"""An evaluation of a fusion: its numbers by hand, and that the reranker itself gives them."""

import pytest
from small_collection import DOCUMENTS, QUERIES, fixed_reranker, write_collection

from secondpass.evaluation.evaluate import evaluate
from secondpass.evaluation.first_stages.select import FirstStage
from secondpass.evaluation.open_collection import open_collection
from secondpass.evaluation.runs import Ranked
from secondpass.options.fusion import Fusion
from secondpass.result_file import as_values

# Of q1's four candidates the first stage is sure of b alone.
RUN = {
    "q1": (Ranked("b", 9.0), Ranked("d", 1.0), Ranked("c", 0.5), Ranked("a", 0.0)),
    "q2": (Ranked("b", 3.0), Ranked("e", 2.0), Ranked("a", 1.0)),
}
CSV_FIRST = fixed_reranker({"csv reader": 3.0, "csv writer": 2.0, "queue": 1.0})


@pytest.fixture
def collection(tmp_path):
    return open_collection(str(write_collection(tmp_path / "small")))


def measured(collection, reranker, **options):
    return evaluate(collection, FirstStage("a fixed run", RUN, 0), reranker, **options)


def ids(run, query):
    return [one.document_id for one in run[query]]


def test_reciprocal_ranks_worked_by_hand(collection):
    """By the model q1 is a, d, then b and c as they came.

    So b is 1/61 + 1/63, d 1/62 + 1/62, a 1/64 + 1/61 and c 1/63 + 1/64.
    """
    found = measured(collection, CSV_FIRST, fusion=Fusion("rrf"))
    assert ids(found.run, "q1") == ["b", "d", "a", "c"]
    assert found.run["q1"][0].score == pytest.approx(1 / 61 + 1 / 63)
    assert found.evaluation.fusion == Fusion("rrf")


def test_weighted_goes_from_the_models_order_to_the_first_stages(collection):
    orders = {
        weight: ids(measured(collection, CSV_FIRST, fusion=Fusion("weighted", weight)).run, "q1")
        for weight in (0, 0.5, 100)
    }
    # b and c tie by the model; an evaluation breaks ties as trec_eval does.
    assert orders[0] == ids(measured(collection, CSV_FIRST).run, "q1") == ["a", "d", "c", "b"]
    # z of 0, 2, 0, 3 and of 9, 1, 0.5, 0: b -0.96 + 0.86, d 0.57 - 0.22, c -0.96 - 0.29,
    # a 1.34 - 0.36.
    assert orders[0.5] == ["a", "d", "b", "c"]
    assert orders[100] == ["b", "d", "c", "a"]


@pytest.mark.parametrize("fusion", [Fusion("rrf"), Fusion("weighted", 0.5)])
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_a_shallower_depth_is_fused_among_its_own_candidates(collection, depth, fusion):
    options = {"fusion": fusion, "measures": ("RR@10", "nDCG@10")}
    curve = measured(collection, CSV_FIRST, depth=4, depths=(depth,), **options).evaluation.curve
    point = next(one for one in curve.points if one.depth == depth)
    alone = measured(collection, CSV_FIRST, depth=depth, **options).evaluation
    assert point.values == {one.measure: one.reranked for one in alone.comparisons}


def test_what_is_measured_is_what_the_reranker_gives(collection, tiny):
    found = measured(collection, tiny, fusion=Fusion("weighted", 0.8), depth=3).run
    ranking = tiny.rank(
        QUERIES["q1"],
        [DOCUMENTS[one.document_id] for one in RUN["q1"][:3]],
        fuse="weighted",
        fuse_weight=0.8,
        first_stage_scores=[one.score for one in RUN["q1"][:3]],
    )
    assert ids(found, "q1") == [RUN["q1"][hit.index].document_id for hit in ranking] + ["a"]
    assert [one.score for one in found["q1"][:3]] == pytest.approx(
        [hit.fused for hit in ranking], abs=1e-4
    )


@pytest.mark.parametrize(
    ("fusion", "written"),
    [
        (Fusion(), None),
        (Fusion("rrf"), {"rule": "rrf", "weight": None, "passage_weight": None}),
        (
            Fusion("weighted", 0.5, 2.0),
            {"rule": "weighted", "weight": 0.5, "passage_weight": 2.0},
        ),
    ],
)
def test_the_json_names_the_fusion(collection, fusion, written):
    evaluation = measured(collection, CSV_FIRST, fusion=fusion).evaluation
    assert as_values(evaluation)["fusion"] == written
