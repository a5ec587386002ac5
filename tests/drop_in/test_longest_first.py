import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from secondpass.drop_in.longest_first import cut_queries, kept
from secondpass.scoring.encode import TextEncoder

LENGTHS = st.integers(0, 80)


def plain(parity):
    tokenizer = Tokenizer.from_file(str(parity / "bert" / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


@pytest.fixture(scope="module")
def truncating(parity):
    return plain(parity)


@settings(deadline=None)
@given(query=LENGTHS, text=LENGTHS, room=st.integers(2, 70))
def test_as_many_tokens_are_kept_as_the_tokenizers_library_keeps(truncating, query, text, room):
    truncating.enable_truncation(room + 3, strategy="longest_first")
    encoding = truncating.encode("a " * query, "b " * text)
    owners = encoding.sequence_ids
    assert kept(query, text, room) == (owners.count(0), owners.count(1))


def test_a_cut_query_has_the_first_ids_of_the_whole_one(parity):
    tokenizer = plain(parity)
    encoder = TextEncoder(tokenizer, 1)
    query = "read the csv-files; naïve résumé 42 rows " * 5
    (whole,) = encoder.encode([query])
    texts = ["a", "file " * 6, "file " * 300, ""]
    for room in (3, 10, 21, 50):
        asked = cut_queries(query, texts, room, encoder)
        for one, text in zip(asked, texts, strict=True):
            (ids,) = encoder.encode([one])
            (of_text,) = encoder.encode([text])
            wanted = kept(len(whole), len(of_text), room)[0]
            np.testing.assert_array_equal(ids, whole[:wanted])


def test_a_query_that_leaves_half_is_left_alone(parity):
    encoder = TextEncoder(plain(parity), 1)
    query = "a b"
    assert cut_queries(query, ["x " * 500, "y"], 4, encoder) == [query, query]


def test_without_ids_a_cut_query_is_a_plain_string(parity):
    encoder = TextEncoder(plain(parity), 1)
    (asked,) = cut_queries("csv file " * 20, ["x"], 10, encoder, with_ids=False)
    assert type(asked) is str
    assert asked != "csv file " * 20


def test_a_query_takes_all_where_the_text_is_empty_unless_some_has_to_be_left(parity):
    encoder = TextEncoder(plain(parity), 1)
    whole, left = (
        len(encoder.encode(cut_queries("a " * 30, [""], 10, encoder, least_room=least))[0])
        for least in (0, 1)
    )
    assert (whole, left) == (10, 9)
