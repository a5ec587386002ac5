"""What the integrations share: which options there are, and where each of them goes."""

import inspect

import pytest

from secondpass import InputError
from secondpass.integrations.ranker import Options, Ranker, lists_options, renamed
from secondpass.options.call import RankOptions
from secondpass.options.model import RerankerOptions
from secondpass.options.option import declared
from secondpass.testing import FakeReranker

NAMES = set(Options.__annotations__)


class Asked(FakeReranker):
    """Notes the options of each call."""

    def rank(self, query, texts, top_k=10, **options):
        self.options = options
        return super().rank(query, texts, top_k)


def test_every_option_of_a_model_and_of_a_call_can_be_given():
    # These two have other names, or places of their own, in each framework.
    of_calls = set(declared(RankOptions)) - {"top_k", "min_score"}
    assert set(declared(RerankerOptions)) | of_calls == NAMES


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"treads": 2}, "did you mean 'threads'"),
        ({"budget": 2}, "no option 'budget'"),
        ({"top_k": 2}, "no option 'top_k'"),
        ({"threads": 0}, "threads is 0"),
        ({"budget_ms": -1}, "budget_ms is int -1"),
        ({"fuse": "sum"}, "fuse is 'sum'"),
        ({"effort": "slow"}, "effort is 'slow'"),
        ({"activation": "softmax"}, "activation is 'softmax'"),
        ({"cache_bytes": 1 << 20}, "there is no cache"),
    ],
)
def test_an_option_that_is_not_usable_is_an_error_before_a_model_is_loaded(given, said):
    with pytest.raises(InputError, match=said):
        Ranker(None, given)


@pytest.mark.parametrize("name", ["model_name", "threads", "max_length", "calibration"])
def test_an_option_of_a_model_beside_a_reranker_is_an_error(name):
    with pytest.raises(InputError, match=f"{name} beside reranker"):
        Ranker(FakeReranker(), {name: "x", "budget_ms": 5})


def test_options_of_calls_reach_a_reranker_that_is_given():
    reranker = Asked()
    given = {"effort": "fast", "activation": "identity", "budget_ms": 5, "on_error": "skip"}
    ranker = Ranker(reranker, given)
    assert ranker.load() is reranker
    ranker.rank("a b", ["a", "a b"], 1, None)
    assert reranker.options == given
    ranker.rank("a b", ["a", "a b"], 1, 0.0, activation="sigmoid")
    assert reranker.options == given | {"min_score": 0.0, "activation": "sigmoid"}


def test_a_model_is_loaded_with_its_options_and_once(parity, tmp_path):
    ranker = Ranker(
        None,
        {
            "model_name": parity / "bert",
            "max_length": 32,
            "precision": "fp32",
            "activation": "identity",
            "cache_dir": tmp_path,
            "budget_ms": 1e6,
        },
    )
    reranker = ranker.load()
    assert ranker.load() is reranker
    assert reranker.options.activation == "identity"
    assert reranker.options.max_length == 32
    assert ranker.name == str(parity / "bert")
    assert ranker.to_dict() == reranker.to_dict() | {"budget_ms": 1e6}
    assert Ranker(None, ranker.to_dict()).to_dict() == ranker.to_dict()


def test_first_stage_scores_are_passed_where_a_fusion_asks_for_them(tiny, documents):
    texts = documents[1:20]
    scores = [float(len(text)) for text in texts]
    weighted = Ranker(tiny, {"fuse": "weighted", "fuse_weight": 1e6})
    by_length = [hit.index for hit in weighted.rank("csv file", texts, None, None, scores)]
    assert by_length == sorted(range(len(texts)), key=lambda at: -scores[at])
    with pytest.raises(InputError, match=r"first.stage"):
        weighted.rank("csv file", texts, None, None, [None] * len(texts))
    plain = Ranker(tiny, {}).rank("csv file", texts, None, None, [None] * len(texts))
    assert list(plain) == list(tiny.rank("csv file", texts, None).hits)


def test_a_reranker_without_options_cannot_be_written():
    ranker = Ranker(FakeReranker(), {})
    assert ranker.name == "fake"
    with pytest.raises(InputError, match="FakeReranker, which has no to_dict"):
        ranker.to_dict()


def test_a_value_is_checked_by_the_name_that_the_framework_has_for_it():
    assert renamed("top_k", "top_n", None) is None
    assert renamed("min_score", "score_threshold", 0) == 0.0
    with pytest.raises(InputError, match="top_n is 0, expected an integer of at least 1"):
        renamed("top_k", "top_n", 0)
    with pytest.raises(InputError, match="score_threshold is str 'high'"):
        renamed("min_score", "score_threshold", "high")


def test_a_class_shows_its_options():
    @lists_options
    class Shown:
        """Ranks."""

        def __init__(self, *, top_n=3, **options):
            pass

    parameters = inspect.signature(Shown).parameters
    assert list(parameters) == ["top_n", *Options.__annotations__]
    assert parameters["model_name"].default == "embedded/cross-encoder"
    assert parameters["effort"].default == "full"
    assert Shown.__doc__.startswith("Ranks.\n")
    assert all(f"\n    {name}: " in Shown.__doc__ for name in NAMES)
    assert max(map(len, Shown.__doc__.splitlines())) <= 100
