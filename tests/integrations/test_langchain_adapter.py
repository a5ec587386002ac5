"""The document compressor, with LangChain itself."""

import asyncio
import copy
import pickle
import threading

import pytest

pytest.importorskip("langchain_core", reason="needs the langchain extra")

from langchain_core.documents import BaseDocumentCompressor, Document
from langchain_core.retrievers import BaseRetriever
from pydantic import ValidationError

from secondpass import InputError
from secondpass.integrations.langchain import SecondpassRerank
from secondpass.testing import FakeReranker

QUERY = "how do I read a csv file"
TEXTS = ["sheep give wool", "read a csv file", "read a file", "how do I read it"]


@pytest.fixture
def found():
    return [
        Document(text, id=str(at), metadata={"source": f"{at}.txt", "score": at / 10})
        for at, text in enumerate(TEXTS)
    ]


def texts(documents):
    return [document.page_content for document in documents]


def test_the_best_documents_come_first_with_their_score(found, tiny):
    ranked = SecondpassRerank(reranker=tiny, top_n=2).compress_documents(found, QUERY)
    hits = tiny.rank(QUERY, TEXTS, 2)
    assert [document.id for document in ranked] == [str(hit.index) for hit in hits]
    assert [one.metadata["relevance_score"] for one in ranked] == [hit.score for hit in hits]
    assert all(type(one.metadata["relevance_score"]) is float for one in ranked)
    assert [one.metadata["source"] for one in ranked] == [f"{hit.index}.txt" for hit in hits]
    assert all(set(one.metadata) == {"source", "score", "relevance_score"} for one in ranked)


def test_the_documents_that_were_given_are_not_changed(found):
    before = copy.deepcopy(found)
    ranked = SecondpassRerank(reranker=FakeReranker()).compress_documents(found, QUERY)
    ranked[0].metadata["new"] = 1
    assert found == before


def test_an_earlier_score_is_replaced(found):
    compressor = SecondpassRerank(reranker=FakeReranker())
    again = compressor.compress_documents(compressor.compress_documents(found, QUERY), "wool")
    assert {one.metadata["relevance_score"] for one in again} == {0.0}


@pytest.mark.parametrize(("top_n", "count"), [(1, 1), (3, 3), (9, 4), (None, 4)])
def test_top_n_limits(found, top_n, count):
    compressor = SecondpassRerank(reranker=FakeReranker(), top_n=top_n)
    assert len(compressor.compress_documents(found, QUERY)) == count


def test_three_are_returned_unless_it_is_said(found):
    assert len(SecondpassRerank(reranker=FakeReranker()).compress_documents(found, QUERY)) == 3


def test_min_score_drops_before_top_n_counts(found, tiny):
    scores = sorted(tiny.predict([(QUERY, text) for text in TEXTS]).tolist())
    compressor = SecondpassRerank(reranker=tiny, min_score=scores[2], top_n=None)
    assert len(compressor.compress_documents(found, QUERY)) == 2
    none = SecondpassRerank(reranker=tiny, min_score=scores[-1] + 1, top_n=None)
    assert none.compress_documents(found, QUERY) == []


def test_options_of_a_model_load_it(found, parity, tmp_path):
    compressor = SecondpassRerank(
        model_name=parity / "bert", max_length=64, precision="fp32", cache_dir=tmp_path, threads=1
    )
    assert compressor.reranker.options.threads == 1
    assert len(compressor.compress_documents(found, QUERY)) == 3


def test_a_fusion_takes_the_retrievers_score_from_the_metadata(found, tiny):
    fused = SecondpassRerank(reranker=tiny, fuse="weighted", fuse_weight=1e6, top_n=None)
    ranked = fused.compress_documents(found, QUERY)
    assert [one.id for one in ranked] == ["3", "2", "1", "0"]
    assert all("fused_score" in one.metadata["secondpass"] for one in ranked)
    other = SecondpassRerank(reranker=tiny, fuse="weighted", first_stage_score="similarity")
    with pytest.raises(InputError, match=r"first.stage"):
        other.compress_documents(found, QUERY)


def test_a_text_that_was_cut_says_so(tiny):
    long = Document("csv file reader " * 100)
    (ranked,) = SecondpassRerank(reranker=tiny).compress_documents([long], QUERY)
    assert ranked.metadata["secondpass"]["truncated"] is True
    assert ranked.metadata["secondpass"]["dropped_tokens"] > 0
    assert long.metadata == {}


def test_what_an_earlier_call_said_of_a_text_is_gone(tiny):
    cut = SecondpassRerank(reranker=tiny).compress_documents([Document("csv file " * 100)], QUERY)
    (again,) = SecondpassRerank(reranker=FakeReranker()).compress_documents(cut, QUERY)
    assert set(again.metadata) == {"relevance_score"}
    assert "secondpass" in cut[0].metadata


def test_documents_may_come_one_by_one_and_without_metadata(found):
    compressor = SecondpassRerank(reranker=FakeReranker())
    assert texts(compressor.compress_documents(iter(found), QUERY)) == texts(
        compressor.compress_documents(tuple(found), QUERY)
    )
    found[1].metadata = None
    by_id = {one.id: one for one in compressor.compress_documents(found, QUERY)}
    assert set(by_id["1"].metadata) == {"relevance_score"}


@pytest.mark.parametrize("item", ["a text", None, {"page_content": "a text"}])
def test_what_is_no_document_is_named(found, item):
    with pytest.raises(InputError, match=r"documents\[4\] is .*expected a Document"):
        SecondpassRerank(reranker=FakeReranker()).compress_documents([*found, item], QUERY)


def test_a_limit_of_zero_is_a_limit_and_a_number_set_later_is_checked(found):
    none_below = SecondpassRerank(reranker=FakeReranker(), min_score=0.0, top_n=None)
    assert len(none_below.compress_documents(found, QUERY)) == 4
    none_below.top_n = 0
    with pytest.raises(InputError, match="top_n is 0"):
        none_below.compress_documents(found, QUERY)


def test_who_stops_waiting_leaves_the_others_alone(found):
    begun, go_on = threading.Event(), threading.Event()

    def wait(*_):
        begun.set()
        assert go_on.wait(60)

    compressor = SecondpassRerank(reranker=FakeReranker(on_call=wait))

    async def main():
        stopped = asyncio.create_task(compressor.acompress_documents(found, QUERY))
        await asyncio.to_thread(begun.wait)
        stopped.cancel()
        with pytest.raises(asyncio.CancelledError):
            await stopped
        go_on.set()
        return await asyncio.gather(
            *(compressor.acompress_documents(found, QUERY) for _ in range(20))
        )

    assert {tuple(texts(one)) for one in asyncio.run(main())} == {
        tuple(texts(compressor.compress_documents(found, QUERY)))
    }


def test_a_text_that_cannot_be_scored_comes_last_where_that_is_asked(found, tiny):
    found.insert(0, Document("half a pair \ud800"))
    ranked = SecondpassRerank(reranker=tiny, on_error="skip", top_n=None).compress_documents(
        found, QUERY
    )
    assert ranked[-1].metadata["relevance_score"] is None
    assert "lone surrogate" in ranked[-1].metadata["secondpass"]["error"]
    with pytest.raises(InputError, match="text 0 has a lone surrogate"):
        SecondpassRerank(reranker=tiny).compress_documents(found, QUERY)


def test_nothing_found_is_nothing_ranked():
    fake = FakeReranker()
    assert list(SecondpassRerank(reranker=fake).compress_documents([], QUERY)) == []
    assert fake.calls == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"top_n": 0}, "top_n is 0"),
        ({"top_n": "3"}, "top_n is '3'"),
        ({"min_score": float("nan")}, "min_score is float nan"),
        ({"max_lenght": 3}, "did you mean 'max_length'"),
        ({"threads": 2}, "threads beside reranker"),
    ],
)
def test_an_option_that_is_not_usable_is_our_error(options, said):
    with pytest.raises(InputError, match=said):
        SecondpassRerank(reranker=FakeReranker(), **options)


def test_an_option_of_the_model_cannot_be_set_afterwards():
    compressor = SecondpassRerank(reranker=FakeReranker())
    with pytest.raises((ValidationError, ValueError), match="threads"):
        compressor.threads = 2
    compressor.top_n = 1
    documents = [Document("a"), Document("b")]
    assert len(compressor.compress_documents(documents, "a")) == 1


def test_the_event_loop_runs_on_while_documents_are_scored(found):
    looped = threading.Event()
    waited = []
    fake = FakeReranker(on_call=lambda *_: waited.append(looped.wait(timeout=60)))
    compressor = SecondpassRerank(reranker=fake)

    async def both():
        task = asyncio.create_task(compressor.acompress_documents(found, QUERY))
        while not waited and not task.done() and not looped.is_set():
            await asyncio.sleep(0)
            looped.set()
        return await task

    ranked = asyncio.run(both())
    assert waited == [True]
    assert ranked == compressor.compress_documents(found, QUERY)


class Fixed(BaseRetriever):
    """Finds the same for every query."""

    documents: list[Document]

    def _get_relevant_documents(self, query, *, run_manager):
        return self.documents


def test_it_works_in_a_contextual_compression_retriever(found):
    retrievers = pytest.importorskip("langchain_classic.retrievers", reason="langchain-classic")
    retriever = retrievers.ContextualCompressionRetriever(
        base_compressor=SecondpassRerank(reranker=FakeReranker(), top_n=2),
        base_retriever=Fixed(documents=found),
    )
    best = ["read a csv file", "how do I read it"]
    assert texts(retriever.invoke(QUERY)) == best
    assert texts(asyncio.run(retriever.ainvoke(QUERY))) == best
    assert texts((retriever | (lambda documents: documents[:1])).invoke(QUERY)) == best[:1]


def test_it_works_in_a_compressor_pipeline(found):
    compressors = pytest.importorskip(
        "langchain_classic.retrievers.document_compressors", reason="langchain-classic"
    )
    pipeline = compressors.DocumentCompressorPipeline(
        transformers=[
            SecondpassRerank(reranker=FakeReranker(), top_n=3),
            SecondpassRerank(reranker=FakeReranker(lambda _, text: -len(text)), top_n=1),
        ]
    )
    assert texts(pipeline.compress_documents(found, QUERY)) == ["read a file"]


def test_a_copy_ranks_as_the_original(found, tiny):
    compressor = SecondpassRerank(reranker=tiny, top_n=2)
    expected = compressor.compress_documents(found, QUERY)
    for other in (copy.deepcopy(compressor), pickle.loads(pickle.dumps(compressor))):
        assert other.compress_documents(found, QUERY) == expected


def test_it_is_a_document_compressor_whose_help_has_its_options():
    assert issubclass(SecondpassRerank, BaseDocumentCompressor)
    for name in ("top_n: how many", "budget_ms: ", "model_name: ", "min_score: "):
        assert name in SecondpassRerank.__doc__
