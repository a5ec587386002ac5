"""What the first stage does not read of a text or a query is said."""

import warnings

import pytest

from secondpass import CrossEncoderReranker, Embedder, Index, SearchPipeline

LONG = "sheep give wool " * 20


def said(work):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        work()
    return [str(warning.message) for warning in caught]


def test_cut_texts_are_counted_in_one_warning():
    embedder = Embedder(max_length=16)
    (message,) = said(lambda: embedder.embed(["wool", LONG, LONG]))
    assert "2 of 3 texts have more than the 14 tokens" in message
    assert "chunks" in message
    assert said(lambda: embedder.embed([LONG])) == []
    assert len(said(lambda: Embedder(max_length=16).embed([LONG]))) == 1


@pytest.mark.parametrize(("tokens", "cut"), [(13, 0), (14, 0), (15, 1), (16, 1)])
def test_a_text_that_just_fits_is_not_cut(tokens, cut):
    embedder = Embedder(max_length=16)
    assert len(said(lambda: embedder.embed(["wool " * tokens]))) == cut
    assert len(said(lambda: Embedder(max_length=16).features(["wool " * tokens]))) == cut


def test_an_index_says_so_of_what_is_added_and_of_what_is_asked(tmp_path):
    index = Index.create(tmp_path / "index", Embedder(max_length=32))
    documents = [{"id": "a", "text": LONG}, {"id": "b", "text": "Cows give milk."}]
    (message,) = said(lambda: index.add(documents))
    assert "1 of 2 texts" in message
    (message,) = said(lambda: index.search(LONG, limit=1))
    assert "1 of 1 queries have more than the 30 tokens" in message
    assert "fewer words" in message
    assert said(lambda: index.search("wool", limit=1)) == []


def test_a_search_says_so_of_its_query(tmp_path):
    index = Index.create(tmp_path / "index", Embedder(max_length=32))
    index.add([{"id": "b", "text": "Cows give milk."}])
    pipeline = SearchPipeline(index, CrossEncoderReranker())
    (message,) = said(lambda: pipeline.search(LONG))
    assert "they are embedded by their beginning" in message
