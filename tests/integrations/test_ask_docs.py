"""The application of examples/: what it answers stands in its files."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent.parent / "examples"


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """Return what asks a small manual."""
    pytest.importorskip("lancedb", reason="the extra 'search' is not installed")
    from secondpass import CrossEncoderReranker, Embedder, Index, SearchPipeline

    spec = spec_from_file_location("ask_docs", EXAMPLES / "ask_docs.py")
    ask_docs = module_from_spec(spec)
    sys.modules["ask_docs"] = ask_docs  # its dataclass looks itself up
    spec.loader.exec_module(ask_docs)
    index = Index.create(tmp_path_factory.mktemp("ask") / "index", Embedder())
    index.add(ask_docs.read_paragraphs(EXAMPLES.parent / "docs" / "examples" / "manual"))
    reranker = CrossEncoderReranker()
    pipeline = SearchPipeline(index, reranker)
    return lambda question: ask_docs.ask(question, pipeline, reranker)


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("how do I renew a certificate", "certctl renew"),
        ("how long is a certificate valid", "90 days"),
        ("a private key has leaked", "certctl revoke"),
    ],
)
def test_an_answer_stands_in_its_file_where_it_says(asked, question, words):
    quotes = asked(question)
    assert words in quotes[0].text
    for quote in quotes:
        text = Path(quote.file).read_text(encoding="utf-8")[quote.start : quote.end]
        assert " ".join(text.split()) == quote.text
    assert [quote.score for quote in quotes] == sorted((q.score for q in quotes), reverse=True)


def test_what_the_documents_do_not_say_has_no_answer(asked):
    assert asked("what is the capital of France") == []
