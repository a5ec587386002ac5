"""The index keeps token ids, and a search uses them where the reranker has the tokenizer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("lancedb")

from fake_embedder import FakeEmbedder

from secondpass import CrossEncoderReranker, Index, SearchPipeline
from secondpass.retrieval import lance
from secondpass.retrieval.token_ids import token_id_arrays, token_id_column
from secondpass.scoring.encode import TextEncoder, load_tokenizer
from secondpass.scoring.tokenised import TokenisedText
from secondpass.types import Document

PARITY = Path(__file__).parent.parent / "parity"
TEXTS = ["read a csv file", "", "a date é 漢字 🙂", "csv " * 100, "lock"]


class Tokenising(FakeEmbedder):
    """A fake embedder with a real tokenizer, that of a tiny reranker."""

    def __init__(self, family: str = "bert") -> None:
        super().__init__()
        self._encoder = TextEncoder(load_tokenizer(PARITY / family / "tokenizer.json"), 1)
        self.tokenizer_digest = self._encoder.digest

    def tokenise(self, texts: Any) -> Any:
        return self._encoder.encode(texts)


def made(folder: Path, embedder: FakeEmbedder) -> Index:
    index = Index.create(folder / "index", embedder)
    index.add([Document(str(at), text) for at, text in enumerate(TEXTS)], batch_size=2)
    return index


def test_what_is_found_brings_the_ids_of_its_whole_text(tmp_path):
    embedder = Tokenising()
    for index in (made(tmp_path, embedder), Index.open(tmp_path / "index", FakeEmbedder())):
        found = index.search("csv", limit=10)
        assert sorted(document.text for document in found) == sorted(TEXTS)
        for document in found:
            assert isinstance(document.text, TokenisedText)
            assert document.text.tokenizer == embedder.tokenizer_digest
            (expected,) = embedder.tokenise([str(document.text)])
            assert document.text.ids.tolist() == expected.tolist()


def test_a_search_tokenises_only_the_query(tmp_path, tiny: CrossEncoderReranker, monkeypatch):
    index = made(tmp_path, Tokenising())
    plain = made(tmp_path / "plain", FakeEmbedder())
    asked: list[str] = []
    tokenise = TextEncoder._tokenise

    def watched(self: TextEncoder, texts: Any, keep: Any) -> Any:
        asked.extend(texts)
        return tokenise(self, texts, keep)

    monkeypatch.setattr(TextEncoder, "_tokenise", watched)
    result = SearchPipeline(index, tiny).search("read csv", top_k=None)
    assert asked == ["read csv"]
    expected = SearchPipeline(plain, tiny).search("read csv", top_k=None)
    assert len(asked) == 2 + len(TEXTS)
    assert result.hits == expected.hits
    assert any(row.hit.truncated for row in result)
    assert result.timings.rerank.tokens == expected.timings.rerank.tokens


def test_a_reranker_with_another_tokenizer_reads_the_text(tmp_path, tmp_path_factory):
    other = CrossEncoderReranker(
        PARITY / "roberta",
        max_length=60,
        precision="fp32",
        cache_dir=tmp_path_factory.mktemp("graphs"),
    )
    index = made(tmp_path, Tokenising())
    result = SearchPipeline(index, other).search("read csv", top_k=None)
    texts = [str(document.text) for document in index.search("read csv", 100)]
    assert [hit.score for hit in result] == [hit.score for hit in other.rank("read csv", texts)]


def test_an_embedder_without_a_tokenizer_makes_an_index_without_ids(tmp_path):
    index = made(tmp_path, FakeEmbedder())
    assert {type(document.text) for document in index.search("csv")} == {str}


@pytest.mark.parametrize("later", [FakeEmbedder(), Tokenising("roberta")], ids=["none", "other"])
def test_ids_of_two_tokenizers_are_never_mixed(tmp_path, later):
    made(tmp_path, Tokenising())
    index = Index.open(tmp_path / "index", later)
    index.add([Document("0", "another text"), Document("new", "new text")], replace=True)
    brought = {document.id: type(document.text) for document in index.search("csv")}
    assert brought == {"0": str, "new": str} | dict.fromkeys("1234", TokenisedText)


def test_an_index_of_format_1_opens_searches_and_takes_documents(tmp_path, monkeypatch, tiny):
    schema = lance._schema

    def old(identity: Any, tokenizer: Any) -> Any:
        made = schema(identity, None)
        held = json.loads(made.metadata[b"secondpass"]) | {"format": 1}
        del held["tokenizer"]
        return made.with_metadata({b"secondpass": json.dumps(held)})

    monkeypatch.setattr(lance, "_schema", old)
    made(tmp_path, Tokenising())
    monkeypatch.undo()
    index = Index.open(tmp_path / "index", Tokenising())
    assert index.add([Document("new", "csv writer")]) == 1
    assert {type(document.text) for document in index.search("csv")} == {str}
    assert len(SearchPipeline(index, tiny).search("csv")) == 6


def test_found_texts_can_be_added_to_another_index(tmp_path):
    found = made(tmp_path, Tokenising()).search("csv")
    other = Index.create(tmp_path / "other", Tokenising())
    other.add(Document(document.id, document.text) for document in found)
    assert {document.text for document in other.documents()} == set(TEXTS)


def test_a_column_gives_back_what_it_was_made_of():
    ids = [np.array([1, 2], np.int32), np.empty(0, np.int32), np.array([2**30], np.int32)]
    import pyarrow as pa

    column = pa.chunked_array([token_id_column(ids, 3), token_id_column(None, 2)]).slice(1)
    back = token_id_arrays(column)
    assert [None if held is None else held.tolist() for held in back] == [[], [2**30], None, None]
