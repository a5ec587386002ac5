from __future__ import annotations

import sys
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("lancedb")
pytest.importorskip("semantic_text_splitter")

from word_tokenizer import count_tokens, word_tokenizer

from secondpass.errors import InputError, MissingExtraError
from secondpass.ingest.chunking import Chunk, Chunker

MARKDOWN = """# Cats

A cat sat on the mat. It was a good mat.

## Dogs

- one dog
- two dogs

```python
bark( 1 )
```
"""


def without_space(text: str) -> str:
    return "".join(text.split())


def test_sentences_stay_whole_where_they_fit() -> None:
    text = "One two three. Four five six. Seven eight nine."
    assert Chunker(word_tokenizer(), max_tokens=8).split(text) == [
        Chunk(0, 29, "One two three. Four five six."),
        Chunk(30, 47, "Seven eight nine."),
    ]


def test_special_tokens_do_not_count_and_the_limit_is_exact() -> None:
    text = " ".join(["word"] * 200)
    assert Chunker(word_tokenizer()).split(text) == [Chunk(0, len(text), text)]
    assert [len(chunk.text.split()) for chunk in Chunker(word_tokenizer()).split(text + " w")] == [
        200,
        1,
    ]


def test_offsets_are_characters_also_beyond_ascii() -> None:
    text = "😀😀 é שלום\r\n\r\n  عالم e\u0301 \U0001f468\u200d\U0001f469\u200d\U0001f467 end"
    chunks = Chunker(word_tokenizer(), max_tokens=2).split(text)
    assert len(chunks) > 2
    assert all(text[chunk.start : chunk.end] == chunk.text for chunk in chunks)
    assert without_space("".join(chunk.text for chunk in chunks)) == without_space(text)


def test_markdown_is_cut_at_its_headings() -> None:
    chunks = Chunker(word_tokenizer(), max_tokens=16).split(MARKDOWN, markdown=True)
    assert [chunk.text.split("\n")[0] for chunk in chunks[:2]] == ["# Cats", "## Dogs"]
    assert all(MARKDOWN[chunk.start : chunk.end] == chunk.text for chunk in chunks)
    # As plain text the heading is only a line: the first chunk runs on over the next heading.
    plain = Chunker(word_tokenizer(), max_tokens=20).split(MARKDOWN)
    assert "## Dogs" in plain[0].text


def test_overlap() -> None:
    text = " ".join(f"w{n}" for n in range(20))
    chunks = Chunker(word_tokenizer(), max_tokens=6, overlap=2).split(text)
    for before, after in pairwise(chunks):
        assert before.text.split()[-2:] == after.text.split()[:2]
    apart = Chunker(word_tokenizer(), max_tokens=6).split(text)
    assert " ".join(chunk.text for chunk in apart) == text


@pytest.mark.parametrize("text", ["", " \n\t\r\n "])
def test_white_space_alone_has_no_chunk(text: str) -> None:
    assert Chunker(word_tokenizer()).split(text) == []
    assert Chunker(word_tokenizer()).split(text, markdown=True) == []


def test_a_tokenizer_that_truncates_or_pads_is_read_without_and_left_as_it_is() -> None:
    tokenizer = word_tokenizer()
    tokenizer.enable_truncation(4)
    tokenizer.enable_padding(length=64)
    chunks = Chunker(tokenizer, max_tokens=5).split("a b c d e f g h i j")
    assert [chunk.text for chunk in chunks] == ["a b c d e", "f g h i j"]
    assert tokenizer.truncation is not None
    assert tokenizer.padding is not None


def is_white(text: str) -> bool:
    """By Unicode's White_Space; Python's strip() takes four separators (U+001C to 1F) as well."""
    return not text.strip() and not set(text) & set("\x1c\x1d\x1e\x1f")


@settings(max_examples=60, deadline=None)
@given(
    text=st.text(st.characters(exclude_categories=["Cs"]), max_size=300),
    max_tokens=st.integers(1, 12),
    markdown=st.booleans(),
)
def test_nothing_is_lost_or_too_long(text: str, max_tokens: int, markdown: bool) -> None:
    chunks = Chunker(word_tokenizer(), max_tokens=max_tokens).split(text, markdown=markdown)
    end = 0
    for chunk in chunks:
        assert text[chunk.start : chunk.end] == chunk.text
        assert is_white(text[end : chunk.start])
        assert not is_white(chunk.text)
        assert count_tokens(chunk.text) <= max_tokens
        end = chunk.end
    assert is_white(text[end:])


@pytest.mark.parametrize(
    ("max_tokens", "overlap", "message"),
    [
        (0, 0, "max_tokens is 0"),
        (-5, 0, "max_tokens is -5"),
        (True, 0, "max_tokens is True"),
        (2.5, 0, "max_tokens"),
        (5, -1, "overlap is -1"),
        (5, 5, "overlap=4"),
        (5, 9, "overlap 9 leaves no room"),
    ],
)
def test_options(max_tokens: int, overlap: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Chunker(word_tokenizer(), max_tokens=max_tokens, overlap=overlap)


@pytest.mark.parametrize("text", [None, b"bytes", "a\ud800b"])
def test_what_is_no_text(text: object) -> None:
    with pytest.raises(InputError, match="text"):
        Chunker(word_tokenizer()).split(text)  # type: ignore[arg-type]


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "semantic_text_splitter", None)
    with pytest.raises(MissingExtraError, match=r"pip install .*\[search\]"):
        Chunker(word_tokenizer())
