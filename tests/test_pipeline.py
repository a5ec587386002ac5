from types import SimpleNamespace

import pytest

from secondpass import InputError, SearchPipeline
from secondpass.models.embedded import BI_ENCODER, CROSS_ENCODER
from secondpass.options.fusion import PAIR_FUSION, Fusion
from secondpass.testing import FakeReranker
from secondpass.types import RetrievedDocument

TEXTS = ["csv reader", "date and time", "a lock for threads", "csv writer", "queue"]


class FixedIndex:
    """A first stage that always finds the same documents."""

    def search(self, query, limit=10):
        self.asked = (query, limit)
        return [
            RetrievedDocument(f"id{at}", text, {"at": at}, 1 - at / 10)
            for at, text in enumerate(TEXTS[:limit])
        ]


def test_depth_documents_are_reranked_and_both_ranks_kept(tiny):
    index = FixedIndex()
    result = SearchPipeline(index, tiny, depth=4).search("read csv", top_k=3)
    assert index.asked == ("read csv", 4)
    assert len(result) == 3
    assert [hit.rank for hit in result] == [1, 2, 3]
    ranking = tiny.rank("read csv", TEXTS[:4], top_k=3)
    for hit, expected in zip(result, ranking, strict=True):
        assert hit.document.text == expected.text
        assert hit.first_rank == expected.index + 1
        assert hit.document.id == f"id{expected.index}"
        assert hit.score == pytest.approx(expected.score, abs=1e-6)
    timings = result.timings
    assert timings.rerank.candidates == 4
    assert timings.total_ms >= timings.retrieve_ms + timings.rerank.total_ms


@pytest.mark.parametrize("depth", [0, -1, 2.5, True])
def test_depth_is_checked(tiny, depth):
    with pytest.raises(InputError, match="depth"):
        SearchPipeline(FixedIndex(), tiny, depth)


def test_an_empty_index_gives_an_empty_result(tiny):
    class Empty:
        def search(self, query, limit=10):
            return []

    result = SearchPipeline(Empty(), tiny).search("read csv")
    assert len(result) == 0


def test_a_first_stage_with_two_halves_is_timed_in_both(tiny):
    seconds = [0.0]

    class Halves(FixedIndex):
        def embed_query(self, query):
            seconds[0] += 0.002
            return query

        def search_vector(self, vector, limit=10):
            seconds[0] += 0.003
            return self.search(vector, limit)

    def timings(first):
        pipeline = SearchPipeline(first, tiny, depth=4, now=lambda: seconds[0])
        return pipeline.search("read csv").timings

    found = timings(Halves())
    assert found.embed_ms == pytest.approx(2)
    assert found.search_ms == pytest.approx(3)
    assert found.retrieve_ms == pytest.approx(5)
    whole = timings(FixedIndex())
    assert (whole.embed_ms, whole.search_ms) == (None, None)


def test_fusion_takes_the_similarity_and_keeps_both_scores(tiny):
    """The fixed index's similarities fall by 0.1: the first's z-score is the root of 2."""
    pipeline = SearchPipeline(FixedIndex(), tiny, fuse="weighted", fuse_weight=50)
    result = pipeline.search("read csv", top_k=None)
    # So heavy a weight leaves the first stage's order.
    assert [hit.first_rank for hit in result] == [1, 2, 3, 4, 5]
    assert result.hits[0].hit.fused == pytest.approx(50 * 2**0.5, abs=3)
    plain = {hit.first_rank: hit for hit in SearchPipeline(FixedIndex(), tiny).search("read csv")}
    assert all(hit.score == plain[hit.first_rank].score for hit in result)
    assert all(row.hit.fused is None for row in plain.values())


def test_fusion_of_the_orders(tiny):
    result = SearchPipeline(FixedIndex(), tiny, fuse="rrf").search("read csv", top_k=None)
    ranking = tiny.rank("read csv", TEXTS, top_k=None, fuse="rrf")
    assert [hit.first_rank - 1 for hit in result] == [hit.index for hit in ranking]
    assert [row.hit.fused for row in result] == [hit.fused for hit in ranking]


def test_min_score_drops_before_top_k_and_is_counted(tiny):
    pipeline = SearchPipeline(FixedIndex(), tiny)
    everything = pipeline.search("read csv", top_k=None).hits
    found = pipeline.search("read csv", min_score=everything[1].score)
    assert found.hits == everything[:2]
    assert found.timings.rerank.dropped == 3


def test_bad_fusions_are_refused_when_the_pipeline_is_made(tiny):
    with pytest.raises(InputError, match="fuse is 'sum'"):
        SearchPipeline(FixedIndex(), tiny, fuse="sum")
    with pytest.raises(InputError, match=r"fuse_weight is 0\.3, but fuse='rrf'"):
        SearchPipeline(FixedIndex(), tiny, fuse="rrf", fuse_weight=0.3)


def test_a_second_pass_without_the_options_still_serves():
    assert len(SearchPipeline(FixedIndex(), FakeReranker()).search("read csv", top_k=2)) == 2


@pytest.mark.parametrize(("length", "weight"), [(1, 0.5), (300, 0.5), (301, 2.0), (5000, 2.0)])
def test_the_embedded_pairs_weight_goes_by_the_length_of_the_query(length, weight):
    assert PAIR_FUSION.of("x" * length) == Fusion("weighted", weight)


@pytest.mark.parametrize("fusion", [Fusion(), Fusion("rrf"), Fusion("weighted", 0.15)])
def test_any_other_fusion_is_the_same_for_every_query(fusion):
    assert fusion.of("x" * 1000) == fusion.of("x") == fusion


def test_the_pairs_pipeline_passes_the_weight_of_its_query_on():
    class Pair:
        info = SimpleNamespace(name=CROSS_ENCODER)

        def rank(self, query, texts, top_k=10, **options):
            weights.append(options["fuse_weight"])
            return FakeReranker().rank(query, texts, top_k)

    weights = []
    index = FixedIndex()
    index.embedder = SimpleNamespace(name=BI_ENCODER)
    pipeline = SearchPipeline(index, Pair())
    for query in ("short", "long " * 100):
        pipeline.search(query)
    assert weights == [0.5, 2.0]
