"""A search in its two halves: the query's vector, then its nearest documents."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("lancedb")

from fake_embedder import FakeEmbedder

from secondpass.errors import InputError
from secondpass.retrieval.index import Index
from secondpass.types import Document


@pytest.fixture
def index(tmp_path):
    index = Index.create(tmp_path / "index", FakeEmbedder())
    index.add(Document(f"d{n}", f"text {n}", {"n": n}) for n in range(20))
    return index


def test_the_two_halves_are_the_search(index):
    vector = index.embed_query("text 7")
    assert vector.tolist() == FakeEmbedder().embed(["text 7"])[0].tolist()
    assert index.search_vector(vector, 5) == index.search("text 7", 5)
    assert index.search_vector(vector, 1)[0].id == "d7"


def test_only_the_direction_of_a_vector_counts(index):
    vector = index.embed_query("text 7")
    found = [document.id for document in index.search_vector(3 * vector, 5)]
    assert found == [document.id for document in index.search("text 7", 5)]


def test_a_vector_that_cannot_be_searched_is_named(index):
    with pytest.raises(InputError, match=r"shape \(3,\), expected \(16,\)"):
        index.search_vector(np.ones(3, np.float32))
    with pytest.raises(InputError, match=r"length 0\.0"):
        index.search_vector(np.zeros(16, np.float32))
    with pytest.raises(InputError, match="length nan"):
        index.search_vector(np.full(16, np.nan, np.float32))
    with pytest.raises(InputError, match="limit is 0"):
        index.search_vector(index.embed_query("x"), 0)


def test_every_document_comes_back_whole(index):
    documents = sorted(index.documents(), key=lambda document: document.metadata["n"])
    assert documents == [Document(f"d{n}", f"text {n}", {"n": n}) for n in range(20)]


def test_the_index_says_whose_vectors_it_holds(index):
    assert index.embedder == ("fake", FakeEmbedder().digest, 16)
