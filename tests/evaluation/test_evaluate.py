import signal
from contextlib import contextmanager
from dataclasses import replace

import pytest
from small_collection import DOCUMENTS, MODEL, QRELS, fixed_reranker, write_collection

from secondpass import InputError
from secondpass.evaluation import evaluate as evaluate_module
from secondpass.evaluation.depths import to_curve, to_latency
from secondpass.evaluation.evaluate import evaluate
from secondpass.evaluation.first_stages.select import DenseFacts, FirstStage
from secondpass.evaluation.open_collection import open_collection
from secondpass.evaluation.report import to_html
from secondpass.evaluation.rerank import at_depth
from secondpass.evaluation.result import Comparison, CurvePoint, Evaluation
from secondpass.evaluation.runs import Ranked, in_trec_order, read_run, write_run
from secondpass.evaluation.verdict import compare, conclusion, in_words, judge
from secondpass.evaluation.wording import curve_table, header, rules_in_words, verdict_cell
from secondpass.interrupts import held_interrupt
from secondpass.result_file import as_values, decode, encode
from secondpass.stats.paired import PairedDifference


def ranked(*ids):
    return tuple(Ranked(id_, float(-at)) for at, id_ in enumerate(ids))


# q1 finds its documents late, q2 first, q3 not at all.
RUN = {"q1": ranked("b", "c", "d", "a"), "q2": ranked("b", "e", "a"), "q3": ranked("a", "b")}


@pytest.fixture
def collection(tmp_path):
    return open_collection(str(write_collection(tmp_path / "small")))


DENSE = DenseFacts(replace(MODEL, name="bi", precision="int8"), 5, 384)


def run_evaluate(collection, reranker, run=RUN, dense=None, **options):
    stage = FirstStage("a fixed run", run, 0, dense)
    return evaluate(collection, stage, reranker, **options)


CSV_FIRST = fixed_reranker({"csv reader": 3.0, "csv writer": 2.0, "queue": 1.0})


def test_the_values_of_both_stages_worked_by_hand(collection):
    found = run_evaluate(collection, CSV_FIRST, measures=("RR@10", "R@2")).evaluation
    rows = {one.query_id: (one.first_stage, one.reranked) for one in found.queries}
    # q1: d was third, then a and d are first and second. q2: b falls under a and e to rank 3.
    assert rows["q1"] == ({"RR@10": pytest.approx(1 / 3), "R@2": 0.0}, {"RR@10": 1.0, "R@2": 1.0})
    assert rows["q2"] == ({"RR@10": 1.0, "R@2": 1.0}, {"RR@10": pytest.approx(1 / 3), "R@2": 0.0})
    assert rows["q3"] == ({"RR@10": 0.0, "R@2": 0.0}, {"RR@10": 0.0, "R@2": 0.0})
    first, _ = found.comparisons
    assert first.first_stage == first.reranked == pytest.approx((1 / 3 + 1 + 0) / 3)
    assert (first.helped, first.hurt, first.unchanged) == (1, 1, 1)
    assert first.verdict == "no evidence that it helps"
    assert found.latency.queries == 3
    assert found.latency.p50_ms == 30.0
    assert found.complete


def test_documents_below_the_depth_stay_below_in_their_order(collection):
    run = run_evaluate(collection, CSV_FIRST, depth=2).run
    assert [one.document_id for one in run["q1"]] == ["c", "b", "d", "a"]
    assert [one.document_id for one in run["q2"]] == ["e", "b", "a"]


def test_only_the_depth_is_read(collection):
    reranker = fixed_reranker()
    run_evaluate(collection, reranker, depth=2)
    assert reranker.calls[0] == ("warm up", ["warm up"])
    assert reranker.calls[1] == ("read csv", [DOCUMENTS["b"], DOCUMENTS["c"]])
    assert max(len(texts) for _, texts in reranker.calls) == 2


@pytest.mark.parametrize("depth", [1, 2, 3, 10])
def test_a_shallower_depth_is_the_same_as_reranking_it(collection, depth):
    curve = run_evaluate(collection, CSV_FIRST, depth=4, depths=(depth,)).evaluation.curve
    point = next(one for one in curve.points if one.depth == depth)
    alone = run_evaluate(collection, CSV_FIRST, depth=depth).evaluation
    assert point.values == {one.measure: one.reranked for one in alone.comparisons}


def test_the_run_that_is_written_is_in_the_order_that_was_measured(collection, tmp_path):
    scores = fixed_reranker(dict.fromkeys(DOCUMENTS.values(), 0.25))
    run = run_evaluate(collection, scores, depth=3).run
    assert [one.document_id for one in run["q1"]] == ["d", "c", "b", "a"]
    write_run(tmp_path / "run", run, "x")
    assert read_run(tmp_path / "run") == run
    assert all(in_trec_order(one) == one for one in run.values())


def test_depths_are_timed_by_reranking_them(collection):
    reranker = fixed_reranker()
    curve = run_evaluate(collection, reranker, depth=3, depths=(1, 2)).evaluation.curve
    assert [point.depth for point in curve.points] == [0, 1, 2, 3]
    assert curve.points[0].latency is None
    # The fixed reranker takes 10 ms a text; the queries have 4, 3 and 2 candidates.
    means = [point.latency.mean_ms for point in curve.points[1:]]
    assert means == pytest.approx([10, 20, (30 + 30 + 20) / 3])
    assert curve.points[1].latency.queries == 3


def test_the_latency_of_a_depth_that_is_not_the_deepest_is_its_own(collection):
    found = run_evaluate(collection, fixed_reranker(), depth=1, depths=(3,)).evaluation
    assert found.latency.mean_ms == pytest.approx(10)


@pytest.mark.parametrize(
    ("count", "p50", "p95"), [(1, None, None), (2, 1.0, None), (19, 10.0, None), (20, 10.0, 19.0)]
)
def test_percentiles_are_measured_times_and_withheld_of_few(count, p50, p95):
    """Of 1 to 20 the 10 and the 19 are the least that half and 95 % of them do not exceed."""
    found = to_latency(float(time) for time in range(count, 0, -1))
    assert (found.queries, found.p50_ms, found.p95_ms) == (count, p50, p95)
    assert found.mean_ms == pytest.approx((count + 1) / 2)


def test_a_percentile_that_is_withheld_is_noted(collection):
    found = run_evaluate(collection, fixed_reranker(), depths=(1, 2)).evaluation
    assert found.latency.p95_ms is None
    note = "P95 is not supported by 3 queries: at least 20 are needed"
    assert found.notes.count(note) == 1
    page = to_html(found)
    assert note in page
    assert page.count("<svg") == 2


def test_a_curve_of_one_query_has_no_percentile_to_draw(collection):
    one = replace(collection, qrels={"q1": QRELS["q1"]})
    found = run_evaluate(one, fixed_reranker(), depths=(1, 2)).evaluation
    assert found.latency.p50_ms is None
    assert "P50 is not supported by 1 queries: at least 2 are needed" in found.notes
    assert to_html(found).count("<svg") == 1
    assert [row[-2] for row in curve_table(found.curve)[1]] == ["0", "–", "–", "–"]


@pytest.mark.parametrize(
    ("values", "best", "enough"),
    [
        ({0: 0.5, 10: 0.6, 50: 0.694, 100: 0.70, 200: 0.69}, 100, 50),
        ({0: 0.5, 10: 0.6, 50: 0.692, 100: 0.70}, 100, 100),
        ({0: 0.5, 10: 0.4}, 0, 0),
        ({0: 0.0, 10: 0.0}, 0, 0),
    ],
)
def test_the_smallest_depth_within_a_hundredth_of_the_best(values, best, enough):
    points = [CurvePoint(depth, {"m": value}, None) for depth, value in values.items()]
    curve = to_curve(points, "m")
    assert (curve.best_depth, curve.enough_depth) == (best, enough)


def test_a_refused_query_keeps_the_first_stage_and_is_said(collection):
    found = run_evaluate(
        collection, fixed_reranker({"csv reader": 3.0}, refuses=("read csv",)), measures=("RR@10",)
    )
    rows = {one.query_id: one for one in found.evaluation.queries}
    assert rows["q1"].not_reranked == "the query leaves no room for a text"
    assert rows["q1"].rerank_ms is None
    assert rows["q1"].first_stage == rows["q1"].reranked
    assert found.run["q1"] == RUN["q1"]
    assert rows["q2"].not_reranked is None
    (note,) = [note for note in found.evaluation.notes if "not reranked" in note]
    assert note == (
        "1 queries were not reranked and keep the first stage's order: q1 "
        "(the query leaves no room for a text)"
    )


def test_a_real_reranker_refuses_a_query_that_leaves_no_room(tmp_path, tiny):
    queries = {"q1": "csv " * 70, "q2": "what time is it", "q3": "thread lock"}
    collection = open_collection(str(write_collection(tmp_path / "small", queries=queries)))
    found = run_evaluate(collection, tiny).evaluation
    assert "leaves no room for a text" in found.queries[0].not_reranked
    assert [one.not_reranked for one in found.queries[1:]] == [None, None]


def test_all_queries_refused_is_an_error(collection):
    reranker = fixed_reranker(refuses=("read csv", "what time is it", "thread lock"))
    with pytest.raises(InputError, match="no query can be reranked; query q1: the query leaves"):
        run_evaluate(collection, reranker)


def test_an_interrupt_gives_what_was_measured(collection):
    found = run_evaluate(collection, fixed_reranker(interrupted_at="thread lock")).evaluation
    assert not found.complete
    assert [one.query_id for one in found.queries] == ["q1", "q2"]
    assert found.collection.queries == 2
    with pytest.raises(KeyboardInterrupt):
        run_evaluate(collection, fixed_reranker(interrupted_at="read csv"))


def test_an_interrupted_report_says_so_in_its_conclusion(collection):
    found = run_evaluate(collection, fixed_reranker(interrupted_at="thread lock")).evaluation
    said = "INCOMPLETE, interrupted: There is no evidence that reranking helps: nDCG@10 goes"
    assert conclusion(found).startswith(said)
    assert said in to_html(found)
    whole = run_evaluate(collection, CSV_FIRST).evaluation
    assert conclusion(whole) == in_words(whole.comparisons)


def interrupted_in(stage, after, interrupt=signal.raise_signal):
    @contextmanager
    def bar(description, total):
        left = [after]

        def advance(_):
            left[0] -= 1
            if description == stage and left[0] == 0:
                interrupt(signal.SIGINT)

        yield advance

    return bar


@pytest.fixture
def ctrl_c():
    """A suite that runs in the background of a shell has it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize(("after", "timed"), [(1, 0), (2, 0), (3, 1), (5, 2), (6, 2)])
def test_an_interrupt_of_the_timing_keeps_what_was_timed(collection, ctrl_c, after, timed):
    found = run_evaluate(
        collection,
        CSV_FIRST,
        depths=(1, 2),
        depth=2,
        progress=interrupted_in("timing each depth", after),
    ).evaluation
    assert not found.complete
    assert len(found.queries) == 3
    latencies = [point.latency for point in found.curve.points if point.depth]
    assert [one and one.queries for one in latencies] == [timed or None] * 2
    assert "INCOMPLETE" in to_html(found)


def test_an_interrupt_after_the_timing_takes_nothing_away(collection, ctrl_c, monkeypatch):
    whole = run_evaluate(collection, CSV_FIRST, depths=(1, 2))
    compare_all = evaluate_module.compare

    def interrupted(*given, **named):
        signal.raise_signal(signal.SIGINT)
        return compare_all(*given, **named)

    monkeypatch.setattr(evaluate_module, "compare", interrupted)
    found = run_evaluate(collection, CSV_FIRST, depths=(1, 2))
    assert (whole.interrupted, found.interrupted) == (False, True)
    assert found.evaluation.complete
    assert found.evaluation.comparisons == whole.evaluation.comparisons
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_second_interrupt_ends_it_at_once(ctrl_c):
    def twice():
        with held_interrupt() as interrupted:
            assert not interrupted()
            signal.raise_signal(signal.SIGINT)
            assert interrupted()
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        twice()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_query_without_candidates_scores_zero_and_is_said(collection):
    run = {"q1": RUN["q1"], "q2": RUN["q2"]}
    found = run_evaluate(collection, CSV_FIRST, run, measures=("RR@10",)).evaluation
    assert found.queries[2].reranked == {"RR@10": 0.0}
    assert "1 judged query has no candidates and scores zero" in found.notes


def test_a_candidate_that_is_no_document_is_an_error(collection):
    with pytest.raises(InputError, match="candidate 'zz' is not among the 5 documents of small"):
        run_evaluate(collection, CSV_FIRST, {"q1": ranked("a", "zz")})
    deep = run_evaluate(collection, CSV_FIRST, {"q1": ranked("a", "zz")}, depth=1)
    assert [one.document_id for one in deep.run["q1"]] == ["a", "zz"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"depth": 0}, "depth is 0"),
        ({"depths": (10, 0)}, "a depth is 0"),
        ({"measures": ("nDGC@10",)}, "--measure 'nDGC@10'"),
    ],
)
def test_options_are_checked_before_anything_is_reranked(collection, options, message):
    reranker = fixed_reranker()
    with pytest.raises(InputError, match=message):
        run_evaluate(collection, reranker, **options)
    assert reranker.calls == []


def test_the_worst_regressions_query_shows_what_moved(collection):
    (hurt,) = run_evaluate(collection, CSV_FIRST, measures=("RR@10",)).evaluation.most_hurt
    assert (hurt.query_id, hurt.text) == ("q2", "what time is it")
    assert (hurt.first_stage, hurt.reranked) == (1.0, pytest.approx(1 / 3))
    assert (hurt.now_first.document_id, hurt.now_first.grade) == ("a", None)
    assert (hurt.now_first.first_rank, hurt.now_first.rank) == (3, 1)
    relevant = hurt.relevant
    assert (relevant.document_id, relevant.grade) == ("b", 1)
    assert (relevant.first_rank, relevant.rank, relevant.text) == (1, 3, "date and time")


def test_notes_name_the_rules(collection):
    notes = run_evaluate(collection, CSV_FIRST).evaluation.notes
    assert "ties are broken as trec_eval does" in notes[0]
    assert "RR@10, AP, R@100 count grade 1 and more as relevant" in notes[1]
    assert "no query has more than 4 candidates: depth 100 scores no more" in notes


def difference(mean, low, high):
    return PairedDifference(mean, low, high, 0.01, 1, 1, 1)


@pytest.mark.parametrize(
    ("found", "p_holm", "verdict"),
    [
        (difference(0.1, 0.05, 0.15), 0.01, "helps"),
        (difference(-0.1, -0.15, -0.05), 0.01, "hurts"),
        (difference(0.1, 0.05, 0.15), 0.05, "no evidence that it helps"),
        (difference(0.1, -0.01, 0.2), 0.01, "no evidence that it helps"),
        (difference(0.1, None, None), 0.01, "no evidence that it helps"),
    ],
)
def test_a_verdict_needs_the_interval_and_the_test(found, p_holm, verdict):
    assert judge(found, p_holm) == verdict


def test_the_verdict_in_words():
    import numpy as np

    before, after = np.linspace(0.1, 0.4, 12), np.linspace(0.3, 0.5, 12)
    lower = before.copy()
    lower[3] -= 0.05
    comparisons = compare(
        dict.fromkeys("ABC", before), {"A": after, "B": before, "C": lower}, seed=0
    )
    unsure = "no evidence that it helps"
    assert [one.verdict for one in comparisons] == ["helps", unsure, unsure]
    # All 4,096 label swaps are tried: 2 are as large. Holm takes that twice: B cannot differ.
    assert comparisons[0].p_value == pytest.approx(2 / 4096)
    assert comparisons[0].p_holm == pytest.approx(4 / 4096)
    assert comparisons[1].p_holm == comparisons[2].p_holm == 1.0
    words = in_words(comparisons)
    assert words.startswith("Reranking helps: A goes from 0.2500 to 0.4000 over 12 queries (+0.15")
    assert "p = 0.001 after Holm's correction for 2 measures" in words
    assert words.endswith("2 measures). By C: no evidence that it helps.")


@pytest.mark.parametrize("options", [{"depths": (1, 2)}, {"dense": DENSE}, {}])
def test_the_json_comes_back_as_the_evaluation(collection, options):
    reranker = fixed_reranker({"csv reader": 3.0}, refuses=("read csv",))
    found = run_evaluate(collection, reranker, **options).evaluation
    assert decode(encode(found).encode(), Evaluation, "result") == found


def test_a_value_that_is_not_a_number_is_never_written(collection):
    found = run_evaluate(collection, CSV_FIRST).evaluation
    broken = replace(found.comparisons[0], p_value=float("nan"))
    with pytest.raises(ValueError, match="not JSON compliant"):
        encode(replace(found, comparisons=(broken,)))


def test_the_page_is_whole_and_has_no_link_outside(collection):
    found = run_evaluate(collection, CSV_FIRST, depths=(1, 2)).evaluation
    html = to_html(replace(found, first_stage="stage <x>"))
    assert html.count("<svg") == 2
    assert "Depth" in html or "Without reranking" in html
    assert "stage &lt;x&gt;" in html
    assert in_words(found.comparisons).split(":")[0] in html
    assert 'src="' not in html
    assert 'href="http' not in html


def test_a_depth_beyond_the_candidates_reranks_them_all():
    scored = {"q": (Ranked("a", 0.1), Ranked("b", 0.9))}
    assert at_depth({"q": ranked("a", "b")}, scored, 10)["q"] == (
        Ranked("b", 0.9),
        Ranked("a", 0.1),
    )


def test_what_came_out_is_kept_down_to_the_depth(collection):
    first, rerank = run_evaluate(collection, CSV_FIRST, depth=2).evaluation.observed.stages
    assert (first.stage, first.model, rerank.reranks) == ("first stage", None, "first stage")
    assert [one.query for one in rerank.queries] == ["q1", "q2", "q3"]
    assert first.queries[0].ids == ("b", "c")
    assert rerank.queries[0].ids == ("c", "b")
    assert rerank.queries[0].scores == (0.0, 0.0)
    assert len(first.run_sha256) == len(rerank.run_sha256) == 64
    assert first.run_sha256 != rerank.run_sha256


def test_a_dense_first_stage_is_the_bi_encoders(collection):
    evaluation = run_evaluate(collection, CSV_FIRST, dense=DENSE).evaluation
    assert evaluation.observed.stages[0].model == "bi-encoder"
    assert evaluation.embedder == DENSE.embedder
    assert (evaluation.vectors, evaluation.dimension) == (5, 384)
    other = run_evaluate(collection, CSV_FIRST).evaluation
    assert (other.embedder, other.vectors, other.dimension) == (None, None, None)


@pytest.mark.parametrize(
    ("measure", "depth", "said"),
    [
        ("R@100", 100, "cannot change: the top 100 are reordered, and it counts the first 100"),
        (
            "R(rel=2)@100",
            20,
            "cannot change: the top 20 are reordered, and it counts the first 100",
        ),
        ("P@10", 10, "cannot change: the top 10 are reordered, and it counts the first 10"),
        ("P@10", 11, "the same for every query"),
        ("nDCG@100", 100, "the same for every query"),
        ("AP", 100, "the same for every query"),
    ],
)
def test_a_measure_that_reranking_cannot_change_says_so(measure, depth, said):
    same = {"low": 0.0, "high": 0.0, "p_value": 1.0, "p_holm": 1.0, "helped": 0, "hurt": 0}
    comparison = Comparison(
        measure=measure, first_stage=0.5, reranked=0.5, difference=0.0, unchanged=9,
        verdict="no evidence that it helps", **same,
    )  # fmt: skip
    assert verdict_cell(comparison, depth) == said
    changed = replace(comparison, helped=2, hurt=1)
    if "cannot" not in said:
        assert verdict_cell(changed, depth) == "no evidence that it helps"


def changed_in(queries, changed, names="ABCD"):
    """Comparisons of measures of which the last has no query that changed."""
    import numpy as np

    before = np.linspace(0.1, 0.4, queries)
    after = before.copy()
    after[:changed] += np.linspace(0.2, 0.3, changed)
    *others, same = names
    return compare(
        dict.fromkeys(names, before), {**dict.fromkeys(others, after), same: before}, seed=0
    )


@pytest.mark.parametrize(
    ("names", "changed", "p"), [("ABCD", 6, 6 / 64), ("AB", 6, 2 / 64), ("ABC", 8, 4 / 256)]
)
def test_a_measure_that_cannot_differ_is_no_part_of_the_correction(names, changed, p):
    *others, same = changed_in(changed, changed, names)
    assert [one.p_holm for one in others] == pytest.approx([p] * len(others))
    assert same.p_holm == 1.0


def test_an_interval_beside_few_queries_says_what_p_can_be():
    comparisons = changed_in(3, 3)
    assert comparisons[0].low > 0
    assert comparisons[0].p_holm == pytest.approx(0.75)
    words = in_words(comparisons)
    assert words.startswith("There is no evidence that reranking helps")
    assert "of 3 queries that changed no p below 0.750 can come after Holm's correction" in words
    assert rules_in_words(comparisons).endswith("Holm's correction for 3 measures that can differ")


@pytest.mark.parametrize(("queries", "names"), [(20, "AB"), (12, "ABCD")])
def test_what_the_interval_and_p_agree_on_is_not_explained(queries, names):
    assert "interval" not in in_words(changed_in(queries, queries, names))


def test_p_of_one_measure_is_not_corrected():
    assert "Holm" not in rules_in_words(changed_in(8, 8, "AB"))


def test_states_are_said_in_the_report_and_in_json(collection):
    evaluation = run_evaluate(collection, CSV_FIRST, states="int8").evaluation
    assert as_values(evaluation)["states"] == "int8"
    assert "each candidate's, int8; encoding them is not in the times" in header(evaluation)
    plain = run_evaluate(collection, CSV_FIRST).evaluation
    assert as_values(plain)["states"] is None
    assert "states" not in header(plain)
