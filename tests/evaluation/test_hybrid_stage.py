"""`--first-stage hybrid` is what an index finds in that mode."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from small_collection import DOCUMENTS, MODEL, QUERIES, write_collection, write_trec

pytest.importorskip("lancedb")
pytest.importorskip("sqlglot")

from secondpass.evaluation.first_stages.hybrid import terms_run
from secondpass.evaluation.first_stages.select import DenseFacts, find_candidates
from secondpass.evaluation.open_collection import open_collection
from secondpass.retrieval.index import Index
from secondpass.types import Document


class Lengths:
    """Unit vectors of two numbers by the length of a text."""

    name, dimension, digest, info = "lengths", 2, "2" * 64, replace(MODEL, name="lengths")

    def embed(self, texts, *, progress=None):
        angles = np.array([len(text) / 10 for text in texts])
        return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


@pytest.fixture
def index(tmp_path):
    made = Index.create(tmp_path / "index", Lengths())
    made.add(Document(id_, text) for id_, text in DOCUMENTS.items())
    return made


@pytest.fixture
def folder(tmp_path):
    return write_collection(tmp_path / "small")


def candidates(folder, names):
    return find_candidates(
        names,
        open_collection(str(folder)),
        limit=10,
        load_embedder=Lengths,
        cache_dir=folder / "cache",
    )


def test_it_is_the_search_of_an_index(index, folder):
    found = candidates(folder, ["hybrid"])
    assert found.description.startswith("hybrid (lengths, z(similarity) + 0.3 z(BM25)")
    assert found.dense == DenseFacts(Lengths.info, 5, 2)
    assert found.similarities_of == "lengths"
    for query_id in ("q1", "q2", "q3"):
        searched = index.search(QUERIES[query_id], mode="hybrid")
        scores = {one.document_id: one.score for one in found.run[query_id]}
        assert scores == pytest.approx({one.id: one.fused for one in searched})


def test_words_alone_are_the_search_of_an_index_too(index, folder):
    run = terms_run(open_collection(str(folder)), limit=10)
    for query_id in ("q1", "q2", "q3"):
        searched = index.search(QUERIES[query_id], mode="bm25")
        scores = {one.document_id: one.score for one in run[query_id]}
        assert scores == pytest.approx({one.id: one.bm25 for one in searched})


def test_in_a_pool_only_its_documents_are_found(folder):
    (folder / "POOLED").touch()
    write_trec(folder / "run.x.trec", [("q1", "a", 2), ("q1", "e", 1)])
    found = candidates(folder, ["hybrid"]).run
    assert {one.document_id for one in found["q1"]} == {"a", "e"}
    assert found["q2"] == ()


def test_it_can_be_fused_with_a_run(folder):
    write_trec(folder / "run.x.trec", [("q1", "e", 2)])
    found = candidates(folder, ["hybrid", "run:run.x.trec"])
    assert "fused by reciprocal rank" in found.description
    assert found.similarities_of is None
