"""Where windows start, which rule reads what, and the characters a window stands for."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondpass.errors import InputError
from secondpass.models.tokenizer import load_tokenizer
from secondpass.options.long_documents import LongDocumentPolicy
from secondpass.scoring.encode import TextEncoder
from secondpass.scoring.windows import cut_windows, window_starts

sizes = st.tuples(st.integers(0, 400), st.integers(1, 60)).flatmap(
    lambda both: st.tuples(*map(st.just, both), st.integers(1, both[1]))
)


@given(sizes)
def test_windows_tile_the_document(size):
    tokens, room, stride = size
    starts = window_starts(tokens, room, stride)
    covered = {token for start in starts for token in range(start, min(start + room, tokens))}
    assert covered == set(range(tokens))
    assert starts[-1] + room == tokens or starts == [0]
    steps = [after - before for before, after in pairwise(starts)]
    assert starts[0] == 0
    assert all(0 < step <= stride for step in steps)
    assert steps[:-1] == [stride] * len(steps[:-1])


@given(sizes)
def test_the_documented_number_of_windows(size):
    tokens, room, stride = size
    expected = 1 + max(0, -(-(tokens - room) // stride))
    assert len(window_starts(tokens, room, stride)) == expected


@pytest.mark.parametrize(
    ("tokens", "room", "stride", "starts"),
    [
        (0, 4, 2, [0]),
        (4, 4, 2, [0]),
        (5, 4, 4, [0, 1]),
        (8, 4, 4, [0, 4]),
        (9, 4, 3, [0, 3, 5]),
        (10, 4, 3, [0, 3, 6]),
        (3, 1, 1, [0, 1, 2]),
    ],
)
def test_starts_by_hand(tokens, room, stride, starts):
    assert window_starts(tokens, room, stride) == starts


def test_the_first_window_only_drops_the_rest(parity):
    (encoding,) = encode(parity, "bert", "a b c d e f g h i j")
    cut = cut_windows(encoding, "a b c d e f g h i j", 4, None)
    assert [part.tolist() for part in cut.parts] == [encoding.ids[:4]]
    assert (cut.tokens, cut.dropped_tokens, cut.spans) == (4, 6, [(0, 7)])


def test_all_windows_hold_all_tokens(parity):
    text = "a b c d e f g h i j"
    (encoding,) = encode(parity, "bert", text)
    cut = cut_windows(encoding, text, 4, 3)
    assert [part.tolist() for part in cut.parts] == [
        encoding.ids[start : start + 4] for start in (0, 3, 6)
    ]
    assert (cut.tokens, cut.dropped_tokens) == (10, 0)
    assert cut.spans == [(0, 7), (6, 13), (12, 19)]
    whole = cut_windows(encoding, text, 10, 3)
    assert (len(whole.parts), whole.tokens, whole.spans) == (1, 10, [None])


def encode(parity, family, *texts):
    tokenizer = load_tokenizer(parity / family / "tokenizer.json")
    return TextEncoder(tokenizer, threads=1).encode_with_offsets(texts)


def test_the_default_stride_is_half_a_window_and_none_skips_a_token():
    assert LongDocumentPolicy.checked("max").stride_in(500) == 250
    assert LongDocumentPolicy.checked("max").stride_in(1) == 1
    assert LongDocumentPolicy.checked("max", 100).stride_in(500) == 100
    assert LongDocumentPolicy.checked("max", 100).stride_in(30) == 30


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("maximum",), "long_documents is 'maximum', expected one of truncate, max, mean-top-k"),
        ((None,), "long_documents is None"),
        (("max", 0), "stride is 0, expected an integer of at least 1"),
        (("max", True), "stride is True"),
        (("max", 2.0), "stride is 2.0"),
        (("truncate", 5), "stride is 5, but long_documents='truncate' scores one window"),
        (("first", 5), "use 'max' or 'mean-top-k', or leave stride out"),
    ],
)
def test_a_bad_rule_names_the_value_and_the_way_out(options, message):
    with pytest.raises(InputError, match=message):
        LongDocumentPolicy.checked(*options)


def test_a_stride_that_would_skip_tokens_is_refused():
    rule = LongDocumentPolicy.checked("max", 61)
    assert rule.checked_for(61) is rule
    with pytest.raises(InputError, match=r"stride 61 is more than the 60 .* pass stride=60"):
        rule.checked_for(60)


MIXED = "Café naïve 🙂👩‍👩‍👧 你好世界 שלום"


@pytest.mark.parametrize(
    ("family", "text", "room", "expected"),
    [
        # A token a letter or a Chinese character, the emoji one unknown token.
        ("bert", MIXED, 5, ["Café n", "aïve 🙂👩‍👩‍👧 你", "你好世界 שלום"]),
        # A token a byte: the second window has three of the woman's four, and has her whole.
        ("roberta", MIXED[:13], 9, ["Café naï", "ve 🙂👩", " 🙂👩"]),
        ("modernbert", "ab 你", 4, ["ab 你", " 你"]),
        ("xlm-roberta", MIXED, 6, ["Café ", "naïve ", " 🙂👩‍👩‍👧 你好世界 שלום"]),
        # A mark that the tokenizer drops belongs to the letter before it.
        ("bert", "cafe\u0301 cafe\u0301", 4, ["cafe\u0301", "cafe\u0301"]),
        ("bert", "  ab  ba  ", 2, ["ab  b", "ba"]),
        ("bert", "مرحبا بالعالم", 1, ["مرحبا", "بالعالم"]),
    ],
)
def test_spans_by_hand(parity, family, text, room, expected):
    (encoding,) = encode(parity, family, text)
    spans = cut_windows(encoding, text, room, room).spans
    assert [text if span is None else text[slice(*span)] for span in spans] == expected


def test_counting_and_offsets_leave_the_ids_as_they_are(parity, documents):
    for threads in (1, 10_000):
        tokenizer = load_tokenizer(parity / "bert" / "tokenizer.json")
        encoder = TextEncoder(tokenizer, threads=threads)
        whole = [ids.tolist() for ids in encoder.encode(documents)]
        few = encoder.encode_counted(documents, 5)
        assert [one.ids.tolist() for one in few] == [ids[:5] for ids in whole]
        assert [one.tokens for one in few] == [len(ids) for ids in whole]
        assert [one.ids for one in encoder.encode_with_offsets(documents)] == whole
