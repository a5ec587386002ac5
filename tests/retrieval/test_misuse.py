"""Whatever is passed to a public call is used as it is meant, or refused by an error of ours."""

import enum
import json
import pickle
import types
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from fake_embedder import FakeEmbedder

from secondpass import (
    Candidates,
    CrossEncoderReranker,
    Document,
    Index,
    InputError,
    ModelNotFoundError,
    RankOptions,
    RerankerOptions,
    SearchPipeline,
    SecondpassError,
    snippet,
)
from secondpass.checks import finite_number, one_of, path
from secondpass.models import embedded
from secondpass.testing import FakeReranker

QUERY, TEXTS = "csv file", ["csv", "file", "row"]
CANDIDATES = [{"text": text, "score": 1.0} for text in TEXTS]


class Word(str):
    """A string by another class."""


class Kind(str, enum.Enum):  # noqa: UP042
    """Members are strings, and print as something else."""

    FULL = "full"


class Silent:
    """Has no repr."""

    def __repr__(self):
        raise RuntimeError("no repr")


ODD = {
    **{
        "none": None,
        "true": True,
        "nan": float("nan"),
        "inf": float("inf"),
        "minus": -1,
        "zero": 0,
    },
    **{"huge": 10**30, "more digits than print": 10**5000, "half": 0.5, "decimal": Decimal(1)},
    **{"empty": "", "blank": " ", "null": "a\0b", "surrogate": "a\ud800", "long": "x" * 5000},
    **{"bytes": b"ab", "bytearray": bytearray(b"ab"), "path": Path("x"), "word": Word("abc")},
    **{"enum": Kind.FULL, "lists": [[1]], "list": [], "dict": {"text": "a"}, "set": {"a", "b"}},
    **{
        "array": np.arange(3),
        "no dimension": np.array(3),
        "objects": np.array(["a", None], object),
    },
    **{
        "numpy text": np.str_("a"),
        "duration": np.timedelta64(1, "s"),
        "date": np.datetime64("2020"),
    },
    **{"silent": Silent(), "ellipsis": ..., "type": int, "module": json, "range": range(3)},
    **{"mapping": types.MappingProxyType({"text": "a"}), "complex": 1j, "object": object()},
}
RERANK = {"query": QUERY, "candidates": CANDIDATES}
RANK = {"query": QUERY, "texts": TEXTS}


def fails_by_ours_or_not_at_all(call, **arguments):
    try:
        call(**arguments)
    except SecondpassError as error:
        raised = error
    else:
        return
    assert len(str(raised)) < 1000
    assert str(pickle.loads(pickle.dumps(raised))) == str(raised)


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    made = Index.create(tmp_path_factory.mktemp("index") / "docs", FakeEmbedder())
    made.add([Document(str(at), text) for at, text in enumerate(TEXTS)])
    return made


@pytest.mark.parametrize("value", ODD.values(), ids=ODD)
@pytest.mark.parametrize(
    ("method", "base", "names"),
    [
        ("rerank", RERANK, "query candidates top_k min_score fuse fuse_weight first_stage_score"),
        ("rerank", RERANK, "on_error long_query effort activation"),
        ("rank", RANK, "query texts top_k min_score fuse first_stage_scores activation"),
        ("rank_many", {"queries": [QUERY], "texts": [TEXTS]}, "queries texts top_k effort"),
        ("rank_candidates", RERANK | {"options": RankOptions()}, "options text_field candidates"),
        ("score", RANK, "query texts effort"),
        ("score_pairs", {"pairs": []}, "pairs"),
        ("predict", {"pairs": []}, "pairs"),
        ("cut_query", {}, "query"),
    ],
)
def test_a_call_of_a_reranker(tiny, method, base, names, value):
    for name in names.split():
        fails_by_ours_or_not_at_all(getattr(tiny, method), **base | {name: value})


@pytest.mark.parametrize("value", ODD.values(), ids=ODD)
def test_the_options_of_a_reranker(value):
    for name in RerankerOptions.__dataclass_fields__:
        fails_by_ours_or_not_at_all(RerankerOptions.from_dict, given={name: value})


@pytest.mark.parametrize("value", ODD.values(), ids=ODD)
@pytest.mark.parametrize(
    ("method", "base", "names"),
    [
        ("search", {"query": QUERY}, "query limit mode where"),
        ("search_terms", {"query": QUERY}, "query limit where"),
        ("search_vector", {}, "vector"),
        ("optimize", {}, "keep_minutes"),
        ("ids", {}, "where"),
        ("declare", {}, "columns"),
        ("keep_states", {}, "states"),
        ("add", {"documents": []}, "documents batch_size replace progress"),
        ("delete", {}, "ids where"),
    ],
)
def test_a_call_of_an_index(index, method, base, names, value):
    for name in names.split():
        fails_by_ours_or_not_at_all(getattr(index, method), **base | {name: value})


@pytest.mark.parametrize("value", ODD.values(), ids=ODD)
def test_what_makes_an_index(tmp_path, monkeypatch, value):
    monkeypatch.chdir(tmp_path)
    for name in ("folder", "embedder", "exist_ok", "states", "encoder", "columns"):
        asked = {"folder": "docs", "embedder": FakeEmbedder(), "exist_ok": True} | {name: value}
        fails_by_ours_or_not_at_all(Index.create, **asked)


@pytest.mark.parametrize("value", ODD.values(), ids=ODD)
def test_a_pipeline(tiny, index, value):
    for name in ("index", "reranker", "depth", "fuse", "fuse_weight", "effort", "mode"):
        asked = {"index": index, "reranker": tiny, name: value}
        fails_by_ours_or_not_at_all(lambda **more: SearchPipeline(**more).search(QUERY), **asked)


@pytest.mark.parametrize("value", ODD.values(), ids=ODD)
def test_a_snippet(value):
    for name in ("query", "text", "span", "width"):
        fails_by_ours_or_not_at_all(snippet, **{"query": QUERY, "text": "csv", name: value})
    for name in ("before", "after"):
        fails_by_ours_or_not_at_all(snippet(QUERY, "csv").marked, **{name: value})


@pytest.mark.parametrize("value", ODD.values(), ids=ODD)
def test_candidates_of_a_file(tmp_path, value):
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"id": "1", "query": "csv", "documents": ["a"]}\n')
    for name in ("file", "query_field", "documents_field", "id_field", "text_field"):
        asked = {"file": rows, name: value}
        fails_by_ours_or_not_at_all(lambda **more: list(Candidates.from_file(**more)), **asked)
    for name in ("run", "queries", "corpus", "depth", "text_field", "title_field"):
        asked = {"run": rows, "queries": rows, "corpus": rows, name: value}
        fails_by_ours_or_not_at_all(lambda **more: list(Candidates.from_run(**more)), **asked)


@pytest.mark.parametrize(
    "call",
    [
        lambda tiny, index: tiny.rank(QUERY, {"csv", "file"}),
        lambda tiny, index: tiny.rerank(QUERY, frozenset()),
        lambda tiny, index: tiny.rank(QUERY, np.array("csv")),
        lambda tiny, index: tiny.cut_query(["csv"]),
        lambda tiny, index: tiny.cut_query(b"csv"),
        lambda tiny, index: tiny.rank_candidates(QUERY, CANDIDATES, {}),
        lambda tiny, index: RankOptions(min_score=np.timedelta64(1, "D")),
        lambda tiny, index: RankOptions(budget_ms=np.timedelta64(5, "ms")),
        lambda tiny, index: SearchPipeline(index, None),
        lambda tiny, index: SearchPipeline("docs", FakeReranker()),
        lambda tiny, index: SearchPipeline(index, FakeReranker(), fuse=""),
        lambda tiny, index: Index.create("docs", FakeEmbedder(), exist_ok="no"),
        lambda tiny, index: Index.create("docs", "embedded/bi-encoder"),
        lambda tiny, index: Index.create("docs", FakeEmbedder(), columns=[]),
        lambda tiny, index: index.add([], replace="no"),
        lambda tiny, index: index.add([], progress=True),
        lambda tiny, index: snippet(QUERY, "csv", span=b"ab"),
        lambda tiny, index: snippet(QUERY, "csv", span=(0, 1, 2)),
        lambda tiny, index: Candidates(5),
    ],
)
def test_what_would_be_taken_for_something_else_is_refused(tiny, index, call):
    with pytest.raises(InputError):
        call(tiny, index)


def test_a_set_of_ids_is_deleted(index):
    assert index.delete({"no such id"}) == 0


@pytest.mark.parametrize("name", ["cache_dir", "cache", "calibration", "model_name"])
@pytest.mark.parametrize(
    ("value", "expected"),
    [("a\0b", "a null character at character 1"), ("ab\ud800", "U\\+D800 at character 2")],
)
def test_no_path_has_what_no_file_system_takes(name, value, expected):
    with pytest.raises(InputError, match=f"^{name} is .*{expected}"):
        RerankerOptions.from_dict({name: value})


def test_bytes_of_a_file_name_that_are_no_text_are_a_path():
    assert path("cache_dir", "a\udcff", "a folder") == "a\udcff"


@pytest.mark.parametrize("given", [Kind.FULL, Word("full"), np.str_("full")])
def test_a_string_of_another_class_becomes_a_plain_one(given):
    assert type(one_of("effort", given, ("full", "fast"))) is str
    assert type(path("cache_dir", given, "a folder")) is str
    options = RerankerOptions.from_dict(
        dict.fromkeys(("effort", "cache_dir", "instruction"), given)
    )
    assert (options.effort, options.cache_dir, options.instruction) == ("full",) * 3
    assert type(options.instruction) is str


@pytest.mark.parametrize("unit", ["D", "s", "ms"])
def test_a_duration_is_no_number(unit):
    assert finite_number(np.timedelta64(1, unit)) is None


def test_texts_of_an_array_are_plain_strings(tiny):
    ranking = tiny.rank(QUERY, np.array(TEXTS))
    assert {type(hit.text) for hit in ranking} == {str}
    assert ranking.hits == tiny.rank(QUERY, TEXTS).hits


@pytest.mark.parametrize("name", ["C:\\models\\mine", "d:/models", "models\\mine", "..\\mine"])
def test_a_folder_of_windows_is_not_taken_for_a_name_on_the_hub(name):
    with pytest.raises(ModelNotFoundError, match="there is no model folder"):
        CrossEncoderReranker(name)


def test_a_package_in_a_zip_file_says_that_it_cannot_run(monkeypatch, tmp_path):
    monkeypatch.setattr(embedded, "_FOLDER", tmp_path / "secondpass.whl" / "models" / "embedded")
    for call in (CrossEncoderReranker, embedded.embedded_names):
        with pytest.raises(InputError, match="does not run from a zip file"):
            call()
