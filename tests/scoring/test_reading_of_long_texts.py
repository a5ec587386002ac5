"""A text is read no further than its tokens are wanted, and these are those of the whole text."""

from __future__ import annotations

import tracemalloc
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

from secondpass.models.embedded import CROSS_ENCODER, embedded_folder
from secondpass.models.tokenizer import load_tokenizer
from secondpass.options.long_documents import LongDocumentPolicy
from secondpass.scoring import encode, reading, windows
from secondpass.scoring.encode import TextEncoder
from secondpass.scoring.pairs import read_pair_layout
from secondpass.scoring.prepare import Preparer
from secondpass.scoring.tokenized import TokenizedText

UNITS = (
    *("the quick brown fox ", "refunds, unreadable; ", "a", " ", "\n\n", "!", "0123456789 "),
    *(
        "茶很好今天。",
        "ありがとう",
        "สวัสดี",
        "é",
        "e\u0301",
        "\u0301",
        "🙂",
        "👩‍👩‍👧",
        "ﷺ",
        "aab",
        "xyz ",
    ),
)
SEEN = ["the quick brown fox reads refunds", "unreadable 0123456789 茶很好今天 ありがとう é 🙂"] * 9


@cache
def trained(kind: str) -> Tokenizer:
    """Return a tokenizer with pieces of several characters, and with words or without."""
    spaces = pre_tokenizers.Metaspace()
    tokenizer, trainer = {
        "wordpiece": (models.WordPiece(unk_token="[UNK]"), trainers.WordPieceTrainer),
        "bpe": (models.BPE(), trainers.BpeTrainer),
        "bpe-bytes": (models.BPE(), trainers.BpeTrainer),
        "unigram": (models.Unigram(), trainers.UnigramTrainer),
        "unigram-unsplit": (models.Unigram(), trainers.UnigramTrainer),
    }[kind]
    made = Tokenizer(tokenizer)
    before = {
        "wordpiece": pre_tokenizers.BertPreTokenizer(),
        "bpe-bytes": pre_tokenizers.ByteLevel(),
        "unigram": spaces,
    }.get(kind)
    if before is not None:
        made.pre_tokenizer = before
    if kind.startswith("unigram"):
        made.normalizer = normalizers.NFKC()
        made.train_from_iterator(
            SEEN, trainer(vocab_size=300, unk_token="<unk>", show_progress=False)
        )
    elif kind == "wordpiece":
        made.normalizer = normalizers.BertNormalizer()
        special = ["[UNK]", "[CLS]", "[SEP]"]
        made.train_from_iterator(
            SEEN, trainer(vocab_size=300, special_tokens=special, show_progress=False)
        )
    else:
        made.train_from_iterator(SEEN, trainer(vocab_size=600, show_progress=False))
    return made


KINDS = ("wordpiece", "bpe", "bpe-bytes", "unigram", "unigram-unsplit")


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(UNITS), st.integers(1, 900)), min_size=1, max_size=8),
    st.sampled_from([1, 60, 512]),
)
def test_the_first_ids_are_those_of_the_whole_text(kind, runs, keep):
    text = "".join(unit * times for unit, times in runs)
    tokenizer = trained(kind)
    whole = tokenizer.encode(text, add_special_tokens=False).ids
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "FIRST_CHARACTERS", 2500)
        (begun,) = TextEncoder(tokenizer, 1).encode_counted([text], keep)
    assert begun.ids.tolist() == whole[:keep]
    assert (begun.tokens > keep) == (len(whole) > keep)


@pytest.mark.parametrize("family", ["bert", "roberta", "modernbert", "xlm-roberta"])
def test_prose_of_the_saved_tokenizers_too(parity, family, documents, monkeypatch):
    tokenizer = load_tokenizer(parity / family / "tokenizer.json")
    text = " ".join(documents) * 3
    whole = tokenizer.encode(text, add_special_tokens=False).ids
    monkeypatch.setattr(reading, "FIRST_CHARACTERS", len(text) // 2)
    (begun,) = TextEncoder(tokenizer, 1).encode_counted([text], 500)
    assert begun.ids.tolist() == whole[:500]
    assert 500 < begun.tokens < len(whole)


class Counting:
    """A tokenizer that notes how many characters it was given."""

    def __init__(self, tokenizer):
        self._tokenizer = tokenizer
        self.characters = 0

    def __getattr__(self, name):
        return getattr(self._tokenizer, name)

    def encode(self, text, **how):
        self.characters += len(text)
        return self._tokenizer.encode(text, **how)


@pytest.fixture
def counting():
    return Counting(load_tokenizer(embedded_folder(CROSS_ENCODER) / "tokenizer.json"))


@pytest.mark.parametrize("unit", ["words of prose ", "茶很好今天", ".", "é 🙂 "])
def test_a_very_long_text_is_read_at_its_beginning_only(counting, unit):
    (begun,) = TextEncoder(counting, 1).encode_counted([unit * 2_000_000], 500)
    assert counting.characters == reading.FIRST_CHARACTERS
    assert len(begun.ids) == 500
    assert begun.tokens > 500


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("the" + " " * 5_000_000 + "csv", 2),  # not read, and known to be there
        ("a" * 5_000_000, 2),  # one unknown token of what is read
        ("the" + "\n" * 5_000_000, 1),
    ],
)
def test_a_text_with_few_tokens_is_read_up_to_a_limit(counting, text, tokens):
    (begun,) = TextEncoder(counting, 1).encode_counted([text], 500)
    assert counting.characters == reading.FIRST_CHARACTERS + reading.READ_CHARACTERS
    assert begun.tokens == tokens


BLANKS = (" ", "\n", " \t\r\n", "\u3000 ")


@pytest.mark.parametrize("blank", [*BLANKS, "\xa0"])
@pytest.mark.parametrize("text", ["", "csv", "sheep give wool. " * 40, "\u0301e"])
def test_blanks_before_a_text_are_passed_over(counting, blank, text):
    encoder = TextEncoder(counting, 1)
    (plain,) = encoder.encode_counted([text], 500)
    (begun,) = encoder.encode_counted([blank * 2_000_000 + text], 500)
    assert (begun.ids.tolist(), begun.tokens) == (plain.ids.tolist(), plain.tokens)
    assert counting.characters < 10_000


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=30, deadline=None)
@given(st.sampled_from(BLANKS), st.integers(1, 900), st.sampled_from(UNITS), st.integers(0, 900))
def test_blanks_are_passed_over_where_they_have_no_tokens(kind, blank, blanks, unit, times):
    text = blank * blanks + unit * times
    tokenizer = trained(kind)
    whole = tokenizer.encode(text, add_special_tokens=False).ids
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "FIRST_CHARACTERS", 20)
        (begun,) = TextEncoder(tokenizer, 1).encode_counted([text], 512)
    assert begun.ids.tolist() == whole[:512]


@pytest.mark.parametrize("family", ["bert", "roberta", "modernbert", "xlm-roberta"])
def test_blanks_before_texts_of_the_saved_tokenizers(parity, family, documents, monkeypatch):
    monkeypatch.setattr(reading, "FIRST_CHARACTERS", 20)
    tokenizer = load_tokenizer(parity / family / "tokenizer.json")
    for blank in BLANKS:
        text = blank * 3000 + documents[0]
        whole = tokenizer.encode(text, add_special_tokens=False).ids
        (begun,) = TextEncoder(tokenizer, 1).encode_counted([text], 500)
        assert begun.ids.tolist() == whole[:500]


@pytest.mark.parametrize("rule", ["truncate", "first", "max", "mean-top-k", "select"])
def test_a_text_behind_blanks_is_scored_by_every_rule(monkeypatch, rule):
    text = "The sheep gives wool. A ship has sails. " * 20
    (plain,) = (preparer(rule).prepare("wool", [text]),)
    monkeypatch.setattr(encode, "READ_CHARACTERS", 1200)
    monkeypatch.setattr(TextEncoder.leading_blanks, "__defaults__", (1200,))
    behind = preparer(rule).prepare("wool", [" " * 3000 + text])
    assert [one.text.tolist() for one in behind.sequences] == [
        one.text.tolist() for one in plain.sequences
    ]
    shift = np.where(plain.span < 0, 0, 3000)
    assert (behind.span == plain.span + shift).all()
    if plain.spans[0] is not None:
        assert behind.spans[0] == tuple((a + 3000, b + 3000) for a, b in plain.spans[0])


def test_a_long_text_takes_no_memory_of_its_own_size(counting):
    text = "words of prose " * 1_000_000
    tracemalloc.start()
    try:
        TextEncoder(counting, 1).encode_counted([text], 500)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < len(text) / 5


def preparer(rule, **more):
    tokenizer = load_tokenizer(embedded_folder(CROSS_ENCODER) / "tokenizer.json")
    policy = LongDocumentPolicy.checked(rule, **more)
    return Preparer(TextEncoder(tokenizer, 1), read_pair_layout(tokenizer), 64, policy)


@pytest.mark.parametrize("rule", ["truncate", "first", "max", "mean-top-k", "select"])
def test_what_is_behind_the_limit_counts_as_cut_by_every_rule(monkeypatch, rule):
    for module in (reading, encode, windows):
        monkeypatch.setattr(module, "READ_CHARACTERS", 300, raising=False)
    monkeypatch.setattr("secondpass.scoring.select.cut.READ_CHARACTERS", 300)
    texts = ["the " * 20, "the " * 20 + " " * 500, "the " * 20 + " " * 500 + "file", "the " * 500]
    prepared = preparer(rule).prepare("the", texts)
    assert (prepared.dropped_tokens[:3] > 0).tolist() == [False, False, True]
    assert prepared.dropped_tokens[3] >= 1
    assert prepared.tokens[:3].tolist() == [20, 20, 20]
    assert np.all(prepared.span <= 300)


def test_windows_are_bounded_and_the_rest_is_said(monkeypatch):
    monkeypatch.setattr(windows, "WINDOW_TOKENS", 600)
    text = "the " * 2000
    prepared = preparer("max", stride=1).prepare("the", [text, "the"])
    room = prepared.sequences[0].text.size
    count = 600 // room
    assert len(prepared.sequences) == count + 1
    assert prepared.dropped_tokens.tolist() == [2000 - room - count + 1, 0]


def test_ids_that_a_text_brings_are_bounded_as_its_own(counting):
    encoder = TextEncoder(counting, 1)
    long = TokenizedText("csv " * 400_000, np.full(10, 5, np.int32), encoder.digest)
    (begun,) = encoder.encode_counted([long], 4)
    assert (begun.ids.tolist(), begun.tokens) == ([5] * 4, 11)
