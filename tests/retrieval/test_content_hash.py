"""One hash for what is in a file, a folder or an index, wherever it lies."""

import hashlib
import sys
from pathlib import Path

import pytest

from secondpass import Index, InputError
from secondpass.retrieval.content_hash import content_sha256, files_in_sha256

sys.path.append(str(Path(__file__).parent.parent / "retrieval"))
from fake_embedder import FakeEmbedder


def folder(at, **files):
    for name, text in files.items():
        file = at / name.replace("__", "/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return at


def test_a_files_hash_is_the_sha256_of_its_bytes(tmp_path):
    file = tmp_path / "queries.jsonl"
    file.write_bytes(b"one\ntwo\n")
    assert content_sha256(file) == hashlib.sha256(b"one\ntwo\n").hexdigest()


def test_a_folders_hash_depends_on_names_and_content_not_on_the_place(tmp_path):
    first = content_sha256(folder(tmp_path / "one", a="1", sub__b="2"))
    assert content_sha256(folder(tmp_path / "two", sub__b="2", a="1")) == first
    others = [
        folder(tmp_path / "content", a="1", sub__b="3"),
        folder(tmp_path / "name", a="1", sub__c="2"),
        folder(tmp_path / "place", a="1", b="2"),
        folder(tmp_path / "more", a="1", sub__b="2", c=""),
        folder(tmp_path / "swapped", a="2", sub__b="1"),
    ]
    assert len({first, *map(content_sha256, others)}) == 6


def test_a_folders_hash_is_this_by_hand(tmp_path):
    one, two = (hashlib.sha256(text).hexdigest() for text in (b"1", b"2"))
    rows = f"a\0{one}\nsub/b\0{two}"
    held = folder(tmp_path / "held", a="1", sub__b="2")
    assert content_sha256(held) == hashlib.sha256(rows.encode()).hexdigest()
    assert files_in_sha256(held, "b") == hashlib.sha256(f"sub/b\0{two}".encode()).hexdigest()


def test_an_indexs_hash_is_that_of_its_documents(tmp_path):
    documents = [{"id": f"d{at}", "text": f"text {at}", "page": at} for at in range(5)]
    whole = Index.create(tmp_path / "whole", FakeEmbedder())
    whole.add(documents)
    parts = Index.create(tmp_path / "parts", FakeEmbedder())
    for document in reversed(documents):
        parts.add([document])
    assert content_sha256(whole.folder) == content_sha256(parts.folder)
    parts.add([documents[0] | {"page": 9}], replace=True)
    assert content_sha256(whole.folder) != content_sha256(parts.folder)


def test_nothing_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"no file or folder .*nowhere"):
        content_sha256(tmp_path / "nowhere")
