import gzip
import json
from typing import NamedTuple

import pytest
from small_collection import QRELS, write_collection, write_trec

from secondpass import InputError, MissingExtraError
from secondpass.evaluation.ir_dataset import from_dataset
from secondpass.evaluation.open_collection import open_collection


@pytest.fixture
def folder(tmp_path):
    return write_collection(tmp_path / "small")


def test_a_folder_in_beirs_layout(folder):
    found = open_collection(str(folder))
    assert found.name == "small"
    assert found.documents["c"] == "a lock for threads"
    assert found.queries["q1"] == "read csv"
    assert found.qrels == QRELS
    assert (found.highest_grade, found.judgements, found.judged_missing) == (2, 5, 0)
    assert found.pool is None


def test_gzipped_files_and_another_split(folder):
    for name in ("corpus.jsonl", "queries.jsonl"):
        (folder / f"{name}.gz").write_bytes(gzip.compress((folder / name).read_bytes()))
        (folder / name).unlink()
    (folder / "qrels" / "dev.tsv").write_text("query-id\tcorpus-id\tscore\nq4\te\t1\n")
    assert open_collection(str(folder), split="dev").qrels == {"q4": {"e": 1}}


def test_a_title_goes_before_the_text(folder):
    (folder / "corpus.jsonl").write_text('{"_id": "a", "title": "CSV", "text": "read rows"}')
    found = open_collection(str(folder))
    assert found.documents == {"a": "CSV read rows"}
    assert found.judged_missing == 4


def test_a_pool_is_what_the_runs_hold(folder):
    (folder / "POOLED").touch()
    with pytest.raises(InputError, match=r"no run\.\*\.trec"):
        open_collection(str(folder))
    write_trec(folder / "run.one.trec", [("q1", "a", 2), ("q1", "b", 1)])
    write_trec(folder / "run.two.trec", [("q1", "c", 2), ("q2", "b", 1)])
    assert open_collection(str(folder)).pool == {"q1": {"a", "b", "c"}, "q2": {"b"}}


def test_a_file_of_judgements_with_texts_beside_it(folder, tmp_path):
    qrels = tmp_path / "qrels.txt"
    qrels.write_text("q1 0 a 2\nq1 0 d 1\nq2 0 b 1\nq2 0 e 0\nq3 0 c 1\n")
    found = open_collection(
        str(qrels), corpus=folder / "corpus.jsonl", queries=folder / "queries.jsonl"
    )
    assert found.qrels == QRELS
    assert found.sha256 == open_collection(str(folder)).sha256
    with pytest.raises(InputError, match="--corpus FILE and --queries FILE"):
        open_collection(str(qrels))


def test_the_hash_follows_the_content(folder):
    first = open_collection(str(folder))
    (folder / "qrels" / "test.tsv").write_text("q1\ta\t2\n")
    other = open_collection(str(folder))
    assert first.sha256 != other.sha256
    assert first.corpus_sha256 == other.corpus_sha256


def test_a_sample_is_seeded_and_keeps_the_order(folder):
    found = open_collection(str(folder))
    two = found.sample(2, seed=1)
    assert two.qrels == found.sample(2, seed=1).qrels
    assert len(two.qrels) == 2
    assert list(two.qrels) == [id_ for id_ in QRELS if id_ in two.qrels]
    assert len({tuple(found.sample(2, seed=seed).qrels) for seed in range(20)}) == 3
    assert found.sample(9, seed=1) is found


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("corpus.jsonl", "{", "line 1 is not valid JSON"),
        (
            "queries.jsonl",
            '{"_id": true, "text": "a"}',
            "line 1: _id is the boolean true, expected a string or an integer",
        ),
        ("queries.jsonl", '{"_id": "z", "text": "a"}', "none of the 3 judged queries"),
        ("qrels/test.tsv", "q1\ta\t2\nq1 a", "line 2 has 2 fields"),
        ("qrels/test.tsv", "q1\ta\t0.5", "grade '0.5' is not an integer"),
        ("qrels/test.tsv", "q1\ta\t3000000000", "line 1: grade '3000000000' is not an integer"),
        ("qrels/test.tsv", "q1\ta\t10001", "line 1: grade 10001 is above 10000"),
        ("qrels/test.tsv", "q1\ta\t1" + "0" * 5000, "grade '1000.* is not an integer"),
        ("qrels/test.tsv", "q1\ta\0\t1", "line 1 holds a NUL character"),
        (
            "corpus.jsonl",
            '{"_id": "\\ud800", "text": "a"}',
            "line 1: _id has a lone surrogate U.D800",
        ),
        ("qrels/test.tsv", "query-id\tcorpus-id\tscore\n", "holds no judgement"),
        ("corpus.jsonl", "", "small: the corpus has no documents, at least 1 is needed"),
        ("corpus.jsonl", "\n \n", "small: the corpus has no documents, at least 1 is needed"),
        (
            "corpus.jsonl",
            '{"_id": "a", "text": "x"}\n\n{"_id": "a", "text": "y"}',
            r"corpus\.jsonl line 3: _id 'a' is there twice, first in line 1",
        ),
        (
            "queries.jsonl",
            '{"_id": "q1", "text": "x"}\n{"_id": "q2", "text": "x"}\n{"_id": "q1", "text": "x"}',
            r"queries\.jsonl line 3: _id 'q1' is there twice, first in line 1",
        ),
        (
            "qrels/test.tsv",
            "query-id\tcorpus-id\tscore\nq1\ta\t2\nq2\ta\t2\nq1\ta\t0\n",
            r"test\.tsv line 4: document 'a' is judged twice for query 'q1'",
        ),
    ],
)
def test_files_that_are_not_as_they_should_be(folder, name, text, message):
    (folder / name).write_text(text)
    with pytest.raises(InputError, match=message):
        open_collection(str(folder))


def test_what_is_missing_is_named(folder):
    with pytest.raises(InputError, match="--split may be: test"):
        open_collection(str(folder), split="train")
    (folder / "queries.jsonl").unlink()
    with pytest.raises(InputError, match=r"has no queries\.jsonl or queries\.jsonl\.gz"):
        open_collection(str(folder))
    with pytest.raises(InputError, match="no collection 'nowhere'"):
        open_collection("nowhere")


class Titled(NamedTuple):
    doc_id: str
    title: str
    text: str


class Pages(NamedTuple):
    doc_id: str
    body: str

    def default_text(self):
        return self.body


class Query(NamedTuple):
    query_id: str
    text: str


class Judged(NamedTuple):
    query_id: str
    doc_id: str
    relevance: int


class Dataset:
    """As much of an ir_datasets dataset as is used."""

    docs = (Titled("a", "CSV", "read rows"), Pages("b", "a page"))
    parts = ("docs", "queries", "qrels")

    def __getattr__(self, name):
        if name.startswith("has_"):
            return lambda: name.removeprefix("has_") in self.parts
        raise AttributeError(name)

    def docs_iter(self):
        return iter(self.docs)

    def queries_iter(self):
        return iter([Query("q", "read csv")])

    def qrels_iter(self):
        return iter([Judged("q", "a", 1), Judged("q", "b", 0)])


def test_an_ir_datasets_dataset():
    found = from_dataset(Dataset(), "beir/small")
    assert found.documents == {"a": "CSV read rows", "b": "a page"}
    assert found.queries == {"q": "read csv"}
    assert found.qrels == {"q": {"a": 1, "b": 0}}


def test_a_dataset_without_judgements():
    dataset = Dataset()
    dataset.parts = ("docs", "queries")
    with pytest.raises(InputError, match="ir_datasets:beir/small has no qrels"):
        from_dataset(dataset, "beir/small")


def fake_module(monkeypatch, load):
    import sys
    from types import ModuleType

    module = ModuleType("ir_datasets")
    module.load = load
    module.registry = ["beir/small"]
    monkeypatch.setitem(sys.modules, "ir_datasets", module)


def test_what_can_go_wrong_with_ir_datasets(monkeypatch):
    fake_module(monkeypatch, lambda name: Dataset())
    assert open_collection("ir_datasets:beir/small").name == "beir/small"

    class Far(Dataset):
        def qrels_iter(self):
            raise ConnectionError("name resolution failed")

    fake_module(monkeypatch, lambda name: Far())
    with pytest.raises(InputError, match="beir/x cannot be fetched: name resolution failed"):
        open_collection("ir_datasets:beir/x")
    fake_module(monkeypatch, lambda name: {}[name])
    with pytest.raises(InputError, match="ir_datasets knows no 'beir/x'"):
        open_collection("ir_datasets:beir/x")
    monkeypatch.setitem(__import__("sys").modules, "ir_datasets", None)
    with pytest.raises(MissingExtraError, match=r"the extra .datasets."):
        open_collection("ir_datasets:beir/x")


def test_ids_with_json_in_them_survive(folder):
    (folder / "corpus.jsonl").write_text(json.dumps({"_id": "a/b:c", "text": "שלום"}))
    assert open_collection(str(folder)).documents == {"a/b:c": "שלום"}


def test_the_shared_collections_name_nothing_twice(shared):
    folders = sorted((shared / "data" / "eval").glob("*/corpus.jsonl*"))
    assert len(folders) >= 8
    for corpus in folders:
        assert open_collection(str(corpus.parent)).judgements > 0
