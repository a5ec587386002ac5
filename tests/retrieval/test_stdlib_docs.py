from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("lancedb")

from fake_embedder import FakeEmbedder

import secondpass
from secondpass.demo import stdlib_docs
from secondpass.demo.stdlib_docs import stdlib_documents
from secondpass.errors import InputError
from secondpass.retrieval.index import Index
from secondpass.types import Document


@pytest.fixture(scope="module")
def documents() -> list[Document]:
    return list(stdlib_documents())


def test_there_are_enough_and_each_is_there_once(documents: list[Document]) -> None:
    assert len(documents) >= 3000
    assert len({document.id for document in documents}) == len(documents)


def test_a_class_from_source(documents: list[Document]) -> None:
    (found,) = [document for document in documents if document.id == "argparse.ArgumentParser"]
    lines = found.text.split("\n")
    assert lines[:2] == [
        "argparse.ArgumentParser",
        "class ArgumentParser(_AttributeHolder, _ActionsContainer)",
    ]
    assert lines[2].startswith("Object for parsing command line strings into Python objects.")
    assert found.metadata["module"] == "argparse"
    assert found.metadata["kind"] == "class"
    source = Path(sys.modules["os"].__file__ or "").parent / "argparse.py"
    line = source.read_text(encoding="utf-8").split("\n")[found.metadata["line"] - 1]
    assert line.startswith("class ArgumentParser(")


def test_a_method_and_a_module(documents: list[Document]) -> None:
    by_id = {document.id: document for document in documents}
    method = by_id["collections.Counter.most_common"]
    assert method.text.startswith(
        "collections.Counter.most_common\ndef most_common(self, n=None)\nList the n most common"
    )
    assert method.metadata["kind"] == "function"
    assert by_id["textwrap"].metadata == {"module": "textwrap", "kind": "module", "line": 1}


def test_what_is_written_in_c(documents: list[Document]) -> None:
    by_id = {document.id: document for document in documents}
    assert by_id["str.join"].text.startswith(
        "str.join\ndef join(iterable, /)\nConcatenate any number of strings."
    )
    assert by_id["sorted"].metadata == {"module": "builtins", "kind": "function", "line": 0}
    for name in ("math.sqrt", "os.listdir", "itertools.chain", "time.sleep", "csv.reader"):
        assert name in by_id


def test_private_names_and_tests_are_left_out(documents: list[Document]) -> None:
    for document in documents:
        parts = document.id.split(".")
        assert not any(part.startswith("_") for part in parts), document.id
        assert not {"test", "idlelib", "site-packages"} & set(parts[:-1]), document.id


def test_docstrings_are_whole_long_enough_and_each_there_once(documents: list[Document]) -> None:
    docstrings = []
    for document in documents:
        lines = document.text.split("\n")
        signature = lines[1].startswith(("def ", "async def ", "class "))
        docstrings.append("\n".join(lines[2:] if signature else lines[1:]))
    assert min(map(len, docstrings)) >= 25
    assert len(set(docstrings)) == len(docstrings)


def test_no_module_with_source_is_imported_and_the_order_is_the_same() -> None:
    code = (
        "import sys\n"
        "from secondpass.demo.stdlib_docs import stdlib_documents\n"
        "before = set(sys.modules)\n"
        "ids = [document.id for document in stdlib_documents()]\n"
        "print(hash(tuple(ids)), len(ids))\n"
        "new = set(sys.modules) - before\n"
        "new = {m for m in new if (getattr(sys.modules[m], '__file__', '') or '')[-3:] == '.py'}\n"
        # sysconfig keeps the settings of the build in a module of this name, ast a part of itself.
        "print([m for m in new if not m.startswith(('_sysconfigdata', '_ast_unparse'))])\n"
    )
    source = str(Path(secondpass.__file__).parents[1])
    outputs = {
        subprocess.run(
            [sys.executable, "-W", "error", "-c", code],
            env={"PYTHONPATH": source, "PYTHONHASHSEED": "7"},
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        ).stdout
        for _ in range(2)
    }
    (output,) = outputs
    assert output.split("\n")[1] == "[]"


def test_a_stranger_in_builtins_is_no_documentation(monkeypatch: pytest.MonkeyPatch) -> None:
    def stranger() -> None:
        """Something that an interactive shell has put among the builtins."""

    monkeypatch.setattr("builtins.stranger", stranger, raising=False)
    assert not any("stranger" in document.id for document in stdlib_documents())


def test_a_python_without_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stdlib_docs.sysconfig, "get_path", lambda name: str(tmp_path))
    with pytest.raises(InputError, match=f"no library sources in {tmp_path}"):
        next(stdlib_documents())


def test_all_of_it_can_be_indexed(documents: list[Document], tmp_path: Path) -> None:
    index = Index.create(tmp_path / "index", FakeEmbedder())
    assert index.add(stdlib_documents()) == len(documents)
    assert index.ids() == {document.id for document in documents}


def reading_embedder(most_tokens: int = 10_000):
    """Return a class of embedders that tell how much of a text they read."""
    from fake_embedder import FakeEmbedder
    from word_tokenizer import word_tokenizer

    pytest.importorskip("semantic_text_splitter")
    told = {"tokenizer": word_tokenizer(), "most_tokens": most_tokens}
    return type("Reading", (FakeEmbedder,), told)


def test_a_docstring_that_is_too_long_to_be_embedded_is_there_in_chunks(tmp_path, monkeypatch):
    from secondpass.demo import stdlib_index

    pytest.importorskip("lancedb")
    long = "json.load\n" + "Deserialize a file to a Python object. " * 10
    documents = [Document("json.load", long, {"line": 3}), Document("json.loads", "Short.", {})]
    monkeypatch.setattr(stdlib_index, "stdlib_documents", lambda: iter(documents))
    index = stdlib_index.open_stdlib_index(reading_embedder(20)(), tmp_path)
    found = {one.id: one for one in index.documents()}
    assert found.pop("json.loads") == documents[1]
    assert len(found) > 2
    for id_, part in found.items():
        start, end = part.metadata["start"], part.metadata["end"]
        assert id_ == f"json.load#{start}-{end}"
        assert part.text == long[start:end]
        assert part.metadata["line"] == 3


def test_an_unwritable_cache_is_a_warning_and_the_index_is_made_elsewhere(
    unwritable, monkeypatch
) -> None:
    from secondpass.demo import stdlib_index

    pytest.importorskip("lancedb")
    documents = list(stdlib_documents())[:5]
    monkeypatch.setattr(stdlib_index, "stdlib_documents", lambda: iter(documents))

    with pytest.warns(UserWarning, match="SECONDPASS_CACHE_DIR"):
        index = stdlib_index.open_stdlib_index(reading_embedder()(), unwritable)
    assert len(index) == 5


def test_an_index_of_the_demo_that_was_interrupted_is_gone_on_with(tmp_path, monkeypatch) -> None:
    from secondpass.demo import stdlib_index
    from secondpass.retrieval import blocks

    pytest.importorskip("lancedb")
    documents = list(stdlib_documents())[:7]
    monkeypatch.setattr(stdlib_index, "stdlib_documents", lambda: iter(documents))
    monkeypatch.setattr(stdlib_index, "BATCH", 1)
    monkeypatch.setattr(blocks, "BLOCK_SECONDS", 0.0)
    monkeypatch.setattr(blocks, "BLOCK_SHARE", 0.0)
    embedded = []

    class Ending(reading_embedder()):
        def embed(self, texts, *, progress=None):
            if len(embedded) == 4:
                embedded.append(None)
                raise KeyboardInterrupt
            embedded.extend(texts)
            return super().embed(texts, progress=progress)

    with pytest.raises(KeyboardInterrupt):
        stdlib_index.open_stdlib_index(Ending(), tmp_path)
    index = stdlib_index.open_stdlib_index(Ending(), tmp_path)
    texts = [one.text for one in documents]
    assert embedded == [*texts[:4], None, *texts[4:]]
    assert index.ids() == {one.id for one in documents}
    assert stdlib_index.open_stdlib_index(Ending(), tmp_path).folder == index.folder
    assert len(embedded) == 8
