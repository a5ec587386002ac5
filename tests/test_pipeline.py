import pytest

from secondpass import InputError, SearchPipeline
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
