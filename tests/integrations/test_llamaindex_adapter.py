"""The node postprocessor, with LlamaIndex itself."""

import asyncio
import copy
import pickle
import threading

import pytest

pytest.importorskip("llama_index.core", reason="needs the llamaindex extra")

from llama_index.core import Settings
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.llms import MockLLM
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.response_synthesizers import ResponseMode, get_response_synthesizer
from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import MetadataMode, NodeWithScore, QueryBundle, TextNode

from secondpass import InputError
from secondpass.integrations.llamaindex import SecondpassRerank
from secondpass.testing import FakeReranker

QUERY = "how do I read a csv file"
TEXTS = ["sheep give wool", "read a csv file", "read a file", "how do I read it"]


@pytest.fixture
def found():
    return [
        NodeWithScore(node=TextNode(text=text, id_=str(at)), score=at / 10)
        for at, text in enumerate(TEXTS)
    ]


def ids(nodes):
    return [node.node.node_id for node in nodes]


def test_the_best_nodes_come_first_with_their_score(found, tiny):
    ranked = SecondpassRerank(reranker=tiny, top_n=3).postprocess_nodes(found, query_str=QUERY)
    hits = tiny.rank(QUERY, TEXTS, 3)
    assert ids(ranked) == [str(hit.index) for hit in hits]
    assert [node.score for node in ranked] == [hit.score for hit in hits]


def test_the_nodes_that_were_given_are_not_changed(found):
    before = copy.deepcopy(found)
    ranked = SecondpassRerank(reranker=FakeReranker()).postprocess_nodes(found, query_str=QUERY)
    assert found == before
    assert ids(ranked) == ["1", "3"]


@pytest.mark.parametrize(("top_n", "count"), [(1, 1), (3, 3), (9, 4), (None, 4)])
def test_top_n_limits(found, top_n, count):
    reranker = SecondpassRerank(reranker=FakeReranker(), top_n=top_n)
    assert len(reranker.postprocess_nodes(found, query_str=QUERY)) == count


def test_top_n_can_be_set_as_query_engines_do(found):
    reranker = SecondpassRerank(reranker=FakeReranker())
    reranker.top_n = 1
    assert ids(reranker.postprocess_nodes(found, query_str=QUERY)) == ["1"]


def test_min_score_drops_before_top_n_counts(found, tiny):
    scores = sorted(tiny.predict([(QUERY, text) for text in TEXTS]).tolist())
    reranker = SecondpassRerank(reranker=tiny, min_score=scores[2], top_n=None)
    assert len(reranker.postprocess_nodes(found, query_str=QUERY)) == 2


def test_metadata_is_scored_with_the_text_as_an_embedding_sees_it():
    node = TextNode(text="the text", metadata={"title": "a title", "path": "x"})
    node.excluded_embed_metadata_keys = ["path"]
    fake = FakeReranker()
    SecondpassRerank(reranker=fake).postprocess_nodes([NodeWithScore(node=node)], query_str=QUERY)
    none = SecondpassRerank(reranker=fake, metadata_mode=MetadataMode.NONE)
    none.postprocess_nodes([NodeWithScore(node=node)], query_str=QUERY)
    seen = [texts for _, texts in fake.calls]
    assert seen == [["title: a title\n\nthe text"], ["the text"]]


def test_a_fusion_takes_the_retrievers_scores(found, tiny):
    fused = SecondpassRerank(reranker=tiny, fuse="weighted", fuse_weight=1e6, top_n=None)
    assert ids(fused.postprocess_nodes(found, query_str=QUERY)) == ["3", "2", "1", "0"]
    found[2].score = None
    with pytest.raises(InputError, match=r"first.stage"):
        fused.postprocess_nodes(found, query_str=QUERY)


def test_what_is_said_of_a_text_is_hidden_from_language_models(tiny):
    node = TextNode(text="csv file reader " * 100, metadata={"path": "x"})
    (ranked,) = SecondpassRerank(reranker=tiny).postprocess_nodes(
        [NodeWithScore(node=node)], query_str=QUERY
    )
    assert ranked.node.metadata["secondpass"]["truncated"] is True
    assert ranked.node.node_id == node.node_id
    assert node.metadata == {"path": "x"}
    for mode in (MetadataMode.LLM, MetadataMode.EMBED):
        shown = ranked.node.get_content(metadata_mode=mode)
        assert shown == node.get_content(metadata_mode=mode)


def test_a_text_that_cannot_be_scored_comes_last_where_that_is_asked(found, tiny):
    found.insert(0, NodeWithScore(node=TextNode(text="half a pair \ud800", id_="broken")))
    skipping = SecondpassRerank(reranker=tiny, on_error="skip", top_n=None)
    last = skipping.postprocess_nodes(found, query_str=QUERY)[-1]
    assert (last.node.node_id, last.score) == ("broken", None)
    assert "lone surrogate" in last.node.metadata["secondpass"]["error"]


def test_nothing_found_is_nothing_ranked_and_no_query_is_an_error(found):
    reranker = SecondpassRerank(reranker=FakeReranker())
    assert reranker.postprocess_nodes([], query_str=QUERY) == []
    with pytest.raises(InputError, match="there is no query"):
        reranker.postprocess_nodes(found)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"top_n": 0}, "top_n is 0"),
        ({"top_n": True}, "top_n is True"),
        ({"min_score": "x"}, "min_score is str 'x'"),
        ({"presicion": "fp32"}, "did you mean 'precision'"),
        ({"device": "gpu"}, "device beside reranker"),
    ],
)
def test_an_option_that_is_not_usable_is_our_error(options, said):
    with pytest.raises(InputError, match=said):
        SecondpassRerank(reranker=FakeReranker(), **options)


def test_the_event_loop_runs_on_while_nodes_are_scored(found):
    looped = threading.Event()
    waited = []
    fake = FakeReranker(on_call=lambda *_: waited.append(looped.wait(timeout=60)))
    reranker = SecondpassRerank(reranker=fake)

    async def both():
        task = asyncio.create_task(reranker.apostprocess_nodes(found, query_str=QUERY))
        await asyncio.sleep(0)
        looped.set()
        return await task

    assert ids(asyncio.run(both())) == ["1", "3"]
    assert waited == [True]


class Fixed(BaseRetriever):
    """Finds the same for every query."""

    def __init__(self, nodes):
        super().__init__()
        self.nodes = nodes

    def _retrieve(self, query_bundle):
        return self.nodes


@pytest.mark.parametrize("runs", ["query", "aquery"])
def test_it_works_in_a_query_engine(found, runs, monkeypatch):
    monkeypatch.setattr(Settings, "_llm", MockLLM())
    engine = RetrieverQueryEngine(
        Fixed(found),
        response_synthesizer=get_response_synthesizer(response_mode=ResponseMode.NO_TEXT),
        node_postprocessors=[SecondpassRerank(reranker=FakeReranker(), top_n=2)],
    )
    asked = getattr(engine, runs)(QueryBundle(QUERY))
    response = asyncio.run(asked) if runs == "aquery" else asked
    assert ids(response.source_nodes) == ["1", "3"]


def test_its_events_are_those_of_rerankers(found):
    seen = []

    class Noted(BaseEventHandler):
        @classmethod
        def class_name(cls):
            return "Noted"

        def handle(self, event, **_):
            seen.append(event)

    handler = Noted()
    dispatcher = get_dispatcher("secondpass.integrations.llamaindex")
    dispatcher.add_event_handler(handler)
    try:
        SecondpassRerank(reranker=FakeReranker()).postprocess_nodes(found, query_str=QUERY)
    finally:
        dispatcher.event_handlers.remove(handler)
    start, end = seen
    assert (start.class_name(), start.top_n, start.model_name) == ("ReRankStartEvent", 2, "fake")
    assert end.class_name() == "ReRankEndEvent"
    assert ids(end.nodes) == ["1", "3"]


def test_it_can_be_written_and_read(found, parity, tmp_path):
    reranker = SecondpassRerank(
        top_n=1,
        model_name=str(parity / "bert"),
        max_length=48,
        precision="fp32",
        cache_dir=str(tmp_path),
        on_error="skip",
    )
    again = SecondpassRerank.from_dict(reranker.to_dict())
    assert again.to_dict() == reranker.to_dict()
    assert again.to_dict()["class_name"] == "SecondpassRerank"
    assert again.reranker.options.max_length == 48
    expected = reranker.postprocess_nodes(found, query_str=QUERY)
    for other in (
        again,
        copy.deepcopy(reranker),
        pickle.loads(pickle.dumps(reranker)),
        SecondpassRerank.from_json(reranker.to_json()),
    ):
        assert other.postprocess_nodes(found, query_str=QUERY) == expected


def test_it_is_a_node_postprocessor_whose_help_has_its_options():
    assert issubclass(SecondpassRerank, BaseNodePostprocessor)
    for name in ("top_n: how many", "budget_ms: ", "model_name: ", "metadata_mode: "):
        assert name in SecondpassRerank.__doc__


def test_what_an_earlier_call_said_of_a_text_is_gone_and_nothing_is_said_twice(tiny):
    long = NodeWithScore(node=TextNode(text="csv file " * 100, metadata={"page": 1}))
    postprocessor = SecondpassRerank(reranker=tiny)
    (cut,) = postprocessor.postprocess_nodes([long], query_str=QUERY)
    (twice,) = postprocessor.postprocess_nodes([cut], query_str=QUERY)
    assert twice.node.excluded_llm_metadata_keys == ["secondpass"]
    assert twice.node.metadata == cut.node.metadata
    (again,) = SecondpassRerank(reranker=FakeReranker()).postprocess_nodes([cut], query_str=QUERY)
    assert again.node.metadata == {"page": 1}
    assert "secondpass" in cut.node.metadata


def test_a_number_that_is_set_later_is_checked(found):
    postprocessor = SecondpassRerank(reranker=FakeReranker(), min_score=0.0, top_n=None)
    assert len(postprocessor.postprocess_nodes(found, query_str=QUERY)) == 4
    postprocessor.top_n = 0
    with pytest.raises(InputError, match="top_n is 0"):
        postprocessor.postprocess_nodes(found, query_str=QUERY)
