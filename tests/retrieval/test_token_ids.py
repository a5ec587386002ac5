"""The index keeps token ids, and a search uses them where the reranker has the tokenizer."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("lancedb")

from fake_embedder import FakeEmbedder

from secondpass import CrossEncoderReranker, Embedder, Index, SearchPipeline
from secondpass.errors import IndexFileError
from secondpass.models.tokenizer import load_tokenizer
from secondpass.retrieval.contract import Features
from secondpass.retrieval.stores.contract import FeatureIdentity
from secondpass.retrieval.stores.features import from_arrow, to_arrow
from secondpass.scoring.encode import TextEncoder
from secondpass.scoring.tokenized import TokenizedText
from secondpass.types import Document

PARITY = Path(__file__).parent.parent / "parity"
TEXTS = ["read a csv file", "", "a date é 漢字 🙂", "csv " * 100, "lock"]


class Tokenizing(FakeEmbedder):
    """A fake embedder with a real tokenizer, that of a tiny reranker."""

    def __init__(self, family: str = "bert") -> None:
        super().__init__()
        self._encoder = TextEncoder(load_tokenizer(PARITY / family / "tokenizer.json"), 1)
        self.tokenizer_digest = self._encoder.digest
        self.feature_identities = {"token_ids": FeatureIdentity(self._encoder.digest, 3000)}

    def token_ids(self, text: str) -> Any:
        return self._encoder.encode([text])[0]

    def features(self, texts: Any, *, progress: Any = None) -> Features:
        vectors = self.embed(texts, progress=progress)
        return Features(vectors, {"token_ids": self._encoder.encode(texts)})


def made(folder: Path, embedder: FakeEmbedder) -> Index:
    index = Index.create(folder / "index", embedder)
    index.add([Document(str(at), text) for at, text in enumerate(TEXTS)], batch_size=2)
    return index


def test_what_is_found_brings_the_ids_of_its_whole_text(tmp_path):
    embedder = Tokenizing()
    for index in (made(tmp_path, embedder), Index.open(tmp_path / "index", FakeEmbedder())):
        found = index.search("csv", limit=10)
        assert sorted(document.text for document in found) == sorted(TEXTS)
        for document in found:
            assert isinstance(document.text, TokenizedText)
            assert document.text.tokenizer == embedder.tokenizer_digest
            expected = embedder.token_ids(str(document.text))
            assert document.text.ids.tolist() == expected.tolist()


def test_a_search_tokenises_only_the_query(tmp_path, tiny: CrossEncoderReranker, monkeypatch):
    index = made(tmp_path, Tokenizing())
    plain = made(tmp_path / "plain", FakeEmbedder())
    asked: list[str] = []
    tokenize = TextEncoder.tokenize

    def watched(self: TextEncoder, texts: Any, keep: Any) -> Any:
        asked.extend(texts)
        return tokenize(self, texts, keep)

    monkeypatch.setattr(TextEncoder, "tokenize", watched)
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
    index = made(tmp_path, Tokenizing())
    result = SearchPipeline(index, other).search("read csv", top_k=None)
    texts = [str(document.text) for document in index.search("read csv", 100)]
    assert [hit.score for hit in result] == [hit.score for hit in other.rank("read csv", texts)]


def test_an_embedder_without_a_tokenizer_makes_an_index_without_ids(tmp_path):
    index = made(tmp_path, FakeEmbedder())
    assert {type(document.text) for document in index.search("csv")} == {str}


@pytest.mark.parametrize("later", [FakeEmbedder(), Tokenizing("roberta")], ids=["none", "other"])
def test_ids_of_two_tokenizers_are_never_mixed(tmp_path, later):
    made(tmp_path, Tokenizing())
    index = Index.open(tmp_path / "index", later)
    index.add([Document("0", "another text"), Document("new", "new text")], replace=True)
    brought = {document.id: type(document.text) for document in index.search("csv")}
    assert brought == {"0": str, "new": str} | dict.fromkeys("1234", TokenizedText)


@pytest.mark.parametrize("found", [1, 2, 4, None])
def test_an_index_of_another_format_is_refused_with_the_way_out(tmp_path, found):
    import lancedb
    import pyarrow as pa

    held = json.dumps({} if found is None else {"format": found})
    schema = pa.schema([pa.field("id", pa.string())], metadata={"secondpass": held})
    lancedb.connect(tmp_path / "old").create_table("documents", schema=schema)
    with pytest.raises(IndexFileError, match=f"has format {found}, .*format 3: make a new index"):
        Index.open(tmp_path / "old", Tokenizing())


@pytest.mark.parametrize(
    ("ids", "why"),
    [
        ([5, -1], r"-1 to 5, expected 0 to 2999"),
        ([3000, 5], r"5 to 3000, expected 0 to 2999"),
        ([7] * 2000, "2000 of a text that can have"),
    ],
)
def test_damaged_token_ids_are_named_when_they_are_read(tmp_path, ids, why):
    class Damaging(Tokenizing):
        def features(self, texts: Any, *, progress: Any = None) -> Features:
            return Features(
                self.embed(texts), {"token_ids": [np.array(ids, np.int32)] * len(texts)}
            )

    index = Index.create(tmp_path / "index", Damaging())
    index.add([Document("7", "read a csv file")])
    with pytest.raises(IndexFileError, match=f"token ids of document '7' are damaged: {why}"):
        index.search("csv")


@pytest.mark.parametrize("change", ["text", "ids", "digest", "swapped", "no digest", "long"])
def test_ids_of_another_text_are_never_scored(tmp_path, tiny, change):
    """Whatever is put into a row, the text is what is scored."""
    index = made(tmp_path, Tokenizing())
    table = index._store._table
    rows = {row["id"]: row for row in table.to_arrow().to_pylist()}
    new = {
        "text": {"text": "another text"},
        "ids": {"token_ids": rows["3"]["token_ids"]},
        "digest": {"token_ids_digest": rows["3"]["token_ids_digest"]},
        "swapped": {name: rows["3"][name] for name in ("token_ids", "token_ids_digest")},
        "no digest": {"token_ids": rows["3"]["token_ids"], "token_ids_digest": None},
        "long": {"token_ids": rows["3"]["token_ids"], "token_ids_digest": [1, 2]},
    }[change]
    table.update(where="id = '0'", values=new)
    plain = {d.id: str(d.text) for d in index.search("csv", 9)}
    for query in ("read csv", "lock"):
        found = SearchPipeline(index, tiny).search(query, top_k=None)
        expected = tiny.rank(query, list(plain.values()), top_k=None)
        assert [hit.score for hit in found] == [hit.score for hit in expected]
    (row,) = [document for document in index.search("csv", 9) if document.id == "0"]
    assert not getattr(row.text, "ids_are_its_own", False)
    assert type(pickle.loads(pickle.dumps(row.text))) is str


def test_an_index_without_digests_is_read_and_written(tmp_path, tiny, monkeypatch):
    with monkeypatch.context() as older:
        older.setattr("secondpass.retrieval.index.with_digest_identity", lambda one: one)
        made(tmp_path, Tokenizing())
    index = Index.open(tmp_path / "index", Tokenizing())
    index.add([Document("new", "new text")])
    assert {type(document.text) for document in index.search("csv")} == {str}
    assert len(SearchPipeline(index, tiny).search("read csv", top_k=None).hits) == 6


def test_each_text_is_tokenized_once_for_its_vector_and_its_ids(monkeypatch):
    embedder = Embedder(max_length=64)
    asked: list[str] = []
    encode = TextEncoder.encode

    def watched(self: TextEncoder, texts: Any, most_tokens: Any = None) -> Any:
        asked.extend(texts)
        return encode(self, texts, most_tokens)

    monkeypatch.setattr(TextEncoder, "encode", watched)
    with pytest.warns(UserWarning, match="1 of 5 texts have more than the 62 tokens"):
        features = embedder.features(TEXTS)
    assert asked == TEXTS
    monkeypatch.undo()
    assert np.array_equal(features.vectors, embedder.embed(TEXTS))
    token_ids = features.columns["token_ids"]
    # The whole text's, also of the one that is cut for its vector.
    assert [len(ids) for ids in token_ids][1:] == [0, 6, 200, 1]
    end = embedder.feature_identities["token_ids"].end
    assert all(0 <= id_ < end for ids in token_ids for id_ in ids)


def test_found_texts_can_be_added_to_another_index(tmp_path):
    found = made(tmp_path, Tokenizing()).search("csv")
    other = Index.create(tmp_path / "other", Tokenizing())
    other.add(Document(document.id, document.text) for document in found)
    assert {document.text for document in other.documents()} == set(TEXTS)


def test_a_column_gives_back_what_it_was_made_of():
    ids = [np.array([1, 2], np.int32), np.empty(0, np.int32), None, np.array([2**30], np.int32)]
    import pyarrow as pa

    columns = [to_arrow("token_ids", ids, 4), to_arrow("token_ids", None, 2)]
    back = from_arrow("token_ids", pa.chunked_array(columns).slice(1))
    assert [None if one is None else one.tolist() for one in back] == [
        [],
        None,
        [2**30],
        None,
        None,
    ]


def test_add_says_that_texts_are_longer_than_the_embedder_reads(tmp_path):
    embedder = Embedder()
    assert embedder.most_tokens == embedder.max_length - 2
    texts = ["word " * embedder.most_tokens, "word " * (embedder.most_tokens + 1), "short"]
    index = Index.create(tmp_path / "index", embedder)
    with pytest.warns(UserWarning, match="1 of 3 texts have more than"):
        assert index.add([{"text": text} for text in texts]) == 3
    index.add([{"text": "another"}])
