"""The ranker component, with Haystack itself."""

import asyncio
import copy
import threading

import pytest

pytest.importorskip("haystack", reason="needs the haystack extra")

from haystack import Document, Pipeline, component
from haystack.components.retrievers.in_memory import InMemoryBM25Retriever
from haystack.document_stores.in_memory import InMemoryDocumentStore

from secondpass import InputError
from secondpass.integrations.haystack import SecondpassRanker
from secondpass.testing import FakeReranker

QUERY = "how do I read a csv file"
TEXTS = ["sheep give wool", "read a csv file", "read a file", "how do I read it"]


@pytest.fixture
def found():
    return [
        Document(id=str(at), content=text, score=at / 10, meta={"source": f"{at}.txt"})
        for at, text in enumerate(TEXTS)
    ]


def ids(result):
    return [document.id for document in result["documents"]]


def test_the_best_documents_come_first_with_their_score(found, tiny):
    ranked = SecondpassRanker(reranker=tiny, top_k=3).run(query=QUERY, documents=found)
    hits = tiny.rank(QUERY, TEXTS, 3)
    assert ids(ranked) == [str(hit.index) for hit in hits]
    assert [document.score for document in ranked["documents"]] == [hit.score for hit in hits]
    assert [set(document.meta) for document in ranked["documents"]] == [{"source"}] * 3


def test_the_documents_that_were_given_are_not_changed(found):
    before = copy.deepcopy(found)
    ranked = SecondpassRanker(reranker=FakeReranker()).run(query=QUERY, documents=found)
    ranked["documents"][0].meta["new"] = 1
    assert [document.to_dict() for document in found] == [one.to_dict() for one in before]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"meta_fields_to_embed": "title"}, "meta_fields_to_embed is str 'title', expected a list"),
        ({"embedding_separator": 3}, "embedding_separator is 3, expected a string"),
        ({"meta_fields_to_embed": 3}, "meta_fields_to_embed is int 3"),
    ],
)
def test_fields_and_their_separator_are_checked_where_they_are_given(options, said):
    with pytest.raises(InputError, match=said):
        SecondpassRanker(reranker=FakeReranker(), **options)


@pytest.mark.parametrize("item", ["a text", None])
def test_what_is_no_document_is_named(found, item):
    with pytest.raises(InputError, match=r"documents\[4\] is .*expected a Document"):
        SecondpassRanker(reranker=FakeReranker()).run(query=QUERY, documents=[*found, item])


def test_what_an_earlier_run_said_of_a_text_is_gone(tiny):
    long = Document(content="csv file " * 100)
    cut = SecondpassRanker(reranker=tiny).run(query=QUERY, documents=[long])["documents"]
    again = SecondpassRanker(reranker=FakeReranker()).run(query=QUERY, documents=cut)["documents"]
    assert (set(cut[0].meta), again[0].meta) == ({"secondpass"}, {})


def test_a_run_may_say_how_many_and_above_which_score(found, tiny):
    scores = sorted(tiny.predict([(QUERY, text) for text in TEXTS]).tolist())
    ranker = SecondpassRanker(reranker=tiny, top_k=2, score_threshold=scores[-1])
    assert len(ids(ranker.run(query=QUERY, documents=found))) == 1
    assert len(ids(ranker.run(query=QUERY, documents=found, score_threshold=scores[0]))) == 2
    more = ranker.run(query=QUERY, documents=found, score_threshold=scores[0], top_k=3)
    assert len(ids(more)) == 3


def test_a_threshold_of_zero_is_a_threshold(found, tiny):
    scores = tiny.predict([(QUERY, text) for text in TEXTS])
    middle = float((scores.max() + scores.min()) / 2)

    class Shifted(FakeReranker):
        def rank(self, query, texts, top_k=10, *, min_score=None):
            hits = super().rank(query, texts, top_k).hits
            kept = tuple(hit for hit in hits if min_score is None or hit.score >= min_score)
            return type("Ranked", (), {"hits": kept})()

    shifted = Shifted(lambda query, text: float(tiny.predict((query, text))) - middle)
    above = sum(score > middle for score in scores.tolist())
    at_start = SecondpassRanker(reranker=shifted, score_threshold=0.0)
    assert len(ids(at_start.run(query=QUERY, documents=found))) == above < 4
    at_run = SecondpassRanker(reranker=shifted, score_threshold=-1e9)
    assert len(ids(at_run.run(query=QUERY, documents=found, score_threshold=0.0))) == above
    assert len(ids(at_run.run(query=QUERY, documents=found))) == 4


def test_scores_are_scaled_as_asked(found, tiny):
    logits = tiny.score(QUERY, TEXTS).logits

    def best(**options):
        made = {name: options[name] for name in options if name != "run"}
        ranker = SecondpassRanker(reranker=tiny, **made)
        run = ranker.run(query=QUERY, documents=found, scale_score=options.get("run"))
        return run["documents"][0].score

    assert best(scale_score=False) == pytest.approx(float(logits.max()), abs=1e-6)
    assert 0 < best(scale_score=True) < 1
    assert best(scale_score=True, run=False) == best(scale_score=False)
    assert best(scale_score=False, run=True) == best(scale_score=True)
    assert best() == tiny.rank(QUERY, TEXTS, 1)[0].score


def test_meta_fields_are_scored_with_the_content():
    documents = [
        Document(content="the text", meta={"title": "a title", "year": 2026, "empty": ""}),
        Document(content=None, meta={"title": "no content"}),
    ]
    fake = FakeReranker()
    SecondpassRanker(reranker=fake, meta_fields_to_embed=["title", "year", "empty", "none"]).run(
        query=QUERY, documents=documents
    )
    SecondpassRanker(reranker=fake, meta_fields_to_embed=["title"], embedding_separator=" | ").run(
        query=QUERY, documents=documents[:1]
    )
    assert fake.calls[0][1] == ["a title\n2026\nthe text", "no content\n"]
    assert fake.calls[1][1] == ["a title | the text"]


def test_of_one_id_the_highest_score_is_ranked():
    documents = [
        Document(id="a", content="read", score=None),
        Document(id="b", content="csv"),
        Document(id="a", content="read a", score=-1.0),
        Document(id="a", content="read a csv", score=-2.0),
    ]
    fake = FakeReranker()
    SecondpassRanker(reranker=fake).run(query=QUERY, documents=documents)
    assert fake.calls[0][1] == ["read a", "csv"]


def test_a_fusion_takes_the_retrievers_scores(found, tiny):
    fused = SecondpassRanker(reranker=tiny, fuse="weighted", fuse_weight=1e6)
    ranked = fused.run(query=QUERY, documents=found)
    assert ids(ranked) == ["3", "2", "1", "0"]
    assert all("fused_score" in one.meta["secondpass"] for one in ranked["documents"])


def test_a_text_that_cannot_be_scored_comes_last_where_that_is_asked(found, tiny):
    found.insert(0, Document(id="broken", content="half a pair \ud800"))
    skipping = SecondpassRanker(reranker=tiny, on_error="skip", score_threshold=-1e9)
    last = skipping.run(query=QUERY, documents=found)["documents"][-1]
    assert (last.id, last.score) == ("broken", None)
    assert "lone surrogate" in last.meta["secondpass"]["error"]


def test_no_documents_are_no_documents_and_an_empty_query_is_an_error(found):
    ranker = SecondpassRanker(reranker=FakeReranker())
    assert ranker.run(query=QUERY, documents=[]) == {"documents": []}
    with pytest.raises(InputError, match="query"):
        ranker.run(query=" ", documents=found)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"top_k": 0}, "top_k is 0"),
        ({"score_threshold": "high"}, "score_threshold is str 'high'"),
        ({"scale_score": "yes"}, "scale_score is 'yes'"),
        ({"min_score": 0.5}, "no option 'min_score'"),
        ({"revision": "main"}, "revision beside reranker"),
    ],
)
def test_an_option_that_is_not_usable_is_our_error(options, said):
    with pytest.raises(InputError, match=said):
        SecondpassRanker(reranker=FakeReranker(), **options)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"top_k": -1}, "top_k is -1"),
        ({"score_threshold": "x"}, "score_threshold is str"),
        ({"scale_score": 1}, "scale_score is 1"),
    ],
)
def test_an_option_of_a_run_is_checked_too(found, options, said):
    with pytest.raises(InputError, match=said):
        SecondpassRanker(reranker=FakeReranker()).run(query=QUERY, documents=found, **options)


@pytest.fixture
def own(parity, tmp_path):
    return {
        "model_name": str(parity / "bert"),
        "max_length": 48,
        "precision": "fp32",
        "cache_dir": str(tmp_path),
    }


def test_the_model_is_loaded_by_warm_up_or_at_the_first_run(found, own):
    ranker = SecondpassRanker(**own)
    assert ranker._ranker._reranker is None
    ranker.warm_up()
    loaded = ranker._ranker._reranker
    ranker.warm_up()
    assert ranker.reranker is loaded
    assert len(ids(SecondpassRanker(**own).run(query=QUERY, documents=found))) == 4


def test_a_pipeline_is_written_and_read(found, own):
    store = InMemoryDocumentStore()
    store.write_documents([Document(id=one.id, content=one.content) for one in found])
    pipeline = Pipeline()
    pipeline.add_component("retriever", InMemoryBM25Retriever(store, top_k=4))
    ranker = SecondpassRanker(
        top_k=2,
        score_threshold=0.0,
        scale_score=True,
        meta_fields_to_embed=["source"],
        effort="full",
        budget_ms=1e6,
        **own,
    )
    pipeline.add_component("ranker", ranker)
    pipeline.connect("retriever.documents", "ranker.documents")
    read = Pipeline.loads(pipeline.dumps(), allowed_modules=["secondpass.integrations.haystack"])
    again = read.get_component("ranker")
    assert again.to_dict() == ranker.to_dict()
    assert again.score_threshold == 0.0
    asked = {"retriever": {"query": QUERY}, "ranker": {"query": QUERY}}
    results = pipeline.run(copy.deepcopy(asked))["ranker"]
    assert len(ids(results)) == 2
    assert ids(read.run(asked)["ranker"]) == ids(results)


def test_a_ranker_with_a_loaded_reranker_is_written_by_its_options(tiny):
    ranker = SecondpassRanker(reranker=tiny, fuse="rrf")
    written = ranker.to_dict()
    assert written["type"] == "secondpass.integrations.haystack.SecondpassRanker"
    assert written["init_parameters"]["model_name"] == tiny.options.model_name
    assert SecondpassRanker.from_dict(copy.deepcopy(written)).to_dict() == written


@component
class Loop:
    """Runs beside the ranker and lets it go on."""

    def __init__(self, looped):
        self.looped = looped

    @component.output_types(done=bool)
    def run(self, go: bool):
        return {"done": go}

    @component.output_types(done=bool)
    async def run_async(self, go: bool):
        await asyncio.sleep(0)
        self.looped.set()
        return {"done": go}


def test_the_event_loop_runs_on_while_documents_are_scored(found):
    looped = threading.Event()
    waited = []
    fake = FakeReranker(on_call=lambda *_: waited.append(looped.wait(timeout=60)))
    pipeline = Pipeline()
    pipeline.add_component("ranker", SecondpassRanker(reranker=fake))
    pipeline.add_component("loop", Loop(looped))
    asked = {"ranker": {"query": QUERY, "documents": found}, "loop": {"go": True}}
    results = asyncio.run(pipeline.run_async(asked))
    assert ids(results["ranker"]) == ["1", "3", "2", "0"]
    assert waited == [True]


def test_its_sockets_and_its_help():
    ranker = SecondpassRanker(reranker=FakeReranker())
    pipeline = Pipeline()
    pipeline.add_component("ranker", ranker)
    inputs = pipeline.inputs(include_components_with_connected_inputs=True)["ranker"]
    assert {name for name, one in inputs.items() if one["is_mandatory"]} == {"query", "documents"}
    assert set(inputs) == {"query", "documents", "top_k", "score_threshold", "scale_score"}
    for name in ("top_k: how many", "budget_ms: ", "model_name: ", "score_threshold: "):
        assert name in SecondpassRanker.__doc__
